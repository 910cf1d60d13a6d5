"""Decisions within a budget: luck is told from gain, the order of work is kept, and so is the clock."""

import math
import re
import time
from dataclasses import dataclass, replace
from types import SimpleNamespace

import grids
import numpy as np
import pandas as pd
import pytest
from studies import tiny_study

from lib.models.training import epochs_of
from lib.notebooks.plan import NOTEBOOKS, plan
from lib.notebooks.run import run_study
from lib.predict.folder import exported_models
from lib.recommend.candidates import candidate_of
from lib.recommend.decisions import Decider, used_models
from lib.recommend.judging import (
    MATTERS,
    MOST_SEEDS,
    PRIOR_SPREAD,
    Candidate,
    Judgement,
    judge,
    spread_over_seeds,
    verdict_of,
    what_would_settle,
)
from lib.recommend.schedule import Spending, most_promising_first, restarts, seconds_taken, train_candidates
from lib.report.headline import closing_lines
from lib.report.pages import write_report
from lib.runs.engine import train_models
from lib.runs.plan import single_models
from lib.runs.results import run_table, select_settings
from lib.runs.sizes import LEAST_STEPS, SOURCE_TEXTS, TARGET_TEXTS, affordable, affordable_split
from lib.runs.weights import NETWORK
from lib.runs.workbench import open_workbench
from lib.selection.promising import PROMISING
from lib.storage.tables import check, read_table, write_for_spreadsheets, write_table
from lib.study.files import ROOT
from lib.study.parameters import Study
from lib.study.recipe import RATES
from lib.study.sections import Setting

ALONE, A, FUSED, FROZEN = Candidate("single"), Candidate("transfer", "a"), Candidate("fused"), Candidate("frozen")

# judging


def simulated(true_gains, rng, text_spread=0.02, seed_spread=0.01, seeds=1, draws=400) -> dict:
    """Scores of training alone and of candidates with these true gains, as a study would see them."""
    scores = {}
    for place, gain in enumerate([0.0, *true_gains]):
        texts = text_spread * rng.standard_normal()
        resampled = texts + text_spread * rng.standard_normal(draws)
        own = 0.5 + gain + seed_spread * rng.standard_normal(seeds)
        candidate = ALONE if place == 0 else Candidate("transfer", f"s{place}")
        scores[candidate] = own[:, None] + np.concatenate([[texts], resampled])
    return scores


def test_of_many_candidates_that_gain_nothing_hardly_any_is_recommended():
    rng = np.random.default_rng(0)
    judged = [judge(simulated([0.0] * 11, rng), 0.01, rng) for _ in range(400)]
    wrong = np.mean([each.verdict == "transfer" for each in judged])
    assert wrong <= 0.05
    assert np.mean([each.gain for each in judged]) > 0.03  # the best of eleven always looks good
    assert abs(np.mean([each.expected for each in judged])) < 0.01


def test_a_real_gain_is_found_and_its_size_is_told_without_the_luck():
    rng = np.random.default_rng(1)
    judged = [judge(simulated([0.2, *[0.0] * 5], rng), 0.01, rng) for _ in range(100)]
    assert np.mean([each.verdict == "transfer" and each.leader.source == "s1" for each in judged]) > 0.95
    assert np.mean([each.expected for each in judged]) == pytest.approx(0.2, abs=0.02)
    assert np.mean([each.low <= 0.2 <= each.high for each in judged]) > 0.95


def test_more_seeds_narrow_the_interval_and_test_scores_are_not_asked_for():
    rng = np.random.default_rng(2)
    one, five = (judge(simulated([0.1], rng, 0.001, 0.05, seeds), 0.05, np.random.default_rng(0)) for seeds in (1, 5))
    assert five.high - five.low < 0.6 * (one.high - one.low)
    assert five.seed_spread < one.seed_spread and five.seed_spread == pytest.approx(0.05 * math.sqrt(2 / 5))


