"""Runs the numbered notebooks of a study strictly and headless, so that a finished copy is whole, current and reported.

``python -m lib.notebooks STUDY`` (what ./run_all.sh calls) executes notebooks/NN_*.ipynb in order with papermill;
with ``--from-tables`` only those that read nothing but tables, on the tables that figures/STUDY publishes. A
copy appears in results/<study>/notebooks/ only when its last cell has run; it carries a key of everything that decides
its content, and what still has its key is not run again.
"""

import argparse
import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from lib.errors import InputError
from lib.notebooks.execution import NotebookFailed, run_jobs
from lib.notebooks.plan import NOTEBOOKS, Job, plan
from lib.report.headline import closing_lines, duration, opening_lines
from lib.report.pages import write_report
from lib.storage.ledger import write_atomically
from lib.study.files import ROOT, find_parameters, named_studies, shown
from lib.study.parameters import Study


def run_study(
    study: Study,
    parameter: str,
    folder: Path = NOTEBOOKS,
    say: Callable[[str], None] = print,
    from_tables: bool = False,
) -> Path:
    """Execute what is not up to date and write the report; returns the report's path.

    parameter: what the notebooks get as ``study_name``, a name or an absolute path. folder: where NN_*.ipynb lie.
    from_tables: only the notebooks that read nothing but tables, which have to be there. Raises InputError for notebooks
    that cannot be run, NotebookFailed for one that stopped.
    """
    start = time.monotonic()
    study.compared_tables()  # what is missing is told now, not after hours of training
    jobs = [job for job in plan(study, {"study_name": parameter}, folder) if job.reads_tables or not from_tables]
    say(f"study {study.name}: {len(jobs)} notebooks, results in {shown(study.folder)}")
    with _only_one(study), _private_jupyter(start):
        write_atomically(study.folder / "parameters.yaml", study.as_yaml().encode())
        run_jobs(jobs, {"study_name": parameter}, say, partial(_say_what_is_to_come, study, say))
        page = write_report(study.folder, study.name)
    say(f"study {study.name} is complete ({duration(time.monotonic() - start)} in this call)")
    for line in closing_lines(study):
        say(f"  {line}")
    say(f"  figures: {shown(study.figures)}\n  report: {shown(page)}")
    return page


def _say_what_is_to_come(study: Study, say: Callable[[str], None], job: Job) -> None:
    """After the notebook that estimates, what was found in the data and what the study will take."""
    if job.name.startswith("01") and (study.tables / "estimate.parquet").exists():
        for line in opening_lines(study):
            say(f"      {line}")


@contextlib.contextmanager
def _only_one(study: Study) -> Iterator[None]:
    """Two calls of one study would overwrite each other's tables: the second is refused."""
    study.folder.mkdir(parents=True, exist_ok=True)
    with open(study.folder / ".running", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"study {study.name} is already running in another call; wait for it or stop it") from None
        yield


@contextlib.contextmanager
def _private_jupyter(start: float) -> Iterator[None]:
    """Environment of the kernels: finding lib, and nothing from or in the user's home; told that they are headless, and
    when (by the monotonic clock) this call began.
    """
    scratch = Path(tempfile.mkdtemp(prefix="whence-jupyter-"))
    folders = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    search = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    ours = {name: str(scratch / name.lower()) for name in folders}
    ours |= {"WHENCE_HEADLESS": "1", "WHENCE_STARTED": str(start)}
    ours |= {"PYTHONPATH": search, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        shutil.rmtree(scratch, ignore_errors=True)


def parameter_for(name_or_path: str) -> str:
    """What the notebooks get as the study: its name where that leads to this file, else the file's absolute path."""
    path = find_parameters(name_or_path).resolve()
    return path.stem if named_studies().get(path.stem) == path else str(path)


def from_published_tables(study: Study) -> tuple[Study, str]:
    """The study on the tables in figures/<study>, in a results folder of its own; and what its notebooks are told."""
    published = ROOT / "figures" / study.name / "tables"
    if not published.is_dir():
        raise InputError(f"{shown(published)} is missing: study {study.name} has no published tables; run it instead")
    again = study.model_copy(update={"results": str(Path(study.results) / "published")})
    path = again.folder.with_suffix(".yaml")
    write_atomically(path, again.as_yaml().encode())
    with _only_one(again):
        shutil.rmtree(again.tables, ignore_errors=True)
        shutil.copytree(published, again.tables)
    return again, str(path)


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns 0, 1 (a notebook failed), 2 (bad input) or 130 (interrupted)."""
    parser = argparse.ArgumentParser(prog="python -m lib.notebooks", description="Run a study's notebooks and report.")
    parser.add_argument("study", help="a name in params/ or the path of a YAML file")
    parser.add_argument("--from-tables", action="store_true", help="train nothing: analyse the tables in figures/STUDY")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stopped job cleans up as after Ctrl-C
    try:
        study, parameter = Study.load(given.study), parameter_for(given.study)
        if given.from_tables:
            study, parameter = from_published_tables(study)
        run_study(study, parameter, say=lambda line: print(line, flush=True), from_tables=given.from_tables)
        return 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except NotebookFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("\nstopped; what was finished is kept, and the same call continues from there", file=sys.stderr)
        return 130
