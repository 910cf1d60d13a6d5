"""Jobs for the tests of the engine; only the standard library, so that a worker is up at once."""

import os
import signal
import time
from pathlib import Path


def done(folder: Path, job: int) -> bool:
    return (folder / f"{job}.done").exists()


def finish(folder: Path, job: int) -> None:
    (folder / f"{job}.done").touch()


def killed_once(folder: Path, job: int) -> None:
    """Job 1 dies by SIGKILL at its first try."""
    marker = folder / f"{job}.tried"
    if job == 1 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    finish(folder, job)


def killed_beside_another(folder: Path, job: int) -> None:
    """Job 0 dies once while job 1 is at work; every try leaves a mark."""
    with open(folder / f"{job}.tries", "a") as file:
        file.write("x")
    other, patience = folder / f"{1 - job}.tries", time.monotonic() + 300
    while not other.exists() and time.monotonic() < patience:
        time.sleep(0.05)
    if job == 0 and (folder / "0.tries").read_text() == "x":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(1)
    finish(folder, job)


def grown(folder: Path, megabytes: int, job: int) -> None:
    """This process holds so much more memory from now on; looked at after more than loky's second between two looks."""
    os.ballast = [bytearray(os.urandom(1) * 2**20) for _ in range(megabytes)] + getattr(os, "ballast", [])
    time.sleep(1.1)
    (folder / f"{job}.process").write_text(str(os.getpid()))
    finish(folder, job)


def killed_always(folder: Path, job: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def divide_by(folder: Path, job: int) -> None:
    finish(folder, 1 // job)


def process_of(folder: Path, job: int) -> None:
    (folder / f"{job}.done").write_text(str(os.getpid()))
