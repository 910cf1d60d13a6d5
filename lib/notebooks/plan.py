"""Lists the notebooks that a study runs, each with a key of everything that decides its content."""

import json
from dataclasses import dataclass
from pathlib import Path

from lib.errors import InputError
from lib.notebooks.cells import check_parameters, read_cells
from lib.storage.ledger import fingerprint
from lib.storage.sources import imported_files
from lib.study.files import ROOT, shown
from lib.study.parameters import Study

NOTEBOOKS = ROOT / "notebooks"
RECOMMENDING = "11"  # the notebook of a study with a budget, which runs none that needs the whole grid
BUDGETED = ("01", "02", RECOMMENDING)
ONLY = {"recipes": "12", "target_sizes": "13", "regimes": "14"}  # key of a study -> the only notebook that it runs


@dataclass(frozen=True)
class Job:
    """One notebook of a study: its source, its key, and where its executed copy goes."""

    source: Path
    code_cells: int
    key: str
    folder: Path  # results/<study>
    reads_tables: bool  # whether tables are all that it reads: it needs no corpus and no model

    @property
    def name(self) -> str:
        return self.source.stem

    def file(self, ending: str) -> Path:
        return self.folder / "notebooks" / f"{self.name}{ending}"


def plan(study: Study, parameters: dict, folder: Path) -> list[Job]:
    """The notebooks of a study in order, checked, each with its key.

    A key is a hash of the notebook's cells, of the code that it imports, of the study, and of the notebooks before it.

    Args:
        study: the study.
        parameters: what each notebook gets in its cell tagged 'parameters'.
        folder: where the notebooks NN_*.ipynb are.

    Raises:
        InputError: for a missing folder or a notebook that is damaged or would ignore its parameters.
    """
    sources = [path for path in sorted(folder.glob("[0-9][0-9]_*.ipynb")) if _belongs(path, study)]
    if not sources:
        raise InputError(f"no notebooks NN_name.ipynb in {shown(folder)}; restore that folder")
    key, jobs = study_key(study), []
    for source in sources:
        cells = read_cells(source)
        check_parameters(cells, source.name, parameters)
        code = [cell.source for cell in cells if cell.kind == "code"]
        files = imported_files(code, ROOT)
        contents = [fingerprint(path.relative_to(ROOT).as_posix(), path.read_bytes()) for path in files]
        key = fingerprint(key, parameters, [[cell.kind, cell.source, cell.tags] for cell in cells], contents)
        reads_tables = not any("open_workbench" in cell for cell in code)
        jobs.append(Job(source, len(code), key, study.folder, reads_tables))
    return jobs


def _belongs(notebook: Path, study: Study) -> bool:
    number = notebook.name[:2]
    asked = [own for key, own in ONLY.items() if getattr(study, key)]
    if asked or number in ONLY.values():
        return number in asked
    return number != RECOMMENDING if study.budget_minutes is None else number in BUDGETED


def study_key(study: Study) -> str:
    """A hash of what all notebooks depend on: the parameters without the engine's, the packages, and local inputs."""
    parameters = study.model_dump_json(exclude={"engine"})
    files = [ROOT / "requirements.lock", *_local_inputs(study)]
    contents = [fingerprint(path.name, path.read_bytes()) for path in files if path.is_file()]
    return fingerprint(parameters, contents)


def _local_inputs(study: Study) -> list[Path]:
    """The local files that parameters name: texts, an encoder's folder, tables of other studies."""
    named = [getattr(study.corpus, "path", None), study.encoder.name, *getattr(study.corpus, "files", ())]
    paths = [*(ROOT / name for name in named if name), *study.compared_tables().values()]
    return [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]


def is_current(job: Job) -> bool:
    """Whether the executed copy has the job's key, and every file that it wrote is still there."""
    try:
        recorded = json.loads(job.file(".ipynb").read_bytes())["metadata"]["whence"]
        written = [job.folder / name for name in recorded["wrote"]]
        return recorded["key"] == job.key and all(path.exists() for path in written)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def partial_copy(job: Job) -> Path:
    return job.file(".ipynb").with_name(f".{job.name}.partial.ipynb")
