"""The study's headline numbers in one file, summary.json, and the tables that set them beside the paper's."""

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version

import pandas as pd

from lib.selection.fusion import FUSED
from lib.storage.ledger import write_atomically
from lib.study.parameters import Study
from lib.time_saving.costs import attribution_seconds, grid_seconds, single_task_share_of_grid
from lib.time_saving.curves import Curve, points
from lib.transfer.collapse import rank_summary
from lib.transfer.gains import average_precision_summary, pair_gains_summary, transfer_summary
from lib.transfer.pairs import of_side
from lib.transfer.rivals import rivals_summary

# What the paper reports (ECIR 2022): set beside a study's own numbers, never used in a computation.
PAPER = {
    "tasks": 12, "models_trained": 896, "grid_hours": 60.6, "grid_f1": 0.3199, "tasks_helped": 8,
    "mean_relative_gain_of_helped": 0.124, "largest_relative_gain": 3.41, "largest_gain_target": "FirstPartyObservation",
    "f1_at_0.495": 0.3003, "loss_at_0.495": 0.0612, "f1_at_0.165": 0.2859, "loss_at_0.165": 0.1063,
}  # fmt: skip

TRAINED = {  # phases of training, and the tables of what was trained
    "training single-task models": "singles",
    "training transfer models": "pairs",
    "training step-matched baselines": "step_matched",
    "training reseeded baselines": "reseeded",
    "training rivals": "rivals",
}


SUMMARISED = ("singles", "pairs", "transfer_matrix", "conductance", "rival_scores", "representations")


def priced_tables(study: Study) -> list[str]:
    """Names of the tables that ``seconds_by_phase`` adds up."""
    names = ["singles", "pairs", "step_matched", "conductance", "tradeoff", "feature_extraction", "selector_costs"]
    asked = {"reseeded": study.reseeded, "rivals": study.rivals.kinds, "checkpoints": study.checkpoints}
    return names + [name for name, wanted in asked.items() if wanted]


def summarise(study: Study, tables: Mapping[str, pd.DataFrame], curves: list[Curve]) -> dict:
    """All headline numbers of a finished study: the content of summary.json. Seconds are those of one worker.

    tables: those of SUMMARISED; "repeatability" where the study has several seeds. curves: of every order and rival, under
    both accountings.
    """
    singles, pairs, matrix, conductance = (tables[name] for name in SUMMARISED[:4])
    grid, attribution = grid_seconds(singles, pairs), attribution_seconds(conductance)
    return {
        "study": study.name,
        "dataset": study.corpus.dataset,
        "encoder": study.encoder.name,
        "recipe": recipe(study),
        "n_tasks": matrix["target"].nunique(),
        "n_seeds": len(study.seeds),
        "n_pairs": len(matrix),
        "models_trained": len(singles) + len(pairs),
        "models_collapsed": int(singles["collapsed"].sum() + pairs["collapsed"].sum()),
        "models_tried_again": int((singles["tries"] - 1).sum() + (pairs["tries"] - 1).sum()),
        "grid_seconds": grid,
        **transfer_summary(matrix),
        **average_precision_summary(matrix, singles, pairs, study.ranking.bootstrap, study.ranking.seed),
        **pair_gains_summary(matrix, study.ranking),
        "rivals": rivals_summary(tables["rival_scores"]),
        "seed_agreement": seed_agreement(tables.get("repeatability")),
        "effective_rank": rank_summary(tables["representations"]),
        "conductance_seconds": attribution,
        "conductance_share_of_grid": attribution / grid,
        "completeness_error_median": float(conductance["completeness_error_relative"].median()),
        "single_task_share_of_grid": single_task_share_of_grid(singles, pairs),
        "selectors": points(curves),
        "environment": environment(study, pairs),
    }


def recipe(study: Study) -> dict:
    """How the study trains: the settings of either side, what the head reads and how it starts, and what is carried over."""
    settings = {side: [each.model_dump() for each in study.settings_of(side)] for side in ("source", "target")}
    return {**settings, "pooling": study.encoder.pooling, **study.transfer.model_dump()}


def seed_agreement(repeatability: pd.DataFrame | None) -> dict | None:
    """Rank correlation of two seeds' orders of a target's sources by test F1: value, low, high; None with one seed."""
    if repeatability is None:
        return None
    rows = repeatability.set_index(["ranked_by", "other_seed", "metric"])
    agreement = rows.loc[("test_f1", True, "spearman")]
    return {name: None if pd.isna(agreement[name]) else float(agreement[name]) for name in ("value", "low", "high")}


def environment(study: Study, pairs: pd.DataFrame) -> dict:
    """Software, hardware and numeric precision that the numbers were measured with. pairs: the table of this name."""
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
    """Seconds of one worker by phase (PHASES), together all that was spent on models. tables: the ``priced_tables``.

    Joint sources are in no table of their own: all their seconds count as training of rivals.
    """
    trained = {phase: tables[name] for phase, name in TRAINED.items() if name in tables}
    spent = {phase: table["train_seconds"].sum() for phase, table in trained.items()}
    if "rivals" in tables:
        joint = tables["rivals"]["kind"] == "joint"
        spent["training rivals"] += tables["rivals"].loc[joint, "source_seconds"].sum()
    models = pd.concat(trained.values())
    predicting, loading, lost = (models[f"{kind}_seconds"].sum() for kind in ("predict", "other", "failed"))
    if "checkpoints" in tables:
        predicting += tables["checkpoints"]["predict_seconds"].sum()
    conductance, tradeoff, costs = (tables[name] for name in ("conductance", "tradeoff", "selector_costs"))
    other = tradeoff[~tradeoff["resampled"] & ~tradeoff["steps"].isin(conductance["steps"])]
    scoring = costs.loc[~costs["selector"].isin(FUSED), "scoring_seconds"].sum()  # the fused count their parts again
    spent |= {
        "predicting": predicting,
        "loading and saving": loading,
        "lost and collapsed tries": lost,
        "conductance": attribution_seconds(conductance),
        "conductance with other steps": len(conductance) * other["seconds"].sum(),
        "feature extraction": tables["feature_extraction"]["seconds"].sum(),
        "scoring by selectors": scoring,
    }
    return pd.Series(spent)


