"""What the pages on recipes and on target sizes tell: studies that train no grid."""

from collections.abc import Sequence

import pandas as pd

from lib.report.documents.grids import UP
from lib.report.documents.markdown import correlation, figure, gain, table
from lib.report.documents.published import PublishedStudy
from lib.report.sentences import recipes, target_sizes
from lib.report.sentences.words import code, number, percent

QUANTITIES = ("pair_gain", "over_best_baseline", "fused_gain")
STARTS = {"fused": "mean of all sources", "transfer": "linear probe's first source", "frozen": "frozen encoder"}


def recipes_page(studies: Sequence[PublishedStudy]) -> dict:
    """The verdict, the scores and the figure of the first study, which compares recipes."""
    study = studies[0]
    scores = study.table("recipe_scores")
    return {
        "verdict": [say(scores) for say in (recipes.choice, recipes.best_baseline, recipes.gains, recipes.agreement)],
        "scores": recipe_table(scores),
        "figure": figure(study, "12_recipes", UP),
        "changes": table(
            ("recipe", "what it changes"), [(code(k), _changes(v)) for k, v in study.parameters.recipes.items()]
        ),
        "study": study.name,
    }


def recipe_table(scores: pd.DataFrame) -> str:
    """A row per recipe, the best baseline first. scores: the table "recipe_scores"."""
    values = scores.set_index(["recipe", "quantity"])
    order = scores[scores["quantity"] == "baseline"].sort_values("value", ascending=False, kind="stable")["recipe"]
    rows = [
        (
            code(name),
            correlation(values.loc[name, "baseline"]),
            *(gain(values.loc[name, quantity]) for quantity in QUANTITIES),
            percent(values.loc[(name, "share_gaining"), "value"], 0),
            number(values.loc[(name, "seed_agreement"), "value"]),
            number(values.loc[(name, "minutes"), "value"], 0),
        )
        for name in order
    ]
    heads = (
        "recipe", "without transfer", "an average pair adds", "over the best baseline", "mean of all sources adds",
        "pairs that gain", "two seeds agree", "minutes of one worker",
    )  # fmt: skip
    return table(heads, rows)


def _changes(changes: dict) -> str:
    """The changed keys of a recipe as "source.settings: ...", or that there are none."""
    flat = [f"{key}.{inner}: {value}" for key, values in changes.items() for inner, value in values.items()]
    return code("; ".join(flat)) if flat else "nothing"


def sizes_page(studies: Sequence[PublishedStudy]) -> dict:
    """The verdict, the gains and the figure of the first study, which compares target sizes."""
    study = studies[0]
    gains = study.table("target_size_gains")
    return {
        "verdict": [say(gains) for say in (target_sizes.advice, target_sizes.on_test, target_sizes.each_start)],
        "gains": {part: size_table(gains, part) for part in ("validation", "test")},
        "figure": figure(study, "13_target_sizes", UP),
        "study": study.name,
    }


def size_table(gains: pd.DataFrame, part: str) -> str:
    """Gains in average precision on one part: a row per size, a column per start. gains: "target_size_gains"."""
    rows = gains[(gains["metric"] == "average_precision") & (gains["part"] == part)].set_index(["size", "kind"])
    sizes = sorted(rows.index.unique("size"))
    cells = [(f"{size:,}", *(gain(rows.loc[(size, kind)]) for kind in STARTS)) for size in sizes]
    return table(("training texts of the target", *STARTS.values()), cells)
