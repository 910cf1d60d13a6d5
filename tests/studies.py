"""A study that trains in seconds, for the tests of what trains, and its first notebooks through the command line."""

import shutil
import sys
from pathlib import Path

from lib.study.files import ROOT
from lib.study.parameters import Study

CALL = "import functools, sys; from pathlib import Path; from lib.notebooks import run as n; "
CALL += "n.run_study = functools.partial(n.run_study, folder=Path(sys.argv.pop())); sys.exit(n.main())"


OLDEST = {  # the recipe that a run's record does not mention
    "encoder": {"name": "tiny", "max_length": 32, "pooling": "cls"},
    "transfer": {"carried": "encoder_and_pooler", "interpolation": 1.0, "head": "random"},
}


def tiny_study(folder, workers=1, **changes) -> Study:
    values = {
        "name": "tiny",
        "corpus": {"loader": "synthetic", "texts": 240, "tasks": 3},
        "encoder": {"name": "tiny", "max_length": 32},
        "source": {"n": 48, "positives": 0.4},
        "target": {"n": 32, "positives": 0.4},
        "settings": [{"learning_rate": 3e-3, "epochs": 1}, {"learning_rate": 1e-3, "epochs": 1}],
        "engine": {"workers": workers},
        "results": str(folder),
    }
    return Study.parse(values | changes)


def first_notebooks(study: Study, folder: Path) -> list[str]:
    """A command, to be called in ROOT, that runs notebooks 1 and 2 of a study; what it needs is put into ``folder``."""
    (folder / "notebooks").mkdir(parents=True)
    for name in ("01_data_decomposition", "02_single_task_training"):
        shutil.copy(ROOT / "notebooks" / f"{name}.ipynb", folder / "notebooks")
    path = folder / "study.yaml"
    path.write_text(study.model_dump_json())  # JSON is YAML
    return [sys.executable, "-c", CALL, str(path), str(folder / "notebooks")]
