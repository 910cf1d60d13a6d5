"""What the published tables hold, for those who use them: columns that many tables share are described once."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from lib.report.documents.markdown import table
from lib.report.documents.published import PublishedStudy
from lib.report.sentences.words import listing, number
from lib.storage.schemas import SCHEMAS, describe, row_of

SHARED = 3  # tables from which on a column with one meaning is described once for all
USE = """from lib.selection.comparison import selector_metrics
from lib.storage.tables import read_table
from lib.transfer.pairs import CONFIGURATION, pair_configurations

pairs = read_table("figures/demo/tables", "pairs")
configurations = pair_configurations(pairs)
mine = configurations[CONFIGURATION].assign(score=configurations["source"].str.len())  # put your score here
print(selector_metrics(mine, configurations).groupby("metric").mean(numeric_only=True))"""


def tables_page(studies: Sequence[PublishedStudy]) -> dict:
    """The published studies, the columns that many tables share, and every table with its own."""
    columns = published_columns([study.folder for study in studies])
    uses = Counter((name, describe(kind, name)) for kind, names in columns.items() for name in names)
    shared = [(name, meaning) for (name, meaning), tables in uses.items() if tables >= SHARED]
    return {
        "studies": table(
            ("study", "tasks", "pairs", "models", "hours of one worker for the grid", "device"), map(_row, studies)
        ),
        "use": USE,
        "shared": table(("column", "meaning"), [(f"`{name}`", meaning) for name, meaning in shared]),
        "tables": [_table(kind, names, set(shared)) for kind, names in columns.items()],
    }


def _row(study: PublishedStudy) -> tuple[str, ...]:
    summary = study.summary
    counts = (str(summary[name]) for name in ("n_tasks", "n_pairs", "models_trained"))
    hours = number(summary["grid_seconds"] / 3600, 1)
    return (f"[{study.name}]({study.name})", *counts, hours, summary["environment"]["device"])


def _table(kind: str, names: Sequence[str], shared: set[tuple[str, str]]) -> dict:
    common = [name for name in names if (name, describe(kind, name)) in shared]
    own = [(f"`{name}`", describe(kind, name)) for name in names if name not in common]
    return {
        "name": kind,
        "row": row_of(kind),
        "common": listing(f"`{name}`" for name in common) if common else "",
        "own": table(("column", "meaning"), own) if own else "",
    }


def published_columns(folders: Sequence[Path]) -> dict[str, list[str]]:
    """Columns of every table that any of these studies has published, in the order of SCHEMAS."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        for path in sorted((folder / "tables").glob("*.parquet")):
            columns = found.setdefault(path.stem, [])
            columns += [name for name in pq.read_schema(path).names if name not in columns]
    return {name: found[name] for name in SCHEMAS if name in found}
