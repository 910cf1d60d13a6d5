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

EQUAL, COPIED = "equal", "only copied"


def compare_tables(study: Study) -> dict[str, str]:
    """What each table has to do with the published one of its name: EQUAL, COPIED, or where the two differ.

    COPIED tables came from figures/ and were not written by a notebook of this study, so they prove nothing.
    """
    published, own = ROOT / "figures" / study.name / "tables", study.tables
    for folder in (published, own):
        if not folder.is_dir():
            raise InputError(f"{shown(folder)} is missing; run ./run_all.sh --published {study.name} first")
    verdicts, written = {}, _written(study)
    for name in sorted({path.stem for folder in (published, own) for path in folder.glob("*.parquet")}):
        ours, theirs = own / f"{name}.parquet", published / f"{name}.parquet"
        if not (ours.exists() and theirs.exists()):
            verdicts[name] = f"only in {shown(own if ours.exists() else published)}"
        elif ours.read_bytes() != theirs.read_bytes():
            verdicts[name] = _difference(pd.read_parquet(ours), pd.read_parquet(theirs))
        else:
            verdicts[name] = EQUAL if f"tables/{name}.parquet" in written else COPIED
    return verdicts


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
    verdicts = compare_tables(study)
    equal, copied = ([name for name in verdicts if verdicts[name] == kind] for kind in (EQUAL, COPIED))
    different = [f"{name}: {verdicts[name]}" for name in verdicts if name not in {*equal, *copied}]
    folder = Path("figures") / study.name / "tables"
    print(f"{len(equal)} of {len(verdicts)} tables were written again and equal those in {folder} byte by byte")
    if copied:
        print(f"  {COPIED}: {', '.join(copied)}")
    for line in different:
        print(f"  {line}")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    run_command(main)
