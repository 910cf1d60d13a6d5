"""What a page on trained grids tells: gains, baselines, seeds, selectors, time, data regimes and set-up, study by study."""

from collections.abc import Sequence

import pandas as pd

from lib.report.documents import verdicts
from lib.report.documents.markdown import ABSENT, correlation, f1, figure, gain, loss, rank, table
from lib.report.documents.pictures import COLLAPSE
from lib.report.documents.published import PublishedStudy
from lib.report.figures.style import label
from lib.report.sentences.transfer import average_pair
from lib.report.sentences.words import code, counted, known, number, percent
from lib.selection.contenders import BOUNDS
from lib.selection.promising import PROMISING
from lib.studies.regimes import rank_correlations_by_regime
from lib.transfer.gains import pair_gains_summary

FIGURES = {"gains": "03_chosen_sources", "ranks": "06_controls", "time": "07_f1_against_time"}
OF_THE_PAPER = ("ansat", "ansat_tuned", "regression")
RANKED = 10  # selectors in the table of rank correlations, beside the paper's and a bound
LOSSES = ("regression_sequential", "label_cooccurrence", PROMISING, "logme", "random", "no_transfer")
PAPER_LOSSES = ("regression", PROMISING, "random", "no_transfer")
UP = "../../"  # from docs/results/ to the project's folder


def grid_page(studies: Sequence[PublishedStudy], detailed: Sequence[str]) -> dict:
    """Everything on such a page.

    Args:
        studies: the published studies of the page, the main one first.
        detailed: names of those whose targets and figures are shown.

    Returns:
        The values that grid.md.j2 needs: Markdown tables and figures, and sentences.
    """
    shown = [study for study in studies if study.name in detailed] or list(studies[:1])
    seeded = [study for study in studies if study.has("repeatability")]
    reseeded = [study for study in studies if study.has("reseeded")]
    return {
        "verdict": _verdict(shown, reseeded, seeded),
        "limit": verdicts.limit(studies),
        "gains": gains_table(studies),
        "scores": scores_table(studies),
        "detailed": [_details(study) for study in shown],
        "rivals": [_rivals(study) for study in studies if study.has("rival_scores")],
        "choices": _choices(reseeded) if reseeded else None,
        "seeds": [_seeds(study) for study in seeded],
        "ranks": ranks_table(studies),
        "losses": losses_table(studies, LOSSES),
        "paper_losses": losses_table(studies, PAPER_LOSSES, "paper", "loss_at_0.165"),
        "regimes": _regimes(studies),
        "collapse": {study.name for study in studies} >= set(COLLAPSE),
        "set_up": set_up_table(studies),
    }


def _verdict(
    shown: Sequence[PublishedStudy], reseeded: Sequence[PublishedStudy], seeded: Sequence[PublishedStudy]
) -> list[str]:
    """What the page finds: on each study that is shown in detail, then on baselines and seeds."""
    points = []
    for study in shown:
        own = [
            f"{verdicts.pairs(study.matrix)} {average_pair(_gains(study), study.matrix)}",
            f"{verdicts.choice(study)} {verdicts.helped(study.targets)}",
            *([verdicts.rivals(study)] if study.has("rival_scores") else []),
            verdicts.ranking(study),
            verdicts.time(study, PROMISING),
        ]
        points += [f"{code(study.name)}: {point}" for point in own] if len(shown) > 1 else own
    if reseeded:
        points.append(f"{verdicts.choices(reseeded)} {verdicts.choices(reseeded, 'average_precision')}")
    return points + [f"{code(study.name)}: {verdicts.seeds(study.table('repeatability'))}" for study in seeded]


def _gains(study: PublishedStudy) -> dict:
    return pair_gains_summary(study.matrix, study.parameters.ranking)


def _details(study: PublishedStudy) -> dict:
    figures = {name: figure(study, file, UP) for name, file in FIGURES.items()}
    return {"name": study.name, "targets": targets_table(study.targets), "figures": figures}


def _names(studies: Sequence[PublishedStudy]) -> list[str]:
    return [code(study.name) for study in studies]


