"""Everything that scores pairs under one name each: the paper's measures, reference orders, the field's selectors."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from lib.errors import InputError
from lib.stats.ranks import spearman
from lib.transfer.pairs import (
    CONFIGURATION,
    among,
    best_settings,
    pair_configurations,
    selected_singles,
)

BOUNDS = ("validation_best", "oracle")  # scores that look at the outcome: what ranks no selector can reach


def best_single_source(configurations: pd.DataFrame, singles: pd.DataFrame) -> pd.DataFrame:
    """Sources by the validation F1 of their own single-task model, the mean over seeds."""
    own = selected_singles(singles, "source").groupby("target")["validation_f1"].mean()
    return configurations[CONFIGURATION].assign(score=configurations["source"].map(own).astype(float))


def static_mean(configurations: pd.DataFrame) -> pd.DataFrame:
    """Sources by their mean validation F1 over all *other* targets' configurations; needs the grid of the other targets."""
    into = configurations.groupby(["source", "target"])["validation_f1"].agg(["sum", "size"]).reset_index()
    everywhere = into.groupby("source")[["sum", "size"]].transform("sum")
    with np.errstate(invalid="ignore"):  # a source with no other target has no mean
        mean = (everywhere["sum"] - into["sum"]) / (everywhere["size"] - into["size"])
    scores = into[["source", "target"]].assign(score=mean)
    return configurations[CONFIGURATION].merge(scores, on=["source", "target"], how="left", validate="many_to_one")


def label_cooccurrence(configurations: pd.DataFrame, cooccurrence: pd.DataFrame) -> pd.DataFrame:
    """Pairs by the phi coefficient of their labels in the training texts: the table "cooccurrence"."""
    scores = cooccurrence.rename(columns={"phi": "score"})
    return configurations[CONFIGURATION].merge(scores, on=["source", "target"], how="left", validate="many_to_one")


def oracle(configurations: pd.DataFrame) -> pd.DataFrame:
    """Pairs by the *test* F1 of their validation-best setting, other settings after all of them: a bound that no
    procedure can know; never a selector."""
    is_best = among(configurations, best_settings(configurations), CONFIGURATION)
    return configurations[CONFIGURATION].assign(
        score=configurations["test_f1"].where(is_best, configurations["test_f1"] - 1)
    )


def validation_best(configurations: pd.DataFrame) -> pd.DataFrame:
    """Pairs by their own validation F1: the bound of every order that is judged by validation."""
    return configurations[CONFIGURATION].assign(score=configurations["validation_f1"])


def from_predictions(predictions: pd.DataFrame, protocol: str, model: str = "regression") -> pd.DataFrame:
    """Pairs by predicted F1, the mean over seeds (table "predictions")."""
    rows = predictions[(predictions["protocol"] == protocol) & (predictions["model"] == model)]
    return rows.groupby(CONFIGURATION, as_index=False)["predicted"].mean().rename(columns={"predicted": "score"})


