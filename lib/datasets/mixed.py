"""The tasks of a corpus of mixed types, each from its own files, all in one shape."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from lib.datasets.corpus import name_fault
from lib.datasets.examples import Examples
from lib.datasets.formats import conll, corpus_labels, hub_examples, lines, planted, squad, treebank
from lib.datasets.split import cap
from lib.errors import InputError
from lib.study.mixed import Mixed
from lib.study.sections import Split

_LOADERS = {
    "conll": conll.load, "conllu": treebank.load, "corpus": corpus_labels.load, "hub": hub_examples.load,
    "planted": planted.load, "squad": squad.load, "tsv": lines.load,
}  # fmt: skip


def load_examples(config: Mixed, split: Split, cache: Path) -> dict[str, Examples]:
    """The examples of every task, in the order of the tasks.

    Args:
        config: the tasks.
        split: how parts without files are drawn, and at most how many validation and test examples each task keeps;
            they are drawn at random, and a larger cap holds the examples of a smaller.
        cache: folder for downloads.

    Returns:
        Name of the task -> its examples.

    Raises:
        InputError: a name that is no file name everywhere, or a task whose files are missing, at fault or too few; the
            message says where and what to do.
    """
    for name in config.tasks:
        if fault := name_fault(name):
            raise InputError(f"the task name {name!r:.60} {fault}; rename it under 'tasks'")
    loaders = _LOADERS | {"corpus": partial(corpus_labels.load, known={})}  # a corpus is read once for all its tasks
    return {
        name: _capped(loaders[source.format](name, source, split, Path(cache)), split)
        for name, source in config.tasks.items()
    }


def _capped(examples: Examples, split: Split) -> Examples:
    """The task with at most so many validation and test examples."""
    no_labels = np.empty((0, 0))  # they matter to min_positives only, which is for binary tasks
    at_random = split.model_copy(update={"min_positives": None})
    parts, _, found = cap(examples.split, at_random, no_labels)
    return replace(examples, split=parts, findings=examples.findings | found)
