"""The ledger of finished work, so that nothing is computed twice and nothing half-finished is ever believed.

An entry is a folder named by the id of its record (a hash of everything that decides its result). It holds
``entry.json`` (the record, the measured numbers, the sha256 of every other file) and arrays as safetensors.
It is written under a temporary name and renamed: an entry is finished or absent.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from lib.storage.replacing import replacing_file


def digest(record: object) -> str:
    """The id of a record: 16 hexadecimal digits of the SHA-256 of its canonical JSON."""
    canonical = json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def fingerprint(*parts: object) -> str:
    """A hash of arrays (values, shape, type), bytes and JSON-able values: what identifies data inside a record."""
    state = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            state.update(f"{part.dtype.str}{part.shape}".encode())
            state.update(np.ascontiguousarray(part).tobytes())
        else:
            state.update(part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode())
        state.update(b"\0")
    return state.hexdigest()[:16]


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that its name only ever shows a whole content; a full disk is one line, and leaves nothing."""
    with replacing_file(path) as file:
        file.write(content)


def _checked(content: bytes) -> dict | None:
    """What an entry.json says, or None where it is damaged."""
    try:
        body = json.loads(content)
        return body if body.pop("check") == digest(body) else None
    except (ValueError, KeyError, AttributeError, TypeError):
        return None


class Ledger:
    """Finished entries below one folder, shared by studies and by processes."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)

    def path(self, id: str) -> Path:
        return self.folder / id

    def ids(self) -> list[str]:
        """Ids of all entries, sorted, whether whole or damaged."""
        return sorted(path.parent.name for path in self.folder.glob("[0-9a-f]*/entry.json"))

    def put(self, id: str, record: Mapping, numbers: Mapping, files: Mapping[str, Mapping[str, np.ndarray]]) -> None:
        """Store a finished entry. The first of two writers wins; both write the same.

        Args:
            id: of the record.
            record: everything that decides the result.
            numbers: what was measured.
            files: file name -> named arrays.
        """
        contents = {f"{name}.safetensors": save_safetensors(dict(arrays)) for name, arrays in files.items()}
        checks = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        body = {"record": record, "numbers": numbers, "sha256": checks}
        contents["entry.json"] = (json.dumps(body | {"check": digest(body)}, indent=1) + "\n").encode()
        self._write(id, contents, tuple(files))

    def adopt(self, id: str, contents: Mapping[str, bytes]) -> bool:
        """Store an entry's files as another ledger wrote them; False, and nothing stored, where they are damaged."""
        body = _checked(contents.get("entry.json", b""))
        arrays = {name: content for name, content in contents.items() if name != "entry.json"}
        if body is None or digest(body["record"]) != id:
            return False
        if any(hashlib.sha256(content).hexdigest() != body["sha256"].get(name) for name, content in arrays.items()):
            return False
        self._write(id, contents, tuple(name.removesuffix(".safetensors") for name in arrays))
        return True

    def _write(self, id: str, contents: Mapping[str, bytes], files: tuple[str, ...]) -> None:
        """Write all files of an entry under another name, then rename."""
        temporary = self.folder / f".{id}.{uuid.uuid4().hex}.tmp"
        try:
            for name, content in contents.items():
                write_atomically(temporary / name, content)
            self._publish(temporary, self.path(id), files)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _publish(self, temporary: Path, final: Path, files: tuple[str, ...]) -> None:
        """Rename the new entry into place; it replaces an older one that is damaged or has been pruned."""
        for _ in range(3):  # another process may be replacing it too
            try:
                return os.rename(temporary, final)
            except OSError:
                if self.has(final.name, files):
                    return None
                shutil.rmtree(final, ignore_errors=True)
        os.rename(temporary, final)

    def entry(self, id: str) -> dict | None:
        """The entry's record and numbers, or None where it is absent or damaged (then it is computed again)."""
        try:
            return _checked((self.path(id) / "entry.json").read_bytes())
        except OSError:
            return None

    def arrays(self, id: str, name: str) -> dict[str, np.ndarray] | None:
        """The arrays of one file of an entry, or None where the file is absent (pruned) or damaged."""
        entry = self.entry(id)
        expected = (entry or {}).get("sha256", {}).get(f"{name}.safetensors")
        try:
            content = (self.path(id) / f"{name}.safetensors").read_bytes()
            return load_safetensors(content) if hashlib.sha256(content).hexdigest() == expected else None
        except (OSError, SafetensorError):
            return None

    def has(self, id: str, files: tuple[str, ...] = ()) -> bool:
        """Whether an entry is finished and holds these files, every byte as it was written."""
        return self.entry(id) is not None and all(self.arrays(id, name) is not None for name in files)

    def prune(self, id: str, name: str) -> int:
        """Delete one file of an entry that no study needs any more; returns the bytes set free."""
        size = self.size(id, name)
        (self.path(id) / f"{name}.safetensors").unlink(missing_ok=True)
        return size

    def size(self, id: str, name: str) -> int:
        """Bytes of one file of an entry; 0 where it is absent."""
        path = self.path(id) / f"{name}.safetensors"
        return path.stat().st_size if path.exists() else 0
