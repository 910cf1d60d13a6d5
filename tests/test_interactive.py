"""What a reader moves in a notebook: pages that follow controls, shared terms, and tables that sort and filter."""

import re

import browser
import numpy as np
import pandas as pd
import pytest
from studies import tiny_study

from lib.attribution import probes
from lib.attribution.ansat import ansat_matrix
from lib.attribution.models import attribute_models, similarity_tables
from lib.attribution.probes import ProbeTexts, probe_texts
from lib.notebooks.interactive import Control, interactive
from lib.notebooks.pair_explorer import NO_TEXTS, explore_pairs
from lib.report.shared_terms import matrix_html, pair_told, text_told
from lib.report.sortable import sortable
from lib.runs.engine import train_models
from lib.runs.plan import single_models
from lib.runs.results import run_table, select_settings
from lib.runs.workbench import open_workbench

HOSTILE = "<script>alert(1)</script>"
CONTROLS = {
    "size": Control("SelectionSlider", 2, [1, 2, 3]),
    "name": Control("Dropdown", "a", ["a", HOSTILE], resets={"words": str.upper}),
    "words": Control("Textarea", "x"),
}


def page(size, name, words) -> str:
    return f"{size} {len(name)} {words}"


def test_a_headless_run_shows_the_page_as_it_begins_and_what_could_be_changed():
    shown = interactive(page, CONTROLS).data
    assert shown == "<p><em>In JupyterLab you can change: size (2), name (a), words.</em></p>\n2 1 x"
    hostile = {**CONTROLS, "name": Control("Dropdown", HOSTILE, [HOSTILE])}
    assert "<script" not in interactive(page, hostile).data


def test_in_jupyterlab_the_page_follows_every_control(monkeypatch):
    monkeypatch.delenv("WHENCE_HEADLESS")
    row, shown = interactive(page, CONTROLS).children
    size, name, words = row.children
    assert shown.value == "2 1 x"
    size.value = 3
    assert shown.value == "3 1 x"
    words.value = "y"
    assert shown.value == "3 1 y"
    name.value = HOSTILE
    assert words.value == HOSTILE.upper() and shown.value == f"3 {len(HOSTILE)} {HOSTILE.upper()}"


# the terms that two tasks share


@pytest.fixture(scope="module")
def ansat():
    """Two layers and three thresholds of three tasks, by two seeds; the middle is layer 1 and threshold 0.5."""
    keys = [(s, t, seed, layer, threshold) for s in "abc" for t in "abc" if s != t for seed in (0, 1) for layer in (0, 1)
            for threshold in (0.2, 0.5, 0.8)]  # fmt: skip
    frame = pd.DataFrame(keys, columns=["source", "target", "seed", "layer", "threshold"]).assign(probe="all")
    order = 3 * frame["source"].map("abc".index) + frame["target"].map("abc".index)
    return frame.assign(ansat=order + frame["layer"] + frame["seed"] - frame["threshold"])


def test_the_matrix_is_the_mean_over_seeds_at_one_threshold_and_layer(ansat):
    matrix = ansat_matrix(ansat, 0.5, 0)
    assert matrix.loc["c", "a"] == 6 + 0.5 - 0.5 and np.isnan(matrix.loc["a", "a"]) and matrix.shape == (3, 3)


def test_the_matrix_is_shaded_from_the_least_to_the_most_with_the_pair_framed(ansat):
    shown = matrix_html(ansat_matrix(ansat, 0.5, 0), ("c", "b"))
    cells = dict(re.findall(r'<td style="([^"]+)">([\d.]+)</td>', shown))
    assert sorted(map(float, cells.values())) == [1, 2, 3, 5, 6, 7] and shown.count("<td></td>") == 3 + 1
    styles = {number: style for style, number in cells.items()}
    assert "#ffffff;color:#000" in styles["1.00"] and "#2f3b47;color:#fff" in styles["7.00"]
    assert [number for number, style in styles.items() if "box-shadow" in style] == ["7.00"]
    equal = matrix_html(
        pd.DataFrame([[np.nan, 1.0], [1.0, np.nan]], index=["a_1", "<b>"], columns=["a_1", "<b>"]), ("", "")
    )
    assert equal.count("#ffffff") == 2 and "<b>" not in equal and "a_<wbr>1" in equal


def test_a_pair_is_told_beside_the_targets_other_sources(ansat):
    matrix = ansat_matrix(ansat, 0.5, 0)
    told = "<p><b>{}</b> and <b>b</b> share {} active terms per text. Of the target's 1 other source, {} more.</p>"
    assert pair_told(matrix, "a", "b") == told.format("a", "1.00", "1 shares")
    assert pair_told(matrix, "c", "b") == told.format("c", "7.00", "0 share")
    assert "choose two tasks" in pair_told(matrix, "a", "a")


def test_a_text_names_the_terms_that_are_active_in_both_and_nothing_in_it_is_obeyed():
    words, source, target = ["<b>help", "us", "now"], np.array([2.0, -1.0, 0.0]), np.array([-4.0, 0.0, 2.0])
    told = text_told(words, source, target, 0.5, ("one", "<two>"))
    assert "<p>1 term of this text is active in both models: <b>&lt;b&gt;help</b>.</p>" in told
    assert re.findall(r"<th [^>]+>([^:]+): (\d) active terms</th>", told) == [
        ("source one", "2"),
        ("target &lt;two&gt;", "2"),
    ]
    assert re.findall(r"underline\">([^<]+)</bdi>", told) == 2 * ["&lt;b&gt;help"]
    assert re.findall(r"rgba\(([\d,.]+)\)", told)[:2] == ["0,114,178,0.750", "230,159,0,0.375"]
    assert "<p>0 terms of this text are active in both models.</p>" in text_told(
        words[1:], *np.eye(2), 0.5, ("one", "two")
    )


