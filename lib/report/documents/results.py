"""What the pages on the paper's data, on other corpora, on the controls and on all selectors tell beside their grids."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import pandas as pd

from lib.report.documents import verdicts
from lib.report.documents.grids import UP, grid_page, ranks_table
from lib.report.documents.markdown import correlation, figure, frame, loss, table
from lib.report.documents.published import PublishedStudy, independent
from lib.report.figures.style import label
from lib.report.sentences.words import code, counted, listing, named, number, plural
from lib.report.summary import beside_the_paper, set_up_beside_the_paper
from lib.selection.comparison import PLANTED, differs_from_random
from lib.selection.contenders import BOUNDS
from lib.selection.promising import PROMISING
from lib.stats.ranks import spearman
from lib.transfer.pairs import KEYS

EXPLAINED = MappingProxyType(
    {"linear_probe": "a linear classifier on the source model's features of the target's texts"}
)  # selectors that a reader may not know


def paper_page(studies: Sequence[PublishedStudy], detailed: Sequence[str]) -> dict:
    """A grid's page, and the paper's numbers and set-up beside the first study's."""
    first = studies[0]
    return grid_page(studies, detailed) | {
        "study": first.name,
        "beside": frame(beside_the_paper(first.summary)),
        "differences": frame(set_up_beside_the_paper(first.parameters, first.summary, first.table("singles"))),
    }


def corpora_page(studies: Sequence[PublishedStudy], detailed: Sequence[str]) -> dict:
    """A grid's page, and how regressions from other corpora order a new corpus's pairs.

    This rests on the table "generalisation" of the study that compares most corpora.
    """
    own = [study for study in studies if study.name in detailed]
    page, carried = grid_page(own or studies, detailed), _carried(studies)
    points = [carried["sentence"]] if carried else []
    return page | {"verdict": [*page["verdict"], *points], "carried": carried}


def _carried(studies: Sequence[PublishedStudy]) -> dict | None:
    found = [study for study in studies if study.has("generalisation")]
    if not found:
        return None
    widest = max(found, key=lambda study: study.table("generalisation")["study"].nunique())
    generalisation = widest.table("generalisation")
    return {
        "sentence": verdicts.carried(generalisation),
        "ranks": carried_table(generalisation, widest.titles),
        "losses": carried_losses(generalisation, widest.titles),
    }


def carried_table(generalisation: pd.DataFrame, titles: dict[str, str]) -> str:
    """Rank correlations with test F1 on each new corpus, a column each: regressions carried over first."""
    ranks = generalisation[generalisation["metric"] == "spearman"]
    return _by_corpus(ranks, titles, correlation, ascending=False, bound=True)


def carried_losses(generalisation: pd.DataFrame, titles: dict[str, str]) -> str:
    """Share of each new corpus's F1 that is lost at the common moment, a column per corpus."""
    lost = generalisation[generalisation["metric"] == "loss_at_10_percent_of_pairs"]
    return _by_corpus(lost, titles, loss, ascending=True, bound=False)


def _by_corpus(
    rows: pd.DataFrame, titles: dict[str, str], write: Callable[[Mapping], str], ascending: bool, bound: bool
) -> str:
    corpora, values = rows["study"].unique(), rows.set_index(["selector", "study"])
    means = values["value"].groupby("selector", sort=False).mean()
    carried = [name for name in means.index if name.startswith("carried_over")]
    others = means.drop([*carried, *BOUNDS], errors="ignore").sort_values(ascending=ascending, kind="stable").index
    lines = []
    for name in [*carried, *others, *([BOUNDS[0]] if bound else [])]:
        cells = [write(values.loc[(name, new)]) if (name, new) in values.index else "" for new in corpora]
        lines.append((label(name, titles), *cells))
    return table(("", *map(code, corpora)), lines)


def controls_page(studies: Sequence[PublishedStudy]) -> dict:
    """Who recovers planted relations, and what looks predictable where labels are shuffled.

    Either part is None where no such study is published.
    """
    planted = [study for study in studies if (study.table("selector_metrics")["metric"] == PLANTED).any()]
    null = [study for study in studies if getattr(study.parameters.corpus, "null", False)]
    return {
        "planted": _planted(planted[0]) if planted else None,
        "null": _null(null[0]) if null else None,
    }


def _planted(study: PublishedStudy) -> dict:
    metrics = study.table("selector_metrics").set_index(["metric", "selector"])
    planted = metrics.loc[PLANTED].drop(index=list(BOUNDS))
    finders = planted[differs_from_random(planted) & (planted["value"] > 0)]
    order = metrics.loc[PLANTED].sort_values("value", ascending=False, kind="stable").index
    rows = [
        (label(name, study.titles), *(correlation(metrics.loc[metric].loc[name]) for metric in (PLANTED, "spearman")))
        for name in order
    ]
    best = planted.loc[planted["value"].idxmax()]
    papers = (("ANSAT", "ansat"), ("the regression on it", "regression"))
    missed = [name for name, key in papers if key not in finders.index]
    told = (
        f"{len(finders):,} of {counted(len(planted), 'selector')} {plural(len(finders), 'recovers', 'recover')} the planted "
        f"relations better than chance. The best is {named(best.name, study.titles)}: {correlation(best)}."
    )
    return {
        "name": study.name,
        "sentence": f"{told} Not measurably better: {listing(missed)}." if missed else told,
        "tasks": len(study.table("tasks")),
        "pairs": len(study.matrix),
        "table": table(("selector", "with the planted relations", "with the pairs' test F1"), rows),
        "figure": figure(study, "08_planted_and_found", UP),
    }


