"""Texts with a label, one a line, in columns separated by tabs. Quotes have no meaning: a text may hold single ones."""

import math
from collections import Counter
from pathlib import Path

from lib.datasets.corpus import clean_texts, has_words, only_numbers
from lib.datasets.examples import Examples
from lib.datasets.formats.numbered import classification, regression
from lib.datasets.formats.parts import Rows, read_files, read_text, split_rows
from lib.datasets.split import duplicate_key
from lib.errors import InputError
from lib.study.mixed import TextTask
from lib.study.sections import Split


def load(name: str, config: TextTask, split: Split, cache: Path) -> Examples:
    """The texts of the files with their labels.

    Args:
        name: of the task.
        config: its files and columns.
        split: how parts without files are drawn.
        cache: not used.

    Returns:
        The examples; a draw keeps near-duplicates together.

    Raises:
        InputError: names file and line.
    """
    parts, findings = read_files(config.files, lambda path, findings: read_file(path, config, findings))
    rows, numbers = split_rows(name, parts, split, findings)
    make = regression if config.regression else classification
    return make(name, config.metric, rows, numbers, findings)


def read_file(path: str, config: TextTask, findings: Counter) -> Rows:
    """The texts of one file.

    Args:
        path: of the file.
        config: columns, whether a header is passed over, and whether labels are numbers.
        findings: counts, to which what was mended is added.

    Raises:
        InputError: a line with another number of columns, an empty text or label, a label that is no number where one is
            expected, or a column of texts with nothing but numbers.
    """
    lines = [line.split("\t") for line in read_text(path).rstrip("\0 \t\n").split("\n")]
    _check_columns(path, config, lines)
    first = 2 if config.header else 1
    texts, empty, counts = clean_texts(
        path, str(config.text), [cells[config.text] for cells in lines[first - 1 :]], first
    )
    findings.update(counts)
    if empty:
        raise InputError(f"{path}, line {empty[0]}: the text is empty ({len(empty)} such lines in all); remove them")
    if texts and not any(map(has_words, texts)):
        raise only_numbers(path, str(config.text))
    rows = Rows.by("texts")
    for number, (text, cells) in enumerate(zip(texts, lines[first - 1 :], strict=True), first):
        where, label = f"{path}, line {number}", cells[config.label].replace("\0", "").strip()
        if not label:
            raise InputError(f"{where}: the label is empty; fill it in, or remove the line")
        rows.add(text, finite(where, label) if config.regression else label, where, duplicate_key(text))
    return rows


def finite(where: str, label: object) -> float:
    """The number that a label is; InputError: it is none, or not finite. where: its place."""
    try:
        value = float(label)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise InputError(
            f"{where}: the label {str(label)!r:.40} is not a finite number; correct it, or remove the example"
        )
    return value


def _check_columns(path: str, config: TextTask, lines: list[list[str]]) -> None:
    """Refuse a line with another number of columns than the first, and columns that it does not have."""
    columns = len(lines[0])
    for role, column in (("text", config.text), ("label", config.label)):
        if column >= columns:
            raise InputError(
                f"{path}, line 1: no column {column}, counted from 0: it has {columns}; correct '{role}', or "
                "separate columns by tabs"
            )
    if config.text == config.label:
        raise InputError(f"{path}: column {config.text} is both text and label; correct 'text' or 'label' of the task")
    for number, cells in enumerate(lines, 1):
        if len(cells) != columns:
            raise InputError(
                f"{path}, line {number}: {len(cells)} columns, where line 1 has {columns}; correct this line"
            )
