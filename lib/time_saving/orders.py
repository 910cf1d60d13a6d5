"""In which order to train pairs.

A *configuration* is a (source, target, setting) with all its seeds: it is trained as a whole, its seconds are their
sum, its F1 their mean. Scores are tables source, target, setting, score; an order is a tuple of configurations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.regression.features import controlled, pair_features, with_selectors
from lib.regression.model import Design, fit_predict, tune
from lib.selection.contenders import Scored
from lib.study.sections import Ranking, Regression
from lib.time_saving.costs import ACCOUNTINGS
from lib.transfer.pairs import CONFIGURATION, PAIR, pair_configurations, setting_ranks, single_validation

Configuration = tuple[str, str, int]


@dataclass(frozen=True)
class Order:
    """A named order. configurations: None stands for every order at random, by its exact expectation; empty for no transfer.

    own_seconds: computed before it can start (attribution, features). training_pairs: it is learnt from the grid's
    pairs, so that all-inclusive it saves nothing (its figures are null there). finished: by accounting, the seconds
    after its start at which each of its configurations is trained, (configurations,); None where they are trained
    whole, one by one.
    """

    name: str
    configurations: tuple[Configuration, ...] | None
    own_seconds: float = 0.0
    training_pairs: bool = False
    finished: Mapping[str, np.ndarray] | None = None


def random_order() -> Order:
    return Order("random", None)


def no_transfer() -> Order:
    return Order("no_transfer", ())


def interleaved(
    scores: pd.DataFrame, single_f1: pd.Series, turns: pd.Series | None = None
) -> tuple[Configuration, ...]:
    """Every target's first choice, then every target's second, and so on.

    scores: source, target, setting, score (larger first, NaN last). single_f1: validation F1 of each target's
    single-task model; within a round, and nowhere else, targets go by score minus single_f1, then by names. turns: from
    ``setting_ranks``; where scores know nothing of settings, a target's sources all come with the setting whose turn is
    first, then all with the second, and so on.
    """
    first = ["target"]
    if turns is not None and not scores.groupby(PAIR)["score"].nunique(dropna=False).gt(1).any():
        setting = scores["setting"] % (turns.index.get_level_values("setting").max() + 1)  # the target's part of it
        scores = scores.assign(_turn=turns.loc[zip(scores["target"], setting, strict=True)].to_numpy())
        first.append("_turn")
    own = sorted_by_score(scores, first, scores["score"])
    turn = own.groupby("target").cumcount()
    gain = own["score"] - own["target"].map(single_f1)
    return as_configurations(sorted_by_score(own.assign(turn=turn), ["turn"], gain))


def order_by(scored: Scored, singles: pd.DataFrame) -> Order:
    """The order of ``interleaved`` by these scores, from the single-task models' validation F1: the table "singles"."""
    configurations = interleaved(scored.scores, single_validation(singles), setting_ranks(singles))
    return Order(scored.name, configurations, scored.own_seconds, scored.training_pairs)


def overall(scores: pd.DataFrame) -> tuple[Configuration, ...]:
    """The paper's literal rule: all pairs by score, whatever their target, then by names."""
    return as_configurations(sorted_by_score(scores, [], scores["score"]))


def sorted_by_score(frame: pd.DataFrame, first: list[str], value: pd.Series) -> pd.DataFrame:
    """Sorted by ``first``, by falling value (NaN last), then by target, source, setting."""
    keyed = frame.assign(_down=-value.fillna(-np.inf))
    names = [name for name in ("target", "source", "setting") if name not in first]
    return keyed.sort_values([*first, "_down", *names], kind="stable").drop(columns="_down").reset_index(drop=True)


def as_configurations(frame: pd.DataFrame) -> tuple[Configuration, ...]:
    return tuple(frame[CONFIGURATION].itertuples(index=False, name=None))


def sequential_order(
    features: pd.DataFrame,
    config: Regression,
    batch: int,
    first: pd.DataFrame | None = None,
    turns: pd.Series | None = None,
    tuned: bool = False,
) -> tuple[Configuration, ...]:
    """The all-inclusive procedure: train a batch, fit on what is trained so far, choose the next batch, repeat.

    features: from ``regression.pair_features`` (or ``controlled``). The first batch is one pair per target: its best by
    the scores ``first``, with the setting that ``turns`` puts first, else drawn at random. Every later batch takes
    ``batch`` configurations, interleaved over targets, by the validation F1 that the regression predicts from the
    pairs trained before. tuned: choose XGBoost's settings anew inside them before every fit, instead of the fixed default.
    """
    features = features.sort_values([*CONFIGURATION, "seed"]).reset_index(drop=True)
    design, single = Design.of(features), features.groupby("target")["target_f1"].mean()
    if first is None:
        first = features[CONFIGURATION].drop_duplicates()
        first = first.assign(score=np.random.default_rng(config.seed).random(len(first)))
    order = list(interleaved(first, single, turns)[: features["target"].nunique()])
    configuration = pd.MultiIndex.from_frame(features[CONFIGURATION])
    while not (trained := configuration.isin(order)).all():
        search = config if tuned else config.model_copy(update={"candidates": 1})
        predicted = fit_predict(design, trained, ~trained, tune(design, trained, search), config)
        left = (
            features.loc[~trained, CONFIGURATION]
            .assign(score=predicted)
            .groupby(CONFIGURATION, as_index=False)["score"]
            .mean()
        )
        order += interleaved(left, single)[:batch]
    return tuple(order)