def _null(study: PublishedStudy) -> dict:
    ranks, singles = study.ranks.drop(index=list(BOUNDS)), study.table("singles")
    chosen, false = singles[singles["selected"]], int(ranks["differs"].sum())
    farthest = ranks.loc[ranks["over_random_p"].idxmin()]
    helps, hurts = (int(study.matrix[name].sum()) for name in ("helps", "hurts"))
    return {
        "name": study.name,
        "sentence": (
            f"With shuffled labels, {false or 'none'} of {counted(len(ranks), 'selector')} "
            f"{plural(false or 1, 'orders', 'order')} sources differently from chance, with false discoveries controlled. "
            f"The farthest from chance is {named(farthest.name, study.titles)}: {correlation(farthest)}, "
            f"p {number(farthest['over_random_p'], 3)}."
        ),
        "pairs": (
            f"Of {counted(len(study.matrix), 'pair')}, {helps:,} {plural(helps, 'helps', 'help')} and {hurts:,} "
            f"{plural(hurts, 'hurts', 'hurt')} outside the noise of the test texts."
        ),
        "collapsed": (
            f"{int(chosen['collapsed'].sum()):,} of {counted(len(chosen), 'selected single-task model')} "
            f"{plural(int(chosen['collapsed'].sum()), 'predicts', 'predict')} no positive at all."
        ),
        "regression": correlation(study.ranks.loc["regression"]),
    }


def selectors_page(studies: Sequence[PublishedStudy]) -> dict:
    """Every selector on every independent grid of real texts, and the one that recommendations follow."""
    real = independent(studies)
    means, lost, titles = mean_rank_correlations(real), losses(real), real[0].titles
    rows = [
        (label(name, titles), number(row["validation_f1"]), number(row["test_f1"]), _ahead(lost, name))
        for name, row in means.iterrows()
    ]
    heads = ("selector", "mean with validation F1", "mean with test F1", "loses less than random order in")
    return {
        "studies": [code(study.name) for study in real],
        "verdict": [
            best(means, real),
            verdicts.paper_selectors(real),
            promising(means, lost, titles),
            safest(lost, titles),
        ],
        "ranks": ranks_table(real, None),
        "means": table(heads, rows),
    }


def mean_rank_correlations(studies: Sequence[PublishedStudy]) -> pd.DataFrame:
    """Of every selector of the field with the pairs' validation and test F1: mean over targets, then over studies.

    Returns validation_f1 and test_f1 by selector, for those that are defined in every study, the first one falling.
    """
    found = {}
    for column in ("validation_f1", "test_f1"):
        for study in studies:
            rows = study.table("selectors").merge(study.table("pairs")[[*KEYS, column]], on=KEYS).dropna()
            ranks = rows.groupby(["selector", "target"])[["score", column]].apply(
                lambda pairs: spearman(*pairs.to_numpy().T)
            )
            found[column, study.name] = ranks.groupby("selector").mean()
    means = pd.DataFrame(found).dropna().T.groupby(level=0).mean().T
    return means.sort_values("validation_f1", ascending=False, kind="stable")


def best(means: pd.DataFrame, studies: Sequence[PublishedStudy]) -> str:
    """Which selector without trained pairs orders sources best over the studies. means: from ``mean_rank_correlations``."""
    name, titles = means["test_f1"].idxmax(), studies[0].titles
    better = sum(verdicts.beats_chance(study.ranks.loc[name]) for study in studies)
    what = f", {EXPLAINED[name]}" if name in EXPLAINED else ""
    return (
        f"The best selector that needs no trained pair is {named(name, titles)}{what}: mean rank correlation "
        f"{number(means.loc[name, 'test_f1'])}, better than chance in {better} of {len(studies)} studies."
    )


def losses(studies: Sequence[PublishedStudy]) -> pd.DataFrame:
    """What orders that can be followed in every study have lost of the grid's F1 at the common moment: orders x studies."""
    points = {study.name: {order: study.loss(order) for order in study.summary["selectors"]} for study in studies}
    values = {name: {order: point["value"] for order, point in each.items() if point} for name, each in points.items()}
    return pd.DataFrame(values).dropna()


def _ahead(lost: pd.DataFrame, order: str) -> str:
    if order not in lost.index:
        return ""
    return f"{int(lost.loc[order].lt(lost.loc['random']).sum())} of {lost.shape[1]}"


def promising(means: pd.DataFrame, lost: pd.DataFrame, titles: dict[str, str]) -> str:
    """How the selector behind recommendations ranks among all. means: from ``mean_rank_correlations``."""
    place, own = means.index.get_loc(PROMISING) + 1, means.loc[PROMISING]
    best = means.index[0]
    rank = "the highest" if place == 1 else f"number {place} of {len(means)}, behind {named(best, titles)}"
    return (
        f"Recommendations follow {named(PROMISING, titles)}: of {counted(len(means), 'selector')} that look at "
        f"single-task models only, its mean rank correlation with the pairs' validation F1 is {rank} "
        f"({number(own['validation_f1'])}; with test F1 {number(own['test_f1'])}). It loses less F1 than random order in "
        f"{_ahead(lost, PROMISING)} studies."
    )


def safest(lost: pd.DataFrame, titles: dict[str, str]) -> str:
    """Whether any order loses less than a random one in every study. lost: from ``losses``."""
    orders = lost.drop(index=["random", "no_transfer"], errors="ignore")
    always, where = orders.index[orders.lt(lost.loc["random"]).all(axis=1)], f"in all {lost.shape[1]} studies"
    if always.empty:
        return f"No order of training pairs loses less than random order {where}."
    names = listing(named(name, titles) for name in always)
    return f"{names} {plural(len(always), 'loses', 'lose')} less than random order {where}."
