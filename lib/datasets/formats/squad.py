"""Questions whose answers are spans of a context, in the format of SQuAD 1.1 (Rajpurkar et al. 2016)."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lib.datasets.examples import Examples
from lib.datasets.formats.numbered import question_answering
from lib.datasets.formats.parts import Rows, freed, read_files, read_text, split_rows
from lib.datasets.split import duplicate_key
from lib.errors import InputError
from lib.study.mixed import AnswersTask
from lib.study.sections import Split

LEVELS = ("articles", "paragraphs")  # that a draw keeps together
_CALLED = {list: "a list", dict: "an object", str: "a text"}


def load(name: str, config: AnswersTask, split: Split, cache: Path) -> Examples:
    """The questions of the files.

    Args:
        name: of the task.
        config: its files.
        split: how parts without files are drawn.
        cache: not used.

    Returns:
        The examples; a draw keeps articles together, where there are enough of them, else paragraphs.

    Raises:
        InputError: names the file, and the question where one is at fault.
    """
    seen: dict[str, str] = {}
    parts, findings = read_files(config.files, lambda path, findings: read_file(path, findings, seen))
    rows, numbers = split_rows(name, parts, split, findings)
    return question_answering(name, None, rows, numbers, findings)


def read_file(path: str, findings: Counter, seen: dict[str, str]) -> Rows:
    """The questions of one file that have answers.

    Args:
        path: of the file.
        findings: counts, to which what was mended or left out is added.
        seen: id of a question -> the file that has it; those of this file are added.

    Raises:
        InputError: no sound JSON, not SQuAD's format, an id that was seen before, or an answer that is not in its context.
    """
    rows = Rows.by(*LEVELS)
    for title, context, entry in _questions(path, _parsed(path)):
        id = str(entry.get("id", ""))
        where = f"{path}, question {id!r:.60}"
        if not id or id in seen:
            fault = f"{seen[id]} has this id as well" if id else "it has no id"
            raise InputError(f"{where}: {fault}; give every question an id of its own")
        seen[id] = path
        question = freed(_get(where, entry, "question", str), findings).strip()
        if not question:
            raise InputError(f"{where}: the question is empty; fill it in, or remove it")
        if entry.get("is_impossible") is True or not _get(where, entry, "answers", list):
            findings["questions without answers left out"] += 1
            continue
        answers = [
            (answer.get("answer_start"), answer.get("text")) if isinstance(answer, dict) else (None, answer)
            for answer in entry["answers"]
        ]
        add_question(rows, where, question, context, answers, title, findings)
    return rows


def add_question(
    rows: Rows,
    where: str,
    question: str,
    context: str,
    answers: list[tuple[object, object]],
    title: str | None,
    findings: Counter,
) -> None:
    """Add a question, its answers at their places in the context.

    Args:
        rows: to add to, with the groups LEVELS.
        where: file and question, for messages.
        question, context: texts; the context still with its NUL characters, which are removed.
        answers: each (first character in the context, text), as they stand in the source.
        title: of the article; None: the paragraph is its own.
        findings: counts, to which repairs are added.

    Raises:
        InputError: an answer is neither at its place nor exactly once elsewhere in the context.
    """
    placed = [_placed(where, context, start, text, findings) for start, text in answers]
    paragraph = duplicate_key(context)
    rows.add((question, context.replace("\0", "")), placed, where, title or paragraph, paragraph)


def _placed(where: str, context: str, start: object, text: object, findings: Counter) -> tuple[int, str]:
    """An answer at its place in the context without NUL characters."""
    if not isinstance(text, str) or not text.strip("\0 \t\n"):
        raise InputError(f"{where}: an answer is empty or not text; correct it, or remove the question")
    clean, text = context.replace("\0", ""), text.replace("\0", "")
    if isinstance(start, int) and not isinstance(start, bool) and 0 <= start < len(context):
        start -= context[:start].count("\0")
        if clean.startswith(text, start):
            return start, text
    found = clean.find(text)
    if found < 0 or clean.find(text, found + 1) >= 0:
        fault = "not in its context" if found < 0 else "not at its place, and several times elsewhere, in its context"
        raise InputError(f"{where}: the answer {text!r:.60} is {fault}; correct 'answer_start', or remove the question")
    findings["answers found at another place of their context"] += 1
    return found, text


def _parsed(path: str) -> dict:
    """The file's object."""
    try:
        content = json.loads(read_text(path), strict=False)
        json.dumps(content, ensure_ascii=False).encode()  # an escaped half of a character cannot be stored anywhere
    except (ValueError, RecursionError) as error:
        reason = "half of a character" if isinstance(error, UnicodeEncodeError) else str(error)
        raise InputError(f"{path}: not valid JSON ({reason:.120}); give a file in SQuAD's format") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: not in SQuAD's format: it is not an object with 'data'; convert the file")
    return content


def _questions(path: str, content: dict) -> Iterator[tuple[str, str, dict]]:
    """The title of its article, the context and the entry of each question."""
    for number, article in enumerate(_get(path, content, "data", list), 1):
        where = f"{path}, article {number}"
        paragraphs = _get(where, article, "paragraphs", list)
        title = article.get("title") or where
        for place, paragraph in enumerate(paragraphs, 1):
            inside = f"{where}, paragraph {place}"
            context = _get(inside, paragraph, "context", str)
            for entry in _get(inside, paragraph, "qas", list):
                if not isinstance(entry, dict):
                    raise InputError(f"{inside}: not in SQuAD's format: a question is not an object; convert the file")
                yield str(title), context, entry


def _get(where: str, entry: object, key: str, kind: type) -> object:
    """A value of an entry, of the kind that the format has there."""
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, kind):
        raise InputError(f"{where}: not in SQuAD's format: {key!r} is not {_CALLED[kind]}; convert the file")
    return value
