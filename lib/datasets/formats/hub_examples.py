"""A data set of the Hugging Face hub, or a folder with such files, as a task of the type that the user names."""

import math
from collections import Counter
from pathlib import Path

from lib.datasets.corpus import PARTS, clean_texts
from lib.datasets.examples import Examples
from lib.datasets.formats import numbered
from lib.datasets.formats.lines import finite
from lib.datasets.formats.parts import Rows, check_length, freed, split_rows
from lib.datasets.formats.spans import check_tag
from lib.datasets.formats.squad import LEVELS, add_question
from lib.datasets.hub import SPLITS, listed, read_splits
from lib.datasets.split import duplicate_key
from lib.datasets.table import check_columns
from lib.errors import InputError
from lib.study.mixed import HubTask
from lib.study.sections import Split

UNLABELLED = "examples without a label left out"


def load(name: str, config: HubTask, split: Split, cache: Path) -> Examples:
    """The examples of a data set's training, validation and test splits.

    Args:
        name: of the task.
        config: its data set, type and columns.
        split: how parts are drawn that the data set lacks; a split without any label counts as lacking.
        cache: folder for downloads.

    Returns:
        The examples; classes that the data set declares keep their order.

    Raises:
        InputError: names the data set, and its split and row where one is at fault.
    """
    splits = read_splits(config, cache)
    part_of = _part_of(config, splits)
    used = {split: data for split, data in splits.items() if split in part_of}
    if "train" not in used:
        raise InputError(
            f"{config.path}: its splits are {listed(splits)}; none is called train; choose another data set or 'subset'"
        )
    findings: Counter = Counter()
    findings["examples of other splits left out"] = sum(
        data.num_rows for split, data in splits.items() if split not in used
    )
    wanted = _columns(config, used["train"].column_names)
    parts: dict[str, Rows] = {}
    for part in PARTS:
        for split_name in (one for one in used if part_of[one] == part):
            check_columns(config.path, used[split_name].column_names, wanted)
            rows = _read_split(config, split_name, part, used[split_name].select_columns(wanted), findings)
            if rows.inputs and part in parts:
                parts[part].extend(rows)
            elif rows.inputs or part == "train":
                parts[part] = rows
    rows, numbers = split_rows(name, parts, split, findings)
    if config.type == "sequence_labelling":
        return numbered.sequence_labelling(name, config.metric, rows, numbers, findings, config.spans)
    if config.type == "classification":
        declared = _names_of(used["train"].features[config.label])
        return numbered.classification(name, config.metric, rows, numbers, findings, declared)
    make = numbered.regression if config.type == "regression" else numbered.question_answering
    return make(name, config.metric, rows, numbers, findings)


def _part_of(config: HubTask, splits: dict) -> dict[str, str]:
    """Split -> the part that it serves as; InputError: the data set lacks a split that the task names."""
    part_of = dict(SPLITS)
    for part in ("validation", "test"):
        if (named := getattr(config, part)) is None:
            continue
        if named not in splits:
            raise InputError(
                f"{config.path}: no split {named!r:.60}; its splits are {listed(splits)}; correct '{part}'"
            )
        part_of = {split: own for split, own in part_of.items() if own != part} | {named: part}
    return part_of


def _columns(config: HubTask, columns: list[str]) -> list[str]:
    """The columns that the task needs, and those for messages and groups that it can do without."""
    wanted = [config.text, config.label]
    if config.type == "question_answering":
        return [*wanted, config.question, *(column for column in ("id", "title") if column in columns)]
    if config.second_text is not None and config.type in ("classification", "regression"):
        wanted.append(config.second_text)
    return wanted


def _names_of(feature: object) -> list[str] | None:
    """The names of a column of numbered classes or tags, or of lists of these; None: its values are no numbers of names."""
    return getattr(getattr(feature, "feature", feature), "names", None)


def _read_split(config: HubTask, split: str, part: str, data: object, findings: Counter) -> Rows:
    """The rows of one split of the data set, which serves as a part; none where test has no labels."""
    columns, names = data[:], _names_of(data.features[config.label])
    where = f"{config.path}, {split}"
    labels = columns[config.label]
    if part == "test" and labels and all(_without(label) or _hidden(label) for label in labels):
        findings["test examples without labels left out"] += len(labels)
        return Rows.by()
    if config.type == "question_answering":
        return _questions(config, where, columns, findings)
    read = _sentences if config.type == "sequence_labelling" else _texts
    return read(config, where, columns, names, findings)


def _without(label: object) -> bool:
    return label is None or (isinstance(label, float) and math.isnan(label))