def test_without_candidates_nothing_can_be_told():
    alone = judge({ALONE: np.full((1, 11), 0.5)}, 0.01, np.random.default_rng(0))
    assert alone.verdict == "cannot_tell" and alone.leader is None and alone.used == ALONE
    assert what_would_settle(alone, 100, 0.01) == (None, None)


@pytest.mark.parametrize("gain", [-0.3, 0.3])
def test_a_frozen_encoder_alone_does_not_say_whether_to_transfer(gain):
    rng = np.random.default_rng(3)
    found = simulated([gain], rng)
    scores = {ALONE: found[ALONE], FROZEN: found[Candidate("transfer", "s1")]}
    judged = judge(scores, 0.01, rng)
    assert judged.verdict == "cannot_tell" and judged.used == (FROZEN if gain > 0 else ALONE)
    assert what_would_settle(judged, 100, 0.01) == (None, None)
    assert judge(scores | {A: found[ALONE] - 0.1}, 0.01, rng).verdict == "do_not_transfer"


@pytest.mark.parametrize(
    ("leader", "expected", "low", "high", "verdict"),
    [
        (A, 0.05, 0.01, 0.1, "transfer"),
        (FUSED, 0.05, 0.01, 0.1, "fuse"),
        (Candidate("fused_top", k=2), 0.05, 0.01, 0.1, "fuse"),
        (FROZEN, 0.05, 0.01, 0.1, "do_not_transfer"),
        (A, 0.05, -0.01, 0.1, "cannot_tell"),
        (A, 0.0, -0.01, 0.1, "do_not_transfer"),
        (A, 0.001, -0.01, MATTERS / 2, "do_not_transfer"),
    ],
)
def test_verdicts(leader, expected, low, high, verdict):
    assert verdict_of(leader, expected, low, high) == verdict


def test_what_is_used_is_the_leader_where_a_gain_is_expected():
    assert Judgement("cannot_tell", A, expected=0.01).used == A
    assert Judgement("do_not_transfer", A, expected=-0.01).used == ALONE


def test_the_spread_over_seeds_by_hand():
    assert spread_over_seeds([]) == pytest.approx(PRIOR_SPREAD)
    many = [np.array([0.4, 0.6])] * 1000  # variance 0.02 each
    assert spread_over_seeds(many) == pytest.approx(math.sqrt(0.02), rel=0.01)
    assert spread_over_seeds([np.array([0.1, 0.3])], 0.0) == pytest.approx(math.sqrt(0.02 / 4))


def test_what_would_settle_is_more_seeds_where_training_is_the_noise_else_more_texts():
    luck = 0.02 * math.sqrt(2)
    noisy = Judgement(
        "cannot_tell", A, 0.05, 0.04, low=-0.02, high=0.1, text_spread=0.001, seed_spread=luck, tried=True
    )
    seeds, texts = what_would_settle(noisy, 400, 0.02)
    assert texts is None and 1 <= seeds <= MOST_SEEDS - 1
    allowed = (0.001**2 + luck**2) * (0.04 / 0.06) ** 2
    assert 0.001**2 + 2 * 0.02**2 / (1 + seeds) <= allowed < 0.001**2 + 2 * 0.02**2 / seeds
    few_texts = Judgement(
        "cannot_tell", A, 0.05, 0.04, low=-0.02, high=0.1, text_spread=0.03, seed_spread=0.0001, tried=True
    )
    seeds, texts = what_would_settle(few_texts, 400, 0.0001 / math.sqrt(2))
    assert seeds is None and texts == pytest.approx(400 * ((0.06 / 0.04) ** 2 - 1), rel=0.01)
    assert what_would_settle(Judgement("transfer", A, 0.05, 0.04, 0.01, 0.1), 400, 0.01) == (None, None)


# the order of work


@dataclass(frozen=True)
class FakeRun:
    source: str
    sources: tuple
    seed: int


