"""The study's headline numbers, in the order of the paper's claims, in one file: summary.json."""

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version

import pandas as pd

from lib.selection.fusion import FUSED
from lib.storage.ledger import write_atomically
from lib.storage.schemas import PHASES
from lib.study.parameters import Study
from lib.time_saving.costs import attribution_seconds, grid_seconds, single_task_share_of_grid
from lib.time_saving.curves import Curve, points
from lib.transfer.gains import average_precision_summary, transfer_summary

# What the paper reports (ECIR 2022): set beside a study's own numbers, never used in a computation.
PAPER = {
    "tasks": 12, "models_trained": 896, "grid_hours": 60.6, "grid_f1": 0.3199, "tasks_helped": 8,
    "mean_relative_gain_of_helped": 0.124, "largest_relative_gain": 3.41, "largest_gain_target": "FirstPartyObservation",
    "f1_at_0.495": 0.3003, "loss_at_0.495": 0.0612, "f1_at_0.165": 0.2859, "loss_at_0.165": 0.1063,
}  # fmt: skip


def priced_tables(study: Study) -> list[str]:
    """Names of the tables that ``seconds_by_phase`` adds up."""
    names = ["singles", "pairs", "step_matched", "conductance", "tradeoff", "feature_extraction", "selector_costs"]
    return names + ["reseeded"] * study.reseeded + ["checkpoints"] * bool(study.checkpoints)


def summarise(
    study: Study,
    singles: pd.DataFrame,
    pairs: pd.DataFrame,
    matrix: pd.DataFrame,
    conductance: pd.DataFrame,
    curves: list[Curve],
) -> dict:
    """All headline numbers of a finished study; seconds are seconds of one worker."""
    grid, attribution = grid_seconds(singles, pairs), attribution_seconds(conductance)
    return {
        "study": study.name,
        "dataset": study.corpus.dataset,
        "encoder": study.encoder.name,
        "n_tasks": matrix["target"].nunique(),
        "n_seeds": len(study.seeds),
        "n_pairs": len(matrix),
        "models_trained": len(singles) + len(pairs),
        "models_collapsed": int(singles["collapsed"].sum() + pairs["collapsed"].sum()),
        "models_tried_again": int((singles["tries"] - 1).sum() + (pairs["tries"] - 1).sum()),
        "grid_seconds": grid,
        **transfer_summary(matrix),
        **average_precision_summary(matrix, singles, pairs, study.ranking.bootstrap, study.ranking.seed),
        "conductance_seconds": attribution,
        "conductance_share_of_grid": attribution / grid,
        "completeness_error_median": float(conductance["completeness_error_relative"].median()),
        "single_task_share_of_grid": single_task_share_of_grid(singles, pairs),
        "selectors": points(curves),
        "environment": environment(study, pairs),
    }


def environment(study: Study, pairs: pd.DataFrame) -> dict:
    """What the numbers were measured on."""
    return {
        "python": platform.python_version(),
        "torch": version("torch"),
        "device": ", ".join(sorted(pairs["device"].unique())),
        "cores": study.engine.processes,
        "precision": ", ".join(sorted(pairs["precision"].unique())),
    }


def write_summary(study: Study, summary: dict) -> None:
    content = json.dumps(summary, indent=1, allow_nan=False) + "\n"
    write_atomically(study.folder / "summary.json", content.encode())


def seconds_by_phase(tables: Mapping[str, pd.DataFrame]) -> pd.Series:
    """Seconds of one worker by phase (PHASES); they add up to everything that was spent on models.

    tables: by name, the ``priced_tables``.
    """
    kinds = ["singles", "pairs", "step_matched", *(["reseeded"] if "reseeded" in tables else [])]
    models = pd.concat([tables[name] for name in kinds])
    training = [tables[name]["train_seconds"].sum() for name in kinds]
    predicting, loading, lost = (models[f"{kind}_seconds"].sum() for kind in ("predict", "other", "failed"))
    if "checkpoints" in tables:
        predicting += tables["checkpoints"]["predict_seconds"].sum()
    conductance, tradeoff, costs = (tables[name] for name in ("conductance", "tradeoff", "selector_costs"))
    other = tradeoff[~tradeoff["resampled"] & ~tradeoff["steps"].isin(conductance["steps"])]
    scoring = costs.loc[~costs["selector"].isin(FUSED), "scoring_seconds"].sum()  # the fused count their parts again
    spent = [
        *training, predicting, loading, lost, attribution_seconds(conductance),
        len(conductance) * other["seconds"].sum(), tables["feature_extraction"]["seconds"].sum(), scoring,
    ]  # fmt: skip
    return pd.Series(
        spent, index=[phase for phase in PHASES if phase != "training reseeded baselines" or "reseeded" in tables]
    )


