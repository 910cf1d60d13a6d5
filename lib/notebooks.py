"""Runs the numbered notebooks of a study strictly and headless, so that a finished copy is whole, current and reported.

``python -m lib.notebooks STUDY`` (what ./run_all.sh calls) executes notebooks/NN_*.ipynb in order with papermill;
with ``--from-tables`` only those that read nothing but tables, on the tables that figures/STUDY publishes. A
copy appears in results/<study>/notebooks/ only when its last cell has run; it carries a key of everything that decides
its content, and what still has its key is not run again.
"""

import argparse
import ast
import asyncio
import contextlib
import fcntl
import json
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from lib import kernels, report
from lib.errors import InputError
from lib.ledger import fingerprint, write_atomically
from lib.study import ROOT, Study, find_parameters

if TYPE_CHECKING:
    from nbformat import NotebookNode  # nbformat and papermill take seconds to import: only what executes does

NOTEBOOKS = ROOT / "notebooks"
RECOMMENDING = "11"  # the notebook of a study with a budget; such a study runs no other one that needs the whole grid
BUDGETED = ("01", "02", RECOMMENDING)
PATIENCE = 1800  # seconds that a kernel may take to start, or to deliver what a cell that has ended has shown
SECONDS_BETWEEN_LINES = 2.0  # at most one line of a kernel's output is shown in this time
LINE_LENGTH = 150
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # colours and cursor movements
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)


class NotebookFailed(Exception):
    """A notebook that did not reach its end: one line that names notebook, cell and error."""


@dataclass(frozen=True)
class Cell:
    """What decides a cell's meaning: not its outputs, which JupyterLab writes into the same file."""

    kind: str  # "markdown", "code" or "raw"
    source: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Job:
    """One notebook of a study: its source, its key, and where its executed copy goes."""

    source: Path
    code_cells: int
    key: str
    folder: Path  # results/<study>
    reads_tables: bool  # only: it needs no corpus and no model
    forked: bool  # whether its kernel begins as a copy of the fork server, which needs memory while it runs

    @property
    def name(self) -> str:
        return self.source.stem

    def file(self, ending: str) -> Path:
        return self.folder / "notebooks" / f"{self.name}{ending}"


def run_study(
    study: Study,
    parameter: str,
    folder: Path = NOTEBOOKS,
    say: Callable[[str], None] = print,
    from_tables: bool = False,
) -> Path:
    """Execute what is not up to date and write the report; returns the report's path.

    parameter: what the notebooks get as ``study``, a name or an absolute path. folder: where NN_*.ipynb lie.
    from_tables: only the notebooks that read nothing but tables, which have to be there. Raises InputError for notebooks
    that cannot be run, NotebookFailed for one that stopped.
    """
    start = time.monotonic()
    study.compared_tables()  # what is missing is told now, not after hours of training
    jobs = [job for job in plan(study, {"study": parameter}, folder) if job.reads_tables or not from_tables]
    say(f"study {study.name}: {len(jobs)} notebooks, results in {shown(study.folder)}")
    with _only_one(study), _private_jupyter(start):
        run_jobs(jobs, {"study": parameter}, say, partial(_say_what_is_to_come, study, say))
        page = report.write_report(study.folder, study.name)
    say(f"study {study.name} is complete ({report.duration(time.monotonic() - start)} in this call)")
    for line in report.closing_lines(study):
        say(f"  {line}")
    say(f"  figures: {shown(study.figures)}\n  report: {shown(page)}")
    return page


def plan(study: Study, parameters: dict, folder: Path) -> list[Job]:
    """The notebooks in reading order, each checked, each with its key; a key covers the notebooks before it."""
    sources = [path for path in sorted(folder.glob("[0-9][0-9]_*.ipynb")) if _belongs(path, study)]
    if not sources:
        raise InputError(f"no notebooks NN_name.ipynb in {shown(folder)}; restore that folder")
    key, jobs = study_key(study), []
    for source in sources:
        cells = read_cells(source)
        check_parameters(cells, source.name, parameters)
        key = fingerprint(key, parameters, [[cell.kind, cell.source, cell.tags] for cell in cells])
        code = [cell.source for cell in cells if cell.kind == "code"]
        reads_tables = not any("open_workbench" in cell for cell in code)
        forked = kernels.FORKS and (reads_tables or study.engine.processes == 1)  # beside many workers memory is short
        jobs.append(Job(source, len(code), key, study.folder, reads_tables, forked))
    return jobs


