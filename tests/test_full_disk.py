"""A disk that is really full: a small file system in memory, where this machine lets one be mounted."""

import subprocess
import sys

import pytest
from studies import first_notebooks, tiny_study

from lib.errors import InputError
from lib.predict.export import export_model
from lib.predict.folder import read_classifier
from lib.runs.engine import train_models
from lib.runs.plan import single_models
from lib.runs.workbench import open_workbench
from lib.study.files import ROOT


@pytest.fixture
def disk(tmp_path):
    """A folder that holds 700 KB, and a function that makes it larger."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a file system is not allowed here")
    yield folder, lambda: subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_ends_in_one_line_and_the_study_goes_on_when_there_is_space(disk, tmp_path):
    folder, enlarge = disk
    study = tiny_study(folder, settings=[{"learning_rate": 3e-3, "epochs": 1}])
    command = first_notebooks(study, tmp_path / "made")
    stopped = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert stopped.returncode in (1, 2), stopped.stdout
    assert stopped.stderr.count("\n") == 1 and stopped.stderr.startswith("error: "), stopped.stderr
    assert "No space left on device" in stopped.stderr
    finished = {entry: entry.read_bytes() for entry in study.ledger.glob("*/entry.json")}
    enlarge()
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert (study.tables / "singles.parquet").exists()
    assert finished and all(entry.read_bytes() == content for entry, content in finished.items())


def test_a_full_disk_leaves_the_previous_model(disk, tmp_path):
    folder, enlarge = disk
    bench = open_workbench(tiny_study(tmp_path))
    first, second = train_models(bench, single_models(bench)[:2], "models")
    export_model(bench, first, folder / "a")
    taken = sum(path.stat().st_size for path in (folder / "a").rglob("*"))
    for room in (0.1, 0.5, 0.9):  # at every kind of file the disk is full once
        filler = folder / "filler"
        filler.write_bytes(bytes(max(0, 700_000 - taken - int(room * taken) - 50_000)))
        with pytest.raises(InputError, match="cannot write .*No space left on device"):
            export_model(bench, second, folder / "a")
        assert read_classifier(folder / "a").run == first.run.id
        assert sorted(path.name for path in folder.iterdir()) == ["a", "filler"]
        filler.unlink()
    enlarge()
    export_model(bench, second, folder / "a")
    assert read_classifier(folder / "a").run == second.run.id