def halving_order(
    name: str,
    configurations: pd.DataFrame,
    checkpoints: pd.DataFrame,
    prior: pd.DataFrame | None = None,
    entering: float = 1.0,
    **cost,
) -> Order:
    """Successive halving (Jamieson and Talwalkar 2016) over each target's pairs, as an order with its own clock.

    Pairs that enter are trained up to the first checkpoint; of each target the better half, by validation average
    precision there (F1 at 0.5 says little so early), goes on to the next one, and so on. Survivors are trained to their
    end, best first; then those that dropped out go on from where they stopped, the latest first. configurations: from
    ``pair_configurations``; checkpoints: the table of this name. prior: scores by which the share ``entering`` of
    each target's pairs enters; the others come last. cost: as for ``Order``.
    """
    sums = {"validation_average_precision": "mean", "train_seconds": "sum", "predict_seconds": "sum"}
    reached = checkpoints.groupby(["checkpoint", *CONFIGURATION]).agg(sums)
    whole = configurations.set_index(CONFIGURATION)[["train_seconds", "total_seconds"]]
    left, out = _best(configurations[CONFIGURATION].assign(score=0.0) if prior is None else prior, entering)
    stages, spent, done = [out], np.zeros(len(ACCOUNTINGS)), pd.Series(0.0, index=whole.index)
    for checkpoint in checkpoints.groupby("checkpoint")["steps"].mean().sort_values(kind="stable").index:
        at = reached.loc[checkpoint].loc[pd.MultiIndex.from_frame(left[CONFIGURATION])]
        training = (at["train_seconds"] - done[at.index]).sum()
        spent += (training, training + at["predict_seconds"].sum())
        done[at.index] = at["train_seconds"]
        left, out = _best(at["validation_average_precision"].rename("score").reset_index(), 0.5)
        stages.append(out)
    alike = pd.Series(0.0, index=configurations["target"].unique())
    order = [
        configuration
        for stage in [left, *reversed(stages)]
        if len(stage)
        for configuration in interleaved(stage, alike)
    ]
    to_go = whole.loc[order].sub(done[order], axis=0).cumsum().to_numpy().T + spent[:, None]
    return Order(name, tuple(order), finished=dict(zip(ACCOUNTINGS, to_go, strict=True)), **cost)


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
    """All orders of a study's grid: by each of the scores, and the procedures. Tables by name.

    scored: the ``standard_scores`` and those of the field's selectors, "consensus" among them. Successive halving is
    among the procedures where the study keeps ``checkpoints``: over all pairs, and over the half of each target's pairs
    that another score puts first.
    """
    configurations, turns = pair_configurations(pairs), setting_ranks(singles)
    named = {each.name: each for each in scored}
    features = pair_features(pairs, singles, tasks, ansat)
    bare_features = controlled(features, "without_ansat", regression.seed)
    first, ranked = named["label_cooccurrence"].scores, named["regression"]
    attribution, consensus = named["ansat"].own_seconds, named["consensus"]
    every_feature, every_second = with_selectors(features, selectors), attribution + consensus.own_seconds
    found = [
        no_transfer(),
        random_order(),
        *(order_by(each, singles) for each in scored),
        Order("regression_overall", overall(ranked.scores), ranked.own_seconds, ranked.training_pairs),
        Order("regression_sequential", sequential_order(features, regression, config.batch, first, turns), attribution),
        Order("sequential_without_ansat", sequential_order(bare_features, regression, config.batch, first, turns)),
        Order(
            "sequential_on_all_selectors",
            sequential_order(every_feature, regression, config.batch, consensus.scores, turns),
            every_second,
        ),
    ]
    if checkpoints is None:
        return found
    priors = {
        "halving_of_cooccurring": named["label_cooccurrence"],
        "halving_of_ansat": named["ansat"],
        "halving_of_predicted": ranked,
        "halving_of_consensus": consensus,
    }
    halvings = [halving_order("halving", configurations, checkpoints)]
    for name, prior in priors.items():
        cost = {"own_seconds": prior.own_seconds, "training_pairs": prior.training_pairs}
        halvings.append(halving_order(name, configurations, checkpoints, prior.scores, 0.5, **cost))
    return found + halvings


def as_scores(order: Order) -> pd.DataFrame:
    """An order's places as scores, the first the largest: source, target, setting, score."""
    return pd.DataFrame(order.configurations, columns=CONFIGURATION).assign(
        score=-np.arange(len(order.configurations), dtype=float)
    )
