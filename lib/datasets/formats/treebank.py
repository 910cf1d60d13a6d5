"""Sentences of a treebank in CoNLL-U, the format of Universal Dependencies, with one tag a word.

Parts of speech of the parent and of the grandparent are the tasks of Liu et al. (2019, Linguistic knowledge and
transferability of contextual representations), who call the place above the root ROOT.
"""

import re
from collections import Counter
from pathlib import Path

from lib.datasets.examples import Examples
from lib.datasets.formats.numbered import sequence_labelling
from lib.datasets.formats.parts import Rows, blocks, check_length, freed, read_files, read_text, split_rows
from lib.datasets.split import duplicate_key
from lib.errors import InputError
from lib.study.mixed import TreebankTask
from lib.study.sections import Split

COLUMNS = 10
ID, FORM, UPOS, XPOS, HEAD, RELATION = 0, 1, 3, 4, 6, 7
ROOT_TAG = "ROOT"
_DOCUMENT = re.compile(r"#\s*newdoc\b(?:\s+id\s*=\s*(.*\S))?")
_NO_WORD = re.compile(r"\d+[-.]\d+")  # the id of a multiword token, or of an empty node


def load(name: str, config: TreebankTask, split: Split, cache: Path) -> Examples:
    """The sentences of the files with the asked tags of their words.

    Args:
        name: of the task.
        config: its files, and which tags.
        split: how parts without files are drawn.
        cache: not used.

    Returns:
        The examples; a draw keeps documents together, where there are enough of them.

    Raises:
        InputError: names file and line.
    """
    parts, findings = read_files(config.files, lambda path, findings: read_file(path, config.tags, findings))
    rows, numbers = split_rows(name, parts, split, findings)
    return sequence_labelling(name, None, rows, numbers, findings, spans=False)


def read_file(path: str, tags: str, findings: Counter) -> Rows:
    """The sentences of one file.

    Args:
        path: of the file.
        tags: which tags, as in ``TreebankTask``.
        findings: counts, to which what was mended is added.

    Raises:
        InputError: a line without ten columns, words out of order, a head that is no word of its sentence where heads are
            needed, a sentence of too many words, or a file without such tags.
    """
    rows = Rows.by("documents", "sentences")
    document = None
    for block in blocks(freed(read_text(path), findings)):
        words = []
        for number, line in block:
            if line.startswith("#"):
                if found := _DOCUMENT.match(line):
                    document = found[1] or f"{path}, line {number}"
            elif cells := _cells(f"{path}, line {number}", line, len(words) + 1):
                words.append((number, cells))
        if not words:
            continue
        where = f"{path}, line {words[0][0]}"
        check_length(where, len(words))
        forms = [cells[FORM] for _, cells in words]
        own = duplicate_key(" ".join(forms))
        rows.add(forms, _tags_of(path, words, tags), where, own if document is None else document, own)
    if rows.targets and all(tag == "_" for sentence in rows.targets for tag in sentence):
        raise InputError(f"{path}: every word has '_' for {tags}; give a treebank with {tags}, or choose other 'tags'")
    return rows


def _cells(where: str, line: str, expected: int) -> list[str] | None:
    """The columns of a word; None for a line that is no word. expected: the word's number."""
    cells = line.split("\t")
    if len(cells) != COLUMNS:
        raise InputError(
            f"{where}: {len(cells)} columns, where CoNLL-U has {COLUMNS}, separated by tabs; correct this line"
        )
    if _NO_WORD.fullmatch(cells[ID]):
        return None
    if cells[ID] != str(expected):
        raise InputError(
            f"{where}: word number {cells[ID]!r:.20}, where {expected} comes next; number the words of a sentence from 1"
        )
    if not all(cell.strip() for cell in cells):
        raise InputError(f"{where}: an empty column; write '_' where there is nothing to say")
    return cells


def _tags_of(path: str, words: list[tuple[int, list[str]]], tags: str) -> list[str]:
    """The asked tag of each word. words: number of the line, and columns."""
    cells = [own for _, own in words]
    if tags in ("upos", "xpos"):
        return [own[UPOS if tags == "upos" else XPOS] for own in cells]
    if tags == "relation":
        return [own[RELATION].split(":")[0] for own in cells]
    heads = [_head(f"{path}, line {number}", own[HEAD], len(words)) for number, own in words]
    if tags == "grandparent_upos":
        heads = [heads[head - 1] if head else 0 for head in heads]
    return [cells[head - 1][UPOS] if head else ROOT_TAG for head in heads]


def _head(where: str, head: str, words: int) -> int:
    """The number of a word's parent, from 1; 0 for the root."""
    if not re.fullmatch(r"[0-9]{1,6}", head) or int(head) > words:
        raise InputError(
            f"{where}: the head {head!r:.20} is not a word of the sentence, which has {words}; correct this line"
        )
    return int(head)
