"""Executes notebooks headless, and publishes an executed copy only when every cell has run."""

import json
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lib.errors import InputError
from lib.notebooks.kernels import kernel_manager, warm_up
from lib.notebooks.plan import Job, is_current, partial_copy
from lib.notebooks.progress import Progress, printable
from lib.report.headline import duration
from lib.report.pages import SITE
from lib.storage.ledger import write_atomically
from lib.study.files import shown

if TYPE_CHECKING:
    from nbformat import NotebookNode

PATIENCE = 1800  # seconds that a kernel may take to start, or to deliver the output of a finished cell


class NotebookFailed(Exception):
    """A notebook that did not reach its end; one line names the notebook, the cell and the error."""


def run_jobs(
    jobs: list[Job], parameters: dict, say: Callable[[str], None], after: Callable[[Job], None] = lambda job: None
) -> None:
    """Run the jobs from the first one that is not up to date; remove their old copies beforehand.

    Args:
        jobs: the notebooks in order.
        parameters: what each notebook gets in its cell tagged 'parameters'.
        say: receives every line for the terminal.
        after: called with every job when it has run.

    Raises:
        NotebookFailed: for a notebook that did not reach its end.
    """
    current = [is_current(job) for job in jobs]
    first = current.index(False) if False in current else len(jobs)
    for job in jobs[first:]:
        _remove_leftovers(job)
    if first < len(jobs):
        warm_up()
    for number, job in enumerate(jobs):
        title = f"[{number + 1}/{len(jobs)}] {job.name}"
        if number < first:
            say(f"{title}: up to date")
            continue
        say(title)
        start = time.monotonic()
        run_job(job, parameters, say)
        say(f"      done in {duration(time.monotonic() - start)}")
        after(job)


def _remove_leftovers(job: Job) -> None:
    """Remove the copies of an earlier or interrupted run of this notebook, and the files made from all notebooks."""
    ours = [*(job.file(ending) for ending in (".ipynb", ".failed.ipynb")), partial_copy(job)]
    for path in [*ours, job.file("").with_name("kernel.log"), job.folder / "report.html", job.folder / "summary.json"]:
        path.unlink(missing_ok=True)
    if (job.folder / SITE).exists():
        shutil.rmtree(job.folder / SITE)


def run_job(job: Job, parameters: dict, say: Callable[[str], None]) -> None:
    """Execute one notebook and publish its copy; NotebookFailed leaves NN_name.failed.ipynb."""
    job.file("").parent.mkdir(parents=True, exist_ok=True)
    before = _outputs(job.folder)
    progress, error = Progress(job.code_cells, say), None
    try:
        executed = _execute(job, parameters, progress)
        error = _stopped_early(executed)
    except _execution_errors() as caught:
        error = _last_line(caught)
    except OSError as caught:  # of papermill, which saves the copy after every cell
        problem = f"cannot write {shown(partial_copy(job))}: {caught.strerror}"
        raise InputError(f"{problem}; make space or check its folder, then run again") from None
    progress.close()
    if error:
        failed = job.file(".failed.ipynb")
        os.replace(partial_copy(job), failed)
        raise NotebookFailed(f"{job.name}, {progress.place()}: {error} (the cells that ran are in {shown(failed)})")
    after = _outputs(job.folder)
    _publish(job, executed, sorted(name for name in after if after[name] != before.get(name)))


def _execute(job: Job, parameters: dict, progress: "Progress") -> "NotebookNode":
    """Run a notebook with papermill, which saves the partial copy after every cell."""
    import papermill  # late: it takes seconds, and the first line should not wait for it

    for chatty in ("papermill", "asyncio"):  # an error is printed once, by the caller of run_study
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    manager = kernel_manager(job.file("").with_name("kernel.log"))
    kernel = {"kernel_name": "python3", "language": "python", "kernel_manager_class": manager}
    hooks = {"on_cell_start": progress.cell, "stdout_file": progress, "stderr_file": progress}
    return papermill.execute_notebook(
        _literal(job.source), _literal(partial_copy(job)), parameters, cwd=job.source.parent.resolve(),
        start_timeout=PATIENCE, iopub_timeout=PATIENCE, progress_bar=False, coalesce_streams=True, **kernel, **hooks,
    )  # fmt: skip


def _literal(path: Path) -> str:
    """A path for papermill, which formats paths with its parameters: braces in a folder's name are doubled."""
    return str(path.resolve()).replace("{", "{{").replace("}", "}}")


def _execution_errors() -> tuple[type[Exception], ...]:
    """The errors that end a notebook: one in a cell, a kernel that died, a kernel that did not start or answer."""
    from papermill import PapermillExecutionError

    return PapermillExecutionError, RuntimeError, TimeoutError


def _last_line(error: Exception) -> str:
    """An error as one line: the message of an InputError as it is, others with their type."""
    kind = getattr(error, "ename", type(error).__name__)
    text = getattr(error, "evalue", str(error))
    if kind == "DeadKernelError":
        return "its process died, perhaps for lack of memory; see kernel.log beside it, or lower engine.workers"
    lines = [line for line in map(printable, text.splitlines()) if line]
    if kind == "InputError":
        return " ".join(lines)
    return f"{kind}: {lines[-1]}" if lines else kind


def _stopped_early(executed: "NotebookNode") -> str | None:
    """The error of a notebook that ended before its last cell, as with sys.exit(), which papermill takes for success."""
    code = [cell for cell in executed.cells if cell.cell_type == "code" and cell.source.strip()]
    return "stopped before the notebook's end" if any(cell.execution_count is None for cell in code) else None


def _publish(job: Job, executed: "NotebookNode", wrote: list[str]) -> None:
    """Write the copy, whose presence says that the notebook is finished."""
    for machine_path in ("input_path", "output_path"):
        executed.metadata.papermill.pop(machine_path, None)
    executed.metadata["whence"] = {"key": job.key, "wrote": wrote}
    write_atomically(job.file(".ipynb"), (json.dumps(executed, indent=1, ensure_ascii=False) + "\n").encode())
    partial_copy(job).unlink(missing_ok=True)


def _outputs(folder: Path) -> dict[str, int]:
    """The files of a study, except copies, report and site, with the time of their last change."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    names = {path: path.relative_to(folder).as_posix() for path in files}
    ours = {
        path: name for path, name in names.items() if not name.startswith(("notebooks/", "report.html", f"{SITE}/"))
    }
    return {name: path.stat().st_mtime_ns for path, name in ours.items()}
