"""The study of target sizes: what is trained at each size, how a start is judged, and what is said of it."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from studies import tiny_study

from lib.errors import InputError
from lib.notebooks.plan import NOTEBOOKS, plan
from lib.report.documents.comparisons import sizes_page
from lib.report.documents.page import Page
from lib.report.documents.pages import render
from lib.report.documents.published import PublishedStudy, published_studies
from lib.report.figures.studies import plot_target_sizes
from lib.report.sentences import target_sizes as sentences
from lib.runs.plan import single_models
from lib.runs.workbench import open_workbench
from lib.storage.ledger import Ledger
from lib.storage.tables import check, write_table
from lib.studies.first_source import cross_validated_probe
from lib.studies.target_sizes import STARTS, best_starts, gains_by_size, sizes, train_size
from lib.study.parameters import Study
from lib.study.sections import Ranking

CONFIG = Ranking(bootstrap=100)
SIZES = {
    "few": {"draws": 2, "target": {"n": 16}},
    "more": {"target": {"n": 32, "settings": [{"learning_rate": 1e-3, "epochs": 1}]}},
}


def table(levels: dict[int, dict[str, float]], draws: int = 2) -> pd.DataFrame:
    """Models of three targets: their scores by size and kind; the draws and the targets differ, the gains do not."""
    rows = []
    for size, kinds in levels.items():
        for kind, score in kinds.items():
            for target in "ABC":
                for draw in range(draws):
                    shift = 0.02 * draw + 0.01 * "ABC".index(target)
                    scores = [score + shift, score + shift, 0.5 * (score + shift), 0.1]
                    rows.append((size, draw, kind, target, "B" if kind == "transfer" else "", 0, 4, 60, *scores))
    columns = ["size", "draw", "kind", "target", "source", "seed", "positives", "steps"]
    columns += ["validation_average_precision", "validation_f1", "test_average_precision", "test_f1"]
    models = pd.DataFrame(rows, columns=columns).assign(train_seconds=1.0, total_seconds=2.0, collapsed=False)
    return check("target_sizes", models, "test")


LEVELS = {
    16: {"single": 0.4, "frozen": 0.3, "fused": 0.5, "transfer": 0.45},
    64: {"single": 0.5, "frozen": 0.4, "fused": 0.52, "transfer": 0.54},
    512: {"single": 0.6, "frozen": 0.4, "fused": 0.6, "transfer": 0.5},
}


def gains_of(models: pd.DataFrame) -> pd.DataFrame:
    return check("target_size_gains", gains_by_size(models, CONFIG), "test")


def test_gains_are_means_over_targets_of_draws_that_are_averaged_first():
    models = table(LEVELS)
    own = (models["size"] == 16) & (models["kind"] == "fused")
    models.loc[own & (models["target"] == "A"), "validation_average_precision"] = [
        0.3,
        0.5,
    ]  # the draws' mean loses 0.01
    gains = gains_of(models).set_index(["size", "kind", "metric", "part"]).sort_index()
    changed = gains.loc[16, "fused", "average_precision", "validation"]
    assert changed["value"] == pytest.approx((-0.01 + 0.1 + 0.1) / 3)
    assert changed["share_gaining"] == pytest.approx(2 / 3)
    assert changed["low"] == pytest.approx(-0.01) and changed["high"] == pytest.approx(0.1)
    untouched = gains.loc[64, "transfer", "average_precision"]
    assert untouched["value"].to_dict() == pytest.approx({"validation": 0.04, "test": 0.02})
    assert (gains.loc[(slice(None), slice(None), "f1", "test"), "value"] == 0).all()
    assert len(gains) == 3 * 3 * 2 * 2


def test_the_best_start_is_the_one_that_gains_most_on_validation_outside_the_noise():
    gains = gains_of(table(LEVELS))
    assert best_starts(gains) == {16: "fused", 64: "transfer", 512: "single"}
    noisy = gains.assign(low=gains["low"].where(gains["kind"] != "fused", -0.1))
    assert best_starts(noisy) == {16: "transfer", 64: "transfer", 512: "single"}
    on_test = gains["part"] == "test"
    assert best_starts(gains.assign(low=gains["low"].mask(on_test, -1.0))) == best_starts(gains)  # test chooses nothing


def test_sentences_follow_the_numbers():
    gains = gains_of(table(LEVELS))
    advice = sentences.advice(gains)
    assert advice.startswith(
        "Up to 16 labelled texts, start from the mean of the other tasks' encoders; with 64, start from "
    )
    assert "from 512 on, train alone." in advice
    on_test = sentences.on_test(gains)
    assert "by +0.050 (+0.050 to +0.050) with 16 texts and +0.020 (+0.020 to +0.020) with 64 texts; 2 of 2" in on_test
    assert on_test.endswith("about 0.2 of the 9 intervals on validation above 0.")
    assert "the linear probe's first source with 16 texts, +0.050" in sentences.each_start(gains)
    assert sentences.finding(gains).startswith(
        "Up to 16 texts, the mean of all sources adds most; with 64, the probe's"
    )
    lost = gains_of(table({size: kinds | {"fused": 0.3, "transfer": 0.3} for size, kinds in LEVELS.items()}))
    assert sentences.advice(lost).startswith("Nothing was found: with 16 to 512 labelled texts no start gains")
    assert sentences.on_test(lost) == "Chance alone would put about 0.2 of the 9 intervals on validation above 0."
    assert sentences.finding(lost) == "No start gains over training alone with 16 to 512 texts"
    always = gains_of(table({size: kinds | {"frozen": 0.9} for size, kinds in LEVELS.items()}))
    assert sentences.advice(always).startswith("With 16 to 512 labelled texts, fit a logistic regression")
    models = table(LEVELS)
    assert sentences.collapsed(models) == "Every model predicts some text as positive."
    broken = models.assign(collapsed=models.index == 0)
    assert (
        sentences.collapsed(broken)
        == "1 of 18 single models predicts no text as positive, so their F1 at probability 0.5 is 0."
    )
    figure = plot_target_sizes(gains, "the finding")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "from the linear probe's first source", "from the mean of all sources", "frozen encoder, logistic regression"
    ]  # fmt: skip
    assert list(figure.axes[0].get_xticks()) == [16, 64, 512]
    plt.close(figure)


def test_the_probe_is_judged_on_texts_that_it_was_not_fitted_on():
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 4 == 0
    noise = rng.normal(size=(40, 200))
    assert cross_validated_probe(noise, labels) < 0.6  # fitted and judged on the same texts it would reach 1
    assert cross_validated_probe(np.column_stack([noise[:, :2], labels]), labels) == 1
    with pytest.raises(InputError, match="fewer than two positives or negatives; raise target.n or target.positives"):
        cross_validated_probe(noise[:8], np.arange(8) == 3)


def test_sizes_are_studies_with_draws_of_their_own(tmp_path):
    study = tiny_study(tmp_path, target_sizes=SIZES)
    found = list(sizes(study))
    assert [(draw, each.target.n, each.target.seed) for draw, each in found] == [(0, 16, 0), (1, 16, 1), (0, 32, 0)]
    assert all(each.source == study.source and each.target_sizes is None for _, each in found)
    assert len(found[0][1].settings_of("target")) == 2 and len(found[2][1].settings_of("target")) == 1
    assert Study.parse(study.model_dump(mode="json")) == study
    assert [job.name for job in plan(study, {"study_name": "tiny"}, NOTEBOOKS)] == ["13_target_sizes"]
    for wrong in ({"a": SIZES["few"], "b": SIZES["few"]}, {"a": SIZES["few"], "b": {"draws": 2}}):
        with pytest.raises(InputError, match="target_sizes: give each size a target.n of its own"):
            tiny_study(tmp_path, target_sizes=wrong)
    with pytest.raises(InputError, match="'target_sizes.few.draws'.*found 0"):
        tiny_study(tmp_path, target_sizes=SIZES | {"few": {"draws": 0, "target": {"n": 16}}})
    with pytest.raises(InputError, match="target_sizes.odd: .*'target.n'"):
        list(sizes(tiny_study(tmp_path, target_sizes=SIZES | {"odd": {"target": {"n": 3}}})))


def test_every_size_trains_targets_from_all_starts_and_sources_only_once(tmp_path):
    setting = {"learning_rate": 1e-3, "epochs": 1}
    changes = {side: {"n": 48, "positives": 0.4, "settings": [setting]} for side in ("source", "target")}
    changes |= {"settings": None, "transfer": {"head": "probe"}, "training": {"tries": 1}}
    study = tiny_study(tmp_path, target_sizes=SIZES, **changes)
    models = pd.concat([train_size(draw, size) for draw, size in sizes(study)], ignore_index=True)
    check("target_sizes", models, "test")
    assert models.groupby(["size", "draw", "kind"]).size().unstack().eq(3).all(axis=None)
    assert set(models["kind"]) == {"single", *STARTS} and (models["source"] != models["target"]).all()
    assert ((models["source"] != "") == (models["kind"] == "transfer")).all()
    assert ((models["steps"] == 0) == (models["kind"] == "frozen")).all()
    ledger = Ledger(study.ledger)
    records = [entry["record"] for id in ledger.ids() if "task" in (entry := ledger.entry(id))["record"]]
    assert len(records) == len(models) + 3  # the sources of three tasks
    sources = [
        {run.run.id for run in single_models(open_workbench(size)) if run.side == "source"} for _, size in sizes(study)
    ]
    assert sources[0] == sources[1] == sources[2]
    for run in ledger.ids():  # another study may have deleted weights that it does not need
        ledger.prune(run, "weights")
    again = pd.concat([train_size(draw, size) for draw, size in sizes(study)], ignore_index=True)
    pd.testing.assert_frame_equal(models, again)


def test_a_published_study_of_sizes_has_a_page_of_its_own(tmp_path):
    folder = tmp_path / "smoke_sizes"
    write_table(folder / "tables", "target_size_gains", gains_of(table(LEVELS)))
    study = PublishedStudy(folder)
    assert not study.is_grid and published_studies(tmp_path) == {"smoke_sizes": study}
    page = render(
        "target_sizes.md.j2",
        page=Page("x.md", "", sizes_page, ("smoke_sizes",), "Sizes", "Few"),
        pictures={"advice": ""},
        **sizes_page([study]),
    )
    assert sentences.advice(gains_of(table(LEVELS)))[:30] in page
    assert "| 16 | +0.100 (+0.100 to +0.100) | +0.050" in page
