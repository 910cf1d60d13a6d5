"""Puts a published study into its results folder, so that its notebooks run on it without training anything."""

from collections.abc import Callable
from pathlib import Path

from lib.errors import InputError
from lib.notebooks.plan import Job
from lib.storage.ledger import Ledger, write_atomically
from lib.storage.tables import read_table
from lib.study.files import ROOT, shown
from lib.study.parameters import Study


def use_published(study: Study, jobs: list[Job], say: Callable[[str], None]) -> list[Job]:
    """Copy the published tables, enter the published runs in the ledger, and return the jobs that can run on them.

    All jobs run where figures/STUDY holds runs.zip and the corpus is at hand. Otherwise only those run that read nothing
    but tables. Raises InputError where nothing is published, or where the results folder holds other models.
    """
    published = ROOT / "figures" / study.name
    if not (published / "tables").is_dir():
        raise InputError(
            f"study {study.name} is not published: {shown(published / 'tables')} is missing; "
            f"run the study itself with ./run_all.sh {study.name}"
        )
    _check_models(study, published)
    _copy_tables(published / "tables", study.tables)
    if reason := _only_tables(study, published / "runs.zip"):
        jobs = [job for job in jobs if job.reads_tables]
        say(f"{reason}; only the notebooks that need nothing but tables run")
    else:
        count = _load_runs(study, published / "runs.zip")
        say(f"the published runs are in {shown(study.ledger)} ({count} are new); nothing is trained")
    return jobs


def _check_models(study: Study, published: Path) -> None:
    """Refuse a results folder with models of the user's own, whose tables would mix with the published ones."""
    if not (study.tables / "singles.parquet").exists():
        return
    own, theirs = (read_table(folder, "singles") for folder in (study.tables, published / "tables"))
    if not own.equals(theirs):
        raise InputError(
            f"{shown(study.folder)} holds models of your own, which differ from the published ones; "
            "move that folder away, or run without --published"
        )


def _copy_tables(published: Path, tables: Path) -> None:
    """Copy the published tables that are not there yet."""
    for path in sorted(published.glob("*.parquet")):
        if not (tables / path.name).exists():
            write_atomically(tables / path.name, path.read_bytes())


def _only_tables(study: Study, archive: Path) -> str:
    """Why the notebooks that need the corpus and the runs cannot run; empty where they can."""
    if not archive.exists():
        return f"study {study.name} publishes tables but no runs"
    if study.corpus.loader != "hub" and not (ROOT / getattr(study.corpus, "path", "")).exists():
        return f"the corpus of study {study.name} is not in {study.corpus.path}"
    return ""


def _load_runs(study: Study, archive: Path) -> int:
    """Enter the published runs that the ledger lacks; returns how many."""
    from lib.runs.archive import load  # late: it imports PyTorch, which takes seconds

    return load(Ledger(study.ledger), archive)
