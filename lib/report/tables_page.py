"""What the published tables hold: every table's rows and every column's meaning, as a page for those who use them.

``python -m lib.report.tables_page > figures/README.md``.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq

from lib.storage.schemas import SCHEMAS, describe, row_of
from lib.study.files import ROOT

USE = """```python
from lib.selection.comparison import selector_metrics
from lib.storage.tables import read_table
from lib.transfer.pairs import CONFIGURATION, pair_configurations

pairs = read_table("figures/demo/tables", "pairs")
configurations = pair_configurations(pairs)
mine = configurations[CONFIGURATION].assign(score=configurations["source"].str.len())  # your selector's score of every pair
print(selector_metrics(mine, configurations).groupby("metric").mean(numeric_only=True))
```"""


def published_columns(folder: Path) -> Mapping[str, list[str]]:
    """Columns of every table that a study in this folder has published, in the order of SCHEMAS."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*/tables/*.parquet")):
        columns = found.setdefault(path.stem, [])
        columns += [name for name in pq.read_schema(path).names if name not in columns]
    return {table: found[table] for table in SCHEMAS if table in found}


def reference(folder: Path = ROOT / "figures") -> str:
    """The page: the published studies, how to use their tables, and all columns."""
    lines = [
        "# Published studies", "", "Written by `python -m lib.report.tables_page`; do not edit by hand.", "",
        "Every study's figures, its headline numbers (`summary.json`) and its tables, as Parquet and, where they are short,",
        "as CSV. The tables hold every model that was trained, so that a way of choosing sources can be tested without",
        "training any; `./run_all.sh --from-tables STUDY` runs notebooks 5 to 10 on them. No text of a corpus is in them.",
        "",
        "| study | tasks | pairs | models | worker hours of the grid | device |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for path in sorted(folder.glob("*/summary.json")):
        told = json.loads(path.read_text())
        values = (told["n_tasks"], told["n_pairs"], told["models_trained"], f"{told['grid_seconds'] / 3600:.1f}")
        about = (f"[{path.parent.name}]({path.parent.name})", *values, told["environment"]["device"])
        lines.append("| " + " | ".join(map(str, about)) + " |")
    lines += ["", "## A selector of yours on them", "", "From the project's folder, in its environment:", "", USE]
    for table, columns in published_columns(folder).items():
        lines += ["", f"## `{table}`", "", f"A row: {row_of(table)}.", "", "| column | meaning |", "|---|---|"]
        lines += [f"| `{column}` | {describe(table, column)} |" for column in columns]
    return "\n".join(lines)


if __name__ == "__main__":
    print(reference())