def gains_table(studies: Sequence[PublishedStudy]) -> str:
    """How many pairs lower F1, help and hurt, and what validation's choice changes: a row per study."""
    rows = []
    for study in studies:
        matrix = study.matrix
        counts = (str(int(matrix[name].sum())) for name in ("helps", "hurts"))
        credited = int(verdicts.credited(study.targets).sum())
        rows.append(
            (
                code(study.name),
                str(len(matrix)),
                percent((matrix["gain"] < 0).mean(), 0),
                *counts,
                gain(verdicts.chosen_gain(study)),
                gain(study.summary["average_precision_gain"]),
                f"{credited} of {len(study.targets)}",
            )
        )
    heads = (
        "study",
        "pairs",
        "lower F1",
        "help",
        "hurt",
        "change of F1",
        "change of average precision",
        "targets helped",
    )
    return table(heads, rows)


def scores_table(studies: Sequence[PublishedStudy]) -> str:
    """Mean test scores without transfer, of the step-matched baseline and of what validation or test chooses."""
    names = (
        "single_task_f1", "step_matched_f1", "grid_f1", "oracle_f1",
        "single_task_average_precision", "grid_average_precision",
    )  # fmt: skip
    rows = [(code(study.name), *(f1(study.summary[name]) for name in names)) for study in studies]
    heads = ("no transfer", "step-matched", "validation's choice", "test's choice")
    return table(("study", *heads, "no transfer (AP)", "validation's choice (AP)"), rows)


def targets_table(targets: pd.DataFrame) -> str:
    """What validation chooses for every target, and what that gains. targets: from ``target_table``."""
    rows = []
    for row in targets.to_dict("records"):
        cells = (
            gain({"value": row[name], "low": row[f"{name}_low"], "high": row[f"{name}_high"]})
            for name in ("gain", "gain_over_step_matched")
        )
        source = code(row["source"]) if row["source"] else "no transfer"
        rows.append((code(row["target"]), source, f1(row["single_f1"]), *cells))
    return table(("target", "chosen source", "F1 without transfer", "gain", "gain over step-matched"), rows)


def _rivals(study: PublishedStudy) -> dict:
    scores = study.table("rival_scores").set_index(["rival", "metric"])
    means = scores.xs("average_precision", level="metric").sort_values("gain", ascending=False)
    rows = []
    for name, row in means.iterrows():
        gains = [
            gain({"value": each["gain"], "low": each["gain_low"], "high": each["gain_high"]})
            for each in (scores.loc[name, metric] for metric in ("average_precision", "f1_tuned", "f1"))
        ]
        rows.append((label(name), number(row["minutes"], 1), *gains, percent(row["share_gaining"], 0)))
    heads = (
        "way of training", "minutes for one target", "average precision", "F1, tuned threshold", "F1 at 0.5",
        "targets that gain",
    )  # fmt: skip
    return {"name": study.name, "table": table(heads, rows), "figure": figure(study, "03_rivals", UP)}


def _choices(studies: Sequence[PublishedStudy]) -> dict:
    figures = [figure(study, "03_choices", UP) for study in studies]
    return {"table": choices_table(studies), "figures": [each for each in figures if each]}


def choices_table(studies: Sequence[PublishedStudy]) -> str:
    """What the best of a target's pairs and of as many reseeded baselines gain, and their difference."""
    rows = []
    for study in studies:
        for metric, title in (("f1", "F1"), ("average_precision", "average precision")):
            means = verdicts.choice_gains(study, metric)
            cells = (gain(means.loc[name]) for name in ("pairs", "reseeded", "difference"))
            rows.append((code(study.name), title, *cells))
    return table(("study", "score", "best pair", "best reseeded baseline", "difference"), rows)


def _seeds(study: PublishedStudy) -> dict:
    rows = study.table("repeatability").set_index(["metric", "ranked_by", "other_seed"])
    names = {"test_f1": "test F1", "validation_f1": "validation F1"}
    cells = [
        (
            f"{names[part]}, {'another' if other else 'the same'} seed",
            correlation(rows.loc[("spearman", part, other)]),
            gain(rows.loc[("gain", part, other)]),
        )
        for part, other in rows.loc["spearman"].index
    ]
    return {
        "name": study.name,
        "table": table(("sources ordered by", "rank correlation with test F1", "gain of the first (F1)"), cells),
        "figure": figure(study, "03_repeatability", UP),
    }