@pytest.fixture
def read():
    """Two texts as the models of three tasks read them at two layers; only in the second do c and b share a term."""
    values = np.array([[1.0, 1.0], [0.0, 0.0], [1.0, 1.0]])
    other = np.array([[0.0, 0.0], [1.0, 1.0], [1.0, 1.0]])
    models = {"a": values, "b": values, "c": other}
    return ProbeTexts([["send", "help"], [HOSTILE]], models, models, np.array([0, 2, 3]))


def test_the_explorer_begins_with_the_pair_that_shares_most_and_follows_its_controls(monkeypatch, ansat, read):
    monkeypatch.delenv("WHENCE_HEADLESS")
    monkeypatch.setattr(probes, "probe_texts", lambda study, singles: read)
    row, shown = explore_pairs(None, ansat, None).children
    threshold, layer, source, target, text = row.children
    assert [each.value for each in (threshold, layer, source, target, text)] == [0.5, 1, "c", "b", 2]
    assert "1 term of this text is active" in shown.value and "share 8.00 active terms" in shown.value
    assert "&lt;script&gt;" in shown.value and "<script" not in shown.value
    text.value = 1
    assert "0 terms of this text are active" in shown.value and "send" in shown.value
    threshold.value, layer.value = 0.2, 0
    assert "share 7.30 active terms" in shown.value
    source.value = "a"
    assert "<b>a</b> and <b>b</b> share 1.30" in shown.value and "1 term of this text is active" in shown.value
    target.value = "a"
    assert "choose two tasks" in shown.value and "this text" not in shown.value


def test_the_explorer_does_without_texts_and_without_jupyterlab(monkeypatch, ansat, read):
    monkeypatch.setattr(probes, "probe_texts", lambda study, singles: None)
    shown = explore_pairs(None, ansat, None).data
    assert "threshold (0.5), layer (1), source (c), target (b)." in shown and NO_TEXTS in shown
    monkeypatch.setattr(probes, "probe_texts", lambda study, singles: read)
    assert "target (b), text (2)." in explore_pairs(None, ansat, None).data


def test_probe_texts_are_read_as_the_table_says_and_only_where_their_models_are(tmp_path):
    study = tiny_study(
        tmp_path, settings=[{"learning_rate": 3e-3, "epochs": 1}], conductance={"probe_texts": 12, "steps": 4}
    )
    bench = open_workbench(study)
    singles = select_settings(run_table(bench, train_models(bench, single_models(bench), "single")))
    assert probe_texts(study, singles) is None  # no model is attributed yet
    attribute_models(bench, singles)
    found, (table, _) = probe_texts(study, singles), similarity_tables(bench, singles)
    assert len(found.words) == 12 and [len(words) for words in found.words] == np.diff(found.offsets).tolist()
    source, target = bench.tasks.names[:2]
    threshold, layer = study.ansat.thresholds[0], 1
    told = [text_told(*found.read_by(source, target, text, layer), threshold, ("", "")) for text in range(12)]
    shared = [int(re.match(r"<p>(\d+) term", each)[1]) for each in told]
    assert ansat_matrix(table, threshold, layer).loc[source, target] == pytest.approx(np.mean(shared))
    assert found.telling(source, target, threshold, layer) == np.argmax(shared)
    elsewhere = study.model_copy(update={"results": str(tmp_path / "elsewhere")})
    assert probe_texts(elsewhere, singles) is None


# tables that sort and filter


def test_a_table_is_written_for_people_and_escaped():
    frame = pd.DataFrame({"name": [HOSTILE, None], "value": [-0.0001, np.nan], "n": [1, 2], "yes?": [True, False]})
    shown = sortable(frame, digits=2).data
    assert re.findall("<td>([^<]*)</td>", shown) == [
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "0.00",
        "1",
        "yes",
        "",
        "",
        "2",
        "",
    ]
    assert shown.count("<script") == 1 and re.findall('<button type="button">([^<]+)', shown) == list(frame)
    assert ">name</button>" in sortable(frame.set_index("name")).data


@browser.needs_chromium
def test_a_table_sorts_and_filters_however_often_its_script_runs():
    frame = pd.DataFrame(
        {"task": [f"task_{n % 3}" for n in range(12)], "gain": [(5 * n) % 12 - 6.0 for n in range(12)]}
    )
    with browser.open_browser() as chromium, browser.open_page(chromium) as (opened, heard):
        opened.set_content(2 * sortable(frame, 1).data)  # as where a page holds two tables
        first = opened.locator(".sortable").first
        rows, gains = first.locator("tbody tr:visible"), first.locator("tbody tr:visible td:nth-child(2)")
        first.locator("th", has_text="gain").click()
        assert [float(gain) for gain in gains.all_text_contents()] == [n - 6.0 for n in range(12)]
        opened.locator("input").first.fill("TASK_1 2")
        assert rows.all_inner_texts() == ["task_1\t2.0"]
        assert opened.locator("output").all_text_contents() == [" 1 of 12 rows", " 12 of 12 rows"]
        assert heard.complaints == []
