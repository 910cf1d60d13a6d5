"""What the pilot of recipes finds (notebook 12), in sentences."""

import pandas as pd

from lib.report.figures.style import label
from lib.report.sentences.words import (
    change,
    code,
    counted,
    known,
    listing,
    number,
    percent,
    plural,
    side_of_zero,
    with_interval,
)
from lib.studies.recipes import sound_recipe


def best_baseline(scores: pd.DataFrame) -> str:
    """Which recipe trains targets best without transfer. scores: the table "recipe_scores"."""
    baselines = _quantity(scores, "baseline").sort_values("value", ascending=False, kind="stable")
    if baselines["value"].isna().all():
        return "No recipe has a baseline yet."
    best = baselines.iloc[0]
    worst = f"the worst, {code(baselines.index[-1])}, reaches {number(baselines['value'].iloc[-1])}"
    return (
        f"Without transfer {code(best.name)} is the best of {counted(len(baselines), 'recipe')}: its mean average precision "
        f"on validation is {with_interval(best)}; {worst}."
    )


def gains(scores: pd.DataFrame) -> str:
    """Under how many recipes a source adds something, to their own baseline and to the best one."""
    own, best = _quantity(scores, "pair_gain"), _quantity(scores, "over_best_baseline")
    signs = [side_of_zero(row) for row in own.to_dict("records")]
    gain, loss = signs.count(1), signs.count(-1)
    top = best["value"].idxmax() if known(*best["value"]) else None
    verdict = (
        f"Against its own recipe's baseline the average pair gains under {gain} and loses under {loss} of "
        f"{counted(len(own), 'recipe')}, outside the noise of targets."
    )
    if top is None:
        return verdict
    gain = with_interval(best.loc[top], change)
    return f"{verdict} Against the best baseline of all, it does best under {code(top)}: {gain}."


def choice(scores: pd.DataFrame) -> str:
    """Which recipe is sound by the stated rule, and how many others have as good a baseline."""
    name, gaps = sound_recipe(scores), _quantity(scores, "baseline_gap")
    equal = int((gaps["high"] >= 0).sum())
    adds = with_interval(_quantity(scores, "over_best_baseline").loc[name], change)
    if equal == 1:
        return f"{code(name)} is chosen: its baseline is the best outside the noise. Its pairs add {adds} to it."
    return (
        f"{code(name)} is chosen: among the {counted(equal, 'recipe')} whose baselines equal the best one within the noise, "
        f"its pairs add most to the best baseline, {adds}."
    )


def agreement(scores: pd.DataFrame) -> str:
    """How many pairs gain, and how far two seeds agree on which, under the chosen recipe."""
    name = sound_recipe(scores)
    share, seeds = (_quantity(scores, quantity)["value"][name] for quantity in ("share_gaining", "seed_agreement"))
    seeds = (
        f"two seeds agree on the gains with a rank correlation of {number(seeds)}"
        if known(seeds)
        else "one seed cannot tell whether this repeats"
    )
    return f"Under {code(name)}, {percent(share, 0)} of the pairs gain; {seeds}."


def finding(scores: pd.DataFrame) -> str:
    """The title of the figure."""
    if scores["value"].isna().all():
        return "No recipe has scores yet"
    pairs, name = _quantity(scores, "pair_gain"), sound_recipe(scores)
    sides = [side_of_zero(row) for row in pairs.to_dict("records")]
    return (
        f"One source helps under {sides.count(1)} and hurts under {sides.count(-1)} of {counted(len(sides), 'recipe')}; "
        f"under {label(name)}, which is chosen, it adds {with_interval(pairs.loc[name], change)}"
    )


def collapsed(recipes: pd.DataFrame) -> str:
    """Which recipes have models that predict no positive. recipes: the table of this name."""
    counts = recipes.groupby("recipe", sort=False)["collapsed"].sum()
    counts = counts[counts > 0]
    if counts.empty:
        return "Every model predicts some text as positive."
    names = listing(f"{counted(int(count), 'model')} of {code(name)}" for name, count in counts.items())
    return f"{names} {plural(int(counts.sum()), 'predicts', 'predict')} no text as positive."


def _quantity(scores: pd.DataFrame, quantity: str) -> pd.DataFrame:
    return scores[scores["quantity"] == quantity].set_index("recipe")
