"""The ledger: an entry is finished or absent, and damage is noticed."""

import numpy as np
import pytest

from lib.errors import InputError
from lib.storage.ledger import Ledger, digest, fingerprint, write_atomically

ARRAYS = {"data": {"x": np.arange(6, dtype=np.float32).reshape(2, 3)}}


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.put("a", {"task": "food"}, {"seconds": 1.5}, ARRAYS)
    return ledger


def test_what_was_put_comes_back(ledger):
    assert ledger.entry("a")["record"] == {"task": "food"} and ledger.entry("a")["numbers"] == {"seconds": 1.5}
    np.testing.assert_array_equal(ledger.arrays("a", "data")["x"], ARRAYS["data"]["x"])
    assert ledger.has("a", ("data",)) and not ledger.has("a", ("weights",)) and not ledger.has("b")


@pytest.mark.parametrize("name", ["entry.json", "data.safetensors"])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_flipped_or_missing_byte_is_noticed_and_the_entry_can_be_replaced(ledger, name, damage):
    path = ledger.path("a") / name
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle] ^= 1
    path.write_bytes({"flip": content, "cut": content[:middle], "empty": b""}[damage])
    assert ledger.arrays("a", "data") is None
    assert not ledger.has("a", ("data",))
    ledger.put("a", {"task": "food"}, {"seconds": 2.5}, ARRAYS)
    assert ledger.entry("a")["numbers"] == {"seconds": 2.5} and ledger.has("a", ("data",))


def test_two_writers_of_one_entry_do_not_harm_each_other(ledger):
    ledger.put("a", {"task": "food"}, {"seconds": 9.0}, ARRAYS)
    assert ledger.entry("a")["numbers"] == {"seconds": 1.5}
    assert not list(ledger.folder.glob(".*.tmp"))


def test_pruning_frees_space_and_keeps_the_numbers(ledger):
    assert ledger.prune("a", "data") > 0
    assert ledger.prune("a", "data") == 0
    assert ledger.entry("a") is not None and ledger.arrays("a", "data") is None and not ledger.has("a", ("data",))
    ledger.put("a", {"task": "food"}, {"seconds": 2.5}, ARRAYS)
    assert ledger.has("a", ("data",))


def test_a_failed_write_leaves_the_old_content_and_one_clear_line(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    write_atomically(path, b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lib.storage.ledger.os.fsync", full)
    with pytest.raises(InputError, match="table.csv: No space left on device; make space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_ids_depend_on_content_only():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})
    assert fingerprint(np.arange(3)) != fingerprint(np.arange(3).astype(np.int32))
    assert fingerprint(np.zeros((2, 3))) != fingerprint(np.zeros((3, 2)))
