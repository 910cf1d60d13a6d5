"""Studies of tasks of several types: what is refused, their tables by hand, and a study with planted relations."""

import json
from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot as plt
from studies import tiny_study

from lib.errors import InputError
from lib.models.encoders import fresh_head, load_model
from lib.models.head import head_of, last_linear
from lib.models.types.classification import BINARY, Classification
from lib.models.types.regression import Regression
from lib.models.types.sequence_labelling import SequenceLabelling
from lib.report.documents.comparisons import types_page
from lib.report.documents.page import Page
from lib.report.documents.pages import render
from lib.report.documents.published import PublishedStudy
from lib.report.figures.task_types import plot_pairs, plot_selectors, plot_starts
from lib.report.sentences import task_types as sentences
from lib.runs.archive import load, save
from lib.runs.mixed import open_mixed
from lib.runs.plan import single_models
from lib.runs.weights import load_weights, pretrained, worker_network
from lib.runs.workbench import open_workbench
from lib.runs.worker import trained
from lib.selection.typed import FITTED
from lib.storage.ledger import Ledger
from lib.storage.tables import write_table
from lib.storage.writers import WRITERS
from lib.studies.task_types import (
    JUDGED,
    SCOPES,
    judge_selectors,
    mean_ranks,
    pair_gains,
    regimes,
    start_table,
    task_table,
    train_regime,
    type_matrix,
)
from lib.study.sections import Encoder, Ranking

TINY = Encoder(name="tiny", max_length=16)
PARTS = ("train", "validation", "test")


ANY = {"format": "tsv", "files": {"train": ["absent.txt"]}}
MIXED = {"corpus": {"loader": "mixed", "tasks": {"one": ANY, "two": ANY}}, "regimes": {"limited": {"target": {"n": 8}}}}


def refused(folder, **changes) -> str:
    with pytest.raises(InputError) as caught:
        open_mixed(tiny_study(folder, **MIXED | changes))
    return str(caught.value)


def test_keys_that_tasks_of_several_types_lack_are_refused(tmp_path):
    assert refused(tmp_path, encoder={"name": "tiny", "pooling": "cls"}) == (
        "encoder.pooling: cls has a head for texts only; tasks of several types need 'mean', which also reads words"
    )
    early = {"learning_rate": 1e-3, "epochs": 1, "early_stopping": 2}
    for side in ({"source": {"settings": [early]}}, {"target": {"settings": [early]}}, {"settings": [early]}):
        assert refused(tmp_path, **side) == (
            "early_stopping judges binary tasks only; leave it out where tasks are of several types"
        )
    recipes, sizes = {"a": {}, "b": {"seeds": [1]}}, {"a": {"target": {"n": 8}}, "b": {"target": {"n": 9}}}
    for key, value in (("budget_minutes", 5), ("recipes", recipes), ("target_sizes", sizes)):
        assert refused(tmp_path, **{key: value}) == (
            f"{key} needs binary tasks of one corpus; leave it out where tasks are of several types"
        )
    assert refused(tmp_path, tasks=["one", "tow"]) == (
        "tasks: no task 'tow' in corpus.tasks (one, two); correct its name"
    )
    assert refused(tmp_path).startswith("absent.txt: no such file")


def test_regimes_go_with_tasks_of_several_types(tmp_path):
    message = "parameters: regimes belong to tasks of several types: give them with corpus.loader mixed, and only there"
    for changes in ({"regimes": MIXED["regimes"]}, {"corpus": MIXED["corpus"]}):
        with pytest.raises(InputError) as caught:
            tiny_study(tmp_path, **changes)
        assert str(caught.value) == message


def test_a_regime_is_the_study_with_the_keys_that_it_changes(tmp_path):
    study = tiny_study(tmp_path, **MIXED | {"regimes": {"few -> few": {"source": {"n": 9}}, "all -> few": {}}})
    few, all = regimes(study).values()
    assert list(regimes(study)) == ["few -> few", "all -> few"]
    assert (few.source.n, few.source.positives, few.target) == (9, 0.4, study.target)
    assert all == study.model_copy(update={"regimes": {"all -> few": {}}}) and few.ledger == study.ledger
    wrong = tiny_study(tmp_path, **MIXED | {"regimes": {"few": {"sauce": {"n": 9}}}})
    with pytest.raises(InputError, match=r"^regimes\.few: unknown key 'sauce' \(did you mean 'source'\?"):
        regimes(wrong)