def beside_the_estimate(estimated: pd.DataFrame, spent: pd.Series) -> pd.DataFrame:
    """Minutes of one worker by phase, estimated before the study began and spent, and their ratio.

    estimated: the table "estimate". spent: from ``seconds_by_phase``. What was lost or collapsed was not foreseen.
    """
    table = pd.DataFrame({"estimated": estimated.set_index("phase")["seconds"], "spent": spent}) / 60
    return table.reindex(spent.index).assign(ratio=table["spent"] / table["estimated"])


def procedure_losses(summary: dict) -> pd.DataFrame:
    """Share of the grid's F1 that every procedure loses, all-inclusive, after attribution and 10 % of the pairs' time:
    value, low, high, by order. Those that learn from the whole grid are left out."""
    found = {name: both["all_inclusive"]["loss_at_10_percent_of_pairs"] for name, both in summary["selectors"].items()}
    return pd.DataFrame.from_dict({name: point for name, point in found.items() if point}, orient="index", dtype=float)


def points_table(summary: dict) -> pd.DataFrame:
    """All points of all orders: a row per accounting and order; empty where a point does not exist."""
    rows = {
        (accounting, order): {name: point["value"] if point else None for name, point in points_of.items()}
        for order, both in summary["selectors"].items()
        for accounting, points_of in both.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", dtype=float).sort_index()


def beside_the_paper(summary: dict) -> pd.DataFrame:
    """The paper's numbers beside this study's: quantity, paper, this study (regression, paper's accounting)."""
    points_of = summary["selectors"]["regression"]
    top = summary["largest_gain"] or {"relative_gain": None, "target": None}
    rows = [
        ("tasks", PAPER["tasks"], summary["n_tasks"]),
        ("models trained", PAPER["models_trained"], summary["models_trained"]),
        ("hours of the grid", PAPER["grid_hours"], summary["grid_seconds"] / 3600),
        ("F1 of the best model per task", PAPER["grid_f1"], summary["grid_f1"]),
        ("F1 without transfer", None, summary["single_task_f1"]),
        ("tasks that gain", PAPER["tasks_helped"], summary["tasks_gaining"]),
        (
            "their mean relative gain, where F1 was above 0",
            PAPER["mean_relative_gain_of_helped"],
            summary["mean_relative_gain_of_gaining"],
        ),
        ("tasks that gain outside the noise", None, summary["tasks_helped"]),
        ("their mean relative gain", None, summary["mean_relative_gain_of_helped"]),
        ("largest relative gain", PAPER["largest_relative_gain"], top["relative_gain"]),
        ("of target", PAPER["largest_gain_target"], top["target"]),
    ]
    for share in ("0.495", "0.165"):
        for figure in ("f1_at", "loss_at"):
            found = points_of["paper"][f"{figure}_{share}"]
            name = f"{'F1' if figure == 'f1_at' else 'F1 lost'} at {100 * float(share):.1f} % of the time"
            rows.append((name, PAPER[f"{figure}_{share}"], found and found["value"]))
    return pd.DataFrame(rows, columns=["quantity", "paper", "this study"]).fillna("")


def set_up_beside_the_paper(study: Study, summary: dict, singles: pd.DataFrame) -> pd.DataFrame:
    """How this study differs from the paper's: aspect, paper, this study, and what the difference can explain.

    summary: from ``summarise``; singles: the table of this name. What the paper does not say is said to be unknown.
    """
    targets, environment = singles[singles["side"] != "source"], summary["environment"]
    sizes = (f"{targets[name].min():,} to {targets[name].max():,}" for name in ("texts", "positives"))
    starts = {"best": "the source's validation-best model", "all": "each of the source's models"}
    ends = {"best": "its target's best setting", "all": "every setting"}
    pairs = f"from {starts[study.source_setting]}, with {ends[study.target_setting]}"
    rows = [
        ("data", "TREC-IS 2020-A", summary["dataset"], "levels of F1; which tasks are rare, and so have much to gain"),
        ("encoder", "BERT", summary["encoder"], "levels of F1; hours"),
        ("texts of a target; positives", "unknown", "; ".join(sizes), "the fewer positives, the more there is to gain"),
        ("settings", "4, unknown which", len(study.settings), "a weak baseline makes every source look good"),
        ("pairs are trained", "unknown", pairs, "the best of more models is higher, and luckier"),
        ("seeds", "unknown", len(study.seeds), "one seed's F1 of a rare task is mostly noise"),
        ("a gain counts", "apparently if above 0", "if above 0; and outside the noise", "the noise of few positives"),
        ("hours", "hardware unknown", f"{environment['device']}, {environment['cores']} workers", "hours"),
    ]
    return pd.DataFrame(rows, columns=["aspect", "paper", "this study", "can explain"])
