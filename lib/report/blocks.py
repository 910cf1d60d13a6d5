"""Blocks of numbers for the documents, each written from a study's published tables."""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from lib.report.captions import CAPTIONS
from lib.report.figures.style import label
from lib.report.summary import beside_the_paper, seconds_by_phase, set_up_beside_the_paper
from lib.selection.comparison import differs_from_random
from lib.selection.contenders import BOUNDS
from lib.storage.tables import read_table
from lib.study.parameters import Study
from lib.transfer.seeds import mean_choice_gains


def selector_titles(folder: Path) -> dict[str, str]:
    """How a published study names its selectors."""
    return read_table(folder / "tables", "selector_costs").set_index("selector")["title"].to_dict()


def published_summary(folder: Path) -> dict:
    return json.loads((folder / "summary.json").read_text())


OF_THE_PAPER = ["ansat", "ansat_tuned", "regression"]
SHOWN_RANKS = 6  # selectors in README.md's table of the regimes
SHOWN_LOSSES = ("regression_sequential", "label_cooccurrence", "linear_probe", "logme", "random", "no_transfer")
LOST = "F1 lost after attribution and 10 % of the pairs' time"
RANKED = "rank correlation with test F1 within targets"
README_FIGURES = ("03_chosen_sources", "06_controls", "07_f1_against_time")


def planted_block(study: Study, folder: Path) -> str:
    """Who finds planted relations, beside who ranks the pairs' F1, from the table "selector_metrics"."""
    metrics = read_table(folder / "tables", "selector_metrics").set_index(["metric", "selector"])
    titles = selector_titles(folder)
    planted, measured = metrics.loc["spearman_with_planted"], metrics.loc["spearman"]
    rows = [
        (label(name, titles), *map(_correlation, (planted.loc[name], measured.loc[name])))
        for name in planted.sort_values("value", ascending=False, kind="stable").index
    ]
    table = _table(("selector", "with the planted relatedness", "with the pairs' test F1"), rows)
    tasks, pairs = (len(read_table(folder / "tables", name)) for name in ("tasks", "pairs"))
    return f"""Mean rank correlation within a target, 95 % intervals over targets ({tasks} tasks, {pairs} pairs, a tiny random encoder):

![Who finds the planted relations](figures/{study.name}/08_planted_and_found.png)
*Filled dots differ from random order, false discoveries controlled at 5 %; bounds are not tested.*

<details><summary>In numbers</summary>

{table}

</details>"""


def shuffled_block(folder: Path) -> str:
    """What looks like transfer, or predictable, where there is nothing: hopefully nothing."""
    matrix, singles, scores, metrics = (
        read_table(folder / "tables", name)
        for name in ("transfer_matrix", "singles", "regression_scores", "selector_metrics")
    )
    chosen = singles[singles["selected"]]
    keys = ["protocol", "model", "judged_against", "score"]
    rank = scores.set_index(keys).loc[("leave_one_target_out", "regression", "test_f1", "spearman")]
    found = metrics[metrics["metric"] == "spearman"].set_index("selector").drop(index=list(BOUNDS))
    real, least = differs_from_random(found), found.loc[found["over_random_p"].idxmin()]
    return f"""In the control {int(matrix["helps"].sum())} of {len(matrix)} pairs help and {int(matrix["hurts"].sum())} hurt outside the noise of the test texts (the more positives a
model predicts, the larger its F1, also of labels without meaning), {int(chosen["collapsed"].sum())} of {len(chosen)} selected single-task models predict no positive at all, {int(real.sum())} of {len(found)} selectors rank sources otherwise than random order does (false
discoveries controlled at 5 %; at p of 0.05 or less stand {int((found["over_random_p"] <= 0.05).sum())}, the farthest from chance is {label(least.name, selector_titles(folder))} with {_correlation(least)}, p {least["over_random_p"]:.3f}), and the regression's rank correlation is {_correlation(rank)}. Its
tables and figures are in [figures/shuffled](figures/shuffled)."""


