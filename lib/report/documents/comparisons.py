"""What the pages on recipes, on target sizes and on types of tasks tell: studies that train no grid."""

import math
from collections.abc import Sequence

import pandas as pd
import yaml

from lib.report.documents.grids import UP
from lib.report.documents.markdown import correlation, figure, gain, table
from lib.report.documents.published import PublishedStudy
from lib.report.figures.style import label
from lib.report.sentences import recipes, target_sizes, task_types
from lib.report.sentences.words import code, number, percent
from lib.studies.task_types import mean_ranks, seed_agreement

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
    """The changed keys of a recipe as "source.settings: ..." with values in YAML, or that there are none."""
    flat = [f"{key}.{inner}: {_in_yaml(value)}" for key, values in changes.items() for inner, value in values.items()]
    return code("; ".join(flat)) if flat else "nothing"


def _in_yaml(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=math.inf)
    return text.removesuffix("...\n").strip()


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


def types_page(studies: Sequence[PublishedStudy]) -> dict:
    """The verdict, the figures, the paper's findings and the tasks of the first study, of tasks of several types."""
    study = studies[0]
    names = ("type_tasks", "type_models", "type_gains", "type_matrix", "type_starts", "type_selector_ranks")
    tasks, models, gains, matrix, starts, ranks = map(study.table, names)
    ranking = study.parameters.ranking
    findings = task_types.paper_findings(gains, ranks, starts, ranking)
    sizes = [
        (code(row.task), label(row.type), row.metric, f"{row.train:,}", f"{row.validation:,}", f"{row.test:,}")
        for row in tasks.itertuples()
    ]
    ranked = task_types.best_selectors(mean_ranks(ranks, ranking))
    told = [task_types.average_pairs(matrix), task_types.chosen_starts(starts), ranked]
    return {
        "verdict": [
            *(line.removeprefix("- ") for lines in told for line in lines.splitlines()),
            task_types.agreement(seed_agreement(models)),
            task_types.collapsed(models),
        ],
        "figures": {name: figure(study, f"14_{name}", UP) for name in ("pairs", "starts", "selectors")},
        "findings": table(tuple(findings), findings.to_numpy().tolist()),
        "tasks": table(("task", "type", "metric", "training examples", "validation", "test"), sizes),
    }