def middle(values: pd.Series) -> float:
    """The middle one of the different values: the layer, or the threshold, that is stated before anything is measured."""
    different = np.unique(values)
    return different[len(different) // 2]


def ansat_fixed(
    configurations: pd.DataFrame,
    ansat: pd.DataFrame,
    layer: int,
    threshold: float,
    probe: str = "all",
    value: str = "ansat",
) -> pd.DataFrame:
    """Pairs by ANSAT (or ``value="jaccard"``) at a layer and threshold stated beforehand: needs no trained pair."""
    rows = ansat[(ansat["layer"] == layer) & np.isclose(ansat["threshold"], threshold) & (ansat["probe"] == probe)]
    if rows.empty:
        raise InputError(f"table 'ansat' has no layer {layer} at threshold {threshold:g} on probe texts '{probe}'")
    scores = rows.groupby(["source", "target"], as_index=False)[value].mean().rename(columns={value: "score"})
    return configurations[CONFIGURATION].merge(scores, on=["source", "target"], how="left", validate="many_to_one")


def tuned_elsewhere(
    configurations: pd.DataFrame,
    measures: pd.DataFrame,
    value: str,
    choices: Sequence[str] = ("layer", "threshold"),
    probe: str = "all",
) -> pd.DataFrame:
    """Pairs by a measure at the choices that rank the *other* targets' validation F1 best (mean Spearman).

    measures: the table "ansat" or "signed_similarity", with the column ``value`` at each of the ``choices``. Needs
    the grid of the other targets. Returns also what was chosen. Ties: the lowest layer, then the lowest threshold.
    """
    choices = list(choices)
    keys = ["source", "target", *choices]
    means = measures[measures["probe"] == probe].groupby(keys, as_index=False)[value].mean()
    best = best_settings(configurations)[["source", "target", "validation_f1"]]
    rows = means.merge(best, on=["source", "target"], validate="many_to_one")
    ranked = {
        key: spearman(group[value].to_numpy(), group["validation_f1"].to_numpy())
        for key, group in rows.groupby([*choices, "target"])
    }
    quality = pd.Series(ranked).unstack().sort_index()  # choices x target
    best_of = {
        target: quality.drop(columns=target, errors="ignore").mean(axis=1).fillna(-1.0).idxmax()
        for target in best["target"].unique()
    }
    chosen = pd.DataFrame(
        [best_of[target] for target in configurations["target"]], columns=choices, index=configurations.index
    )
    picked = pd.concat([configurations[CONFIGURATION], chosen], axis=1)
    return picked.merge(means, on=keys, how="left", validate="many_to_one").rename(columns={value: "score"})


class Scored(NamedTuple):
    """Scores of all pairs under one name, and what they cost: seconds before pairs can be ordered by them, whether they
    are learnt from the grid's pairs, and whether every pair is trained a little for them."""

    name: str
    scores: pd.DataFrame
    own_seconds: float = 0.0
    training_pairs: bool = False
    short_training: bool = False

    @property
    def ranks_something(self) -> bool:
        """Whether any target's sources differ in their scores: else an order by them is one by names."""
        return bool((self.scores.groupby("target")["score"].nunique() > 1).any())


def standard_scores(
    singles: pd.DataFrame,
    pairs: pd.DataFrame,
    ansat: pd.DataFrame,
    predictions: pd.DataFrame,
    cooccurrence: pd.DataFrame,
    attribution: float,
) -> list[Scored]:
    """The reference scores and the paper's over a study's grid. Tables by name; attribution: its seconds.

    "ansat" is ANSAT at the middle layer and threshold, stated beforehand; "ansat_tuned" is chosen on other targets.
    """
    configurations = pair_configurations(pairs)
    stated = ansat_fixed(configurations, ansat, int(middle(ansat["layer"])), float(middle(ansat["threshold"])))
    predicted = from_predictions(predictions, "leave_one_target_out")
    bare = from_predictions(predictions, "leave_one_target_out", "without_ansat")
    return [
        Scored("oracle", oracle(configurations), training_pairs=True),
        Scored("validation_best", validation_best(configurations), training_pairs=True),
        Scored("best_single_source", best_single_source(configurations, singles)),
        Scored("label_cooccurrence", label_cooccurrence(configurations, cooccurrence)),
        Scored("static_mean", static_mean(configurations), training_pairs=True),
        Scored("ansat", stated, attribution),
        Scored("ansat_tuned", tuned_elsewhere(configurations, ansat, "ansat"), attribution, True),
        Scored("regression", predicted, attribution, True),
        Scored("regression_without_ansat", bare, training_pairs=True),
    ]


def similarity_scores(
    configurations: pd.DataFrame, ansat: pd.DataFrame, signed: pd.DataFrame, attribution: float
) -> list[Scored]:
    """ANSAT's signed, each at the layer (and threshold) chosen on other targets. Arguments as for ``standard_scores``."""
    return [
        Scored("jaccard_tuned", tuned_elsewhere(configurations, ansat, "jaccard"), attribution, True),
        Scored("cosine_tuned", tuned_elsewhere(configurations, signed, "cosine", ["layer"]), attribution, True),
        Scored(
            "rank_correlation_tuned", tuned_elsewhere(configurations, signed, "spearman", ["layer"]), attribution, True
        ),
    ]


def field_scores(configurations: pd.DataFrame, selectors: pd.DataFrame, costs: pd.DataFrame) -> list[Scored]:
    """The field's selectors that rank anything (sources of one size have no largest), the mean over seeds.

    configurations: from ``pair_configurations``; selectors, selector_costs: the tables of these names.
    """
    seconds = costs.set_index("selector")[["extraction_seconds", "scoring_seconds"]].sum(axis=1)
    means = selectors.groupby(["selector", "source", "target"], as_index=False)["score"].mean()
    found = [
        Scored(
            name,
            configurations[CONFIGURATION].merge(rows.drop(columns="selector"), how="left", validate="many_to_one"),
            seconds[name],
        )
        for name, rows in means.groupby("selector")
    ]
    return [each for each in found if each.ranks_something]


def short_training_scores(checkpoints: pd.DataFrame) -> list[Scored]:
    """Pairs by their validation scores after a part of their training; it costs that part of every pair."""
    found = []
    for checkpoint, rows in checkpoints.groupby("checkpoint"):
        when = f"{checkpoint:.0f}_steps" if checkpoint >= 1 else f"{100 * checkpoint:.0f}_percent"
        seconds = float(rows[["train_seconds", "predict_seconds"]].sum().sum())
        for score in ("f1", "average_precision"):
            means = rows.groupby(CONFIGURATION, as_index=False)[f"validation_{score}"].mean()
            scores = means.rename(columns={f"validation_{score}": "score"})
            found.append(Scored(f"{score}_after_{when}", scores, seconds, short_training=True))
    return found


def seconds_of(scored: Sequence[Scored], name: str) -> float:
    """What the scores of this name cost."""
    return next(each.own_seconds for each in scored if each.name == name)
