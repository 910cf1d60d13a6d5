"""The pilot of recipes: which variants are trained, how they are judged, and what is said of them."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from studies import tiny_study

from lib.errors import InputError
from lib.report.documents.comparisons import recipes_page
from lib.report.documents.page import Page
from lib.report.documents.pages import render
from lib.report.documents.published import PublishedStudy
from lib.report.figures.studies import plot_recipes
from lib.report.sentences import recipes as sentences
from lib.storage.ledger import Ledger
from lib.storage.tables import check, write_table
from lib.studies.recipes import judged, sound_recipe, train_variant, variants
from lib.study.parameters import Study
from lib.study.sections import Ranking

CONFIG = Ranking(bootstrap=100)


def table(baselines: dict[str, float], gains: dict[str, dict], seeds: int = 2) -> pd.DataFrame:
    """A pilot of two targets: baselines by recipe; gains by recipe and (source, target), alike with every seed."""
    rows = []
    for recipe, level in baselines.items():
        for seed in range(seeds):
            models = {("single", "", target): 0.0 for target in "AB"} | {("fused", "", target): 0.1 for target in "AB"}
            models |= {("transfer", *pair): gain for pair, gain in gains[recipe].items()}
            for (kind, source, target), gain in models.items():
                score = level + gain
                rows.append((recipe, kind, source, target, seed, score, score, 1.0, 60.0, False))
    columns = ["recipe", "kind", "source", "target", "seed", "validation_f1", "validation_average_precision"]
    return pd.DataFrame(rows, columns=[*columns, "train_seconds", "total_seconds", "collapsed"])


GAINS = {
    "gentle": {("B", "A"): 0.05, ("A", "B"): 0.02},
    "hot": {("B", "A"): 0.2, ("A", "B"): -0.1},
}


def scores_of(recipes: pd.DataFrame) -> pd.DataFrame:
    check("recipes", recipes, "test")
    return check("recipe_scores", judged(recipes, CONFIG), "test")


def test_recipes_are_judged_against_their_own_and_the_best_baseline():
    scores = scores_of(table({"gentle": 0.6, "hot": 0.4}, GAINS)).set_index(["recipe", "quantity"])["value"]
    assert scores["gentle", "baseline"] == pytest.approx(0.6) and scores["hot", "baseline"] == pytest.approx(0.4)
    assert scores["gentle", "pair_gain"] == pytest.approx(0.035) and scores["hot", "pair_gain"] == pytest.approx(0.05)
    assert scores["hot", "over_best_baseline"] == pytest.approx(0.05 - 0.2)  # a weak baseline makes sources look good
    assert scores["gentle", "share_gaining"] == 1 and scores["hot", "share_gaining"] == 0.5
    assert scores["hot", "fused_gain"] == pytest.approx(0.1) and scores["hot", "seed_agreement"] == pytest.approx(1)
    assert scores["hot", "minutes"] == 2 * (2 + 2 + 2)
    one = scores_of(table({"gentle": 0.6, "hot": 0.4}, GAINS, seeds=1)).set_index(["recipe", "quantity"])["value"]
    assert np.isnan(one["hot", "seed_agreement"])


def test_the_sound_recipe_has_a_good_baseline_before_it_has_gains():
    hot = {"gentle": 0.6, "hot": 0.4}
    assert sound_recipe(scores_of(table(hot, GAINS))) == "gentle"
    strong = GAINS | {"hot": {("B", "A"): 0.3, ("A", "B"): 0.3}}
    assert sound_recipe(scores_of(table(hot, strong))) == "gentle"  # a weak baseline is out, whatever its pairs add
    assert sound_recipe(scores_of(table({"gentle": 0.6, "hot": 0.6}, strong))) == "hot"
    assert sentences.choice(scores_of(table(hot, GAINS))).startswith(
        "`gentle` is chosen: its baseline is the best outside the noise."
    )


def test_sentences_follow_the_numbers():
    recipes = table({"gentle": 0.6, "hot": 0.4}, GAINS)
    scores = scores_of(recipes)
    assert "Without transfer `gentle` is the best of 2 recipes" in sentences.best_baseline(scores)
    assert "the worst, `hot`, reaches 0.40" in sentences.best_baseline(scores)
    assert "gains under 1 and loses under 0 of 2 recipes" in sentences.gains(scores)
    assert "it does best under `gentle`: +0.035" in sentences.gains(scores)
    falling = {name: {pair: -0.1 for pair in gains} for name, gains in GAINS.items()}
    assert "gains under 0 and loses under 2 of 2" in sentences.gains(
        scores_of(table({"gentle": 0.6, "hot": 0.4}, falling))
    )
    assert "100 % of the pairs gain; two seeds agree" in sentences.agreement(scores)
    single = scores_of(table({"gentle": 0.6, "hot": 0.4}, GAINS, seeds=1))
    assert "one seed cannot tell" in sentences.agreement(single)
    assert sentences.collapsed(recipes) == "Every model predicts some text as positive."
    broken = recipes.assign(collapsed=recipes.index == 0)
    assert sentences.collapsed(broken) == "1 model of `gentle` predicts no text as positive."
    empty = scores.assign(value=np.nan)
    assert sentences.best_baseline(empty) == "No recipe has a baseline yet."
    figure = plot_recipes(scores, sentences.finding(scores))
    assert figure.axes[0].get_yticklabels()[-1].get_text() == "gentle"
    assert figure._suptitle.get_text().startswith("One source helps under")
    plt.close(figure)


def test_variants_change_what_they_name_and_train_some_pairs_of_every_target(tmp_path):
    values = tiny_study(tmp_path, training={"tries": 1}, seeds=[0, 1]).model_dump()
    values["recipes"] = {"plain": {}, "mean": {"encoder": {"pooling": "mean"}, "transfer": {"head": "probe"}}}
    study = Study.parse(values | {"settings": values["settings"][:1]})
    both = variants(study)
    assert both["plain"].model_dump() == study.model_dump() | {"recipes": None}
    assert both["mean"].encoder.pooling == "mean" and both["mean"].encoder.name == "tiny"
    models = pd.concat([train_variant(name, variant) for name, variant in both.items()], ignore_index=True)
    check("recipes", models, "test")
    counts = models.groupby(["recipe", "kind"]).size()
    assert counts["mean", "single"] == 6 and counts["mean", "transfer"] == 12 and counts["mean", "fused"] == 6
    assert set(judged(models, CONFIG)["recipe"]) == {"plain", "mean"}
    for run in Ledger(study.ledger).ids():  # another study may have deleted weights that it does not need
        Ledger(study.ledger).prune(run, "weights")
    half = Study.parse(both["plain"].model_dump() | {"transfer": {"interpolation": 0.5}})
    assert len(train_variant("half", half)) == 24
    with pytest.raises(InputError, match="recipes.wrong: .*poling"):
        variants(study.model_copy(update={"recipes": {"wrong": {"encoder": {"poling": "mean"}}, "plain": {}}}))


def test_a_published_pilot_has_a_page_of_its_own(tmp_path):
    folder = tmp_path / "smoke_recipes"  # its parameters name the recipes "mean of the tokens" and "cls"
    scores = scores_of(table({"gentle": 0.6, "hot": 0.4}, GAINS))
    write_table(folder / "tables", "recipe_scores", scores)
    page = Page("x.md", "", recipes_page, ("smoke_recipes",), "Recipes", "A pilot")
    text = render("recipes.md.j2", page=page, **recipes_page([PublishedStudy(folder)]))
    assert sentences.choice(scores) in " ".join(text.split())
    assert "| `gentle` | 0.60 (0.60 to 0.60) | +0.035 (+0.020 to +0.050) |" in text
    assert text.index("| `gentle` |") < text.index("| `hot` |") and "| `mean of the tokens` | nothing |" in text