def _belongs(notebook: Path, study: Study) -> bool:
    number = notebook.name[:2]
    return number != RECOMMENDING if study.budget_minutes is None else number in BUDGETED


def _say_what_is_to_come(study: Study, say: Callable[[str], None], job: Job) -> None:
    """After the notebook that estimates, what was found in the data and what the study will take."""
    if job.name.startswith("01") and (study.tables / "estimate.parquet").exists():
        for line in report.opening_lines(study):
            say(f"      {line}")


def study_key(study: Study) -> str:
    """A hash of what all notebooks depend on: parameters (but not where the work runs), lib, packages, local inputs."""
    parameters = study.model_dump_json(exclude={"engine"})
    files = [*sorted((ROOT / "lib").rglob("*.py")), ROOT / "requirements.lock", *_local_inputs(study)]
    contents = [fingerprint(path.name, path.read_bytes()) for path in files if path.is_file()]
    return fingerprint(parameters, contents)


def _local_inputs(study: Study) -> list[Path]:
    """The user's own files that parameters name: a table of texts, a folder with an encoder, tables of other studies."""
    named = [getattr(study.corpus, "path", None), study.encoder.name]
    paths = [*(ROOT / name for name in named if name), *study.compared_tables().values()]
    return [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]


def read_cells(path: Path) -> list[Cell]:
    """The cells of a notebook file; InputError where it is none."""
    try:
        cells = json.loads(path.read_bytes())["cells"]
        return [Cell(c["cell_type"], "".join(c["source"]), tuple(c["metadata"].get("tags", []))) for c in cells]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise InputError(f"{shown(path)} is not a readable notebook ({reason}); restore it") from None


def check_parameters(cells: list[Cell], name: str, parameters: dict) -> None:
    """Refuse what papermill only warns about: no single cell tagged 'parameters', or one that lacks a parameter."""
    tagged = [cell for cell in cells if "parameters" in cell.tags]
    if len(tagged) != 1 or tagged[0].kind != "code":
        raise InputError(f"{name}: expected one code cell tagged 'parameters', found {len(tagged)}; tag exactly one")
    missing = sorted(set(parameters) - _assigned_names(tagged[0].source, name))
    if missing:
        raise InputError(f"{name}: its cell tagged 'parameters' does not define '{missing[0]}'; add it there")


def _assigned_names(code: str, name: str) -> set[str]:
    try:
        statements = ast.parse(code).body
    except SyntaxError as error:
        raise InputError(f"{name}: its cell tagged 'parameters' is not Python ({error.msg}); mend it") from None
    plain = [target for s in statements if isinstance(s, ast.Assign) for target in s.targets]
    annotated = [s.target for s in statements if isinstance(s, ast.AnnAssign)]
    return {target.id for target in [*plain, *annotated] if isinstance(target, ast.Name)}


def run_jobs(
    jobs: list[Job], parameters: dict, say: Callable[[str], None], after: Callable[[Job], None] = lambda job: None
) -> None:
    """Run the jobs from the first one that is not up to date; the copies from there on are removed beforehand.

    after: is called with every job that was run, when it is done.
    """
    current = [is_current(job) for job in jobs]
    first = current.index(False) if False in current else len(jobs)
    for job in jobs[first:]:
        _remove_leftovers(job)
    if first < len(jobs) and jobs[first].forked:
        kernels.warm_up()
    for number, job in enumerate(jobs):
        title = f"[{number + 1}/{len(jobs)}] {job.name}"
        if number < first:
            say(f"{title}: up to date")
            continue
        say(title)
        start = time.monotonic()
        run_job(job, parameters, say)
        say(f"      done in {report.duration(time.monotonic() - start)}")
        after(job)