def regimes_block(regimes: pd.DataFrame, ranks: pd.DataFrame, titles: dict[str, str]) -> str:
    """Gains by regime, and who ranks sources in all of them: the SHOWN_RANKS best, and the paper's own."""
    sizes = regimes.drop_duplicates("study").set_index("study")
    names = {name: f"{row.source_texts:.0f} → {row.target_texts:.0f}" for name, row in sizes.iterrows()}
    values = regimes.set_index(["study", "quantity"])
    heads = ("texts of source → target", "mean gain of all sources (F1)", "gain of the source that validation chooses")
    gains = []
    for name, shown in names.items():
        cells = [values.loc[(name, quantity)] for quantity in ("mean_gain", "chosen_gain", "share_gaining")]
        gains.append((shown, _gain(cells[0]), _gain(cells[1]), f"{cells[2]['value']:.0%}"))
    listed = [*ranks.index.drop(list(BOUNDS))[:SHOWN_RANKS], *OF_THE_PAPER, *BOUNDS[:1]]
    correlations = [
        (label(selector, titles), *(f"{ranks.loc[selector, name]:.2f}" for name in [*names, "mean"]))
        for selector in dict.fromkeys(listed)
    ]
    tables = (
        _table((*heads, "sources with a gain"), gains),
        _table(("rank correlation with test F1", *names.values(), "mean"), correlations),
    )
    return "\n\n".join(tables)


def repeatability_block(found: pd.DataFrame) -> str:
    """What ranks the sources, how it ranks their test F1, and what its first choice gains."""
    table = found.set_index(["metric", "ranked_by", "other_seed"])
    rows = []
    for part, other in table.loc["spearman"].index:
        rank, gain = (table.loc[(metric, part, other)] for metric in ("spearman", "gain"))
        name = f"{part.removesuffix('_f1')} F1 with {'another' if other else 'the same'} seed"
        rows.append((name, _correlation(rank), _gain(gain)))
    return _table(("sources ranked by", "rank correlation with test F1", "gain of the first choice (F1)"), rows)


def seeds_block(summary: dict, tables: dict[str, pd.DataFrame]) -> str:
    """What helps, who ranks the sources and what orders lose, all in the mean over a study's seeds.

    An order by the sources' expected F1 would be correlated with the mean of n seeds as the root of their reliability,
    n r / (1 + (n - 1) r), where r correlates two single ones (Spearman 1910, Brown 1910). tables: by name,
    "repeatability", "transfer_matrix", "selector_metrics" and "selector_costs".
    """
    orders, n = ("linear_probe", "random", "no_transfer"), summary["n_seeds"]
    r = tables["repeatability"].set_index(["ranked_by", "other_seed", "metric"])["value"]["test_f1", True, "spearman"]
    reachable, matrix = math.sqrt(max(n * r / (1 + (n - 1) * r), 0)), tables["transfer_matrix"]
    rows = [
        (
            "outside the noise: targets helped; pairs that help, and that hurt",
            f"{summary['tasks_helped']} of {summary['n_tasks']}; {matrix['helps'].sum()} and {matrix['hurts'].sum()} "
            f"of {len(matrix)}",
        ),
        *_rank_rows(tables["selector_metrics"], tables["selector_costs"]),
        (f"{RANKED}: of the order by expected F1, which nobody knows, about", f"{reachable:.2f}"),
        (
            f"{LOST}, all-inclusive: linear probe; random order; no transfer",
            "; ".join(_with_interval(_lost(summary, order)) for order in orders),
        ),
    ]
    return _table((f"in the mean of {n} seeds", "value"), rows)


def choices_block(published: Path, studies: Iterable[Study]) -> str:
    """What validation's choice among a target's pairs gains, among as many reseeded, and the first less the second."""
    rows = []
    for study in studies:
        chosen = read_table(published / study.name / "tables", "choices")
        for metric, title in (("f1", "F1"), ("average_precision", "average precision")):
            means = mean_choice_gains(chosen, study.ranking, f"test_{metric}")
            gains = (_gain(means.loc[name]) for name in ("pairs", "reseeded", "difference"))
            rows.append((f"`{study.name}`, gain in {title}", *gains))
    return _table(("chosen on validation", "among a target's pairs", "among as many reseeded", "difference"), rows)


