"""A table of texts without labels, read a few rows at a time, so that its length costs no memory.

What ``table`` refuses is refused here in the same words, before anything is done with a text.
"""

import codecs
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet

from lib.datasets.corpus import (
    clean_texts,
    has_words,
    only_numbers,
    refuse_empty,
    refuse_repeated,
    strings,
)
from lib.datasets.table import (
    check_columns,
    json_record,
    no_rows,
    not_a_table,
    not_parquet,
    not_utf8,
    readable,
    separator_of,
)
from lib.study.corpora import Table

ROWS = 2048  # that are held at a time


@dataclass(frozen=True)
class Survey:
    """What a whole table holds: its rows, and how many texts are mended on reading, by repair."""

    rows: int
    repairs: dict[str, int]


def survey(config: Table) -> Survey:
    """Read a table to its end and check every text and id. InputError names the file, the column and the row."""
    names = column_names(config)
    if not names:
        raise no_rows(config)
    check_columns(config.path, names, _used(config))
    rows, empty, worded, repairs, hashes = 0, [], False, Counter(), []
    for ids, texts in _chunks(config):
        first = rows + 1
        cleaned, without, mended = clean_texts(config.path, config.text, texts, first)
        empty += without
        worded = worded or any(map(has_words, cleaned))
        repairs.update(mended)
        if ids is not None:
            hashes.append(pd.util.hash_array(np.array(strings(config.path, config.id, ids, first), dtype=object)))
        rows += len(texts)
    if rows == 0:
        raise no_rows(config)
    refuse_empty(config.path, config.text, empty)
    if not worded:
        raise only_numbers(config.path, config.text)
    if hashes:
        _check_unique(config, np.concatenate(hashes))
    return Survey(rows, {repair: found for repair, found in repairs.items() if found})


def text_chunks(config: Table) -> Iterator[tuple[list[str], list[str]]]:
    """Ids (row numbers, where the table has none) and texts of at most ROWS rows at a time, in the table's order.

    config: a table that ``survey`` has checked.
    """
    first = 1
    for ids, texts in _chunks(config):
        cleaned, _, _ = clean_texts(config.path, config.text, texts, first)
        numbers = range(first, first + len(texts)) if ids is None else ids
        yield list(map(str, numbers)), cleaned
        first += len(texts)


def column_names(config: Table) -> list[str]:
    """Names of a table's columns, repeated ones too; of JSON lines all keys of all lines."""
    with readable(config) as path:
        if path.suffix.lower() == ".parquet":
            return _parquet(config, path).schema_arrow.names
        if path.suffix.lower() == ".jsonl":
            return list(dict.fromkeys(key for record in _records(config, path) for key in record))
        header = next(_csv_rows(config, path), None)
        return [] if header is None else header.iloc[0].fillna("").tolist()


def _check_unique(config: Table, hashes: np.ndarray) -> None:
    """Refuse a repeated id. hashes: (rows,) of the ids, eight bytes each, where a million ids would take far more."""
    repeated = pd.Series(hashes).duplicated().to_numpy()
    if repeated.any():
        second = int(repeated.argmax())
        first = int((hashes == hashes[second]).argmax())
        id = next(ids[first - start] for start, ids in _ids(config) if start <= first < start + len(ids))
        refuse_repeated(config.path, config.id, id, first + 1, second + 1, int(repeated.sum()))


def _ids(config: Table) -> Iterator[tuple[int, list[str]]]:
    """Position of the first row, and ids, of each chunk."""
    start = 0
    for ids, _ in text_chunks(config):
        yield start, ids
        start += len(ids)


def _chunks(config: Table) -> Iterator[tuple[list | None, list]]:
    """Ids, None where no column of ids is asked for, and texts of at most ROWS rows at a time, as they stand there."""
    with readable(config) as path:
        readers = {".parquet": _parquet_values, ".jsonl": _json_values}
        for values in readers.get(path.suffix.lower(), _csv_values)(config, path, _used(config)):
            yield values.get(config.id), values[config.text]


def _used(config: Table) -> list[str]:
    """The columns that are read."""
    return [name for name in (config.text, config.id) if name is not None]


def _csv_values(config: Table, path: Path, used: list[str]) -> Iterator[dict[str, list]]:
    header = None
    for rows in _csv_rows(config, path):
        if header is None:
            header, rows = rows.iloc[0].fillna("").tolist(), rows.iloc[1:]
        yield {name: rows.iloc[:, header.index(name)].tolist() for name in used}


def _csv_rows(config: Table, path: Path) -> Iterator[pd.DataFrame]:
    """All rows of a CSV, its header first, as strings. All columns are read: a row with too many is then refused."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            first = next((line for line in file if line.strip()), None)
            if first is None:
                return
            file.seek(0)
            options = {"header": None, "dtype": str, "keep_default_na": False, "chunksize": ROWS}
            yield from pd.read_csv(file, sep=separator_of(first, config.text), **options)
    except UnicodeDecodeError:
        raise not_utf8(config, _first_bad_byte(path)) from None
    except pd.errors.ParserError as error:
        raise not_a_table(config, error) from None


def _first_bad_byte(path: Path) -> int:
    """Position, from 1, of the first byte that is not UTF-8."""
    decoder, read = codecs.getincrementaldecoder("utf-8")(), 0
    with open(path, "rb") as file:
        while block := file.read(2**20):
            waiting = len(decoder.getstate()[0])
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                return read - waiting + error.start + 1
            read += len(block)
    return read - len(decoder.getstate()[0]) + 1  # the last character is cut off


def _parquet(config: Table, path: Path) -> pyarrow.parquet.ParquetFile:
    try:
        return pyarrow.parquet.ParquetFile(path, pre_buffer=False)  # else whole columns would be held
    except (ValueError, NotImplementedError) as error:
        raise not_parquet(config, error) from None


def _parquet_values(config: Table, path: Path, used: list[str]) -> Iterator[dict[str, list]]:
    batches = _parquet(config, path).iter_batches(ROWS, columns=used)
    try:
        for batch in batches:
            yield {name: batch.column(name).to_pandas().tolist() for name in used}
    except (ValueError, NotImplementedError) as error:
        raise not_parquet(config, error) from None


def _json_values(config: Table, path: Path, used: list[str]) -> Iterator[dict[str, list]]:
    records = _records(config, path)
    while rows := list(islice(records, ROWS)):
        yield {name: [record.get(name) for record in rows] for name in used}


def _records(config: Table, path: Path) -> Iterator[dict]:
    try:
        with open(path, encoding="utf-8-sig", newline="\n") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield json_record(config, number, line.removesuffix("\n"))
    except UnicodeDecodeError:
        raise not_utf8(config, _first_bad_byte(path)) from None