def ranks_table(studies: Sequence[PublishedStudy], limit: int | None = RANKED) -> str:
    """Rank correlations with test F1, the best mean first; bold where a selector differs from chance.

    Args:
        studies: a column each.
        limit: number of selectors, beside the paper's and the bound; None for all.

    Returns:
        A Markdown table.
    """
    means = rank_correlations_by_regime({study.name: study.table("selector_metrics") for study in studies})
    listed = [*means.index.drop(list(BOUNDS))[:limit], *OF_THE_PAPER, BOUNDS[0]]
    rows = []
    for name in dict.fromkeys(listed):
        cells = [rank(study, name) for study in studies]
        rows.append((label(name, studies[0].titles), *cells, *([_mean(means.loc[name, "mean"])] * (len(studies) > 1))))
    return table(("selector", *_names(studies), *(["mean"] * (len(studies) > 1))), rows)


def _mean(value: float) -> str:
    return number(value) if known(value) else ABSENT


def losses_table(
    studies: Sequence[PublishedStudy],
    orders: Sequence[str],
    accounting: str = "all_inclusive",
    point: str = "loss_at_10_percent_of_pairs",
) -> str:
    """What orders of training pairs have lost of the grid's F1 at one moment.

    Args:
        studies: a column each.
        orders: names of the orders, a row each.
        accounting: "all_inclusive" or "paper".
        point: name of the moment in summary.json.

    Returns:
        A Markdown table; a dash where the moment does not exist for an order.
    """
    rows = [
        (label(order, studies[0].titles), *(loss(study.loss(order, accounting, point)) for study in studies))
        for order in orders
    ]
    return table(("order", *_names(studies)), rows)


def _regimes(studies: Sequence[PublishedStudy]) -> dict | None:
    """The regimes of the study that compares most of them; None where none compares any."""
    found = [study.table("regimes") for study in studies]
    widest = max(found, key=lambda rows: rows["study"].nunique())
    if widest["study"].nunique() < 2:
        return None
    return {"sentence": verdicts.regimes(widest), "table": regimes_table(widest)}


def regimes_table(regimes: pd.DataFrame) -> str:
    """Gains by the number of training texts of either side. regimes: the table of this name."""
    values, rows = regimes.set_index(["study", "quantity"]), []
    for study, row in regimes.drop_duplicates("study").set_index("study").iterrows():
        sizes = (f"{row[f'{side}_texts']:,.0f}" for side in ("source", "target"))
        cells = (gain(values.loc[(study, quantity)]) for quantity in ("mean_gain", "chosen_gain"))
        share = percent(values.loc[(study, "share_gaining"), "value"], 0)
        rows.append((code(study), *sizes, *cells, share))
    heads = (
        "study",
        "source texts",
        "target texts",
        "mean gain of all sources (F1)",
        "gain of validation's choice (F1)",
    )
    return table((*heads, "sources with a gain"), rows)


def set_up_table(studies: Sequence[PublishedStudy]) -> str:
    """What was trained, in what time, on what: a row per quantity, a column per study."""
    columns = [_set_up(study) for study in studies]
    return table(("", *_names(studies)), [(name, *(column[name] for column in columns)) for name in columns[0]])


def _set_up(study: PublishedStudy) -> dict[str, str]:
    summary, tasks = study.summary, study.table("tasks")
    environment, settings = summary["environment"], study.table("singles")["setting"].nunique()
    every = study.parameters.target_setting == "all"
    return {
        "corpus": code(summary["dataset"]),
        "encoder": code(summary["encoder"]),
        "tasks": str(summary["n_tasks"]),
        "training texts of a source (median)": f"{tasks['source_texts'].median():,.0f}",
        "training texts of a target (median)": f"{tasks['target_texts'].median():,.0f}",
        "settings of a single-task model": str(settings),
        "settings of a pair": str(settings) if every else "its target's best",
        "seeds": str(summary["n_seeds"]),
        "models": f"{summary['models_trained']:,}",
        "models that predict no positive": str(summary["models_collapsed"]),
        "hours of one worker for the grid": number(summary["grid_seconds"] / 3600, 1),
        "share of single-task models in that time": percent(summary["single_task_share_of_grid"], 0),
        "time of attribution as a share of the grid's": percent(summary["conductance_share_of_grid"]),
        "median completeness error": percent(summary["completeness_error_median"]),
        "machine": f"{counted(environment['cores'], 'core')} ({environment['device']}), {environment['precision']}",
    }