@dataclass(frozen=True)
class FakeModel:
    kind: str
    source: str
    target: str
    setting: int
    seed: int
    run: FakeRun
    for_export: bool = True


def model(kind="transfer", source="a", target="t", seed=0, sources=()):
    return FakeModel(kind, source, target, 0, seed, FakeRun(f"{source}/run", sources, seed))


def test_models_of_one_candidate_differ_in_their_seed_only():
    assert candidate_of(model("single", "")) == candidate_of(model("reseeded", "", seed=3)) == ALONE
    assert candidate_of(model()) == candidate_of(model(seed=1)) == A
    assert candidate_of(model("fused_top", "", sources=("x", "y"))) == Candidate("fused_top", "", 2)
    assert candidate_of(model("fused", "", sources=("x", "y"))) == FUSED


def test_every_targets_first_choice_comes_before_any_second():
    tables = grids.grid(6)
    pairs, rng = tables["pairs"], np.random.default_rng(0)
    noisy = pairs["validation_f1"] + rng.normal(0, 0.01, len(pairs))
    selectors = pairs[["source", "target", "seed"]].assign(selector=PROMISING, score=noisy)
    models = [model(source=row.source, target=row.target) for row in pairs.itertuples()]
    order = most_promising_first(models, tables["singles"], selectors)
    assert len(order) == 30 and {pair.target for pair in order[:6]} == set(grids.names(6))
    scores = selectors.set_index(["source", "target"])["score"]
    for target in grids.names(6):
        own = [scores[pair.source, pair.target] for pair in order if pair.target == target]
        assert own == sorted(own, reverse=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A tiny study with a budget, and its single-task models."""
    corpus = {"loader": "synthetic", "texts": 240, "tasks": 4}
    bench = open_workbench(tiny_study(tmp_path_factory.mktemp("budget"), corpus=corpus, budget_minutes=1000))
    singles = select_settings(run_table(bench, train_models(bench, single_models(bench), "singles")))
    return bench, singles


@pytest.mark.parametrize(
    ("seeds", "sizes"), [([0], [0, 2, 4, 4]), ([0, 1, 2], [0, 0, 3, 6])]
)  # of one, two and three rounds' time; a candidate has all its seeds or none
def test_a_batch_shrinks_to_what_ends_in_time(seeds, sizes, monkeypatch):
    """Two workers, models of 30 s, and 40 s of one worker taken, 20 s of the clock."""
    monkeypatch.delenv("WHENCE_STARTED", raising=False)
    spending = Spending.__new__(Spending)
    engine, study = SimpleNamespace(processes=2), SimpleNamespace(seeds=seeds)
    spending.bench, spending.recorded, spending.expected = SimpleNamespace(engine=engine, study=study), 40.0, 30.0
    assert [spending.batch_size(20 + rest) for rest in (29, 59, 89, 119)] == sizes
    assert spending.batch_size(10) == 0 and spending.batch_size(math.inf) > 10**6


def test_stages_come_in_their_order_and_the_tables_are_written_after_every_batch(trained):
    bench, singles = trained
    decider, seen = Decider(bench), []

    def decide(models):
        seen.append([each.kind for each in models])
        return decider(models)

    decisions = train_candidates(bench, singles, 0.0, decide).decisions
    assert all(seen[at] == seen[at + 1][: len(seen[at])] for at in range(len(seen) - 1))
    order = list(dict.fromkeys(seen[-1]))
    assert order[:5] == ["single", "frozen", "fused", "fused_top", "transfer"]
    kinds = pd.Series(seen[-1]).value_counts()
    assert kinds["frozen"] == 4 and min(kinds["fused"], kinds["fused_top"]) >= 4 and kinds["transfer"] >= 12
    for name in ("candidates", "recommendations"):
        check(name, read_table(bench.study.tables, name), "test")
    candidates = read_table(bench.study.tables, "candidates")
    assert candidates.groupby("target")["used"].sum().eq(1).all() and len(candidates) == 4 * (1 + 1 + 1 + 1 + 3)
    used = used_models(decider.models, decisions)
    assert set(used) == set(bench.tasks.names)
    assert all(candidate_of(each) == decisions[target].used for target, each in used.items())
    kept = {each.run.id for each in decider.models if bench.ledger.size(each.run.id, NETWORK)}
    assert kept == {each.run.id for each in used.values()}  # of nothing else is the network still there
    again = train_candidates(bench, singles, 0.0, Decider(bench)).decisions
    assert again == decisions


def test_without_a_budget_every_candidate_is_trained_once(trained):
    bench, singles = trained
    study = bench.study.model_copy(update={"budget_minutes": None})
    decider = Decider(replace(bench, study=study))
    train_candidates(decider.bench, singles, 0.0, decider)
    assert pd.Series([each.kind for each in decider.models]).value_counts().to_dict() == {
        "transfer": 12, "single": 4, "frozen": 4, "fused": 4, "fused_top": 4,
    }  # fmt: skip


def test_test_scores_stand_beside_the_decision_and_have_no_part_in_it(trained):
    bench, singles = trained
    decider = Decider(bench)
    decisions = train_candidates(bench, singles, 0.0, decider).decisions
    plain, tested = (decider.recommendation_table(decisions, with_test=each) for each in (False, True))
    assert plain["test_gain"].isna().all() and tested["test_gain"].notna().all()
    assert tested[tested["used"] == "single"]["test_gain"].eq(0).all()
    assert (tested["test_low"] <= tested["test_gain"] + 1e-9).all()
    same = [name for name in plain if "test" not in name]
    pd.testing.assert_frame_equal(plain[same], tested[same])


def test_training_stops_with_the_budget_and_leaves_time_for_the_export(trained):
    bench, singles = trained
    cases = {}
    for recorded in (60_000.0 - 0.01, 0.0):  # of 1,000 minutes with one worker
        decider = Decider(bench)
        decisions = train_candidates(bench, singles, recorded, decider).decisions
        cases[recorded] = {each.kind for each in decider.models}
        assert set(decisions) == set(bench.tasks.names)
    assert cases[60_000.0 - 0.01] == {"single"} < cases[0.0]


def test_only_what_is_open_is_trained_again_and_the_largest_gain_first():
    planned = {("t", ALONE): model("single", ""), ("t", A): model(), ("u", ALONE): model("single", "", "u")}
    planned |= {
        ("u", FROZEN): model("frozen", "", "u"),
        ("v", A): model(target="v"),
        ("v", ALONE): model("single", "", "v"),
    }

    decisions = {
        "t": Judgement("cannot_tell", A, expected=0.01),
        "u": Judgement("cannot_tell", FROZEN, expected=0.03),
        "v": Judgement("transfer", A, expected=0.02),
        "w": Judgement("do_not_transfer", A, expected=-0.1),
        "x": Judgement("cannot_tell", None),
    }

    def again(round, seeds):
        models = list(restarts(planned, decisions, round, seeds))
        assert all(each.seed == each.run.seed and not each.for_export for each in models)
        return [(each.target, each.kind, each.seed) for each in models]

    first = [("u", "single", 1), ("v", "single", 1), ("v", "transfer", 1), ("t", "single", 1), ("t", "transfer", 1)]
    assert again(1, [0]) == first
    assert again(2, [0]) == [("u", "single", 2), ("t", "single", 2), ("t", "transfer", 2)]
    assert again(1, [0, 1]) == [("u", "single", 2), ("t", "single", 2), ("t", "transfer", 2)]


def test_the_budget_counts_what_was_recorded_or_this_call_if_that_is_longer(monkeypatch):
    monkeypatch.delenv("WHENCE_STARTED", raising=False)
    assert seconds_taken(90.0, 2) == 45.0
    monkeypatch.setenv("WHENCE_STARTED", str(time.monotonic() - 60))
    assert seconds_taken(90.0, 2) == pytest.approx(60, abs=5) and seconds_taken(200.0, 2) == 100.0


# sizes


def sized(minutes, tasks=5, texts=5000, length=31.0, precision="bfloat16", **changes) -> Study:
    values = {"name": "sized", "corpus": {"loader": "synthetic"}, "budget_minutes": minutes}
    parts = {"train": texts, "validation": texts // 5, "test": texts // 5}
    return affordable(Study.parse(values | changes), tasks, np.full(10, length), parts, precision)


def test_sizes_grow_with_the_budget_up_to_their_caps():
    studies = [sized(minutes) for minutes in (2, 10, 30, 1000)]
    for sizes in ([s.source.n for s in studies], [s.target.n for s in studies]):
        assert sizes == sorted(sizes) and sizes[0] < sizes[-1]
    steps = [study.settings_of("target")[0].max_steps for study in studies]
    assert steps == sorted(steps) and steps[0] == LEAST_STEPS and steps[-1] == 192
    assert (studies[-1].source.n, studies[-1].target.n) == (SOURCE_TEXTS, TARGET_TEXTS)


def test_many_labels_leave_time_for_training_and_few_keep_the_caps():
    values = {"name": "sized", "corpus": {"loader": "synthetic"}, "split": {"max_validation": 1000, "max_test": 600}}
    splits = {
        tasks: affordable_split(Study.parse(values | {"budget_minutes": 30}), tasks, "bfloat16")
        for tasks in (5, 50, 500)
    }
    caps = {tasks: (split.max_validation, split.max_test) for tasks, split in splits.items()}
    assert caps[5] == (1000, 600) and caps[500] == (300, 150)
    assert 300 < caps[50][0] < 1000 and 150 < caps[50][1] < 600
    grid = Study.parse(values)
    assert affordable_split(grid, 500, "bfloat16") == grid.split


@pytest.mark.parametrize("dearer", [{"tasks": 50}, {"length": 120.0}, {"precision": "float32"}])
def test_more_tasks_longer_texts_and_a_slower_precision_get_less(dearer):
    assert sized(10, **dearer).source.n < sized(10).source.n


def test_sizes_that_a_study_gives_are_kept_and_without_a_budget_all_is():
    given = sized(2, target={"n": 144, "settings": [{"learning_rate": 1e-4, "epochs": 6}]}, source={"n": 640})
    assert given.target.n == 144 and given.source.n == 640 and given.target.positives is None
    assert given.settings_of("target") == [Setting(learning_rate=1e-4, epochs=6)]
    assert sized(None).source.n is None


def test_steps_bound_the_epochs_of_a_setting():
    setting = Setting(learning_rate=1e-4, epochs=4, min_steps=60, max_steps=192)
    assert epochs_of(setting, 16) == 60 and epochs_of(setting, 400) == 4
    assert epochs_of(setting, 3200) == pytest.approx(192 * 16 / 3200)
    assert setting.record(4.0) == Setting(learning_rate=1e-4, epochs=4).record(4.0)
    for wrong in ({"steps": 60, "min_steps": 1}, {"epochs": 1, "min_steps": 9, "max_steps": 8}):
        with pytest.raises(ValueError, match="min_steps"):
            Setting(learning_rate=1e-4, **wrong)


def test_the_page_of_encoders_says_the_rates_that_are_used():
    rows = re.findall(
        r"^\| [^|]+ \| `([^`]+)` \| \d+ \| [^|]+ \| (\S+) \|", (ROOT / "docs/encoders.md").read_text(), re.MULTILINE
    )
    assert {name: float(rate) for name, rate in rows} == {
        name: target for name, (source, target) in RATES.items() if name != "tiny" and source == target / 2
    }


def test_an_unknown_encoder_gets_the_rates_of_a_base_one():
    study = Study.parse({"name": "x", "corpus": {"loader": "synthetic"}, "encoder": {"name": "some/encoder"}})
    assert [study.settings_of(side)[0].learning_rate for side in ("source", "target")] == [1.5e-5, 3.0e-5]


# what a user sees


def test_formulas_in_names_are_texts_in_spreadsheets(tmp_path):
    frame = pd.DataFrame({"target": ["=1+1", "ok"], "rank": [1, 2], "gain": [-0.5, np.nan]})
    write_for_spreadsheets(tmp_path / "r.csv", frame)
    assert (tmp_path / "r.csv").read_text() == "target,rank,gain\n'=1+1,1,-0.5000\nok,2,\n"


def own_table(path, n=240):
    rng, rows = np.random.default_rng(0), []
    words = {"a": "flood water rain", "b": "water thirst drink", "c": "fire smoke burn"}
    for _ in range(n):
        labels = {name: int(rng.random() < 0.35) for name in words}
        text = " ".join(["said", str(rng.integers(10_000)), *(words[name] for name in words if labels[name])])
        rows.append({"message": text, **labels})
    pd.DataFrame(rows).to_csv(path, index=False)


def test_own_data_from_a_table_to_decisions_and_models(tmp_path):
    """As a user would: a CSV with three labels, a budget, one command."""
    own_table(tmp_path / "mine.csv", 480)
    path = tmp_path / "mine.yaml"
    path.write_text(
        f"name: mine\ncorpus: {{loader: table, path: {tmp_path}/mine.csv, text: message}}\nbudget_minutes: 4\n"
        f"encoder: {{name: tiny, max_length: 32}}\nresults: {tmp_path}/results\nengine: {{workers: 1}}\n"
    )
    study = Study.load(path)
    assert [job.name[:2] for job in plan(study, {"study_name": str(path)}, NOTEBOOKS)] == ["01", "02", "11"]
    lines = []
    run_study(study, str(path), say=lines.append)
    shown = "\n".join(lines)
    assert "3 tasks" in shown and "until 4 minutes are over" in shown and "gain in average precision" in shown
    table = read_table(study.tables, "recommendations")
    assert len(table) == 3 and table["candidates"].eq(4).all()  # four minutes are enough for all of them
    assert table["test_gain"].notna().all() and len(pd.read_csv(study.folder / "recommendations.csv")) == 3
    assert len(closing_lines(study)) == 5
    page = (study.folder / "report.html").read_text()
    assert "11_recommendations" in page and "What to train each task from" in page and page.count("<circle") == 3
    assert {path.name for path in exported_models(study.folder / "models")} == {"a", "b", "c"}


def test_names_from_the_data_are_escaped_on_the_page_and_an_open_decision_has_no_picture(tmp_path):
    row = {
        "target": "<b>x</b>", "verdict": "cannot_tell", "leader": "", "sources": "", "used": "single", "minutes": 1.0,
        "validation_texts": 10, "validation_positives": 5, "candidates": 0, "models": 1,
        **dict.fromkeys(["expected_gain", "low", "high", "more_seeds", "more_texts"], np.nan),
        **dict.fromkeys([f"{a}validation_{b}" for a in ("", "alone_") for b in ("average_precision", "f1_tuned")], 0.5),
        **dict.fromkeys([f"{a}test_{b}" for a in ("", "alone_") for b in ("average_precision", "f1_tuned")], np.nan),
        **dict.fromkeys(["test_gain", "test_low", "test_high"], np.nan),
    }  # fmt: skip
    study = Study.parse(
        {"name": "mine", "corpus": {"loader": "synthetic"}, "budget_minutes": 2, "results": str(tmp_path)}
    )
    write_table(study.tables, "recommendations", pd.DataFrame([row]))
    page = write_report(study.folder, "mine").read_text()
    assert "&lt;b&gt;x&lt;/b&gt;" in page and "<b>x" not in page and "<circle" not in page and "on test" not in page
    assert "cannot tell: train it alone" in page