# tables by hand

RANKING = Ranking(bootstrap=200)


@pytest.fixture(scope="module")
def hand():
    """The tables "type_models" and "type_tasks": three tasks, two seeds; c alone scores 0. On test c is the better
    source of a, on validation b."""
    tasks = pd.DataFrame({"task": ["a", "b", "c"], "type": ["classification", "classification", "regression"]})
    alone, rows = {"a": 0.4, "b": 0.5, "c": 0.0}, []
    pairs = {("b", "a"): 0.5, ("c", "a"): 0.3, ("a", "b"): 0.4, ("c", "b"): 0.45, ("a", "c"): 0.2, ("b", "c"): 0.1}
    for seed, shift in ((0, -0.1), (1, 0.1)):
        for task, score in alone.items():
            rows.append(("single", "", task, "source", seed, 9.0, 9.0))
            rows.append(("single", "", task, "target", seed, score + shift, score + shift))
            rows.append(("fused", "", task, "target", seed, score, 1.5 * score))
        test = pairs | {("c", "a"): 0.6}
        rows += [("transfer", *pair, "target", seed, pairs[pair], test[pair] + 2 * shift) for pair in pairs]
    columns = ["kind", "source", "target", "side", "seed", "validation_score", "test_score"]
    return pd.DataFrame(rows, columns=columns).assign(regime="limited"), tasks


def test_gains_are_relative_to_the_target_alone(hand):
    gains = pair_gains(*hand).set_index(["kind", "source", "target"])
    found = gains.loc["transfer", ["test_gain", "source_type", "target_type"]]
    assert found.loc[("b", "a")].tolist() == [pytest.approx(0.25), "classification", "classification"]
    assert found.loc[("c", "b")].tolist() == [pytest.approx(-0.1), "regression", "classification"]
    assert found.loc[[("a", "c"), ("b", "c")], "test_gain"].isna().all()
    assert gains.loc[("fused", "", "a"), ["source_type", "validation_gain", "test_gain"]].tolist() == [
        "", pytest.approx(0, abs=1e-12), pytest.approx(0.5)
    ]  # fmt: skip
    assert gains.loc[("transfer", "b", "a"), ["test_score", "test_alone"]].tolist() == pytest.approx([0.5, 0.4])


def test_the_matrix_of_types_and_the_starts_by_hand(hand):
    gains, starts_of_hand = pair_gains(*hand), (0.375 - 0.15) / 2
    cells = type_matrix(gains, RANKING).set_index(["source_type", "target_type"])
    within = cells.loc[("classification", "classification")]
    assert within["value"] == pytest.approx((0.25 - 0.2) / 2) and within[["pairs", "targets"]].tolist() == [2, 2]
    assert within["share_gaining"] == 0.5 and within["low"] == pytest.approx(-0.2)
    assert cells.loc[("regression", "classification"), "value"] == pytest.approx((0.5 - 0.1) / 2)
    by_type = cells[~cells.index.get_level_values("source_type").isin(SCOPES)]
    assert len(by_type) == 3 and np.isnan(cells.loc[("classification", "regression"), "value"])
    everything = cells.loc[("all", "all")]
    assert everything[["pairs", "targets"]].tolist() == [6, 3] and everything["value"] == pytest.approx(starts_of_hand)
    assert everything["share_gaining"] == 0.5  # of the four pairs whose gain is defined
    assert cells.loc[("across", "all"), "value"] == pytest.approx((0.5 - 0.1) / 2)
    assert cells.loc[("within", "all"), "value"] == pytest.approx((0.25 - 0.2) / 2)
    starts = start_table(gains, RANKING).set_index("kind")["value"]
    assert starts["fused"] == pytest.approx(0.5) and set(starts.index) == {
        "fused",
        "transfer",
        "chosen",
        "chosen_across",
    }
    assert starts["transfer"] == pytest.approx(starts_of_hand)
    # b alone is better than all of its pairs on validation; c has no relative gains and counts as alone
    assert starts["chosen"] == pytest.approx((0.25 + 0 + 0) / 3)


