"""Tables that notebooks hand to each other: written whole or not at all, and checked whenever one is written or read."""

import io
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from lib.errors import InputError
from lib.storage.ledger import write_atomically
from lib.storage.schemas import SCHEMAS
from lib.storage.writers import writer_of

_FORMULA = tuple("=+-@\t\r")  # a cell that begins so is computed by spreadsheet programs
CSV_ROWS = 5_000  # tables up to this length are also written as CSV, for readers without parquet


def check(name: str, frame: pd.DataFrame, origin: str) -> pd.DataFrame:
    """The frame itself when it satisfies the schema of table ``name``; else InputError names the column and the reason."""
    if name not in SCHEMAS:
        return frame
    try:
        return SCHEMAS[name].validate(frame)
    except pa.errors.SchemaError as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"table '{name}' ({origin}): {reason}; delete the file and run the study again") from None


def write_table(folder: Path, name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Check and write ``folder/name.parquet`` (short tables as CSV too), whole or not at all; returns the frame."""
    check(name, frame, "as computed")
    content = io.BytesIO()
    frame.to_parquet(content, index=False)
    write_atomically(Path(folder) / f"{name}.parquet", content.getvalue())
    if len(frame) <= CSV_ROWS:
        write_for_spreadsheets(Path(folder) / f"{name}.csv", frame, "%.6g")
    return frame


def write_for_spreadsheets(path: Path, frame: pd.DataFrame, numbers: str = "%.4f") -> None:
    """A CSV for people, whole or not at all; no text in it is taken for a formula. numbers: how fractions are written."""
    texts = frame.select_dtypes(["object", "string"])
    safe = frame.assign(
        **{name: texts[name].map(lambda text: f"'{text}" if str(text)[:1] in _FORMULA else text) for name in texts}
    )
    write_atomically(path, safe.to_csv(index=False, float_format=numbers, lineterminator="\n").encode())


def read_table(folder: Path, name: str) -> pd.DataFrame:
    """Read a table that an earlier notebook wrote; InputError says which notebook's output is missing or damaged."""
    path = Path(folder) / f"{name}.parquet"
    if not path.exists():
        raise InputError(f"{path} is missing: run notebook {writer_of(name)} of this study first, or ./run_all.sh")
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} is damaged ({str(error).splitlines()[0]}); delete it and run the study again"
        ) from None
    return check(name, frame, str(path))
