"""From names to numbers: the examples of a task of each type, checked to be ones that can be learnt and judged."""

from collections import Counter

import numpy as np

from lib.datasets.classes import MOST
from lib.datasets.examples import METRICS, Examples
from lib.datasets.formats.parts import Rows
from lib.datasets.formats.spans import to_bio2
from lib.errors import InputError


def classification(
    name: str,
    metric: str | None,
    rows: Rows,
    split: dict[str, np.ndarray],
    findings: Counter,
    declared: list[str] | None = None,
) -> Examples:
    """Examples whose targets are numbers of classes.

    Args:
        name: of the task.
        metric: what judges it; None: accuracy.
        rows: with the names of classes as targets.
        split: part -> row numbers.
        findings: counts so far.
        declared: classes in the order that their source gives them; None: they are sorted.

    Returns:
        The examples; classes that do not occur are left out.

    Raises:
        InputError: fewer than two classes in training, too many, one that training lacks, or a metric that does not fit.
    """
    known = {rows.targets[row] for row in split["train"]}
    names = sorted(known) if declared is None else [one for one in declared if one in known]
    if not 2 <= len(names) <= MOST:
        count = f"{len(names)} class{'es' * (len(names) != 1)}"
        raise InputError(
            f"task {name}: {count} in training ({', '.join(names):.60}), where a task has 2 to {MOST:,}; "
            "give examples of other classes, or correct which column is the label"
        )
    for part in ("validation", "test"):
        for row in split[part]:
            if rows.targets[row] not in known:
                raise InputError(
                    f"{rows.places[row]}: no training example has the label {rows.targets[row]!r:.60}; give training "
                    "examples of it, or leave out examples with it"
                )
    metric = fitting_metric(name, "classification", metric)
    if metric == "f1" and len(names) != 2:
        raise InputError(f"task {name}: metric f1 needs two classes, but there are {len(names)}; use macro_f1")
    numbers = {one: number for number, one in enumerate(names)}
    targets = [numbers.get(target, -1) for target in rows.targets]  # -1 only in rows that are in no part
    return _examples(name, "classification", metric, rows, targets, names, split, findings)


def regression(name: str, metric: str | None, rows: Rows, split: dict[str, np.ndarray], findings: Counter) -> Examples:
    """Examples whose targets are numbers. Arguments as for ``classification``; InputError: training has one value only."""
    values = {rows.targets[row] for row in split["train"]}
    if len(values) == 1:
        raise InputError(f"task {name}: every training label is {values.pop()}; give examples with other values")
    metric = fitting_metric(name, "regression", metric)
    return _examples(name, "regression", metric, rows, rows.targets, [], split, findings)


def sequence_labelling(
    name: str, metric: str | None, rows: Rows, split: dict[str, np.ndarray], findings: Counter, spans: bool
) -> Examples:
    """Examples whose targets are lists of numbers of tags.

    Args:
        name, rows, split, findings: as for ``classification``.
        metric: what judges it; None: span_f1 with ``spans``, else accuracy.
        spans: whether tags mark spans; they become BIO2.

    Returns:
        The examples; "O" is the first tag where there is one, and the others are sorted. Tags that training lacks are kept.

    Raises:
        InputError: training has fewer than two tags, or the metric does not fit.
    """
    sentences, found = to_bio2(rows.targets) if spans else (rows.targets, {})
    findings.update(found)
    names = sorted({tag for tags in sentences for tag in tags}, key=lambda tag: (tag != "O", tag))
    known = {tag for row in split["train"] for tag in sentences[row]}
    if len(known) < 2:
        raise InputError(
            f"task {name}: the only tag in training is {', '.join(known)}; give sentences with other tags, or correct "
            "which column is the tag"
        )
    findings["tags that training lacks"] = len(names) - len(known)
    metric = fitting_metric(name, "sequence_labelling", metric or ("span_f1" if spans else "accuracy"))
    if metric == "span_f1" and not spans:
        raise InputError(f"task {name}: metric span_f1 needs tags that mark spans; use accuracy, or set 'spans: true'")
    numbers = {tag: number for number, tag in enumerate(names)}
    targets = [[numbers[tag] for tag in tags] for tags in sentences]
    return _examples(name, "sequence_labelling", metric, rows, targets, names, split, findings)


def question_answering(
    name: str, metric: str | None, rows: Rows, split: dict[str, np.ndarray], findings: Counter
) -> Examples:
    """Examples whose targets are lists of answers. Arguments as for ``classification``."""
    metric = fitting_metric(name, "question_answering", metric)
    return _examples(name, "question_answering", metric, rows, rows.targets, [], split, findings)


def fitting_metric(name: str, type: str, metric: str | None) -> str:
    """The metric, or the default one of the type; InputError: it does not judge tasks of this type."""
    if metric is not None and metric not in METRICS[type]:
        raise InputError(f"task {name}: metric {metric!r:.40} does not judge {type}; use {', '.join(METRICS[type])}")
    return metric or METRICS[type][0]


def _examples(
    name: str,
    type: str,
    metric: str,
    rows: Rows,
    targets: list,
    names: list[str],
    split: dict[str, np.ndarray],
    findings: Counter,
) -> Examples:
    found = {finding: int(count) for finding, count in findings.items() if count}
    return Examples(name, type, metric, rows.inputs, targets, names, split, found)
