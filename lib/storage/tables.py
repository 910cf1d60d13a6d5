"""Reads and writes the tables that notebooks hand to each other. Each is checked, and written whole or not at all."""

import io
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from lib.errors import InputError
from lib.storage.ledger import write_atomically
from lib.storage.schemas import SCHEMAS
from lib.storage.writers import writer_of

_FORMULA = tuple("=+-@\t\r")  # spreadsheet programs compute a cell that starts with one of these
CSV_ROWS = 5_000  # tables up to this length are also written as CSV, for readers without Parquet
REMEDY = "delete the file and run the study again"  # about a table that cannot be read


def check(name: str, frame: pd.DataFrame, origin: str, remedy: str = REMEDY) -> pd.DataFrame:
    """Check a frame against the schema of its table.

    Args:
        name: of the table.
        frame: its rows.
        origin: where the frame comes from, for the error.
        remedy: what to do about an error.

    Returns:
        The frame.

    Raises:
        InputError: with the column and the reason, where the frame breaks the schema.
    """
    try:
        return SCHEMAS[name].validate(frame)
    except pa.errors.SchemaError as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"table '{name}' ({origin}): {reason}; {remedy}") from None


def write_table(folder: Path, name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Check and write ``folder/name.parquet``, and a CSV of a short table; returns the frame."""
    check(name, frame, "as computed", "run the notebooks before this one again")
    content = io.BytesIO()
    frame.to_parquet(content, index=False)
    write_atomically(Path(folder) / f"{name}.parquet", content.getvalue())
    if len(frame) <= CSV_ROWS:
        write_for_spreadsheets(Path(folder) / f"{name}.csv", frame, "%.6g")
    return frame


def write_for_spreadsheets(path: Path, frame: pd.DataFrame, numbers: str = "%.4f") -> None:
    """Write a CSV for people, in which no text is taken for a formula. numbers: format of fractions."""
    write_atomically(path, as_texts(frame).to_csv(index=False, float_format=numbers, lineterminator="\n").encode())


def as_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with an apostrophe before every text, column names too, that a spreadsheet would take for a formula."""
    texts = frame.select_dtypes(["object", "string"])
    return frame.assign(**{name: texts[name].map(_as_text) for name in texts}).rename(columns=_as_text)


def _as_text(value: object) -> object:
    return f"'{value}" if str(value)[:1] in _FORMULA else value


def read_table(folder: Path, name: str) -> pd.DataFrame:
    """Read and check a table that an earlier notebook wrote. Raises InputError where it is missing or damaged."""
    path = Path(folder) / f"{name}.parquet"
    if not path.exists():
        raise InputError(f"{path} is missing: run notebook {writer_of(name)} of this study first, or ./run_all.sh")
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is damaged ({str(error).splitlines()[0]}); {REMEDY}") from None
    return check(name, frame, str(path))