def is_current(job: Job) -> bool:
    """Whether the executed copy is the one that this job would make, and everything it wrote is still there."""
    try:
        recorded = json.loads(job.file(".ipynb").read_bytes())["metadata"]["whence"]
        written = [job.folder / name for name in recorded["wrote"]]
        return recorded["key"] == job.key and all(path.exists() for path in [*written, job.file(".html")])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _remove_leftovers(job: Job) -> None:
    """What an earlier version of this notebook, or an interrupted call, left; and what is made from all notebooks."""
    ours = [*(job.file(ending) for ending in (".ipynb", ".html", ".failed.ipynb")), _partial(job)]
    for path in [*ours, job.file("").with_name("kernel.log"), job.folder / "report.html", job.folder / "summary.json"]:
        path.unlink(missing_ok=True)


def _partial(job: Job) -> Path:
    return job.file(".ipynb").with_name(f".{job.name}.partial.ipynb")


def run_job(job: Job, parameters: dict, say: Callable[[str], None]) -> None:
    """Execute one notebook and publish its copy and its HTML page; NotebookFailed leaves NN_name.failed.ipynb."""
    job.file("").parent.mkdir(parents=True, exist_ok=True)
    before = _outputs(job.folder)
    progress, error = Progress(job.code_cells, say), None
    try:
        executed = _execute(job, parameters, progress)
        error = _stopped_early(executed)
    except _execution_errors() as caught:
        error = _last_line(caught)
    except OSError as caught:  # of papermill, which saves the copy after every cell
        place = f"cannot write {shown(_partial(job))}: {caught.strerror}"
        raise InputError(f"{place}; make space or check its folder, then run again") from None
    progress.close()
    if error:
        failed = job.file(".failed.ipynb")
        os.replace(_partial(job), failed)
        raise NotebookFailed(f"{job.name}, {progress.place()}: {error} (the copy up to there: {shown(failed)})")
    after = _outputs(job.folder)
    _publish(job, executed, sorted(name for name in after if after[name] != before.get(name)))


def _execute(job: Job, parameters: dict, progress: "Progress") -> "NotebookNode":
    """papermill, with this interpreter as the kernel; the partial copy is saved after every cell."""
    import papermill  # late: it takes seconds, and the first line should not wait for it

    for chatty in ("papermill", "asyncio"):  # what stops a notebook is said once, by run_study's caller
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    manager = kernels.kernel_manager(job.file("").with_name("kernel.log"), job.forked)
    kernel = {"kernel_name": "python3", "language": "python", "kernel_manager_class": manager}
    hooks = {"on_cell_start": progress.cell, "stdout_file": progress, "stderr_file": progress}
    return papermill.execute_notebook(
        _literal(job.source), _literal(_partial(job)), parameters, cwd=job.source.parent.resolve(),
        start_timeout=PATIENCE, iopub_timeout=PATIENCE, progress_bar=False, coalesce_streams=True, **kernel, **hooks,
    )  # fmt: skip


def _literal(path: Path) -> str:
    """papermill formats paths with its parameters: braces in a folder's name are doubled to mean themselves."""
    return str(path.resolve()).replace("{", "{{").replace("}", "}}")


def _execution_errors() -> tuple[type[Exception], ...]:
    """What a notebook can end with: an error in a cell, a kernel that died, one that did not start or answer."""
    from papermill import PapermillExecutionError

    return PapermillExecutionError, RuntimeError, TimeoutError


def _last_line(error: Exception) -> str:
    """The error of a cell as one line: an InputError's message as it is, others with their type."""
    kind = getattr(error, "ename", type(error).__name__)
    text = getattr(error, "evalue", str(error))
    if kind == "DeadKernelError":
        return "its process died, perhaps for lack of memory (fewer engine.workers need less); see kernel.log"
    lines = [line for line in map(printable, text.splitlines()) if line]
    if kind == "InputError":
        return " ".join(lines)
    return f"{kind}: {lines[-1]}" if lines else kind


