"""From labels to binary tasks over the same texts."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lib.datasets.corpus import Corpus
from lib.datasets.split import cap, drawn_split, duplicate_key, integer_codes, official_split
from lib.errors import InputError
from lib.study.sections import Split

_FEWEST = {"train": 2, "validation": 1, "test": 1}  # positives, and negatives, without which a task cannot be judged
_CALLED = {"train": "training", "validation": "validation", "test": "test"}


@dataclass(frozen=True, eq=False)
class TaskSet:
    """Binary tasks over the same texts.

    names: K tasks. texts, ids: N each. groups: N, or None. labels: (N, K) int8 in {0, 1}. split: "train",
    "validation", "test" -> sorted row numbers (int64), none in "test" where there are no test texts; a row that a cap or
    cleaning left out is in no part.
    findings: what was found and done, with counts. left_out: labels that are no tasks -> why. weights: of the texts of
    capped parts, see ``split.stratified``.
    """

    names: list[str]
    texts: list[str]
    ids: list[str]
    groups: list[str] | None
    labels: np.ndarray
    split: dict[str, np.ndarray]
    findings: dict[str, int]
    left_out: dict[str, str] = field(default_factory=dict)
    weights: dict[str, np.ndarray] = field(default_factory=dict)

    def weight(self, part: str) -> np.ndarray | None:
        """How many texts of the whole part each text stands for, up to a factor: (texts of the part,); None: all alike."""
        return self.weights.get(part)

    def column(self, task: str) -> np.ndarray:
        """The labels of one task, (N,) int8."""
        return self.labels[:, self.names.index(task)]


def decompose(corpus: Corpus, tasks: list[str] | None, split: Split, min_positives: int = _FEWEST["train"]) -> TaskSet:
    """Cut a corpus into one binary task per label, with one split for all.

    Args:
        corpus: texts and labels.
        tasks: the labels to use; None: all that are not too rare.
        split: how texts are split.
        min_positives: positive training texts below which a label is too rare, where ``tasks`` is None. It also is where
            validation, or test if there is one, has no positive or no negative text of it.

    Returns:
        The tasks.

    Raises:
        InputError: an unknown task, a split that cannot be drawn, a task of ``tasks`` with too few positives or negatives
            in a part of the split, or fewer than two labels that are not too rare.
    """
    texts = corpus.messages["text"].tolist()
    groups = None if corpus.messages["group"].isna().all() else corpus.messages["group"].tolist()
    keys = integer_codes(duplicate_key(text) for text in texts)
    if tasks is not None:
        _check_names(corpus, tasks)
    if split.use_official and not corpus.messages["split"].isna().any():
        parts, found = official_split(corpus, keys, groups, split.clean)
    else:
        parts, found = drawn_split(corpus.name, keys, groups, split)
    fewest = _FEWEST if tasks is not None else _FEWEST | {"train": min_positives}
    left_out = _too_rare(corpus.labels, parts, fewest) if tasks is None else {}
    names = _remaining(corpus, left_out, min_positives) if tasks is None else list(tasks)
    parts, weights, capped = cap(parts, split, corpus.labels[names].to_numpy(dtype=np.int8))
    if tasks is None:
        left_out |= _too_rare(corpus.labels[names], parts, fewest)
        names = _remaining(corpus, left_out, min_positives)
    else:
        _check_counts(corpus.name, corpus.labels[names], parts)
    findings = {"labels that do not become tasks": len(left_out)} if tasks is None else {}
    findings |= {"texts that nearly repeat an earlier one": len(keys) - len(np.unique(keys))}
    ids, labels = corpus.messages["id"].tolist(), corpus.labels[names].to_numpy(dtype=np.int8)
    return TaskSet(names, texts, ids, groups, labels, parts, findings | found | capped, left_out, weights)


def _check_names(corpus: Corpus, tasks: list[str]) -> None:
    labels = list(corpus.labels.columns)
    for name in tasks:
        if name not in labels:
            close = difflib.get_close_matches(name, labels, 3, cutoff=0.4) or labels
            raise InputError(f"{corpus.name}: no label '{name}' for tasks; did you mean {' or '.join(close):.300}?")


def _shortages(
    labels: pd.DataFrame, parts: dict[str, np.ndarray], fewest: dict[str, int]
) -> Iterator[tuple[str, str, str, int, int]]:
    """Where labels have too few texts: label, part, "positives" or "negatives", how many, and how many are needed.

    fewest: part -> positives that are needed; negatives as in _FEWEST. A part without texts is passed over.
    """
    for part, rows in parts.items():
        if not len(rows):
            continue
        positives = labels.iloc[rows].sum(axis=0)
        for kind, counts, needed in (
            ("positives", positives, fewest[part]), ("negatives", len(rows) - positives, _FEWEST[part]),
        ):  # fmt: skip
            yield from ((name, part, kind, count, needed) for name, count in counts.items() if count < needed)


def _too_rare(labels: pd.DataFrame, parts: dict[str, np.ndarray], fewest: dict[str, int]) -> dict[str, str]:
    """The labels that cannot become tasks -> why not."""
    reasons: dict[str, str] = {}
    for name, part, kind, _, needed in _shortages(labels, parts, fewest):
        column, one = labels[name].to_numpy(), kind.removesuffix("s")
        if name in reasons:
            continue
        if column.min() == column.max():
            reasons[name] = f"no {one} text"
        elif kind == "positives" and not any(column[parts[other]].any() for other in ("train", "validation")):
            reasons[name] = "positives only in test" if column[parts["test"]].any() else f"no {one} in any part"
        else:
            few = f"no {one}" if needed == 1 else f"fewer than {needed} {kind}"
            reasons[name] = f"{few} in {_CALLED[part]}"
    return {name: reasons[name] for name in labels.columns if name in reasons}


def _remaining(corpus: Corpus, left_out: dict[str, str], min_positives: int) -> list[str]:
    """The labels that become tasks, two at least."""
    names = [name for name in corpus.labels.columns if name not in left_out]
    if len(names) < 2:
        shown = ", ".join(f"{name!r} has {reason}" for name, reason in left_out.items())
        lower = f", or lower min_positives ({min_positives})" if "positives in training" in shown else ""
        raise InputError(
            f"{corpus.name}: {len(names)} of {len(corpus.labels.columns)} labels can become tasks, and transfer needs two "
            f"({shown:.300}); give more texts with and without these labels{lower}"
        )
    return names


def _check_counts(corpus: str, labels: pd.DataFrame, parts: dict[str, np.ndarray]) -> None:
    """Refuse a task that was asked for by name and cannot be judged."""
    faults = [
        f"'{name}' has {count} {kind} in {part} (at least {needed})"
        for name, part, kind, count, needed in _shortages(labels, parts, _FEWEST)
    ]
    if faults:
        more = f" and {len(faults) - 4} more" if len(faults) > 4 else ""
        raise InputError(
            f"{corpus}: task {'; '.join(faults[:4])}{more}: leave such labels out of 'tasks', or give these parts of "
            "the split more texts"
        )