def test_the_sentences_about_starts_tell_every_regime(hand):
    few = start_table(pair_gains(*hand), RANKING)
    starts = pd.concat([few, few.assign(regime="full", value=few["value"] + 0.1)], ignore_index=True)
    told = sentences.chosen_starts(starts).splitlines()
    assert told[0].startswith("- limited: a target's score changes by +8.3 % (")
    assert told[1].startswith("- full: a target's score changes by +18.3 % (")
    assert "from the source that validation chooses, " in told[0] and "+50.0 % (" in told[0]
    assert told[0].endswith("from the mean of all sources.")  # there are no step-matched baselines
    one = sentences.across_types(starts, hand[1])
    assert one.startswith("Between classification and regression, the source of another type that validation chooses ")
    assert " by 0.0 % (0.0 % to 0.0 %) (limited) and +10.0 % (" in one and one.endswith(" (full).")


def test_selectors_are_judged_among_all_sources_and_those_of_one_type(hand):
    """Four tasks of two types: sources are ranked rightly, wrongly, or rightly within a type only."""
    tasks = pd.DataFrame({"task": list("abcdef"), "type": ["classification"] * 3 + ["regression"] * 3})
    place, rows, scores = {task: number for number, task in enumerate("abcdef")}, [], []
    for source, target in permutations("abcdef", 2):
        score = 0.1 + place[source] / 10
        rows.append(("transfer", source, target, "target", 0, score, score))
        same = (place[source] < 3) == (place[target] < 3)
        scores += [("right", source, target, score), ("wrong", source, target, -score)]
        scores.append(("within", source, target, score if same else -score))
        if target < "d":
            scores.append(("some", source, target, score))
    rows += [("single", "", task, "both", 0, 0.1, 0.1) for task in "abcdef"]
    models = pd.DataFrame(rows, columns=["kind", "source", "target", "side", "seed", "validation_score", "test_score"])
    selectors = pd.DataFrame(scores, columns=["selector", "source", "target", "score"])
    gains = pair_gains(models.assign(regime="limited"), tasks)
    table = judge_selectors(selectors.assign(regime="limited", seed=0), gains, RANKING)
    assert len(table) == (3 * 6 + 3) * len(SCOPES) * len(JUDGED) and not table.isna().any(axis=None)
    table = mean_ranks(table, RANKING)
    assert len(table) == 4 * len(SCOPES) * len(JUDGED)
    found = table[table["metric"] == "spearman"].set_index(["selector", "scope"])["value"].unstack()[list(SCOPES)]
    assert found.loc["right"].tolist() == pytest.approx([1, 1, 1]) == [-each for each in found.loc["wrong"]]
    assert (
        found.loc["within", ["within", "across"]].tolist() == pytest.approx([1, -1]) and found.loc["within", "all"] < 1
    )
    ranks = table[table["metric"] == "rank_of_best"].set_index(["selector", "scope"])
    assert ranks.loc["right", "value"].tolist() == [1, 1, 1] and ranks.loc["wrong", "value"].tolist() == [5, 2, 3]
    assert ranks.loc["right", "random"].tolist() == pytest.approx([3, 1.5, 2])
    assert (table[table["selector"] == "some"]["targets"] == 3).all()
    assert (table[table["selector"] == "right"]["targets"] == 6).all()


# a study with planted relations

LEXICONS = {
    "a": ["babe", "dibo", "goda", "fedu", "gubi", "bofa"],
    "b": ["pasu", "tivo", "sepa", "vuta", "posi", "tuve"],
}
BACKGROUND = [one + other for one in ("ka", "lo", "me", "nu", "ri", "zo") for other in ("la", "me", "ni")]
MARKER = "zuzu"  # the word after it is the answer
TASKS = {
    "tags_a": "sequence_labelling", "label_a": "classification", "number_a": "regression",
    "tags_b": "sequence_labelling", "label_b": "classification", "number_b": "regression",
    "answers": "question_answering",
}  # fmt: skip
SIZES = {"train": 64, "validation": 24, "test": 24}


