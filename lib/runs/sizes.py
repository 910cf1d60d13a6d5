"""How much a study with a budget trains on, where its parameters leave that open.

Caps follow from the budget, the tasks, their texts, the encoder and the precision, not from how fast this machine happens to
be at the moment, so that the study stays the same study whenever it is run again.
"""

import math

import numpy as np

from lib.models.encoders import load_config
from lib.study.parameters import Study
from lib.study.sections import Encoder, Regime, Setting, Split

SOURCE_TEXTS, TARGET_TEXTS, FEWEST = 1024, 2048, 64  # the largest caps of a side, and the smallest of both
CAPS = {"source": SOURCE_TEXTS, "target": TARGET_TEXTS}
LEAST_STEPS = 25  # of a target, whatever the budget
PASSES = 2  # over a target's texts, at most, where the budget caps its steps: to read more texts costs little
LEAST_PREDICTED = {"validation": 300, "test": 150}  # texts
POSITIVES = 0.25  # share of positives that is drawn where a cap leaves texts out
SCOUTED = 1200  # target texts that each source reads, to say which sources are promising
RATES = {"bfloat16": 120.0, "float32": 45.0}  # short texts that two slow cores train MiniLM on in a second
CHEAPER = 4  # texts read or predicted in the time of one trained
OVERHEAD = 60.0  # seconds of what is not training: notebooks, tables, figures
SHARE = 0.8  # of the rest, for what every task needs whatever is decided; what is left over is for more candidates
PREDICTING = 0.25  # of that share, at most, for predicting validation and test texts
TRAININGS = 2  # of every target in that share: alone, and from the mean of all sources
PREDICTIONS = 5  # of the held-out texts for every task: by its source, alone, frozen, from the mean, and for export
WORDPIECES, WEIGHTS = (
    31.0,
    6 * 384**2,
)  # of the texts and the encoder that RATES were measured with; shorter texts are no faster


def affordable(study: Study, tasks: int, lengths: np.ndarray, parts: dict[str, int], precision: str) -> Study:
    """A study with a budget as it is trained: with the caps that its budget can pay for, where it gives no sizes.

    Args:
        study: as its parameters say.
        tasks: number of tasks.
        lengths: (texts,) in wordpieces.
        parts: number of texts in "train", "validation" and "test".
        precision: in which models are trained.

    Returns:
        The study itself where it has no budget, else the study with ``source.n``, ``target.n`` and, where it names no
        settings, the most steps of a target. Its models are tried once: decisions rest on average precision, which a
        model that predicts no positive may have too.
    """
    if study.budget_minutes is None:
        return study
    share, (target, *others) = affordable_share(study, tasks, lengths, parts, precision), study.settings_of("target")
    sizes = {side: _affordable_n(cap, share, parts["train"]) for side, cap in CAPS.items()}
    if target.max_steps is not None and share < 1:
        steps = max(LEAST_STEPS, round(share * most_steps(target, parts["train"])))
        target = target.model_copy(update={"min_steps": min(steps, target.min_steps or steps), "max_steps": steps})
        sizes["target"] = max(sizes["target"], min(TARGET_TEXTS, steps * target.batch_size // PASSES))
    sides = {side: _capped(getattr(study, side), n) for side, n in sizes.items()}
    sides["target"] = sides["target"].model_copy(update={"settings": [target, *others]})
    training = study.training.model_copy(update={"tries": 1})
    return study.model_copy(update=sides | {"training": training})


def affordable_split(study: Study, tasks: int, precision: str) -> Split:
    """The split of a study with a budget: with caps that leave most of the budget to training.

    study: as its parameters say. tasks: number of labels that may become tasks. precision: as for ``affordable``.
    """
    split = study.split
    if study.budget_minutes is None:
        return split
    trained = SHARE * max(study.budget_seconds - OVERHEAD, 0.0) * RATES[precision] / (tasks * PREDICTIONS)
    most = {"validation": split.max_validation or math.inf, "test": split.max_test or math.inf}
    paid = {"validation": 0.6 * PREDICTING * CHEAPER * trained, "test": 0.4 * PREDICTING * CHEAPER * trained}
    caps = {f"max_{part}": int(min(most[part], max(LEAST_PREDICTED[part], paid[part]))) for part in most}
    return split.model_copy(update=caps)


def affordable_share(study: Study, tasks: int, lengths: np.ndarray, parts: dict[str, int], precision: str) -> float:
    """What the budget pays for, as a share of what training with the largest caps takes; from 0 to 1.

    Arguments as for ``affordable``. Work is counted in texts trained once.
    """
    source, target = study.settings_of("source")[0], study.settings_of("target")[0]
    sizes = {side: min(cap, parts["train"]) for side, cap in CAPS.items()}
    start = {side: n / CHEAPER for side, n in sizes.items()}  # a head that starts as a probe reads all texts once
    trained = sizes["source"] * (source.epochs or 1.0) + start["source"]
    trained += TRAININGS * (most_steps(target, parts["train"]) * target.batch_size + start["target"])
    predicted = PREDICTIONS * (parts["validation"] + parts["test"]) + SCOUTED + parts["validation"]
    rate = RATES[precision] * WORDPIECES * WEIGHTS / (max(lengths.mean(), WORDPIECES) * _weights(study.encoder))
    paid = SHARE * max(study.budget_seconds - OVERHEAD, 0.0) * rate / tasks - predicted / CHEAPER
    return min(1.0, max(paid / trained, 0.0))


def most_steps(setting: Setting, texts: int) -> int:
    """The steps of a target that has the largest cap, or all texts where there are fewer."""
    n = min(TARGET_TEXTS, texts)
    steps = setting.steps or math.ceil(setting.epochs * n / setting.batch_size)
    return int(min(max(steps, setting.min_steps or 1), setting.max_steps or math.inf))


def _affordable_n(cap: int, share: float, texts: int) -> int:
    return cap if share == 1 else max(FEWEST, round(share * min(cap, texts)))


def _capped(regime: Regime, n: int) -> Regime:
    if regime.n is not None:
        return regime
    return regime.model_copy(update={"n": n, "positives": regime.positives or POSITIVES})


def _weights(encoder: Encoder) -> float:
    """A number that the time of a wordpiece grows with: layers times the square of their width."""
    config = load_config(encoder)
    return config.num_hidden_layers * config.hidden_size**2
