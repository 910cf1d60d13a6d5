"""The pictures of documents: of the method, and those that rest on the tables of several published studies."""

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.report.documents.published import PublishedStudy, independent
from lib.report.documents.verdicts import beats_chance
from lib.report.figures.advice import plot_advice
from lib.report.figures.method import plot_method
from lib.report.figures.overview import plot_collapse, plot_forest
from lib.report.figures.style import label
from lib.report.figures.themes import Theme, write_picture
from lib.report.sentences import advice, target_sizes
from lib.report.sentences.words import counted, number, percent, with_interval
from lib.selection.contenders import BOUNDS, PROMISING, needs
from lib.stats.bootstrap import mean_of_independent
from lib.transfer.collapse import collapsed_representations

COLLAPSE = ("hot", "demo")  # two recipes on the same tasks
SIZES, RIVALS = "sizes", "demo"  # studies behind the chart of advice
METHOD = (
    "From the corpus over models, conductance, ANSAT and regression to the ranking; beside them the pairs and the "
    "selectors"
)


@dataclass(frozen=True)
class Picture:
    """A picture: how it is drawn for a page's theme, and what it shows, which is its title and alternative text."""

    draw: Callable[[Theme], Figure]
    finding: str


def pictures(published: Mapping[str, PublishedStudy]) -> dict[str, Picture]:
    """Every picture that the published studies allow, by the name of its file."""
    found = {"method": Picture(plot_method, METHOD)}
    made = {name: make(published) for name, make in MAKERS.items()}
    return found | {name: picture for name, picture in made.items() if picture}


def markup(published: Mapping[str, PublishedStudy], root: str) -> dict[str, str]:
    """Every picture in Markdown, with a file for dark pages, by its name; empty where the studies do not allow it.

    root: the way to the project's folder.
    """
    found = pictures(published)
    return {name: _markup(name, found[name].finding, root) if name in found else "" for name in ("method", *MAKERS)}


def _markup(name: str, alt: str, root: str) -> str:
    dark = f'<source media="(prefers-color-scheme: dark)" srcset="{root}figures/{name}-dark.png">'
    return f'<picture>\n{dark}\n<img src="{root}figures/{name}.png" alt="{html.escape(alt)}">\n</picture>'


def write_pictures(published: Mapping[str, PublishedStudy], folder: Path) -> list[Path]:
    """Write every picture into a folder, for light and for dark pages; returns their paths."""
    drawn = (write_picture(folder, name, picture.draw) for name, picture in pictures(published).items())
    return [path for paths in drawn for path in paths]


def forest(published: Mapping[str, PublishedStudy]) -> Picture | None:
    """Every selector over all independent grids of real texts; None where there are fewer than two."""
    studies = independent(published.values())
    if len(studies) < 2:
        return None
    pooled, by_study = pooled_ranks(studies), rank_correlations(studies)
    names = studies[0].titles
    finding = forest_finding(pooled, names, len(studies))
    return Picture(partial(plot_forest, pooled=pooled, by_study=by_study, names=names, finding=finding), finding)


def rank_correlations(studies: Sequence[PublishedStudy], column: str = "value") -> pd.DataFrame:
    """Rank correlations with test F1, or an end of their intervals, of the selectors that every study has: (selectors,
    studies)."""
    return pd.DataFrame({study.name: study.ranks[column] for study in studies}).dropna()


def pooled_ranks(studies: Sequence[PublishedStudy]) -> pd.DataFrame:
    """The mean rank correlation over studies with its 95 % interval: value, low and high by selector."""
    values, low, high = (rank_correlations(studies, column) for column in ("value", "low", "high"))
    names = values.index.intersection(low.index)
    return mean_of_independent(values.loc[names], low.loc[names], high.loc[names])


def forest_finding(pooled: pd.DataFrame, names: Mapping[str, str], studies: int) -> str:
    """Which selectors order sources better than chance on average, and whether the paper's are among them.

    pooled: from ``pooled_ranks``. names: selectors' names for readers.
    """
    rows = pooled.drop(index=list(BOUNDS), errors="ignore").sort_values("value", ascending=False)
    better, free = rows[rows["low"] > 0], rows[[needs(name) == needs("ansat") for name in rows.index]]
    best = free.index[0]
    paper = f"ANSAT has {number(rows.loc['ansat', 'value'])}, the regression {number(rows.loc['regression', 'value'])}"
    return (
        f"{len(better) or 'None'} of {counted(len(rows), 'selector')} order{'s' * (len(better) < 2)} sources better than "
        f"chance over {studies} studies. Best without trained pairs: {label(best, names)}, "
        f"{with_interval(rows.loc[best])}; {paper}"
    )


def collapse(published: Mapping[str, PublishedStudy]) -> Picture | None:
    """What two recipes leave of the representation; None where one of them is not published."""
    studies = [published[name] for name in COLLAPSE if name in published and published[name].has("representations")]
    if len(studies) < len(COLLAPSE):
        return None
    tables = {study.name: study.table("representations") for study in studies}
    gaining = {study.name: float((study.matrix["gain"] > 0).mean()) for study in studies}
    finding = collapse_finding(tables, gaining)
    return Picture(partial(plot_collapse, studies=tables, finding=finding), finding)


def collapse_finding(tables: Mapping[str, pd.DataFrame], gaining: Mapping[str, float]) -> str:
    """What each study leaves of the representation, and how many of its pairs gain.

    tables: "representations" by study. gaining: share of pairs that raise test F1, by study.
    """
    told = []
    for name, table in tables.items():
        lost, sources = len(collapsed_representations(table)), int((table["task"] != "").sum())
        gain = percent(gaining[name], 0)
        told.append(f"{name} collapses {lost or 'none'} of {counted(sources, 'source')}, and {gain} of its pairs gain")
    return "; ".join(told)


def what_to_do(published: Mapping[str, PublishedStudy]) -> Picture | None:
    """The chart of advice; None where the study of target sizes is not published."""
    if SIZES not in published:
        return None
    gains, real = published[SIZES].table("target_size_gains"), independent(published.values())
    questions = [advice.by_size(gains)]
    if RIVALS in published and published[RIVALS].has("rival_scores"):
        study = published[RIVALS]
        texts = float(study.table("tasks")["target_texts"].median())
        questions.append(advice.with_time(study.table("rival_scores"), study.name, texts))
    if real:
        names = {"own": PROMISING, "ansat": "ansat", "regression": "regression"}
        means = {key: float(np.mean([study.ranks.loc[name, "value"] for study in real])) for key, name in names.items()}
        better = {key: sum(beats_chance(study.ranks.loc[name]) for study in real) for key, name in names.items()}
        questions.append(advice.which_source(label(PROMISING, real[0].titles), means, better, len(real)))
    finding = target_sizes.finding(gains)
    return Picture(partial(plot_advice, questions=questions, finding=finding), finding)


MAKERS = {"selectors": forest, "representations": collapse, "advice": what_to_do}
