"""Labels of a corpus as one task: a label against the rest, or several labels of which a text has one."""

import difflib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.datasets.corpus import Corpus
from lib.datasets.examples import Examples
from lib.datasets.formats.numbered import classification
from lib.datasets.formats.parts import Rows, check_sizes
from lib.datasets.loading import load_corpus
from lib.datasets.split import drawn_split, duplicate_key, integer_codes, official_split
from lib.errors import InputError
from lib.study.mixed import CorpusTask
from lib.study.sections import Split

OTHER = "other"  # the class of texts without the label


@dataclass(frozen=True, eq=False)
class SplitCorpus:
    """A corpus with its split: part -> row numbers, and what was found, with counts."""

    corpus: Corpus
    split: dict[str, np.ndarray]
    findings: dict[str, int]


def load(
    name: str, config: CorpusTask, split: Split, cache: Path, known: dict[str, SplitCorpus] | None = None
) -> Examples:
    """The texts of a corpus with their class.

    The whole corpus is split as for binary tasks, before texts are left out: its tasks share their split.

    Args:
        name: of the task.
        config: its corpus, and a label or classes.
        split: whether the corpus's own split is kept, else how one is drawn.
        cache: folder for downloads.
        known: corpora that earlier tasks have loaded, by their parameters; this one is added. None: no others.

    Returns:
        The examples. With a label, class 1 has it; with classes, texts of none or several are left out.

    Raises:
        InputError: the corpus cannot be loaded or split, or lacks a label.
    """
    known, key = {} if known is None else known, config.corpus.model_dump_json()
    if key not in known:
        known[key] = _split_corpus(load_corpus(config.corpus, cache), split)
    whole, corpus = known[key], known[key].corpus
    wanted = config.classes or [config.label]
    _check_labels(corpus, wanted)
    findings = Counter(corpus.repairs | whole.findings)
    values = corpus.labels[wanted].to_numpy()
    one = np.full(len(values), True) if config.label else values.sum(axis=1) == 1
    kept = np.cumsum(one) - 1  # row of the corpus -> row of the task
    numbers = {part: kept[rows[one[rows]]] for part, rows in whole.split.items()}
    findings["texts of none or several of the classes left out"] = int((~one).sum())
    check_sizes(name, numbers)
    names = [OTHER if config.label != OTHER else f"not {OTHER}", config.label] if config.label else sorted(wanted)
    _check_trained(corpus, config, values[one][numbers["train"]])
    rows, messages = Rows.by(), corpus.messages
    for row in np.flatnonzero(one):
        target = names[values[row, 0]] if config.label else wanted[values[row].argmax()]
        rows.add(messages["text"].iat[row], target, f"task {name}, text {messages['id'].iat[row]}")
    metric = config.metric or ("f1" if config.label else None)
    return classification(name, metric, rows, numbers, findings, names)


def _split_corpus(corpus: Corpus, split: Split) -> SplitCorpus:
    """The corpus in its own split, where it has one that shall be kept, else in a drawn one."""
    groups = None if corpus.messages["group"].isna().all() else corpus.messages["group"].tolist()
    keys = integer_codes(duplicate_key(text) for text in corpus.messages["text"])
    if split.use_official and not corpus.messages["split"].isna().any():
        numbers, found = official_split(corpus, keys, groups, split.clean)
    else:
        numbers, found = drawn_split(corpus.name, keys, groups, split)
    return SplitCorpus(corpus, numbers, found)


def _check_trained(corpus: Corpus, config: CorpusTask, values: np.ndarray) -> None:
    """Refuse a class that no training text has. values: (texts, classes) of training, in {0, 1}."""
    for name, count in zip(config.classes or (), values.sum(axis=0), strict=False):
        if not count:
            raise InputError(
                f"{corpus.name}: no training text has only '{name}' of the 'classes'; leave it out of 'classes', or leave "
                "out those that go together with it"
            )


def _check_labels(corpus: Corpus, wanted: list[str]) -> None:
    """Refuse a label that the corpus does not have, or that is asked for twice."""
    labels = list(corpus.labels.columns)
    for label in wanted:
        if label not in labels:
            close = difflib.get_close_matches(label, labels, 3, cutoff=0.4) or labels
            raise InputError(f"{corpus.name}: no label '{label:.60}'; did you mean {' or '.join(close):.300}?")
        if wanted.count(label) > 1:
            raise InputError(f"{corpus.name}: label '{label}' is in 'classes' twice; name it once")
