"""All scores of pairs that are compared: reference scores, the paper's measures, and the field's selectors."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from lib.errors import InputError
from lib.stats.ranks import spearman
from lib.transfer.pairs import CONFIGURATION, PAIR, among, best_settings, pair_configurations, selected_singles

BOUNDS = ("validation_best", "oracle")  # scores that look at the outcome: upper bounds, not selectors
PROMISING = "linear_probe"  # the selector of the field that recommendations follow
OF_OTHER_TARGETS = (
    "static_mean", "ansat_tuned", "jaccard_tuned", "cosine_tuned", "rank_correlation_tuned", "regression",
    "regression_without_ansat", "regression_on_all_selectors",
)  # fmt: skip


def needs(name: str) -> str:
    """What a selector or bound must have seen before it can order a target's sources, in words."""
    if name in BOUNDS:
        return "all pairs, trained (bounds)"
    if name.startswith("carried_over"):
        return "pairs of other corpora"
    if name in OF_OTHER_TARGETS:
        return "pairs of other targets"
    return (
        "a part of every pair's training" if "_after_" in name or name == "halving" else "single-task models and texts"
    )


def best_single_source(configurations: pd.DataFrame, singles: pd.DataFrame) -> pd.DataFrame:
    """Sources by the validation F1 of their own single-task model, mean over seeds."""
    f1 = selected_singles(singles, "source").groupby("target")["validation_f1"].mean()
    return configurations[CONFIGURATION].assign(score=configurations["source"].map(f1).astype(float))


def static_mean(configurations: pd.DataFrame) -> pd.DataFrame:
    """Sources by their mean validation F1 over all *other* targets: it needs the grid of the other targets."""
    f1 = configurations.groupby(PAIR)["validation_f1"].agg(["sum", "size"]).reset_index()
    of_source = f1.groupby("source")[["sum", "size"]].transform("sum")
    with np.errstate(invalid="ignore"):  # a source with no other target has no mean
        mean = (of_source["sum"] - f1["sum"]) / (of_source["size"] - f1["size"])
    return _spread(configurations, f1[PAIR].assign(score=mean))


def label_cooccurrence(configurations: pd.DataFrame, cooccurrence: pd.DataFrame) -> pd.DataFrame:
    """Pairs by the phi coefficient of their labels in the training texts: the table "cooccurrence"."""
    return _spread(configurations, cooccurrence.rename(columns={"phi": "score"}))


def oracle(configurations: pd.DataFrame) -> pd.DataFrame:
    """Pairs by the *test* F1 of their validation-best setting; other settings come after all of these.

    It is an upper bound, not a selector: no procedure knows test F1.
    """
    is_best = among(configurations, best_settings(configurations), CONFIGURATION)
    return configurations[CONFIGURATION].assign(
        score=configurations["test_f1"].where(is_best, configurations["test_f1"] - 1)
    )


def validation_best(configurations: pd.DataFrame) -> pd.DataFrame:
    """Pairs by their own validation F1: the upper bound of everything that validation chooses."""
    return configurations[CONFIGURATION].assign(score=configurations["validation_f1"])


def from_predictions(predictions: pd.DataFrame, protocol: str, model: str = "regression") -> pd.DataFrame:
    """Pairs by predicted F1, mean over seeds (table "predictions")."""
    rows = predictions[(predictions["protocol"] == protocol) & (predictions["model"] == model)]
    return rows.groupby(CONFIGURATION, as_index=False)["predicted"].mean().rename(columns={"predicted": "score"})


