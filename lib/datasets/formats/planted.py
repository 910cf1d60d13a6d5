"""Generated tasks of every type, related in a known way: tasks of one lexicon are decided by the same words."""

from collections import Counter
from pathlib import Path

import numpy as np

from lib.datasets.examples import Examples
from lib.datasets.formats import numbered
from lib.datasets.formats.parts import Rows, split_rows
from lib.datasets.split import seeded_generator
from lib.datasets.synthetic import SYLLABLES
from lib.study.mixed import PlantedTask
from lib.study.sections import Split

STEMS = 3  # first syllables of a lexicon's words
SHARE = 0.2  # of a text's words that are the lexicon's
LENGTHS = (5, 13)  # words of a text, and one more than the most


def load(name: str, config: PlantedTask, split: Split, cache: Path) -> Examples:
    """Generated texts. Classification: whether two words are the lexicon's; regression: how many are; sequence labelling:
    which are; question answering: which word follows the first of them.

    Args:
        name: of the task, which seeds its texts.
        config: type, lexicon and number of examples.
        split: how parts are drawn.
        cache: not used.

    Returns:
        The examples.
    """
    rng, rows = seeded_generator("planted", name, config.seed), Rows.by("texts")
    for number in range(config.examples):
        words, own = _text(rng, config.lexicon)
        rows.add(*_EXAMPLES[config.type](words, own), f"example {number + 1}", " ".join(words))
    parts, findings = {"train": rows}, Counter()
    whole, numbers = split_rows(name, parts, split, findings)
    options = {"spans": False} if config.type == "sequence_labelling" else {}
    return getattr(numbered, config.type)(name, None, whole, numbers, findings, **options)


def _text(rng: np.random.Generator, lexicon: int) -> tuple[list[str], np.ndarray]:
    """Words, and which of them are the lexicon's; one at least, and not the last one only."""
    stems = SYLLABLES[STEMS * lexicon : STEMS * (lexicon + 1)]
    others = [syllable for syllable in SYLLABLES if syllable not in stems]
    while True:
        own = rng.random(rng.integers(*LENGTHS)) < SHARE
        if own[:-1].any():
            words = [rng.choice(stems if mine else others) + rng.choice(SYLLABLES) for mine in own]
            return words, own


def _answer(words: list[str], own: np.ndarray) -> tuple[tuple[str, str], list[tuple[int, str]]]:
    place = int(own.argmax()) + 1
    return (words[place - 1], " ".join(words)), [(len(" ".join(words[:place])) + 1, words[place])]


_EXAMPLES = {
    "classification": lambda words, own: (" ".join(words), "several" if own.sum() > 1 else "one"),
    "regression": lambda words, own: (" ".join(words), float(own.sum())),
    "sequence_labelling": lambda words, own: (words, ["own" if mine else "O" for mine in own]),
    "question_answering": _answer,
}