def generalisation_block(found: pd.DataFrame, titles: dict[str, str]) -> str:
    """Rank correlations with test F1 on each corpus as the new one: regressions carried over to it, then the others."""
    ranks = found[found["metric"] == "spearman"].set_index(["selector", "study"])
    studies = found["study"].unique()
    means = ranks["value"].groupby("selector", sort=False).mean()
    carried = [name for name in means.index if name.startswith("carried_over")]
    others = means.drop([*carried, *BOUNDS]).sort_values(ascending=False, kind="stable").index
    rows = []
    for name in [*carried, *others, BOUNDS[0]]:
        cells = [_correlation(ranks.loc[(name, new)]) if (name, new) in ranks.index else "" for new in studies]
        rows.append((label(name, titles), *cells))
    return _table(("rank correlation with test F1", *(f"`{name}`" for name in studies)), rows)


def paper_block(study: Study, summary: dict, singles: pd.DataFrame) -> str:
    """What the paper reports beside what this study found, and how the two differ."""
    environment, name = summary["environment"], "03_chosen_sources"
    machine = f"{environment['cores']} cores ({environment['device']}), {environment['precision']}"
    return f"""Study `{study.name}`, {summary["models_trained"]} models on {machine}, {summary["n_seeds"]} seed; time and F1 lost by the paper's accounting:

{markdown_frame(beside_the_paper(summary))}

{markdown_frame(set_up_beside_the_paper(study, summary, singles))}

![{CAPTIONS[name]}](figures/{study.name}/{name}.png)
*{CAPTIONS[name]}*"""


def losses_block(published: Path, studies: Iterable[str], titles: dict[str, str]) -> str:
    """What procedures lose of each published grid's F1 at the same moment, all-inclusive."""
    summaries = {name: published_summary(published / name) for name in studies}
    rows = [
        (label(order, titles), *(_with_interval(_lost(summary, order)) for summary in summaries.values()))
        for order in SHOWN_LOSSES
    ]
    return _table((LOST, *(f"`{name}`" for name in summaries)), rows)


def _lost(summary: dict, order: str) -> dict | None:
    return summary["selectors"][order]["all_inclusive"]["loss_at_10_percent_of_pairs"]


