"""A user's own texts from one file, read so that a mistake in it is named and never guessed around."""

import csv
import difflib
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow.parquet

from lib.datasets.classes import labels_of_classes
from lib.errors import InputError
from lib.study.corpora import Table
from lib.study.files import ROOT

KINDS = (".csv", ".tsv", ".parquet", ".jsonl")
_ROLES = ("text", "id", "group", "split")


def load(config: Table, cache: Path) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """Messages and labels of the file, values as they stand there, classes as 0/1 labels; ``cache`` is not used."""
    frame = _read(config)
    columns = {role: getattr(config, role) for role in _ROLES}
    used = [column for column in columns.values() if column is not None]
    labels = [config.classes] if config.classes else config.labels
    labels = labels or [column for column in frame.columns if column not in used]
    check_columns(config.path, list(frame.columns), [*used, *labels])
    messages = pd.DataFrame(index=frame.index)
    for role, column in columns.items():
        messages[role] = pd.Series([None] * len(frame), dtype=object) if column is None else frame[column]
    if config.id is None:
        messages["id"] = [str(row) for row in range(1, len(frame) + 1)]
    if config.classes is None:
        return messages, frame[labels], {}
    return (
        messages,
        labels_of_classes(config.path, config.classes, frame[config.classes].tolist(), config.separator),
        {},
    )


def check_columns(path: str, columns: list[str], used: list[str]) -> None:
    """Refuse a column that is missing, that the file has twice, or that is asked for twice."""
    for name in used:
        if name not in columns:
            close = difflib.get_close_matches(name, columns, 1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            shown = ", ".join(repr(column) for column in columns)
            raise InputError(f"{path}: no column {name!r}; {hint}its columns are {shown:.600}")
        if columns.count(name) > 1:
            raise InputError(f"{path}: two columns are called {name!r}; rename one of them")
        if used.count(name) > 1:
            raise InputError(f"{path}: column {name!r} is asked for twice; give it one use")


def _read(config: Table) -> pd.DataFrame:
    """The file as a frame with string column names, in file order, repeated names kept."""
    readers = {".csv": _read_csv, ".tsv": _read_csv, ".parquet": _read_parquet, ".jsonl": _read_jsonl}
    with readable(config) as path:
        content = path.read_bytes()
    frame = readers[path.suffix.lower()](config, content) if content.strip() else pd.DataFrame()
    if len(frame) == 0:
        raise no_rows(config)
    return frame


@contextmanager
def readable(config: Table) -> Iterator[Path]:
    """The path of the file, to be read in the block; InputError for an unknown kind and for a file that cannot be read."""
    path = ROOT / config.path
    if path.suffix.lower() not in KINDS:
        raise InputError(f"{config.path}: unknown kind of file '{path.suffix}'; use {', '.join(KINDS)}")
    try:
        yield path
    except FileNotFoundError:
        raise InputError(f"{config.path}: no such file (looked at {path}); correct 'path' under 'corpus'") from None
    except OSError as error:
        raise InputError(f"{config.path}: cannot be read ({error.strerror}); check its permissions") from None


def no_rows(config: Table) -> InputError:
    return InputError(f"{config.path}: no rows; the file is empty or has only a header")


def _decode(config: Table, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(config, error.start + 1) from None


def not_utf8(config: Table, byte: int) -> InputError:
    return InputError(f"{config.path}: not UTF-8 (at byte {byte}); save the file as UTF-8")


def _read_csv(config: Table, content: bytes) -> pd.DataFrame:
    """Values as strings. The header is read as a row, since pandas would rename its repeated names."""
    text = _decode(config, content)
    try:
        rows = pd.read_csv(
            io.StringIO(text), sep=separator_of(text, config.text), header=None, dtype=str, keep_default_na=False,
        )  # fmt: skip
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise not_a_table(config, error) from None
    return rows.iloc[1:].reset_index(drop=True).set_axis(rows.iloc[0].fillna("").tolist(), axis=1)


def not_a_table(config: Table, error: Exception) -> InputError:
    reason = str(error).strip().splitlines()[0]
    return InputError(f"{config.path}: not readable as a table ({reason:.120}); check its quotes")


def separator_of(text: str, column: str) -> str:
    """The separator under which the header has the text column, and then the most columns."""
    first = re.split(r"[\r\n]", text.strip("\r\n"), maxsplit=1)[0]
    headers = {separator: next(csv.reader([first], delimiter=separator), []) for separator in ",;\t"}
    return max(headers, key=lambda separator: (column in headers[separator], len(headers[separator])))


def _read_parquet(config: Table, content: bytes) -> pd.DataFrame:
    try:
        stored = pyarrow.parquet.ParquetFile(io.BytesIO(content)).read()  # read_table fails on repeated names
    except (OSError, ValueError, NotImplementedError) as error:
        raise not_parquet(config, error) from None
    columns = [column.to_pandas().reset_index(drop=True) for column in stored.columns]
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    return frame.set_axis(stored.column_names, axis=1)


def not_parquet(config: Table, error: Exception) -> InputError:
    reason = str(error).strip().splitlines()[0]
    return InputError(f"{config.path}: not readable as Parquet ({reason:.120}); write the file again")


def _read_jsonl(config: Table, content: bytes) -> pd.DataFrame:
    """One JSON object a line; blank lines are passed over. A key that a line lacks is a missing value."""
    lines = enumerate(_decode(config, content).split("\n"), 1)
    records = [json_record(config, number, line) for number, line in lines if line.strip()]
    columns = list(dict.fromkeys(key for record in records for key in record))
    values = {key: pd.Series([record.get(key) for record in records], dtype=object) for key in columns}
    return pd.DataFrame(values)


def json_record(config: Table, number: int, line: str) -> dict:
    """The object of one line of JSON lines; InputError names the line."""
    try:
        record = json.loads(line, object_pairs_hook=_unique_keys)
        json.dumps(record, ensure_ascii=False).encode()  # an escaped half of a character cannot be stored anywhere
    except (ValueError, RecursionError) as error:
        reason = "half of a character" if isinstance(error, UnicodeEncodeError) else str(error)
        raise InputError(f"{config.path}: line {number} is not valid JSON ({reason:.120}); correct this line") from None
    if not isinstance(record, dict):
        raise InputError(f"{config.path}: line {number} is not a JSON object; write each text as one object per line")
    return record


def _unique_keys(pairs: list[tuple[str, object]]) -> dict:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"two values are called {repeated!r}")
    return dict(pairs)