def sentence(rng: np.random.Generator, lexicon: list[str]) -> list[str]:
    """Eight words, none to three of them of the lexicon."""
    count = rng.integers(0, 4)
    return [*rng.permutation([*rng.choice(lexicon, count), *rng.choice(BACKGROUND, 8 - count)])]


def lines_of(kind: str, rng: np.random.Generator, lexicon: list[str], n: int) -> str:
    """A file's content: tags of words of the lexicon, whether a text has any, or how many."""
    texts = [sentence(rng, lexicon) for _ in range(n)]
    counts = [sum(word in lexicon for word in own) for own in texts]
    if kind == "tags":
        return "\n\n".join("\n".join(f"{word}\t{'B-x' if word in lexicon else 'O'}" for word in own) for own in texts)
    labels = counts if kind == "number" else ["yes" if count else "no" for count in counts]
    return "\n".join(f"{' '.join(own)}\t{label}" for own, label in zip(texts, labels, strict=True))


def questions(rng: np.random.Generator, n: int, part: str) -> str:
    """SQuAD's format: the answer is the word of the first lexicon that follows a marker."""
    paragraphs = []
    for number in range(n):
        words = sentence(rng, LEXICONS["a"])
        place, answer = rng.integers(0, 9), str(rng.choice(LEXICONS["a"]))
        context = " ".join([*words[:place], MARKER, answer, *words[place:]])
        start = context.index(MARKER) + len(MARKER) + 1
        entry = {
            "id": f"{part}{number}",
            "question": f"{MARKER} riri",
            "answers": [{"answer_start": start, "text": answer}],
        }
        paragraphs.append({"context": context, "qas": [entry]})
    return json.dumps({"data": [{"title": "t", "paragraphs": paragraphs}]})


