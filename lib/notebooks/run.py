"""Runs the numbered notebooks of a study strictly and headless, so that a finished copy is whole, current and reported.

``python -m lib.notebooks STUDY`` (what ./run_all.sh calls) executes notebooks/NN_*.ipynb in order with papermill. With
``--published`` it starts from the runs in figures/STUDY and trains nothing. An executed copy appears in
results/STUDY/notebooks/ only when its last cell has run. The copy carries a key of everything that decides its content;
a notebook whose copy still has its key is not run again.
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
from lib.notebooks.published import use_published
from lib.report.headline import closing_lines, duration, opening_lines
from lib.report.pages import write_report
from lib.storage.ledger import write_atomically
from lib.study.files import ROOT, find_parameters, named_studies, shown
from lib.study.parameters import Study


def run_study(
    study: Study,
    study_name: str,
    folder: Path = NOTEBOOKS,
    say: Callable[[str], None] = print,
    published: bool = False,
) -> Path:
    """Execute the notebooks that are not up to date, and write the report and the site.

    Args:
        study: the study.
        study_name: what the notebooks get under this name: a name in params/ or the absolute path of a YAML file.
        folder: where the notebooks NN_*.ipynb are.
        say: receives every line for the terminal.
        published: start from the runs and tables in figures/STUDY, and train nothing.

    Returns:
        The path of the report.

    Raises:
        InputError: for notebooks or published files that cannot be used.
        NotebookFailed: for a notebook that did not reach its end.
    """
    start = time.monotonic()
    study.compared_tables()  # a missing study is named now, not after hours of training
    parameters = {"study_name": study_name}
    jobs = plan(study, parameters, folder)
    with _only_one(study), _kernel_environment(start, published):
        if published:
            jobs = use_published(study, jobs, say)
        say(f"study {study.name}: {len(jobs)} notebooks, results in {shown(study.folder)}")
        write_atomically(study.folder / "parameters.yaml", study.as_yaml().encode())
        run_jobs(jobs, parameters, say, partial(_show_estimate, study, say))
        page, site = _write_pages(study)
    say(f"study {study.name} is complete ({duration(time.monotonic() - start)} in this call)")
    for line in closing_lines(study):
        say(f"  {line}")
    say(f"  figures: {shown(study.figures)}\n  report: {shown(page)}\n  site: {shown(site)}")
    return page


def _write_pages(study: Study) -> tuple[Path, Path]:
    """Write the report and the site; returns the first page of each."""
    from lib.report.site import write_site  # late: it takes seconds, and the first line should not wait for it

    return write_report(study.folder, study.name), write_site(study.folder, study.name)


def _show_estimate(study: Study, say: Callable[[str], None], job: Job) -> None:
    """After notebook 1, which estimates: the tasks of the data and what the study will take."""
    if job.name.startswith("01") and (study.tables / "estimate.parquet").exists():
        for line in opening_lines(study):
            say(f"      {line}")


@contextlib.contextmanager
def _only_one(study: Study) -> Iterator[None]:
    """Refuse a second call of a study that is running: the two would overwrite each other's tables."""
    study.folder.mkdir(parents=True, exist_ok=True)
    with open(study.folder / ".running", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"study {study.name} is already running in another call; wait for it or stop it") from None
        yield


@contextlib.contextmanager
def _kernel_environment(start: float, published: bool) -> Iterator[None]:
    """The environment variables of the kernels, set for the time of the block.

    Kernels find ``lib``, and read and write nothing in the user's home. They learn that they are headless, when (by the
    monotonic clock) this call began, and whether they may only use published runs.
    """
    scratch = Path(tempfile.mkdtemp(prefix="whence-jupyter-"))
    folders = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    search = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    ours = {name: str(scratch / name.lower()) for name in folders}
    ours |= {"WHENCE_HEADLESS": "1", "WHENCE_STARTED": str(start), "WHENCE_PUBLISHED": "1" if published else "0"}
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
    """The value of ``study_name`` for the notebooks: a study's name where it leads to this file, else the absolute path."""
    path = find_parameters(name_or_path).resolve()
    return path.stem if named_studies().get(path.stem) == path else str(path)


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns 0, 1 (a notebook failed), 2 (bad input) or 130 (interrupted)."""
    parser = argparse.ArgumentParser(prog="python -m lib.notebooks", description="Run a study's notebooks and report.")
    parser.add_argument("study", help="a name in params/ or the path of a YAML file")
    parser.add_argument("--published", action="store_true", help="start from the runs in figures/STUDY; train nothing")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stopped job cleans up as after Ctrl-C
    try:
        study, name = Study.load(given.study), parameter_for(given.study)
        run_study(study, name, say=lambda line: print(line, flush=True), published=given.published)
        return 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except NotebookFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("\nstopped; finished work is kept, and the same call continues from there", file=sys.stderr)
        return 130
