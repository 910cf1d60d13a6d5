"""Files and folders that appear under their name whole or not at all, however large they are."""

import ctypes
import glob
import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from safetensors import SafetensorError

from lib.errors import InputError

AT_FDCWD, RENAME_EXCHANGE = -100, 2  # of Linux's renameat2; macOS's renamex_np calls the same flag RENAME_SWAP


@contextmanager
def replacing_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write that gets its name when the block ends; after an error the old content stays.

    A full disk is one line, and leaves nothing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise _cannot_write(path, error) from None
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill that takes the place of ``path`` when the block ends; after an error the old one stays.

    Where the system can exchange two folders (Linux, macOS, most file systems), a kill at any moment leaves the old or the
    new one whole. Elsewhere the name is missing for the moment between two renames. What a killed call left is removed.
    A full disk is one line, and leaves nothing.
    """
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        shutil.rmtree(left, ignore_errors=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                with open(file, "rb") as written:
                    os.fsync(written.fileno())
        _put_in_place(temporary, path)
    except (OSError, SafetensorError) as error:
        raise _cannot_write(path, error) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _put_in_place(new: Path, path: Path) -> None:
    """Rename a folder to ``path``; what was there before is afterwards where the new one was, to be removed."""
    if not path.exists():
        os.rename(new, path)
    elif not _exchange(new, path):
        aside = new.with_name(f"{new.name}.tmp")
        os.rename(path, aside)
        os.rename(new, path)
        os.rename(aside, new)


def _exchange(first: Path, second: Path) -> bool:
    """Exchange the names of two folders in one step; False where the system cannot."""
    libc = ctypes.CDLL(None)
    names = os.fsencode(first), os.fsencode(second)
    if sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        return libc.renamex_np(*names, RENAME_EXCHANGE) == 0
    if sys.platform == "linux" and hasattr(libc, "renameat2"):
        return libc.renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0
    return False


def _cannot_write(path: Path, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or str(error)
    return InputError(f"cannot write {path}: {reason}; make space or check its folder, then run again")
