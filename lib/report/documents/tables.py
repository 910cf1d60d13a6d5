"""What the published tables hold, for those who use them: columns that many tables share are described once."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from lib.report.documents.markdown import table
from lib.report.documents.published import PublishedStudy, grids
from lib.report.sentences.words import listing, number
from lib.storage.schemas import SCHEMAS, describe, row_of

MODELS = "runs"  # the table of all trained models; others that hold models have its columns too
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
    shared = shared_columns(columns)
    heads = ("study", "tasks", "pairs", "models", "hours of one worker for the grid", "device")
    return {
        "studies": table(heads, map(_row, grids(studies))),
        "use": USE,
        "shared": _meanings(shared.items()),
        "tables": [_table(name, columns, shared) for name in columns],
    }


def _row(study: PublishedStudy) -> tuple[str, ...]:
    summary = study.summary
    counts = (str(summary[name]) for name in ("n_tasks", "n_pairs", "models_trained"))
    hours = number(summary["grid_seconds"] / 3600, 1)
    return (f"[{study.name}]({study.name})", *counts, hours, summary["environment"]["device"])


def shared_columns(columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The meaning of every column that SHARED tables or more have, those of models counted once.

    A name that means different things has the meaning that most tables give it.
    """
    uses = Counter(
        (column, describe(name, column))
        for name, names in columns.items()
        if name == MODELS or not _holds_models(name, columns)
        for column in names
    )
    shared: dict[str, str] = {}
    for (column, meaning), tables in uses.most_common():
        if tables >= SHARED:
            shared.setdefault(column, meaning)
    return shared


def _holds_models(name: str, columns: Mapping[str, Sequence[str]]) -> bool:
    """Whether a table has all columns of MODELS, in the same meaning."""
    models = columns.get(MODELS, [])
    return bool(models) and all(column in columns[name] and _same(name, column) for column in models)


def _same(name: str, column: str) -> bool:
    return describe(name, column) == describe(MODELS, column)


def _table(name: str, columns: Mapping[str, Sequence[str]], shared: Mapping[str, str]) -> dict:
    names, models = columns[name], name != MODELS and _holds_models(name, columns)
    if models:
        names = [column for column in names if column not in columns[MODELS]]
    common = [column for column in names if shared.get(column) == describe(name, column)]
    own = [column for column in names if column not in common]
    return {
        "name": name,
        "row": row_of(name),
        "models": MODELS if models else "",
        "common": listing(f"`{column}`" for column in common) if common else "",
        "own": _meanings((column, describe(name, column)) for column in own) if own else "",
    }


def _meanings(rows: Iterable[tuple[str, str]]) -> str:
    return table(("column", "meaning"), [(f"`{column}`", meaning) for column, meaning in rows])


def published_columns(folders: Sequence[Path]) -> dict[str, list[str]]:
    """Columns of every table that any of these studies has published, in the order of SCHEMAS."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        for path in sorted((folder / "tables").glob("*.parquet")):
            columns = found.setdefault(path.stem, [])
            columns += [name for name in pq.read_schema(path).names if name not in columns]
    return {name: found[name] for name in SCHEMAS if name in found}
