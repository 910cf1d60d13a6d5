"""Orders of training pairs.

A *configuration* is a (source, target, setting) with all its seeds. It is trained as a whole: its seconds are their sum,
its F1 is their mean. Scores are tables of source, target, setting, score; an order is a tuple of configurations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.regression.features import controlled, pair_features, with_selectors
from lib.regression.model import Candidate, Design, fit_predict
from lib.selection.contenders import Scored
from lib.study.sections import Ranking, Regression
from lib.time_saving.costs import ACCOUNTINGS
from lib.transfer.pairs import CONFIGURATION, PAIR, pair_configurations, setting_ranks, single_validation

Configuration = tuple[str, str, int]


@dataclass(frozen=True)
class Order:
    """A named order of training configurations.

    configurations: empty for no transfer; None for random order, which is judged by its exact expectation. own_seconds: of
    what is computed before the order can start (attribution, features). training_pairs: whether the order is learnt from
    the grid's pairs; all-inclusive it then saves nothing, and its figures are null. finished: by accounting, the seconds
    after the start at which each configuration is trained, (configurations,); None where they are trained one by one.
    """

    name: str
    configurations: tuple[Configuration, ...] | None
    own_seconds: float = 0.0
    training_pairs: bool = False
    finished: Mapping[str, np.ndarray] | None = None


def random_order() -> Order:
    """All pairs at random."""
    return Order("random", None)


def no_transfer() -> Order:
    """No pair at all."""
    return Order("no_transfer", ())


def interleaved(
    scores: pd.DataFrame, single_f1: pd.Series, ranked_settings: pd.Series | None = None
) -> tuple[Configuration, ...]:
    """Every target's first choice, then every target's second, and so on.

    scores: source, target, setting, score (larger first, NaN last). single_f1: by target, validation F1 without transfer;
    within a round targets go by score minus single_f1, then by name. ranked_settings: from ``setting_ranks``; where all
    settings of a pair have one score, a target's sources all come with the best setting first, then all with the second,
    and so on.
    """
    keys = ["target"]
    if ranked_settings is not None and not scores.groupby(PAIR)["score"].nunique(dropna=False).gt(1).any():
        n_settings = ranked_settings.index.get_level_values("setting").max() + 1
        setting = scores["setting"] % n_settings  # the target's part of the number
        rank = ranked_settings.loc[zip(scores["target"], setting, strict=True)].to_numpy()
        scores, keys = scores.assign(_setting_rank=rank), ["target", "_setting_rank"]
    by_target = sorted_by_score(scores, keys, scores["score"])
    rounds = by_target.groupby("target").cumcount()
    gain = by_target["score"] - by_target["target"].map(single_f1)
    return as_configurations(sorted_by_score(by_target.assign(round=rounds), ["round"], gain))


def order_by(scored: Scored, singles: pd.DataFrame) -> Order:
    """The pairs ``interleaved`` by these scores. singles: the table of this name."""
    configurations = interleaved(scored.scores, single_validation(singles), setting_ranks(singles))
    return Order(scored.name, configurations, scored.own_seconds, scored.training_pairs)


def overall(scores: pd.DataFrame) -> tuple[Configuration, ...]:
    """The paper's literal rule: all pairs by score, whatever their target, then by name."""
    return as_configurations(sorted_by_score(scores, [], scores["score"]))


def sorted_by_score(frame: pd.DataFrame, keys: list[str], value: pd.Series) -> pd.DataFrame:
    """Rows sorted by these keys, by falling value (NaN last), then by target, source, setting."""
    falling = frame.assign(_down=-value.fillna(-np.inf))
    names = [name for name in ("target", "source", "setting") if name not in keys]
    return falling.sort_values([*keys, "_down", *names], kind="stable").drop(columns="_down").reset_index(drop=True)


def as_configurations(frame: pd.DataFrame) -> tuple[Configuration, ...]:
    """The configurations of a table's rows, in the order of the rows."""
    return tuple(frame[CONFIGURATION].itertuples(index=False, name=None))


def sequential_order(
    features: pd.DataFrame, config: Regression, batch: int, first: pd.DataFrame, ranked_settings: pd.Series
) -> tuple[Configuration, ...]:
    """The all-inclusive procedure: train a batch, fit on everything trained so far, choose the next batch, repeat.

    The first batch is the best pair of each target. Every later batch is chosen by the validation F1 that the regression
    predicts, interleaved over targets.

    Args:
        features: from ``pair_features`` or ``controlled``.
        config: the study's parameters of the regression; its settings are not tuned.
        batch: number of configurations in a batch.
        first: scores that choose the first batch.
        ranked_settings: from ``setting_ranks``; the first batch has each target's best setting.

    Returns:
        All configurations in the order of training.
    """
    features = features.sort_values([*CONFIGURATION, "seed"]).reset_index(drop=True)
    design, single_f1 = Design.of(features), features.groupby("target")["target_f1"].mean()
    order = list(interleaved(first, single_f1, ranked_settings)[: features["target"].nunique()])
    configurations = pd.MultiIndex.from_frame(features[CONFIGURATION])
    while not (trained := configurations.isin(order)).all():
        predicted = fit_predict(design, trained, ~trained, Candidate(), config)
        untrained = features.loc[~trained, CONFIGURATION].assign(score=predicted)
        order += interleaved(untrained.groupby(CONFIGURATION, as_index=False)["score"].mean(), single_f1)[:batch]
    return tuple(order)


