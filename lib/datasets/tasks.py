"""From labels to binary tasks over the same texts."""

import difflib
from dataclasses import dataclass, field

import numpy as np

from lib.datasets.corpus import Corpus
from lib.datasets.split import cap, drawn_split, duplicate_key, integer_codes, official_split
from lib.errors import InputError
from lib.study.sections import Split

_FEWEST = {"train": 2, "validation": 1, "test": 1}  # positives, and negatives, without which a task cannot be judged


@dataclass(frozen=True, eq=False)
class TaskSet:
    """Binary tasks over the same texts.

    names: K tasks. texts, ids: N each. groups: N, or None. labels: (N, K) int8 in {0, 1}. split: "train",
    "validation", "test" -> sorted row numbers (int64); a row that a cap or cleaning left out is in none.
    findings: what was found and done, with counts. weights: of the texts of capped parts, see ``split.stratified``.
    """

    names: list[str]
    texts: list[str]
    ids: list[str]
    groups: list[str] | None
    labels: np.ndarray
    split: dict[str, np.ndarray]
    findings: dict[str, int]
    weights: dict[str, np.ndarray] = field(default_factory=dict)

    def weight(self, part: str) -> np.ndarray | None:
        """How many texts of the whole part each text stands for, up to a factor: (texts of the part,); None: all alike."""
        return self.weights.get(part)

    def column(self, task: str) -> np.ndarray:
        """The labels of one task, (N,) int8."""
        return self.labels[:, self.names.index(task)]


def decompose(corpus: Corpus, tasks: list[str] | None, split: Split) -> TaskSet:
    """Cut a corpus into one binary task per label, with one split for all.

    tasks: the labels to use; None: all that are not constant. InputError: an unknown task, a split that cannot be
    drawn, or a task with too few positives or negatives in a part of the split.
    """
    names, findings = _choose_tasks(corpus, tasks)
    texts = corpus.messages["text"].tolist()
    groups = None if corpus.messages["group"].isna().all() else corpus.messages["group"].tolist()
    keys = integer_codes(duplicate_key(text) for text in texts)
    findings["texts that nearly repeat an earlier one"] = len(keys) - len(np.unique(keys))
    if split.use_official and not corpus.messages["split"].isna().any():
        parts, found = official_split(corpus, keys, groups, split.clean)
    else:
        parts, found = drawn_split(corpus.name, keys, groups, split)
    labels = corpus.labels[names].to_numpy(dtype=np.int8)
    parts, weights, left_out = cap(parts, split, labels)
    _check_counts(corpus.name, names, labels, parts)
    ids = corpus.messages["id"].tolist()
    return TaskSet(names, texts, ids, groups, labels, parts, findings | found | left_out, weights)


def _choose_tasks(corpus: Corpus, tasks: list[str] | None) -> tuple[list[str], dict[str, int]]:
    labels = list(corpus.labels.columns)
    if tasks is None:
        names = [name for name in labels if corpus.labels[name].nunique() > 1]
        if len(names) < 2:
            raise InputError(f"{corpus.name}: {len(names)} label(s) have both classes; transfer needs at least two")
        return names, {"constant labels left out": len(labels) - len(names)}
    for name in tasks:
        if name not in labels:
            close = difflib.get_close_matches(name, labels, 3, cutoff=0.4) or labels
            raise InputError(f"{corpus.name}: no label '{name}' for tasks; did you mean {' or '.join(close):.300}?")
    return list(tasks), {}


def _check_counts(corpus: str, names: list[str], labels: np.ndarray, parts: dict[str, np.ndarray]) -> None:
    faults = []
    for part, rows in parts.items():
        positives = labels[rows].sum(axis=0)
        for kind, counts in (("positives", positives), ("negatives", len(rows) - positives)):
            faults += [
                f"'{name}' has {count} {kind} in {part} (at least {_FEWEST[part]})"
                for name, count in zip(names, counts.tolist(), strict=True)
                if count < _FEWEST[part]
            ]
    if faults:
        more = f" and {len(faults) - 4} more" if len(faults) > 4 else ""
        raise InputError(
            f"{corpus}: task {'; '.join(faults[:4])}{more}: leave such labels out of 'tasks', or give these parts of "
            "the split more texts"
        )