def _hidden(label: object) -> bool:
    """Whether a label is -1, as of test examples whose labels are kept secret, or a list of nothing else."""
    if isinstance(label, list):
        return bool(label) and all(map(_hidden, label))
    return isinstance(label, int | float) and label == -1


def _texts(config: HubTask, where: str, columns: dict[str, list], names: list[str] | None, findings: Counter) -> Rows:
    """Texts, or pairs of texts, with the name of their class or their number."""
    sides, empty = [], set()
    for column in (config.text, *([config.second_text] if config.second_text else [])):
        texts, missing, counts = clean_texts(where, column, columns[column])
        findings.update(counts)
        sides.append(texts)
        empty |= set(missing)
    rows = Rows.by("texts")
    for row, (label, *own) in enumerate(zip(columns[config.label], *sides, strict=True), 1):
        place = f"{where}, row {row}"
        if isinstance(label, list | dict):
            raise InputError(
                f"{place}: the label is not a single value; choose a column with one label for each text as 'label'"
            )
        if _without(label) or (names and _hidden(label)):
            findings[UNLABELLED] += 1
        elif row in empty:
            findings["examples with an empty text left out"] += 1
        else:
            target = finite(place, label) if config.type == "regression" else names[label] if names else str(label)
            rows.add(tuple(own) if config.second_text else own[0], target, place, duplicate_key(" ".join(own)))
    return rows


def _sentences(
    config: HubTask, where: str, columns: dict[str, list], names: list[str] | None, findings: Counter
) -> Rows:
    """Lists of words with the names of their tags."""
    rows = Rows.by("sentences")
    for row, (words, tags) in enumerate(zip(columns[config.text], columns[config.label], strict=True), 1):
        place = f"{where}, row {row}"
        if not isinstance(words, list) or not isinstance(tags, list) or len(words) != len(tags):
            raise InputError(f"{place}: not a list of words and one of as many tags; correct 'text' and 'label'")
        if not words:
            findings["sentences without words left out"] += 1
            continue
        check_length(place, len(words))
        if any(tag is None or (names and tag < 0) for tag in tags):
            raise InputError(
                f"{place}: a word has no tag; choose another column as 'label', or a data set with all tags"
            )
        own = [names[tag] if names else str(tag) for tag in tags]
        for tag in own if config.spans else ():
            check_tag(place, tag)
        words = [freed(str(word), findings) for word in words]
        rows.add(words, own, place, duplicate_key(" ".join(words)))
    return rows


def _questions(config: HubTask, where: str, columns: dict[str, list], findings: Counter) -> Rows:
    """Questions and contexts with the answers; questions without one are left out."""
    rows = Rows.by(*LEVELS)
    for row, (context, question, answers) in enumerate(
        zip(columns[config.text], columns[config.question], columns[config.label], strict=True), 1
    ):
        place = f"{where}, question {columns['id'][row - 1]!r:.60}" if "id" in columns else f"{where}, row {row}"
        if not all(isinstance(text, str) and text.strip() for text in (context, question)):
            raise InputError(
                f"{place}: the question or its context is empty or not text; correct 'text' and 'question'"
            )
        found = _answers(place, answers, context, findings)
        if not found:
            findings["questions without answers left out"] += 1
            continue
        title = columns["title"][row - 1] if "title" in columns else None
        add_question(rows, place, freed(question, findings), context, found, title, findings)
    return rows


def _answers(place: str, answers: object, context: str, findings: Counter) -> list[tuple[object, object]]:
    """Answers as (first character, text), from an object with two lists, from a list of objects, or from a list of texts.

    Objects may have lists of first and last characters, as those of MRQA 2019 (Fisch et al. 2019). Texts that are not in the
    context are left out.
    """
    if isinstance(answers, dict) and {"text", "answer_start"} <= answers.keys():
        starts, texts = answers["answer_start"], answers["text"]
        if isinstance(starts, list) and isinstance(texts, list) and len(starts) == len(texts):
            return list(zip(starts, texts, strict=True))
    if isinstance(answers, list) and answers and all(isinstance(one, str) for one in answers):
        inside = [one for one in answers if one.strip() and one in context]
        findings["answers that are not in their context left out"] += len(answers) - len(inside)
        return [(context.index(one), one) for one in inside]
    if isinstance(answers, list) and all(isinstance(one, dict) for one in answers):
        ends = [(one.get("start"), one.get("end")) for one in answers]
        if all(isinstance(first, list) and isinstance(last, list) and len(first) == len(last) for first, last in ends):
            places = [place for both in ends for place in zip(*both, strict=True)]
            return [(first, context[first : last + 1]) for first, last in places]
        return [(one.get("answer_start"), one.get("text")) for one in answers]
    raise InputError(f"{place}: no answers with 'text' and 'answer_start'; choose the column with them as 'label'")
