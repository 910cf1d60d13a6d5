"""One shape for every source of texts, so that nothing after this package needs to know where a corpus came from."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import is_scalar

from lib.errors import InputError

PARTS = ("train", "validation", "test")
LONGEST_TEXT = 100_000  # characters; an encoder reads far less, and a file pasted into a cell must not fill memory
_LABEL_WORDS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "False": 0, "True": 1, "false": 0, "true": 1}
_NUMBER = re.compile(r"\s*[+-]?\d[\d.,]*(e[+-]?\d+)?\s*", re.IGNORECASE)
_RESERVED = re.compile(r"(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?", re.IGNORECASE)  # names no file on Windows has


@dataclass(frozen=True, eq=False)
class Corpus:
    """Texts with labels in {0, 1}.

    messages: one row per text, columns ``id`` (str, unique), ``text`` (str), ``group`` (str, or all None),
    ``split`` ("train" / "validation" / "test", or all None). labels: the same index, one int8 column per label.
    repairs: what was mended, and in how many rows.
    """

    name: str
    messages: pd.DataFrame
    labels: pd.DataFrame
    repairs: dict[str, int]


def make_corpus(
    name: str,
    origin: str,
    messages: pd.DataFrame,
    labels: pd.DataFrame,
    repairs: dict[str, int],
    columns: dict[str, str],
) -> Corpus:
    """Check what a loader returned and bring it to the types of ``Corpus``.

    Args:
        name: of the corpus. origin: what messages call its source.
        messages, labels: as in ``Corpus``, with values not yet checked.
        repairs: what the loader has mended, with counts.
        columns: what the source calls id, text, group and split, for messages.

    Raises:
        InputError: names the column and the row, counted from 1 without the header.
    """
    if len(messages) == 0:
        raise InputError(f"{origin}: no rows; give a file with at least one text per split and class")
    texts, mended = _texts(origin, columns["text"], messages["text"].tolist())
    checked = pd.DataFrame({"id": _ids(origin, columns["id"], messages["id"].tolist()), "text": texts})
    checked["group"] = _optional(origin, columns["group"], messages["group"])
    checked["split"] = _split(origin, columns["split"], messages["split"])
    return Corpus(name, checked, _labels(origin, labels), repairs | mended)


def _texts(origin: str, column: str, texts: list) -> tuple[list[str], dict[str, int]]:
    """Texts without NUL characters, at most LONGEST_TEXT long; a missing, empty or non-text value is refused."""
    texts, empty, counts = clean_texts(origin, column, texts)
    refuse_empty(origin, column, empty)
    if not any(map(has_words, texts)):
        raise only_numbers(origin, column)
    return texts, {repair: count for repair, count in counts.items() if count}


def clean_texts(origin: str, column: str, texts: list, first: int = 1) -> tuple[list[str], list[int], dict[str, int]]:
    """Texts without NUL characters, at most LONGEST_TEXT long.

    Args:
        origin, column: for the message.
        texts: values as they stand in the source.
        first: number of the first row.

    Returns:
        The texts, the numbers of the rows that are empty, and how many texts were mended, by repair.

    Raises:
        InputError: a value is neither a text nor missing.
    """
    for row, text in enumerate(texts, first):
        if not isinstance(text, str) and not _missing(text):
            asked = "correct the cell, or 'text', the column with the texts"
            raise InputError(f"{origin}: column '{column}', row {row}: expected text, found {text!r:.40}; {asked}")
    nul = sum("\0" in text for text in texts if isinstance(text, str))
    texts = [text.replace("\0", "") if isinstance(text, str) else "" for text in texts]
    empty = [row for row, text in enumerate(texts, first) if not text.strip()]
    long = sum(len(text) > LONGEST_TEXT for text in texts)
    counts = {"texts freed of NUL characters": nul, f"texts cut to {LONGEST_TEXT:,} characters": long}
    return [text[:LONGEST_TEXT] for text in texts], empty, counts


def refuse_empty(origin: str, column: str, rows: list[int]) -> None:
    """Refuse rows whose text is empty. rows: their numbers."""
    if rows:
        where = f"{origin}: column '{column}', row {rows[0]}"
        raise InputError(f"{where}: the text is empty ({len(rows)} such rows in all); remove them")


def has_words(text: str) -> bool:
    """Whether a text is more than a number."""
    return _NUMBER.fullmatch(text) is None


def only_numbers(origin: str, column: str) -> InputError:
    return InputError(f"{origin}: column '{column}': every cell is a number; correct 'text', the column with the texts")


def _missing(value: object) -> bool:
    return not value.strip() if isinstance(value, str) else is_scalar(value) and bool(pd.isna(value))


def strings(origin: str, column: str, values: list, first: int = 1) -> list[str]:
    """Every value as a string; missing values and lists are refused. first: number of the first row."""
    for row, value in enumerate(values, first):
        if _missing(value) or not is_scalar(value):
            raise InputError(
                f"{origin}: column '{column}', row {row}: expected a value, found {value!r:.40}; fill it in"
            )
    return [str(value) for value in values]


def _ids(origin: str, column: str, values: list) -> list[str]:
    ids = strings(origin, column, values)
    repeated = len(ids) - len(set(ids))
    if repeated:
        row = int(pd.Series(ids).duplicated().argmax())
        refuse_repeated(origin, column, ids[row], ids.index(ids[row]) + 1, row + 1, repeated)
    return ids


def refuse_repeated(origin: str, column: str, id: str, first: int, second: int, repeated: int) -> None:
    """Refuse an id that two rows have.

    Args:
        origin, column: for the message.
        id, first, second: the id, and the numbers of two rows that have it.
        repeated: how many rows repeat an earlier id.
    """
    raise InputError(
        f"{origin}: column '{column}': id {id!r:.40} is in rows {first} and {second} "
        f"({repeated} repeated in all); make ids unique, or leave out 'id' to use row numbers"
    )


def _optional(origin: str, column: str, values: pd.Series) -> pd.Series:
    """A column that a corpus either has for every row, or not at all (the loader then gives None everywhere)."""
    if values.dtype == object and all(value is None for value in values):
        return pd.Series([None] * len(values), dtype=object)
    return pd.Series(strings(origin, column, values.tolist()))


def _split(origin: str, column: str, values: pd.Series) -> pd.Series:
    split = _optional(origin, column, values)
    wrong = ~split.isin([*PARTS, None])
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise InputError(
            f"{origin}: column '{column}', row {row + 1}: {split[row]!r:.40} is not a part of the split; "
            f"use {', '.join(PARTS)}, or leave out 'split' to have it drawn"
        )
    return split


def _labels(origin: str, labels: pd.DataFrame) -> pd.DataFrame:
    """Labels as int8 columns with sound names; InputError names the first value that is not 0 or 1."""
    names = [str(name) for name in labels.columns]
    if len(names) < 2:
        raise InputError(
            f"{origin}: {len(names)} label column(s), where transfer needs two; correct 'labels' or 'classes'"
        )
    for name in names:
        check_label_name(origin, name)
        if names.count(name) > 1:
            raise InputError(f"{origin}: two label columns are called '{name}'; rename one of them")
    columns = {name: _label_values(origin, name, labels.iloc[:, position]) for position, name in enumerate(names)}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(labels)))


def check_label_name(origin: str, name: str) -> None:
    """Refuse a name that could not be a file name or a table key everywhere: labels become both."""
    if fault := name_fault(name):
        raise InputError(f"{origin}: the label name {name!r:.60} {fault}; rename it, or list the wanted 'labels'")


def name_fault(name: str) -> str | None:
    """Why a name could not be a file name or a table key everywhere; None: it could."""
    faults = {
        "is empty": not name.strip(),
        "has an angle bracket or a backtick, which pages take for markup": re.search(r"[<>`]", name),
        "has a slash, backslash or control character": re.search(r"[/\\\x00-\x1f\x7f-\x9f\u2028\u2029]", name),
        "begins with a dot": name.startswith("."),
        "begins or ends with a blank": name != name.strip(),
        "is longer than 100 characters": len(name) > 100,
        "is reserved by Windows": _RESERVED.fullmatch(name),
    }
    return next((fault for fault, found in faults.items() if found), None)


def _label_values(origin: str, name: str, values: pd.Series) -> np.ndarray:
    if values.dtype.kind in "iufb":  # numbers need no look at each value
        numbers = values.to_numpy(dtype=float)
    else:
        numbers = np.array([_label_number(value) for value in values.tolist()], dtype=float)
    wrong = ~np.isin(numbers, (0, 1))
    if wrong.any():
        row = int(wrong.argmax())
        value = values.iloc[row]
        found = "nothing" if _missing(value) else repr(value.item() if isinstance(value, np.generic) else value)
        raise InputError(
            f"{origin}: label '{name}', row {row + 1}: expected 0 or 1, found {found:.40} ({wrong.sum()} rows in all); "
            "correct these rows, or list the wanted 'labels'"
        )
    return numbers.astype(np.int8)


def _label_number(value: object) -> float:
    if isinstance(value, str):
        return _LABEL_WORDS.get(value.strip(), np.nan)
    is_number = isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating)
    return float(value) if is_number and value in (0, 1) else np.nan