def middle(values: pd.Series) -> float:
    """The middle of the distinct values: the layer or threshold that is fixed before anything is measured."""
    distinct = np.unique(values)
    return distinct[len(distinct) // 2]


def ansat_fixed(configurations: pd.DataFrame, ansat: pd.DataFrame, layer: int, threshold: float) -> pd.DataFrame:
    """Pairs by ANSAT on all probe texts, at a layer and threshold that are fixed beforehand: no pair must be trained.

    Args:
        configurations: from ``pair_configurations``.
        ansat: the table of this name.
        layer, threshold: of the table.

    Returns:
        source, target, setting, score.

    Raises:
        InputError: where the table lacks this layer or threshold.
    """
    rows = ansat[(ansat["layer"] == layer) & np.isclose(ansat["threshold"], threshold) & (ansat["probe"] == "all")]
    if rows.empty:
        raise InputError(
            f"table 'ansat' has no layer {layer} at threshold {threshold:g} on all probe texts; run notebook 04 again"
        )
    means = rows.groupby(PAIR, as_index=False)["ansat"].mean()
    return _spread(configurations, means.rename(columns={"ansat": "score"}))


def tuned_elsewhere(
    configurations: pd.DataFrame, measures: pd.DataFrame, value: str, choices: Sequence[str] = ("layer", "threshold")
) -> pd.DataFrame:
    """Pairs by a similarity at the layer and threshold that rank the *other* targets' sources best.

    Best is the largest mean Spearman correlation with validation F1; ties go to the lowest layer, then to the lowest
    threshold. It needs the grid of the other targets.

    Args:
        configurations: from ``pair_configurations``.
        measures: the table "ansat" or "signed_similarity".
        value: the column of the similarity.
        choices: the columns that are tuned.

    Returns:
        source, target, setting, score, and the chosen values of ``choices``.
    """
    choices = list(choices)
    keys = [*PAIR, *choices]
    means = measures[measures["probe"] == "all"].groupby(keys, as_index=False)[value].mean()
    best = best_settings(configurations)[[*PAIR, "validation_f1"]]
    rows = means.merge(best, on=PAIR, validate="many_to_one")
    correlations = {
        key: spearman(group[value].to_numpy(), group["validation_f1"].to_numpy())
        for key, group in rows.groupby([*choices, "target"])
    }
    quality = pd.Series(correlations).unstack().sort_index()  # choices x target
    tuned = {
        target: quality.drop(columns=target, errors="ignore").mean(axis=1).fillna(-1.0).idxmax()
        for target in best["target"].unique()
    }
    chosen = pd.DataFrame(
        [tuned[target] for target in configurations["target"]], columns=choices, index=configurations.index
    )
    rows = pd.concat([configurations[CONFIGURATION], chosen], axis=1)
    return rows.merge(means, on=keys, how="left", validate="many_to_one").rename(columns={value: "score"})


def _spread(configurations: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Scores of pairs (source, target, score), repeated for every setting: source, target, setting, score."""
    return configurations[CONFIGURATION].merge(scores, on=PAIR, how="left", validate="many_to_one")


class Scored(NamedTuple):
    """Scores of all pairs under one name, and what they cost.

    scores: source, target, setting, score. own_seconds: what is computed before pairs can be ordered, in seconds of one
    worker. training_pairs: whether the scores are learnt from the grid's pairs. short_training: whether every pair is
    trained for a few steps first.
    """

    name: str
    scores: pd.DataFrame
    own_seconds: float = 0.0
    training_pairs: bool = False
    short_training: bool = False

    @property
    def ranks_something(self) -> bool:
        """Whether the sources of any target differ in their scores; if not, an order by them is an order by names."""
        return bool((self.scores.groupby("target")["score"].nunique() > 1).any())


def standard_scores(
    singles: pd.DataFrame,
    pairs: pd.DataFrame,
    ansat: pd.DataFrame,
    predictions: pd.DataFrame,
    cooccurrence: pd.DataFrame,
    attribution: float,
) -> list[Scored]:
    """The reference scores and the paper's measures.

    "ansat" is ANSAT at the middle layer and threshold, fixed beforehand; "ansat_tuned" is tuned on the other targets.

    Args:
        singles, pairs, ansat, predictions, cooccurrence: the tables of these names.
        attribution: seconds of attributing all single-task models.

    Returns:
        The scores, the bounds first.
    """
    configurations = pair_configurations(pairs)
    fixed = ansat_fixed(configurations, ansat, int(middle(ansat["layer"])), float(middle(ansat["threshold"])))
    predicted = from_predictions(predictions, "leave_one_target_out")
    without_ansat = from_predictions(predictions, "leave_one_target_out", "without_ansat")
    return [
        Scored("oracle", oracle(configurations), training_pairs=True),
        Scored("validation_best", validation_best(configurations), training_pairs=True),
        Scored("best_single_source", best_single_source(configurations, singles)),
        Scored("label_cooccurrence", label_cooccurrence(configurations, cooccurrence)),
        Scored("static_mean", static_mean(configurations), training_pairs=True),
        Scored("ansat", fixed, attribution),
        Scored("ansat_tuned", tuned_elsewhere(configurations, ansat, "ansat"), attribution, True),
        Scored("regression", predicted, attribution, True),
        Scored("regression_without_ansat", without_ansat, training_pairs=True),
    ]


def similarity_scores(
    configurations: pd.DataFrame, ansat: pd.DataFrame, signed: pd.DataFrame, attribution: float
) -> list[Scored]:
    """Jaccard and signed similarities of conductances, each at the layer (and threshold) tuned on the other targets.

    Args:
        configurations: from ``pair_configurations``.
        ansat: the table of this name.
        signed: the table "signed_similarity".
        attribution: seconds of attributing all single-task models.

    Returns:
        One score per similarity.
    """
    return [
        Scored("jaccard_tuned", tuned_elsewhere(configurations, ansat, "jaccard"), attribution, True),
        Scored("cosine_tuned", tuned_elsewhere(configurations, signed, "cosine", ["layer"]), attribution, True),
        Scored(
            "rank_correlation_tuned", tuned_elsewhere(configurations, signed, "spearman", ["layer"]), attribution, True
        ),
    ]


def field_scores(configurations: pd.DataFrame, selectors: pd.DataFrame, costs: pd.DataFrame) -> list[Scored]:
    """The field's selectors, mean over seeds, without those that rank nothing (source size where all are of one size).

    configurations: from ``pair_configurations``. selectors, costs: the tables "selectors" and "selector_costs".
    """
    seconds = costs.set_index("selector")[["extraction_seconds", "scoring_seconds"]].sum(axis=1)
    means = selectors.groupby(["selector", *PAIR], as_index=False)["score"].mean()
    scored = [
        Scored(name, _spread(configurations, rows.drop(columns="selector")), seconds[name])
        for name, rows in means.groupby("selector")
    ]
    return [selector for selector in scored if selector.ranks_something]


def short_training_scores(checkpoints: pd.DataFrame) -> list[Scored]:
    """Pairs by their validation scores at each checkpoint; every pair must be trained until then."""
    scored = []
    for checkpoint, rows in checkpoints.groupby("checkpoint"):
        moment = f"{checkpoint:.0f}_steps" if checkpoint >= 1 else f"{100 * checkpoint:.0f}_percent"
        seconds = float(rows[["train_seconds", "predict_seconds"]].sum().sum())
        for score in ("f1", "average_precision"):
            means = rows.groupby(CONFIGURATION, as_index=False)[f"validation_{score}"].mean()
            scores = means.rename(columns={f"validation_{score}": "score"})
            scored.append(Scored(f"{score}_after_{moment}", scores, seconds, short_training=True))
    return scored


def seconds_of(scored: Sequence[Scored], name: str) -> float:
    """The seconds before pairs can be ordered by the scores of this name."""
    return next(scores.own_seconds for scores in scored if scores.name == name)
