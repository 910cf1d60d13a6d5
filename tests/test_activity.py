"""Terms, activity and ANSAT against examples worked by hand and against the definitions written as plain loops."""

import re
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import spearmanr

from lib.attribution.ansat import activity, ansat_table, shared_terms, signed_similarity_table
from lib.attribution.shading import shaded_table, shaded_text
from lib.attribution.terms import cls_share, terms
from lib.storage.tables import check

THRESHOLDS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


def random_study(texts=9, tasks=4, layers=3, seed=0):
    """Term values of some models, with texts of no, one and several terms, ties and an all-zero text."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(2, 9, texts)
    counts[[0, 1, texts - 1]] = [0, 1, 0]
    offsets = np.concatenate([[0], np.cumsum(counts)])
    models = {f"task{k}": rng.normal(size=(offsets[-1], layers + 1)).round(1) for k in range(tasks)}
    models["task1"][offsets[2] : offsets[3]] = 0
    positives = rng.random((texts, tasks)) < 0.4
    positives[:, 0] = False
    positives[4, 1:] = True
    return models, offsets, positives


def test_wordpieces_of_a_word_are_summed_and_special_tokens_dropped():
    values = np.array([[9, 9], [1, 0], [2, -1], [4, 5], [9, 9], [9, 9], [9, 9], [9, 9], [3, 3], [9, 9]], float)
    word_ids = [[None, 0, 0, 1, None], [None, None], [None, 1, None]]
    found, offsets = terms(values, np.array([0, 5, 7, 10]), word_ids)
    assert found.tolist() == [[3, -1], [4, 5], [3, 3]]
    assert offsets.tolist() == [0, 2, 2, 3]


def test_equal_word_numbers_of_neighbouring_texts_are_two_terms():
    found, offsets = terms(np.ones((2, 1)), np.array([0, 1, 2]), [[0], [0]])
    assert found.tolist() == [[1], [1]] and offsets.tolist() == [0, 1, 2]


def test_misaligned_word_ids_are_refused():
    with pytest.raises(ValueError, match="word_ids"):
        terms(np.ones((3, 1)), np.array([0, 1, 3]), [[0, 1], [0]])


def test_activity_and_ansat_worked_by_hand():
    offsets = np.array([0, 3, 3, 5])
    first = activity(np.array([[4.0], [-2.0], [1.0], [0.0], [0.0]]), offsets)
    second = activity(np.array([[-0.5], [2.0], [2.0], [3.0], [1.0]]), offsets)
    assert first.ravel().tolist() == [1, 0.5, 0.25, 0, 0]
    assert ansat(first, second, offsets, 0.5).tolist() == pytest.approx([1 / 3])  # at the threshold is active
    assert ansat(first, second, offsets, 0.51).tolist() == [0]


def ansat(first, second, offsets, threshold):
    """The definition: per layer, how many terms are active in both models, mean over the texts; (terms, layers) each."""
    return ((first >= threshold) & (second >= threshold)).sum(axis=0) / (len(offsets) - 1)


def naive(source, target, offsets, texts, layer, threshold):
    """ANSAT and Jaccard of one pair as they are written down."""
    shared, jaccard = [], []
    for text in texts:
        sets = []
        for values in (source, target):
            part = np.abs(values[offsets[text] : offsets[text + 1], layer])
            sets.append({k for k, value in enumerate(part) if part.max() > 0 and value / part.max() >= threshold})
        shared.append(len(sets[0] & sets[1]))
        jaccard.append(len(sets[0] & sets[1]) / len(sets[0] | sets[1]) if sets[0] | sets[1] else 0.0)
    return np.mean(shared), np.mean(jaccard)


def test_the_table_agrees_with_the_definition():
    models, offsets, positives = random_study()
    targets = {name: values[:, ::-1].copy() for name, values in models.items()}
    table = ansat_table(models, targets, offsets, [0.3, 0.5], positives, seed=7)
    check("ansat", table, "test")
    assert len(table) == 2 * 4 * (4 * 3 + 3 * 3)  # thresholds, layers, pairs of both probes; task0 has no positives
    for row in table.itertuples():
        texts = np.arange(9) if row.probe == "all" else np.flatnonzero(positives[:, list(targets).index(row.target)])
        expected = naive(models[row.source], targets[row.target], offsets, texts, row.layer, row.threshold)
        assert (row.ansat, row.jaccard) == pytest.approx(expected, abs=1e-6)
    assert set(table.seed) == {7} and not (table.source == table.target).any()
    assert set(table[table.probe == "positives"].target) == {"task1", "task2", "task3"}


def test_ansat_of_two_models_is_the_tables():
    models, offsets, positives = random_study()
    table = ansat_table(models, models, offsets, [0.4], positives, seed=0)
    active = [activity(models[name], offsets) for name in ("task2", "task3")]
    rows = table.query("source == 'task2' and target == 'task3' and probe == 'all'").sort_values("layer")
    np.testing.assert_allclose(rows.ansat, ansat(*active, offsets, 0.4), rtol=1e-6)


def test_ansat_is_symmetric_between_the_same_models():
    models, offsets, positives = random_study(seed=3)
    table = ansat_table(models, models, offsets, THRESHOLDS, positives, seed=0).query("probe == 'all'")
    swapped = table.rename(columns={"source": "target", "target": "source"})
    keys = ["source", "target", "layer", "threshold"]
    both = table.merge(swapped, on=keys, validate="one_to_one")
    assert len(both) == len(table)
    pd.testing.assert_series_equal(both.ansat_x, both.ansat_y, check_names=False)
    pd.testing.assert_series_equal(both.jaccard_x, both.jaccard_y, check_names=False)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(float, (12, 2), elements=st.floats(-1e3, 1e3, width=32)), st.lists(st.integers(0, 12), max_size=4))
def test_properties_of_activity(values, cuts):
    offsets = np.array([0, *sorted(cuts), 12])
    active = activity(values, offsets)
    assert ((active >= 0) & (active <= 1)).all()
    counts = [ansat(active, active, offsets, threshold) for threshold in THRESHOLDS]
    assert (np.diff(counts, axis=0) <= 0).all()  # a higher threshold never adds a term
    np.testing.assert_array_equal(activity(values * 4, offsets), active)  # a model's scale does not matter


def test_siblings_agree_with_the_definition():
    models, offsets, positives = random_study(seed=5)
    table = signed_similarity_table(models, models, offsets, positives, seed=1)
    check("signed_similarity", table, "test")
    names = list(models)
    for row in table.itertuples():
        chosen = np.arange(9) if row.probe == "all" else np.flatnonzero(positives[:, names.index(row.target)])
        sides = [models[row.source][:, row.layer], models[row.target][:, row.layer]]
        pairs = [[side[offsets[t] : offsets[t + 1]] for side in sides] for t in chosen]
        pairs = [(a, b) for a, b in pairs if len(a) > 1 and np.ptp(a) > 0 and np.ptp(b) > 0]
        cosine = np.mean([a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in pairs])
        spearman = np.mean([spearmanr(a, b).statistic for a, b in pairs])
        assert (row.cosine, row.spearman) == pytest.approx((cosine, spearman), abs=1e-9)
    assert len(table) == 4 * (12 + 9)


def test_siblings_see_the_sign_that_ansat_does_not():
    models, offsets, positives = random_study()
    opposite = {"task0": models["task0"], "task1": -models["task0"]}
    signed = signed_similarity_table(opposite, opposite, offsets, positives[:, :2], seed=0)
    np.testing.assert_allclose(signed[["cosine", "spearman"]], -1)
    ansat = ansat_table(opposite, opposite, offsets, [0.5], positives[:, :2], seed=0)
    jaccard = ansat[ansat.probe == "all"].jaccard
    assert jaccard.min() == jaccard.max() == pytest.approx(7 / 9)  # all terms alike, but two texts have none


def test_a_pair_without_a_comparable_text_has_no_row():
    models = {"a": np.ones((3, 2)), "b": np.arange(6.0).reshape(3, 2)}
    assert signed_similarity_table(models, models, np.array([0, 3]), np.ones((1, 2), bool), seed=0).empty


def test_tables_of_a_full_study_take_seconds():
    models, offsets, positives = random_study(texts=64, tasks=12, layers=6)
    start = time.process_time()
    table = ansat_table(models, models, offsets, THRESHOLDS, positives, seed=0)
    signed_similarity_table(models, models, offsets, positives, seed=0)
    assert time.process_time() - start < 8  # about 0.3 s on a quiet machine
    assert table.jaccard.max() <= 1


def test_cls_share():
    values = np.array([[1.0, 2.0], [-3.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    assert cls_share(values, np.array([0, 2, 3, 5])).tolist() == [0.625, 1.0]  # a text of zeros does not count
    assert np.isnan(cls_share(np.zeros((2, 1)), np.array([0, 2]))).all()


def test_shading_shows_sign_and_size():
    shaded = shaded_text(["help", "us", "now"], [2.0, -1.0, 0.0])
    assert re.findall(r"rgba\(([\d,.]+)\)", shaded) == ["0,114,178,0.750", "230,159,0,0.375", "230,159,0,0.000"]
    assert 'title="+2"' in shaded and 'title="-1"' in shaded
    assert shaded_text([], []) == "" and "0.000" in shaded_text(["x"], [0.0])


def test_hostile_words_are_shown_and_not_executed():
    hostile = ["<script>alert(1)</script>", '" onload="x', "\u202etxet", "a\x00\x1b[31m", "\u200bb", "\ud800"]
    shaded = shaded_table(hostile, np.ones((6, 3)), layers=[0, 2])
    assert "<script" not in shaded and '" onload="' not in shaded
    assert all(c == "\n" or c.isprintable() for c in shaded)
    assert "\\u{202e}txet" in shaded and "&lt;script&gt;" in shaded and "a\\u{0}\\u{1b}[31m" in shaded
    assert shaded.count("<bdi ") == shaded.count("</bdi>") == 12 and re.findall(r"layer (\d)", shaded) == ["0", "2"]


def test_shared_terms_average_to_the_mean_ansat_over_thresholds():
    models, offsets, positives = random_study()
    names = list(models)
    shared = shared_terms(models, models, offsets, THRESHOLDS)
    assert shared.shape == (9, 4, 4, 4)  # texts, layers, sources, targets
    table = ansat_table(models, models, offsets, THRESHOLDS, positives, 0)
    expected = table[table["probe"] == "all"].groupby(["layer", "source", "target"])["ansat"].mean()
    found = [shared.mean(axis=0)[layer, names.index(a), names.index(b)] for layer, a, b in expected.index]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