def _stopped_early(executed: "NotebookNode") -> str | None:
    """papermill takes sys.exit() for success; a notebook is finished only when its last cell has run."""
    code = [cell for cell in executed.cells if cell.cell_type == "code" and cell.source.strip()]
    return "stopped before the notebook's end" if any(cell.execution_count is None for cell in code) else None


def _publish(job: Job, executed: "NotebookNode", wrote: list[str]) -> None:
    """The HTML page first, then the copy: the copy's presence says that the notebook is finished."""
    for machine_path in ("input_path", "output_path"):
        executed.metadata.papermill.pop(machine_path, None)
    executed.metadata["whence"] = {"key": job.key, "wrote": wrote}
    write_atomically(job.file(".html"), report.notebook_page(executed, job.name).encode())
    write_atomically(job.file(".ipynb"), (json.dumps(executed, indent=1, ensure_ascii=False) + "\n").encode())
    _partial(job).unlink(missing_ok=True)


def _outputs(folder: Path) -> dict[str, int]:
    """Every file of a study but the copies and the report, with the time of its last change."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    names = {path: path.relative_to(folder).as_posix() for path in files}
    ours = {path: name for path, name in names.items() if not name.startswith("notebooks/") and name != "report.html"}
    return {name: path.stat().st_mtime_ns for path, name in ours.items()}


class Progress:
    """What is shown of a running notebook: the heading of each step, and the last state of what its kernel prints."""

    def __init__(self, total: int, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic):
        self.total = total  # code cells
        self.number, self.heading, self.announced = 0, "", False
        self.say, self.clock = say, clock
        self.waiting, self.last_said = "", float("-inf")

    def cell(self, cell: "NotebookNode", cell_index: int) -> None:
        """nbclient calls this before each cell; the cell that papermill adds with the parameters is not counted."""
        self.close()
        headings = _HEADING.findall(cell.source) if cell.cell_type == "markdown" else []
        self.heading, self.announced = (printable(headings[-1]), False) if headings else (self.heading, self.announced)
        if cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", []):
            self.number += 1
            if not self.announced:
                self.say(f"      {self.place()}")
            self.announced = bool(self.heading)

    def place(self) -> str:
        """Where it is, for example 'code cell 3 of 9 (Transfer matrix)'."""
        return f"code cell {self.number} of {self.total}" + (f" ({self.heading})" if self.heading else "")

    def write(self, text: str) -> None:
        """papermill passes what the kernel writes to stdout and stderr here: keep the last line of it."""
        lines = [line for line in map(printable, re.split(r"[\r\n]", text)) if line]
        self.waiting = lines[-1] if lines else self.waiting
        if self.clock() - self.last_said >= SECONDS_BETWEEN_LINES:
            self.close()

    def flush(self) -> None:
        """papermill flushes after every write; lines wait for their turn all the same."""

    def close(self) -> None:
        """Show the line that waits, if any."""
        if self.waiting:
            self.say(f"        {self.waiting[:LINE_LENGTH]}")
            self.waiting, self.last_said = "", self.clock()


def printable(text: str) -> str:
    """A line without control characters: what a kernel prints must not steer the terminal."""
    return "".join(char for char in _ESCAPES.sub("", text) if char.isprintable()).strip()


def shown(path: Path) -> str:
    """A path as a user would type it: relative to the project's folder where it lies inside."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


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
    """What the notebooks are told: the name of a study in params/, else the absolute path of its file."""
    path = find_parameters(name_or_path).resolve()
    return path.stem if path.parent == ROOT / "params" and path.suffix == ".yaml" else str(path)


def from_published_tables(study: Study) -> tuple[Study, str]:
    """The study on the tables in figures/<study>, in a results folder of its own; and what its notebooks are told."""
    published = ROOT / "figures" / study.name / "tables"
    if not published.is_dir():
        raise InputError(f"{shown(published)} is missing: study {study.name} has no published tables; run it instead")
    again = study.model_copy(update={"results": str(Path(study.results) / "published")})
    path = again.folder.with_suffix(".yaml")
    write_atomically(path, yaml.safe_dump(again.model_dump(mode="json"), sort_keys=False).encode())
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


if __name__ == "__main__":
    sys.exit(main())