def halving_order(
    name: str,
    configurations: pd.DataFrame,
    checkpoints: pd.DataFrame,
    prior: pd.DataFrame | None = None,
    entering: float = 1.0,
    **cost,
) -> Order:
    """Successive halving (Jamieson and Talwalkar 2016) over each target's pairs.

    Pairs that enter are trained up to the first checkpoint. The better half of each target's pairs, by validation average
    precision there (F1 at 0.5 says little so early), goes on to the next checkpoint, and so on. The survivors are trained
    to their end, the best first. Then those that dropped out go on from where they stopped, the latest first, and those
    that did not enter come last.

    Args:
        name: of the order.
        configurations: from ``pair_configurations``.
        checkpoints: the table of this name.
        prior: scores that decide which pairs enter; None where all do.
        entering: share of each target's pairs that enters.
        cost: own_seconds and training_pairs of the order, where the prior has any.

    Returns:
        The order, with its own times of finishing.
    """
    sums = {"validation_average_precision": "mean", "train_seconds": "sum", "predict_seconds": "sum"}
    measured = checkpoints.groupby(["checkpoint", *CONFIGURATION]).agg(sums)
    whole = configurations.set_index(CONFIGURATION)[["train_seconds", "total_seconds"]]
    surviving, dropped = _best(configurations[CONFIGURATION].assign(score=0.0) if prior is None else prior, entering)
    stages, spent, trained = [dropped], np.zeros(len(ACCOUNTINGS)), pd.Series(0.0, index=whole.index)
    for checkpoint in checkpoints.groupby("checkpoint")["steps"].mean().sort_values(kind="stable").index:
        rows = measured.loc[checkpoint].loc[pd.MultiIndex.from_frame(surviving[CONFIGURATION])]
        training = (rows["train_seconds"] - trained[rows.index]).sum()
        spent += (training, training + rows["predict_seconds"].sum())
        trained[rows.index] = rows["train_seconds"]
        surviving, dropped = _best(rows["validation_average_precision"].rename("score").reset_index(), 0.5)
        stages.append(dropped)
    equal = pd.Series(0.0, index=configurations["target"].unique())
    order = []
    for stage in [surviving, *reversed(stages)]:
        order += interleaved(stage, equal) if len(stage) else ()
    finished = whole.loc[order].sub(trained[order], axis=0).cumsum().to_numpy().T + spent[:, None]
    return Order(name, tuple(order), finished=dict(zip(ACCOUNTINGS, finished, strict=True)), **cost)


def _best(scores: pd.DataFrame, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Each target's configurations with the largest scores, this share of them rounded up, and the others."""
    ranked = sorted_by_score(scores, ["target"], scores["score"])
    sizes = ranked.groupby("target")["score"].transform("size")
    inside = ranked.groupby("target").cumcount() < np.ceil(share * sizes)
    return ranked[inside], ranked[~inside]


def standard_orders(
    scored: Sequence[Scored],
    tasks: pd.DataFrame,
    singles: pd.DataFrame,
    pairs: pd.DataFrame,
    ansat: pd.DataFrame,
    selectors: pd.DataFrame,
    regression: Regression,
    config: Ranking,
    checkpoints: pd.DataFrame | None = None,
) -> list[Order]:
    """All orders of a study's grid: by each of the scores, and the procedures.

    Args:
        scored: the ``standard_scores`` and those of the field's selectors, "consensus" among them.
        tasks, singles, pairs, ansat, selectors: the tables of these names.
        regression: the study's parameters of the regression.
        config: its parameters of the ranking.
        checkpoints: the table of this name; successive halving is among the procedures where a study has it.

    Returns:
        The orders.
    """
    named = {scores.name: scores for scores in scored}
    features = pair_features(pairs, singles, tasks, ansat)
    without_ansat = controlled(features, "without_ansat", regression.seed)
    with_all = with_selectors(features, selectors)
    attribution, predicted, consensus = named["ansat"].own_seconds, named["regression"], named["consensus"]
    ranked_settings = setting_ranks(singles)

    def sequential(features: pd.DataFrame, first: str) -> tuple[Configuration, ...]:
        return sequential_order(features, regression, config.batch, named[first].scores, ranked_settings)

    orders = [
        no_transfer(),
        random_order(),
        *(order_by(scores, singles) for scores in scored),
        Order("regression_overall", overall(predicted.scores), predicted.own_seconds, predicted.training_pairs),
        Order("regression_sequential", sequential(features, "label_cooccurrence"), attribution),
        Order("sequential_without_ansat", sequential(without_ansat, "label_cooccurrence")),
        Order("sequential_on_all_selectors", sequential(with_all, "consensus"), attribution + consensus.own_seconds),
    ]
    return orders if checkpoints is None else orders + _halvings(named, pair_configurations(pairs), checkpoints)


def _halvings(named: Mapping[str, Scored], configurations: pd.DataFrame, checkpoints: pd.DataFrame) -> list[Order]:
    """Successive halving of all pairs, and of the half of each target's pairs that another score puts first."""
    priors = {
        "halving_of_cooccurring": named["label_cooccurrence"],
        "halving_of_ansat": named["ansat"],
        "halving_of_predicted": named["regression"],
        "halving_of_consensus": named["consensus"],
    }
    orders = [halving_order("halving", configurations, checkpoints)]
    for name, prior in priors.items():
        cost = {"own_seconds": prior.own_seconds, "training_pairs": prior.training_pairs}
        orders.append(halving_order(name, configurations, checkpoints, prior.scores, 0.5, **cost))
    return orders


def as_scores(order: Order) -> pd.DataFrame:
    """An order as scores that fall from place to place: source, target, setting, score."""
    return pd.DataFrame(order.configurations, columns=CONFIGURATION).assign(
        score=-np.arange(len(order.configurations), dtype=float)
    )
