"""Texts whose task relations are planted, so that a measure of relatedness can be judged against a known truth.

Theme words lie on a ring. A task's lexicon is an arc of it, so neighbouring tasks share a known part of their words; a
text takes its theme words from one or two short arcs, and is positive for a task when it has enough of its lexicon.
"""

import numpy as np
import pandas as pd

from lib.study.corpora import Synthetic

SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
THEME_WORDS = 160  # words on the ring
LEXICON = 40  # words of a task
STEP = 10  # words between the lexicons of neighbouring tasks: they share 3/4, then 1/2, 1/4, nothing
BACKGROUND_WORDS = 90
ARC = 12  # neighbouring words that a text draws one theme from
PREVALENCES = (0.35, 0.10)  # share of positives of the most and the least frequent task
NOISE = 0.5  # standard deviation added to the number of lexicon words before it is compared with a task's threshold
_STEM_WORDS = 4  # neighbouring theme words that share their first syllable, as inflected forms share a stem


def load(config: Synthetic, cache: object) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """Messages and labels, the same for the same parameters; ``cache`` is not used. The corpus has no split."""
    rng = np.random.default_rng([config.seed, 1])
    texts, counts = _write_texts(config, rng)
    labels = _judge(counts @ _membership(config.tasks).T, rng)
    if config.null:
        labels = np.stack([rng.permutation(column) for column in labels.T], axis=1)
    messages = pd.DataFrame({"id": [f"text-{row}" for row in range(config.texts)], "text": texts})
    return messages.assign(group=None, split=None), pd.DataFrame(labels, columns=task_names(config)), {}


def task_names(config: Synthetic) -> list[str]:
    return [f"task_{task:0{len(str(config.tasks))}d}" for task in range(1, config.tasks + 1)]


def planted_relatedness(config: Synthetic) -> pd.DataFrame:
    """The truth: the share of its lexicon that a task shares with another; (tasks, tasks) in [0, 1], symmetric."""
    membership = _membership(config.tasks)
    return pd.DataFrame(membership @ membership.T / LEXICON, index=task_names(config), columns=task_names(config))


def vocabulary(config: Synthetic) -> list[str]:
    """Every word the corpus can hold, sorted; each is two or three of ``SYLLABLES``."""
    return sorted(word for words in _words(config) for word in words)


def _membership(tasks: int) -> np.ndarray:
    """Which theme words are in which lexicon, (tasks, THEME_WORDS) in {0, 1}: arcs in even steps, none wraps around."""
    step = min(STEP, (THEME_WORDS - LEXICON) / (tasks - 1))
    starts = np.round(np.arange(tasks) * step).astype(int)[:, None]
    words = np.arange(THEME_WORDS)
    return ((words >= starts) & (words < starts + LEXICON)).astype(float)


def _words(config: Synthetic) -> tuple[list[str], list[str]]:
    """Theme words in ring order, and background words; no first syllable serves both."""
    rng = np.random.default_rng([config.seed, 0])
    stems = rng.permutation(SYLLABLES)
    n_stems = THEME_WORDS // _STEM_WORDS
    background_stems = stems[n_stems:]
    used: set[str] = set()
    theme = [_new_word(stems[position // _STEM_WORDS], used, rng) for position in range(THEME_WORDS)]
    background = [_new_word(background_stems[i % len(background_stems)], used, rng) for i in range(BACKGROUND_WORDS)]
    return theme, background


def _new_word(stem: str, used: set[str], rng: np.random.Generator) -> str:
    """A word of two or three syllables that begins with ``stem`` and is not used yet."""
    while True:
        word = stem + "".join(rng.choice(SYLLABLES, size=rng.integers(1, 3)))
        if word not in used:
            used.add(word)
            return word


def _write_texts(config: Synthetic, rng: np.random.Generator) -> tuple[list[str], np.ndarray]:
    """Texts of 5 to 24 words, and how often each holds each theme word, (texts, THEME_WORDS)."""
    theme, background = (np.array(words) for words in _words(config))
    frequencies = 1 / np.arange(1, len(background) + 1)  # Zipf's law
    frequencies /= frequencies.sum()
    texts, counts = [], np.zeros((config.texts, THEME_WORDS))
    for row in range(config.texts):
        centres = rng.integers(THEME_WORDS, size=rng.integers(1, 3))
        draws = [centre + rng.integers(ARC, size=rng.integers(2, 9)) for centre in centres]
        positions = np.concatenate(draws) % THEME_WORDS
        np.add.at(counts[row], positions, 1)
        filler = rng.choice(background, size=rng.integers(3, 9), p=frequencies)
        texts.append(" ".join(rng.permutation(np.concatenate([theme[positions], filler]))))
    return texts, counts


def _judge(scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels (texts, tasks): the texts with most lexicon words, noise added, up to the task's share of positives."""
    noisy = scores + rng.normal(0, NOISE, size=scores.shape)
    prevalences = rng.permutation(np.linspace(*PREVALENCES, scores.shape[1]))
    thresholds = [np.quantile(column, 1 - share) for column, share in zip(noisy.T, prevalences, strict=True)]
    return (noisy > np.array(thresholds)).astype(np.int8)