def beside_the_estimate(estimated: pd.DataFrame, spent: pd.Series) -> pd.DataFrame:
    """Minutes of one worker by phase: estimated before the study began, spent, and their ratio.

    Lost and collapsed tries are not estimated. estimated: the table "estimate". spent: from ``seconds_by_phase``.
    """
    table = pd.DataFrame({"estimated": estimated.set_index("phase")["seconds"], "spent": spent}) / 60
    return table.reindex(spent.index).assign(ratio=table["spent"] / table["estimated"])


def procedure_losses(summary: dict, moment: str = "loss_at_10_percent_of_pairs") -> pd.DataFrame:
    """Share of the grid's F1 that every procedure loses, all-inclusive, by a moment: after attribution and 10 % of the
    pairs' time, or another point of summary.json.

    Returns value, low, high by order, without orders that learn from the whole grid or have not started by then.
    """
    points_of = {name: both["all_inclusive"][moment] for name, both in summary["selectors"].items()}
    losses = {name: point for name, point in points_of.items() if point}
    return pd.DataFrame.from_dict(losses, orient="index", columns=["value", "low", "high"], dtype=float)


def points_table(summary: dict) -> pd.DataFrame:
    """All points of all orders: a row per accounting and order; NaN where a point does not exist."""
    rows = {
        (accounting, order): {name: point["value"] if point else None for name, point in points_of.items()}
        for order, both in summary["selectors"].items()
        for accounting, points_of in both.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", dtype=float).sort_index()


def beside_the_paper(summary: dict) -> pd.DataFrame:
    """The paper's numbers beside this study's: quantity, paper, this study. Times are by the paper's accounting."""
    points_of = summary["selectors"]["regression"]
    top = summary["largest_gain"] or {"relative_gain": None, "target": None}
    rows = [
        ("tasks", PAPER["tasks"], summary["n_tasks"]),
        ("models trained", PAPER["models_trained"], summary["models_trained"]),
        ("hours of training the grid", PAPER["grid_hours"], summary["grid_seconds"] / 3600),
        ("mean F1 of each task's best model", PAPER["grid_f1"], summary["grid_f1"]),
        ("mean F1 without transfer", None, summary["single_task_f1"]),
        ("tasks that gain", PAPER["tasks_helped"], summary["tasks_gaining"]),
        (
            "mean relative gain of these tasks (where F1 was above 0)",
            PAPER["mean_relative_gain_of_helped"],
            summary["mean_relative_gain_of_gaining"],
        ),
        ("tasks that gain outside the noise", None, summary["tasks_helped"]),
        ("mean relative gain of these tasks", None, summary["mean_relative_gain_of_helped"]),
        ("largest relative gain", PAPER["largest_relative_gain"], top["relative_gain"]),
        ("task of the largest relative gain", PAPER["largest_gain_target"], top["target"]),
    ]
    for share in ("0.495", "0.165"):
        for score, name in {"f1_at": "mean F1", "loss_at": "share of the grid's F1 lost"}.items():
            point = points_of["paper"][f"{score}_{share}"]
            moment = f"after {100 * float(share):.1f} % of the time"
            rows.append((f"{name} {moment}", PAPER[f"{score}_{share}"], point and point["value"]))
    return pd.DataFrame(rows, columns=["quantity", "paper", "this study"]).fillna("")


def set_up_beside_the_paper(study: Study, summary: dict, singles: pd.DataFrame) -> pd.DataFrame:
    """How this study's set-up differs from the paper's: aspect, paper, this study, and what the difference may explain.

    summary: from ``summarise``. singles: the table of this name. What the paper does not say is "not stated".
    """
    targets, environment = of_side(singles, "target"), summary["environment"]
    texts, positives = (_range(targets[name]) for name in ("texts", "positives"))
    starts = {"best": "the source's validation-best model", "all": "each of the source's models"}
    ends = {"best": "its target's best setting", "all": "every setting"}
    pairs = f"from {starts[study.source_setting]}, with {ends[study.target_setting]}"
    hardware = f"{environment['device']}, {environment['cores']} worker{'s' * (environment['cores'] != 1)}"
    rows = [
        ("data", "TREC-IS 2020-A", summary["dataset"], "the level of F1; which tasks are rare and have much to gain"),
        ("encoder", "BERT", summary["encoder"], "the level of F1; hours"),
        ("training texts of a target", "not stated", texts, "with fewer texts there is more to gain"),
        ("positives among them", "not stated", positives, "with fewer positives there is more to gain"),
        (
            "settings",
            "4, not stated which",
            len(study.settings_of("target")),
            "a weak baseline makes every source look good",
        ),
        ("how pairs are trained", "not stated", pairs, "the best of more models is higher, partly by luck"),
        ("seeds", "not stated", len(study.seeds), "with one seed, F1 of a rare task is mostly noise"),
        ("a task counts as gaining", "apparently if above 0", "if above 0; and outside the noise", "few positives"),
        ("hardware", "not stated", hardware, "hours"),
    ]
    return pd.DataFrame(rows, columns=["aspect", "paper", "this study", "may explain"])


def _range(counts: pd.Series) -> str:
    """Counts as "96 to 144", or as one number where all are equal."""
    low, high = counts.min(), counts.max()
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
