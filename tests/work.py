"""Pieces of work for the tests of the engine; only the standard library, so that a worker is up at once."""

import os
import signal
import time
from pathlib import Path


def done(folder: Path, piece: int) -> bool:
    return (folder / f"{piece}.done").exists()


def finish(folder: Path, piece: int) -> None:
    (folder / f"{piece}.done").touch()


def killed_once(folder: Path, piece: int) -> None:
    """Piece 1 dies by SIGKILL at its first try."""
    marker = folder / f"{piece}.tried"
    if piece == 1 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    finish(folder, piece)


def killed_beside_another(folder: Path, piece: int) -> None:
    """Piece 0 dies once while piece 1 is at work; every try leaves a mark."""
    with open(folder / f"{piece}.tries", "a") as file:
        file.write("x")
    other, patience = folder / f"{1 - piece}.tries", time.monotonic() + 300
    while not other.exists() and time.monotonic() < patience:
        time.sleep(0.05)
    if piece == 0 and (folder / "0.tries").read_text() == "x":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(1)
    finish(folder, piece)


def grown(folder: Path, megabytes: int, piece: int) -> None:
    """This process holds so much more memory from now on; looked at after more than loky's second between two looks."""
    os.ballast = [bytearray(os.urandom(1) * 2**20) for _ in range(megabytes)] + getattr(os, "ballast", [])
    time.sleep(1.1)
    (folder / f"{piece}.process").write_text(str(os.getpid()))
    finish(folder, piece)


def killed_always(folder: Path, piece: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def divide_by(folder: Path, piece: int) -> None:
    finish(folder, 1 // piece)


def process_of(folder: Path, piece: int) -> None:
    (folder / f"{piece}.done").write_text(str(os.getpid()))
