"""What should I do? Questions about a target and the studies' answers, for a chart (docs/results/target_sizes.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

import pandas as pd

from lib.report.figures.style import label
from lib.report.headline import duration
from lib.report.sentences.target_sizes import NAMES
from lib.report.sentences.words import change, listing, number, with_interval
from lib.studies.target_sizes import best_starts

ACTIONS = {"single": "train alone", "frozen": "fit a linear model on the frozen encoder"}
OFFERED = 3  # ways that gain and are offered to those who have time


@dataclass(frozen=True)
class Answer:
    """What to do on a condition, what speaks for it, and whether it is a gain outside the noise."""

    condition: str
    action: str
    evidence: str
    gains: bool


@dataclass(frozen=True)
class Question:
    """A question about a target and its answers."""

    text: str
    answers: tuple[Answer, ...]


def by_size(gains: pd.DataFrame) -> Question:
    """How to start a target with how many texts, by validation; the evidence is of test. gains: "target_size_gains"."""
    best = best_starts(gains)
    tests = gains[(gains["metric"] == "average_precision") & (gains["part"] == "test")].set_index(["size", "kind"])
    answers = []
    for kind, run in groupby(best, key=best.get):
        sizes = list(run)
        condition = f"{sizes[0]:,} to {sizes[-1]:,} texts" if len(sizes) > 1 else f"{sizes[0]:,} texts"
        if kind == "single":
            evidence = "no start gains average precision on validation outside the noise of targets"
        else:
            ends = dict.fromkeys((sizes[0], sizes[-1]))
            told = [f"{with_interval(tests.loc[(size, kind)], change)} with {size:,}" for size in ends]
            evidence = f"test average precision: {listing(told)}"
        answers.append(Answer(condition, ACTIONS.get(kind) or f"start from {NAMES[kind]}", evidence, kind != "single"))
    return Question("How many labelled texts\nhas the target?", tuple(answers))


def with_time(scores: pd.DataFrame, study: str, texts: float) -> Question:
    """What gains for those who can wait, the best first. scores: "rival_scores" of a study; texts: of its targets."""
    rows = scores[scores["metric"] == "average_precision"].sort_values("gain", ascending=False)
    gaining = rows[rows["gain_low"] > 0].head(OFFERED)
    answers = [
        Answer(
            duration(60 * row.minutes),
            label(row.rival),
            f"test average precision {change(row.gain)} ({change(row.gain_low)} to {change(row.gain_high)})",
            True,
        )
        for row in gaining.itertuples()
    ]
    if not answers:
        best = f"of {len(rows)} ways, the best changes test average precision by {change(rows['gain'].iloc[0])}"
        answers = [Answer("no", "train alone", f"nothing gains outside the noise: {best}", False)]
    return Question(f"Is there time to try more?\n({study}: per target of {texts:,.0f} texts)", tuple(answers))


def which_source(name: str, means: Mapping[str, float], better: Mapping[str, int], studies: int) -> Question:
    """By which selector to order sources.

    Args:
        name: of the selector that recommendations follow, for readers.
        means: mean rank correlation over the studies by selector: "own", "ansat", "regression".
        better: likewise, in how many studies it is better than chance.
        studies: number of studies.

    Returns:
        The question with one answer.
    """
    own = (
        f"rank correlation {number(means['own'])}, better than chance in {better['own'] or 'none'} of {studies} studies"
    )
    paper = f"ANSAT {number(means['ansat'])}, in {better['ansat'] or 'none'}"
    return Question(
        "Which source first?",
        (Answer("without any pair", f"order them by {name}", f"{own}; {paper}", better["own"] > 0),),
    )
