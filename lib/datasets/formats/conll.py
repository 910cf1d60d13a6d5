"""Columns as of the CoNLL shared tasks: a word a line with its tag, and an empty line between sentences."""

import re
from collections import Counter
from pathlib import Path

from lib.datasets.examples import Examples
from lib.datasets.formats.numbered import sequence_labelling
from lib.datasets.formats.parts import Rows, blocks, check_length, freed, read_files, read_text, split_rows
from lib.datasets.formats.spans import check_tag
from lib.datasets.split import duplicate_key
from lib.errors import InputError
from lib.study.mixed import ColumnsTask
from lib.study.sections import Split

DOCUMENT = "-DOCSTART-"  # the first word of a line that begins a document


def load(name: str, config: ColumnsTask, split: Split, cache: Path) -> Examples:
    """The sentences of the files with the tags of their words.

    Args:
        name: of the task.
        config: its files and columns.
        split: how parts without files are drawn.
        cache: not used.

    Returns:
        The examples; a draw keeps documents together, where there are enough of them.

    Raises:
        InputError: names file and line.
    """
    parts, findings = read_files(config.files, lambda path, findings: read_file(path, config, findings))
    rows, numbers = split_rows(name, parts, split, findings)
    return sequence_labelling(name, None, rows, numbers, findings, config.spans)


def read_file(path: str, config: ColumnsTask, findings: Counter) -> Rows:
    """The sentences of one file.

    Args:
        path: of the file.
        config: columns, and whether tags mark spans.
        findings: counts, to which what was mended is added.

    Raises:
        InputError: a line with another number of columns, without a word or a tag, a tag of no BIO scheme, or a sentence of
            too many words.
    """
    rows = Rows.by("documents", "sentences")
    columns, document = None, None
    for block in blocks(freed(read_text(path), findings)):
        sentence: list[tuple[int, str, str]] = []
        for number, line in block:
            if re.match(rf"{DOCUMENT}(\s|$)", line):
                _add(rows, path, document, sentence)
                sentence, document = [], f"{path}, line {number}"
                continue
            cells = line.split("\t") if "\t" in line else re.split(" +", line.strip(" "))
            columns = columns or _checked_columns(path, number, config, len(cells))
            if len(cells) != columns:
                raise InputError(
                    f"{path}, line {number}: {len(cells)} columns, where earlier lines have {columns}; correct this line"
                )
            sentence.append((number, *_word_and_tag(f"{path}, line {number}", config, cells)))
        _add(rows, path, document, sentence)
    return rows


def _checked_columns(path: str, number: int, config: ColumnsTask, columns: int) -> int:
    """The number of columns; InputError: too few for the word and the tag."""
    for role, column in (("word", config.word), ("tag", config.tag)):
        if not -columns <= column < columns:
            raise InputError(
                f"{path}, line {number}: no column {column}, counted from 0: it has {columns}; correct '{role}'"
            )
    if config.word % columns == config.tag % columns:
        raise InputError(
            f"{path}, line {number}: column {config.word}, counted from 0, is both word and tag; correct 'word' "
            "or 'tag', or separate columns by tabs or blanks"
        )
    return columns


def _word_and_tag(where: str, config: ColumnsTask, cells: list[str]) -> tuple[str, str]:
    word, tag = cells[config.word].strip(), cells[config.tag].strip()
    if not word or not tag:
        raise InputError(f"{where}: no {'tag' if word else 'word'}; fill it in, or remove the line")
    if config.spans:
        check_tag(where, tag)
    return word, tag


def _add(rows: Rows, path: str, document: str | None, sentence: list[tuple[int, str, str]]) -> None:
    """Add a sentence, if it has words; without documents it is its own."""
    if not sentence:
        return
    where = f"{path}, line {sentence[0][0]}"
    check_length(where, len(sentence))
    words = [word for _, word, _ in sentence]
    own = duplicate_key(" ".join(words))
    rows.add(words, [tag for _, _, tag in sentence], where, own if document is None else document, own)