def headline_block(study: Study, summary: dict, tables: dict[str, pd.DataFrame]) -> str:
    """The headline numbers and three figures of a study."""
    best, chance = (summary["selectors"][name] for name in ("regression", "random"))
    procedures = ("regression_sequential", "label_cooccurrence", "linear_probe", "random")
    lost = [_lost(summary, name) for name in procedures]
    precision = summary["average_precision_gain"]
    environment = summary["environment"]
    spent = seconds_by_phase(tables).sum()
    rows = [
        (
            "tasks; ordered pairs; seeds; models trained; and for the step-matched baselines",
            f"{summary['n_tasks']}; {summary['n_pairs']}; {summary['n_seeds']}; {summary['models_trained']}; {len(tables['step_matched'])}",
        ),
        (
            "models that collapsed (no positive predicted) at their first try; at every try",
            f"{summary['models_tried_again']}; {summary['models_collapsed']}",
        ),
        (
            "minutes of one worker for everything; of the grid alone",
            f"{spent / 60:.0f}; {summary['grid_seconds'] / 60:.0f}",
        ),
        (
            "mean test F1 without transfer; with each target's validation-best; with the test-best, which nobody can know",
            f"{summary['single_task_f1']:.3f}; {summary['grid_f1']:.3f}; {summary['oracle_f1']:.3f}",
        ),
        (
            "mean test average precision of the same models: without transfer; validation-best; difference",
            f"{summary['single_task_average_precision']:.3f}; {summary['grid_average_precision']:.3f}; "
            f"{precision['value']:+.3f} ({precision['low']:+.3f} to {precision['high']:+.3f})",
        ),
        (
            "mean test F1 of single-task models trained for a pair's steps; targets whose chosen pair beats them",
            f"{summary['step_matched_f1']:.3f}; {summary['tasks_beating_step_matched']}",
        ),
        (
            "targets that gain; outside the noise of the test texts",
            f"{summary['tasks_gaining']}; {summary['tasks_helped']}",
        ),
        (
            "share of pairs with a loss; outside the noise of the test texts",
            f"{summary['negative_transfer_rate']:.0%}; {summary['significantly_negative_transfer_rate']:.0%}",
        ),
        (
            "time of attribution, share of the grid; median completeness error",
            f"{summary['conductance_share_of_grid']:.1%}; {summary['completeness_error_median']:.2%}",
        ),
        (
            "F1 lost at 16.5 % of the pairs' time, paper's accounting: regression; random order",
            "; ".join(_with_interval(each["paper"]["loss_at_0.165"]) for each in (best, chance)),
        ),
        (
            f"{LOST}, all-inclusive: sequential regression; label "
            "co-occurrence alone, which chooses its first batch; linear probe; random order",
            "; ".join(map(_with_interval, lost)),
        ),
        ("single-task models, share of the grid's time", f"{summary['single_task_share_of_grid']:.0%}"),
        *_rank_rows(tables["selector_metrics"], tables["selector_costs"]),
    ]
    figures = "\n\n".join(
        f"![{CAPTIONS[name]}](figures/{study.name}/{name}.png)\n*{CAPTIONS[name]}*" for name in README_FIGURES
    )
    machine = f"{environment['cores']} cores ({environment['device']}), {environment['precision']}, torch {environment['torch']}"
    return f"Study `{study.name}`, measured on {machine}:\n\n{_table(('quantity', 'value'), rows)}\n\n{figures}"


def _rank_rows(metrics: pd.DataFrame, costs: pd.DataFrame) -> list[tuple[str, str]]:
    """Who orders a target's sources like their test F1 does: rank correlations with their intervals."""
    ranks = metrics[metrics["metric"] == "spearman"].set_index("selector")
    field = ranks.loc[ranks.index.intersection(costs["selector"])]
    best = field["value"].idxmax()
    spoken = {
        "regression": "the regression",
        "ansat": "ANSAT alone",
        best: f"the best, on the same test, of {len(field)} selectors of the field "
        f"({label(best, costs.set_index('selector')['title'].to_dict())})",
        "validation_best": "the pairs' own validation F1, the bound of all that choose by it",
    }
    return [(f"{RANKED}: {text}", _correlation(ranks.loc[name])) for name, text in spoken.items()]


def _correlation(row: pd.Series) -> str:
    """A rank correlation with its interval as '0.52 (0.35 to 0.68)'."""
    return f"{row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f})"


def _gain(row: pd.Series) -> str:
    """A difference of F1 with its interval as '+0.025 (-0.010 to +0.058)'."""
    return f"{row['value']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})"


def _with_interval(point: dict | None) -> str:
    """A point of summary.json as '3.1 % (0.5 to 6.0)'; a dash where it does not exist."""
    if point is None:
        return "–"
    bounds = ["never" if point[end] is None else f"{100 * point[end]:.1f}" for end in ("low", "high")]
    return f"{100 * point['value']:.1f} % ({bounds[0]} to {bounds[1]})"


def markdown_frame(frame: pd.DataFrame) -> str:
    """A table as Markdown; fractions with three digits."""
    shown = frame.map(lambda value: f"{value:.3g}" if isinstance(value, float) else str(value))
    return _table(list(shown.columns), shown.itertuples(index=False, name=None))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table of cells that are written already."""
    lines = [f"| {' | '.join(row)} |" for row in (heads, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(heads), *lines[1:]])
