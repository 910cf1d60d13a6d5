"""Compares a study's tables with the published ones: ``python -m lib.notebooks.compare STUDY``.

After ``./run_all.sh --published STUDY`` they are equal byte by byte if the published runs give the published tables.
"""

import json
import sys
from pathlib import Path

import pandas as pd

from lib.errors import InputError, run_command
from lib.study.files import ROOT, shown
from lib.study.parameters import Study


def compare_tables(study: Study) -> tuple[list[str], list[str]]:
    """The names of the tables that equal the published ones byte by byte, and one line for each that does not.

    A table counts only if a notebook wrote it: one that was merely copied from figures/ says nothing.
    """
    published, own = ROOT / "figures" / study.name / "tables", study.tables
    for folder in (published, own):
        if not folder.is_dir():
            raise InputError(f"{shown(folder)} is missing; run ./run_all.sh --published {study.name} first")
    equal, different, written = [], [], _written(study)
    for name in sorted({path.stem for folder in (published, own) for path in folder.glob("*.parquet")}):
        ours, theirs = own / f"{name}.parquet", published / f"{name}.parquet"
        if not (ours.exists() and theirs.exists()):
            different.append(f"{name}: only in {shown(own if ours.exists() else published)}")
        elif f"tables/{name}.parquet" not in written:
            different.append(f"{name}: no notebook of this study wrote it")
        elif ours.read_bytes() != theirs.read_bytes():
            different.append(f"{name}: {_difference(pd.read_parquet(ours), pd.read_parquet(theirs))}")
        else:
            equal.append(name)
    return equal, different


def _written(study: Study) -> set[str]:
    """The files that the executed notebooks wrote, as their copies record them."""
    copies = [path for path in (study.folder / "notebooks").glob("*.ipynb") if not path.name.startswith(".")]
    records = [json.loads(path.read_bytes())["metadata"].get("whence", {}) for path in copies]
    return {name for record in records for name in record.get("wrote", [])}


def _difference(ours: pd.DataFrame, theirs: pd.DataFrame) -> str:
    """Where two tables differ: in columns, rows or values, or only in how the file stores equal values."""
    if list(ours) != list(theirs):
        return f"other columns ({', '.join(sorted(set(ours) ^ set(theirs))) or 'in another order'})"
    if len(ours) != len(theirs):
        return f"{len(ours)} rows instead of {len(theirs)}"
    rows = {name: int((~_same(ours[name], theirs[name])).sum()) for name in ours}
    parts = [f"{name} differs in {count} of {len(ours)} rows" for name, count in rows.items() if count]
    return "; ".join(parts) or "equal values, stored in other bytes"


def _same(ours: pd.Series, theirs: pd.Series) -> pd.Series:
    return (ours == theirs) | (ours.isna() & theirs.isna())


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        raise InputError("usage: python -m lib.notebooks.compare STUDY")
    study = Study.load(arguments[0])
    equal, different = compare_tables(study)
    folder = Path("figures") / study.name / "tables"
    print(f"{len(equal)} of {len(equal) + len(different)} tables equal those in {folder} byte by byte")
    for line in different:
        print(f"  {line}")
    sys.exit(bool(different))


if __name__ == "__main__":
    run_command(main)