def planted(folder) -> dict:
    """A study's corpus: two lexicons with three types of tasks each, and questions."""
    tasks = {}
    for number, task in enumerate(TASKS):
        files, kind = {}, task.split("_")[0]
        for part, n in SIZES.items():
            rng = np.random.default_rng([number, len(files)])
            text = questions(rng, n, part) if kind == "answers" else lines_of(kind, rng, LEXICONS[task[-1]], n)
            path = folder / f"{task}-{part}.txt"
            path.write_text(text + "\n")
            files[part] = [str(path)]
        shape = {"tags": {"format": "conll"}, "answers": {"format": "squad"}, "number": {"regression": True}}
        tasks[task] = {"format": "tsv", "files": files} | shape.get(kind, {})
    return {"loader": "mixed", "tasks": tasks}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("types")
    regime = {"limited": {"source": {"n": 48}, "target": {"n": 24}}}
    return tiny_study(
        folder / "results", corpus=planted(folder), regimes=regime, seeds=[0, 1], source={}, target={},
        settings=[{"learning_rate": 3e-3, "steps": 12}], training={"precision": "float32", "tries": 1},
        engine={"workers": 1, "device": "cpu"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def finished(study):
    """The regime, its workbench, and its models, selectors and tasks."""
    regime = regimes(study)["limited"]
    models, selectors = train_regime("limited", regime)
    bench = open_mixed(regime)
    return bench, models, selectors, task_table(bench)


def test_every_task_has_its_type_and_its_parts(finished):
    bench, *_, tasks = finished
    assert dict(zip(tasks["task"], tasks["type"], strict=True)) == TASKS
    assert (tasks[list(SIZES)] == list(SIZES.values())).all(axis=None)
    assert tasks["metric"].tolist() == [*["span_f1", "accuracy", "pearson"] * 2, "f1"]
    assert tasks["classes"].tolist() == [2, 2, 0, 2, 2, 0, 0]
    held = {task: bench.held_out(task) for task in TASKS}
    rows = np.concatenate([rows for parts in held.values() for rows in parts.values()])
    trained_on = np.concatenate([bench.drawn(task, side) for task in TASKS for side in ("source", "target")])
    assert len(set(rows)) == len(rows) == 7 * 48 and not np.isin(rows, trained_on).any()


def test_every_ordered_pair_and_every_baseline_is_trained(finished):
    _, models, selectors, _ = finished
    counts = models.groupby(["kind", "side"]).size().to_dict()
    assert counts == {
        ("single", "source"): 14, ("single", "target"): 14, ("transfer", "target"): 84, ("fused", "target"): 14,
        ("step_matched", "target"): 14,
    }  # fmt: skip
    assert not models.isna().any(axis=None) and set(models["regime"]) == {"limited"}
    expected = set(permutations(TASKS, 2))
    pairs = models[models["kind"] == "transfer"]
    for seed in (0, 1):
        own = pairs[pairs["seed"] == seed]
        assert set(zip(own["source"], own["target"], strict=True)) == expected and len(own) == 42
    steps = models.groupby("kind")["steps"].unique().map(list).to_dict()
    assert steps == {"single": [12], "transfer": [12], "fused": [12], "step_matched": [24]}
    targets = models[(models["kind"] == "single") & (models["side"] == "source")]
    learnt = targets.groupby("target")["test_score"].mean()
    assert learnt[["tags_a", "tags_b"]].min() > 0.5 and learnt[["number_a", "number_b"]].min() > 0.4
    assert not selectors.isna().any(axis=None)


def test_every_selector_scores_every_pair_that_it_can(finished):
    bench, _, selectors, _ = finished
    for name, own in selectors.groupby("selector"):
        targets = {task for task, kind in TASKS.items() if name not in FITTED or kind != "question_answering"}
        if name in ("knn", "probe"):  # accuracies of classes
            targets -= {task for task, kind in TASKS.items() if kind == "regression"}
            assert own["score"].between(0, 1).all()
        expected = {(*pair, seed) for pair in permutations(TASKS, 2) if pair[1] in targets for seed in (0, 1)}
        assert set(own[["source", "target", "seed"]].itertuples(index=False, name=None)) == expected
        assert len(own) == len(expected) and np.isfinite(own["score"]).all()
    sizes = selectors[selectors["selector"] == "source_examples"].groupby("source")["score"].unique().map(list)
    assert sizes.to_dict() == {task: [48.0] for task in TASKS}
    assert len(bench.drawn("tags_a", "target")) == 24


def test_tables_of_the_study_have_values_where_they_should(finished):
    _, models, selectors, tasks = finished
    gains = pair_gains(models, tasks)
    assert gains.groupby("kind").size().to_dict() == {"fused": 7, "step_matched": 7, "transfer": 42}
    assert (gains["test_gain"].isna() == (gains["test_alone"] <= 0)).all()
    assert not gains.drop(columns=["validation_gain", "test_gain"]).isna().any(axis=None)
    assert gains.loc[gains["target"].str.startswith(("tags", "label")), "test_gain"].notna().all()
    matrix = type_matrix(gains, RANKING)
    matrix = matrix[~matrix["source_type"].isin(SCOPES)]
    kinds = set(TASKS.values())
    cells = {(one, other) for one in kinds for other in kinds} - {("question_answering", "question_answering")}
    assert set(zip(matrix["source_type"], matrix["target_type"], strict=True)) == cells and len(matrix) == 15
    assert matrix["pairs"].sum() == 42 and matrix["share_gaining"].between(0, 1).all()
    defined = matrix[matrix["target_type"].isin(["classification", "sequence_labelling"])]
    assert ((defined["low"] <= defined["value"]) & (defined["value"] <= defined["high"])).all()
    starts = start_table(gains, RANKING)
    assert set(starts["kind"]) == {"chosen", "chosen_across", "fused", "step_matched", "transfer"}
    assert not starts.isna().any(axis=None)
    judged = judge_selectors(selectors.assign(regime="limited"), gains, RANKING)
    assert set(judged["scope"]) == {"all", "across"}  # one source of the target's own type needs no ranking
    assert set(judged["metric"]) == set(JUDGED)
    assert set(judged["selector"]) == set(selectors["selector"]) and set(
        judged.loc[judged["value"].isna(), "metric"]
    ) == {"spearman"}
    best = judged[judged["metric"] == "rank_of_best"]
    assert best["value"].between(1, 6).all()


def test_a_published_study_of_types_has_figures_and_a_page_of_its_own(finished, tmp_path):
    _, models, selectors, tasks = finished
    gains = pair_gains(models, tasks)
    matrix, starts = type_matrix(gains, RANKING), start_table(gains, RANKING)
    ranks = judge_selectors(selectors, gains, RANKING)
    tables = (tasks, models, selectors, gains, matrix, starts, ranks)
    folder = tmp_path / "smoke_classes"
    for name, table in zip(WRITERS["14_task_types"], tables, strict=True):
        write_table(folder / "tables", name, table)
    study = PublishedStudy(folder)
    page = render("task_types.md.j2", page=Page("x.md", "", types_page, (), "Types", "All"), **types_page([study]))
    for sentence in (
        "- limited: the average pair changes",
        "| `tags_a` | sequence labelling | span_f1 | 64 | 24 | 24 |",
    ):
        assert sentence in page
    assert page.count("not testable here") == 1 and "nan" not in page
    means = mean_ranks(ranks, RANKING)
    drawn = {
        sentences.pairs_title(matrix): lambda title: plot_pairs(gains, tasks, title),
        sentences.starts_title(starts): lambda title: plot_starts(matrix, starts, title),
        sentences.selectors_title(means): lambda title: plot_selectors(means, title),
    }
    for title, draw in drawn.items():
        figure = draw(title)
        assert " ".join(figure._suptitle.get_text().split()) == title and "(limited)" in title
        plt.close(figure)


def test_related_tasks_of_other_types_rank_above_unrelated_ones(finished):
    """Of a target's two sources of another type, the one of its own lexicon has the higher score, the mean over seeds.

    TaskEmb is left out: of random encoders that are trained for 12 steps it finds the lexicon in some draws only.
    """
    _, _, selectors, _ = finished
    means, compared = selectors.groupby(["selector", "source", "target"])["score"].mean(), 0
    for name, targets in {"textemb": ("tags", "label", "number"), "logme": ("number",)}.items():
        for source, target in permutations(("tags", "label", "number"), 2):
            for own, other in (("a", "b"), ("b", "a")) if target in targets else ():
                related, unrelated = (means[name, f"{source}_{each}", f"{target}_{own}"] for each in (own, other))
                assert related > unrelated, (name, source, target, own)
                compared += 1
    assert compared == 12 + 4


def refuse(*_):
    raise AssertionError("something is computed again")


def test_a_second_call_trains_nothing_and_gives_equal_tables(study, finished, monkeypatch):
    bench, models, selectors, _ = finished
    before = bench.ledger.ids()
    monkeypatch.setattr("lib.runs.engine.train", refuse)
    monkeypatch.setattr("lib.selection.typed.read", refuse)
    again = train_regime("limited", regimes(study)["limited"])
    pd.testing.assert_frame_equal(again[0], models)
    pd.testing.assert_frame_equal(again[1], selectors)
    assert bench.ledger.ids() == before


def test_an_archive_of_runs_gives_equal_tables_without_weights(study, finished, tmp_path, monkeypatch):
    bench, models, selectors, _ = finished
    assert save(bench.ledger, bench.place.materials, tmp_path / "runs.zip") > len(models)
    other = study.model_copy(update={"results": str(tmp_path / "results")})
    load(Ledger(other.ledger), tmp_path / "runs.zip")
    monkeypatch.setattr("lib.runs.engine.train", refuse)
    monkeypatch.setattr("lib.selection.typed.read", refuse)
    again = train_regime("limited", regimes(other)["limited"])
    pd.testing.assert_frame_equal(again[0], models)
    pd.testing.assert_frame_equal(again[1], selectors)
    assert not list(other.ledger.glob("*/weights.safetensors"))


def test_ids_change_with_the_type_and_those_of_binary_tasks_name_none(finished, tmp_path):
    bench, *_ = finished
    models = {(model.target, model.side, model.seed): model for model in single_models(bench)}
    outside = single_models(open_workbench(tiny_study(tmp_path)))[0].run
    ours = models["label_a", "target", 0].run
    assert outside.recipe == ours.recipe == {"pooling": "mean", "head": "probe"}
    assert set(outside.record) == set(ours.record) and "type" not in ours.record["recipe"]
    assert models["label_a", "target", 0].type == BINARY
    records = {task: models[task, "target", 0].run.recipe.get("type") for task in TASKS}
    assert records["tags_a"] == {"tags": 2, "spans": True} and records["answers"] == {"answers": "spans"}
    numbers = np.array(bench.tasks.examples["number_a"].targets)[bench.tasks.examples["number_a"].split["train"]]
    assert records["number_a"] == {"mean": numbers.mean(), "spread": numbers.std()}
    others = {
        "tags_a": SequenceLabelling(2, spans=False),
        "number_a": Regression(0.0, 1.0),
        "label_a": Classification(3),
    }
    for task, type in others.items():
        changed = replace(bench, tasks=replace(bench.tasks, types=bench.tasks.types | {task: type}))
        ids = {(each.target, each.side, each.seed): each.run.id for each in single_models(changed)}
        assert {key for key, model in models.items() if ids[key] != model.run.id} == {
            (task, side, seed) for side in ("source", "target") for seed in (0, 1)
        }


# a network that several types use


def after_training(bench, model) -> tuple[dict[str, torch.Tensor], np.ndarray]:
    with trained(bench.place, model) as (network, fit, _):
        return {name: value.detach().clone() for name, value in network.named_parameters()}, fit.losses


@pytest.mark.parametrize("before", ["tags_a", "number_a", "answers"])
def test_a_task_of_another_type_leaves_no_trace(finished, before):
    """A binary model after one of another type is, bit for bit, what it is in a fresh network."""
    bench, *_ = finished
    models = {model.target: model for model in single_models(bench) if (model.side, model.seed) == ("target", 0)}
    worker_network.cache_clear()
    weights, losses = after_training(bench, models["label_a"])
    worker_network.cache_clear()
    other, _ = after_training(bench, models[before])
    network = worker_network(bench.place.encoder, None, "cpu")
    assert network.reads == "mean" and last_linear(network).out_features == network.config.num_labels == 2
    again, same = after_training(bench, models["label_a"])
    np.testing.assert_array_equal(losses, same)
    assert set(weights) == set(again) and all(torch.equal(weights[name], again[name]) for name in weights)
    layer = "bert.encoder.layer.0.output.dense.weight"
    assert not torch.equal(other[layer], again[layer])


def test_weights_of_a_run_with_other_outputs_leave_the_head(finished):
    bench, *_ = finished
    runs = {model.target: model.run.id for model in single_models(bench) if (model.side, model.seed) == ("source", 0)}
    network = load_model(bench.place.encoder, None, "cpu")
    with head_of(network, Classification(classes=3)):
        fresh_head(network)
        head = [each.clone() for each in last_linear(network).parameters()]
        for task in ("label_a", "number_a", "tags_a"):
            stored = bench.ledger.arrays(runs[task], "weights")
            load_weights(bench.place, network, runs[task])
            assert all(torch.equal(*pair) for pair in zip(head, last_linear(network).parameters(), strict=True))
            layer = "bert.encoder.layer.1.output.dense.weight"
            np.testing.assert_array_equal(
                dict(network.named_parameters())[layer].detach(), stored[layer].astype(np.float32)
            )
    load_weights(bench.place, network, runs["tags_a"])  # two tags: as many outputs
    stored = bench.ledger.arrays(runs["tags_a"], "weights")
    np.testing.assert_array_equal(network.classifier.weight.detach(), stored["classifier.weight"].astype(np.float32))
    load_weights(bench.place, network, "")
    start = pretrained(bench.place.encoder, "cpu")
    assert all(torch.equal(value, start[name]) for name, value in network.named_parameters())
