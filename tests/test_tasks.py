"""One split for all tasks, in which nothing straddles; draws that are fair, nested, and the same in every process."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.datasets.corpus import Corpus
from lib.datasets.describe import (
    co_occurrence,
    duplicate_table,
    keep_left_out,
    left_out_table,
    task_table,
    text_lengths,
)
from lib.datasets.draws import draw_training_rows, probe_rows
from lib.datasets.loading import load_corpus
from lib.datasets.split import duplicate_key, seeded_generator, stratified
from lib.datasets.tasks import decompose
from lib.errors import InputError
from lib.stats.metrics import scores
from lib.storage.tables import check, read_table
from lib.study.corpora import Synthetic
from lib.study.sections import Conductance, Regime, Split


def corpus_of(texts, labels, groups=None, split=None) -> Corpus:
    n = len(texts)
    messages = pd.DataFrame({"id": [f"m{row}" for row in range(n)], "text": texts})
    messages["group"] = pd.Series([None] * n, dtype=object) if groups is None else groups
    messages["split"] = pd.Series([None] * n, dtype=object) if split is None else split
    return Corpus("made", messages, pd.DataFrame(labels).astype(np.int8), {})


@pytest.fixture(scope="module")
def corpus():
    return load_corpus(Synthetic(loader="synthetic", texts=600, tasks=4), Path("unused"))


@pytest.fixture(scope="module")
def taskset(corpus):
    return decompose(corpus, None, Split())


def rows_in(taskset) -> list[set[int]]:
    return [set(rows.tolist()) for rows in taskset.split.values()]


# near-duplicates


@pytest.mark.parametrize(
    "text",
    ["Help  us NOW", "help us now http://t.co/x", "RT @some_one: Help us now", "@mayor help us\nnow",
     "RT @a: rt @b help us now", "help us https://x.y/z?q=1 now", "www.site.org help us now"],
)  # fmt: skip
def test_near_duplicates_have_one_key(text):
    assert duplicate_key(text) == "help us now"


@pytest.mark.parametrize("text", ["help us", "help us now!", "smart @x: help us now"])
def test_other_texts_have_another_key(text):
    assert duplicate_key(text) != "help us now"


def test_texts_of_only_a_link_are_not_each_others_duplicates():
    assert duplicate_key("http://a.b/c") != duplicate_key("http://a.b/d")


# the split


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(2, 40), st.integers(2, 60), st.booleans(), st.integers(0, 3))
def test_neither_groups_nor_near_duplicates_straddle_a_drawn_split(seed, n_groups, n_texts, grouped, split_seed):
    rng = np.random.default_rng(seed)
    words = [f"text {word}" for word in rng.integers(n_texts, size=80)]
    texts = [rng.choice(["{}", "RT @u: {}", "{} http://t.co/1", "  {}"]).format(word) for word in words]
    groups = [f"g{group}" for group in rng.integers(n_groups, size=80)] if grouped else None
    corpus = corpus_of(texts, {"a": rng.integers(2, size=80), "b": rng.integers(2, size=80)}, groups)
    try:
        made = decompose(corpus, None, Split(seed=split_seed))
    except InputError:
        return
    part = np.full(80, "", dtype=object)
    for name, rows in made.split.items():
        assert np.all(np.diff(rows) > 0) and rows.dtype == np.int64
        part[rows] = name
    assert set(part) == {"train", "validation", "test"}
    for linked in [words] + ([groups] if grouped else []):
        assert pd.Series(part).groupby(np.array(linked)).nunique().max() == 1


@pytest.mark.parametrize("seed", range(4))
def test_a_drawn_split_has_the_wanted_shares(corpus, seed):
    made = decompose(corpus, None, Split(validation=0.15, test=0.25, seed=seed))
    assert [len(rows) for rows in made.split.values()] == [360, 90, 150]
    events = [f"e{row % 12 if row % 2 else row % 4}" for row in range(600)]  # two of 150 texts, six of 50
    by_event = decompose(corpus_of(corpus.messages["text"], corpus.labels, events), None, Split(seed=seed)).split
    assert len(by_event["train"]) == pytest.approx(420, abs=60) and len(by_event["test"]) == pytest.approx(120, abs=50)


def test_the_seed_decides_a_drawn_split(corpus):
    first, again, other = (decompose(corpus, None, Split(seed=seed)) for seed in (0, 0, 1))
    assert rows_in(first) == rows_in(again) != rows_in(other)


def test_groups_that_share_short_texts_are_split_where_repeats_are_dropped():
    """60 groups of four texts, one of which ("Oh!") every group has: near-duplication would link them all."""
    texts = [text for group in range(60) for text in ("Oh!", *(f"quote {group} {number}" for number in range(3)))]
    labels = {"a": [row % 2 for row in range(240)], "b": [row // 2 % 2 for row in range(240)]}
    corpus = corpus_of(texts, labels, [f"episode {row // 4}" for row in range(240)])
    with pytest.raises(InputError, match=r"stay together in 1 blocks.*or set split\.clean: true"):
        decompose(corpus, None, Split())
    made = decompose(corpus, None, Split(clean=True))
    homes = {part: {corpus.messages["group"][row] for row in rows} for part, rows in made.split.items()}
    assert not homes["train"] & homes["test"] and not homes["train"] & homes["validation"]
    assert [len(rows) for rows in made.split.values()] == [168, 18, 36]
    assert made.findings["near-duplicates of training texts in test dropped"] == 12
    assert duplicate_table(made)["repeat_training"].tolist()[1:] == [0, 0]


def test_one_block_cannot_be_split():
    texts, labels = ["x", "y", "z"], {"a": [0, 1, 0], "b": [1, 0, 0]}
    with pytest.raises(InputError, match="no texts left for validation.*1 blocks"):
        decompose(corpus_of(texts, labels, ["e"] * 3), None, Split())
    with pytest.raises(InputError, match="below 1"):
        decompose(corpus_of(texts, labels), None, Split(validation=0.5, test=0.5))


@pytest.fixture(scope="module")
def official():
    """40 texts; of validation, row 24 repeats training and row 25 repeats test; of test, row 32 repeats training."""
    texts = [f"text {row}" for row in range(40)]
    texts[24], texts[25], texts[32] = "RT @u: text 0", "TEXT 33", "text 1 http://t.co/x"
    labels = {"a": [row % 2 for row in range(40)], "b": [row // 2 % 2 for row in range(40)]}
    split = ["train"] * 24 + ["validation"] * 8 + ["test"] * 8
    return corpus_of(texts, labels, [f"g{row % 39}" for row in range(40)], split)


def test_an_official_split_is_kept_and_what_straddles_it_is_counted(official):
    made = decompose(official, None, Split())
    assert rows_in(made) == [set(range(24)), set(range(24, 32)), set(range(32, 40))]
    assert made.findings == {
        "labels that do not become tasks": 0,
        "texts that nearly repeat an earlier one": 3,
        "near-duplicates of training texts in test": 1,
        "near-duplicates of training texts in validation": 1,
        "near-duplicates of test texts in validation": 1,
        "groups in more than one part of the split": 1,
    }


def test_cleaning_drops_what_repeats_from_validation_and_test(official):
    made = decompose(official, None, Split(clean=True))
    assert rows_in(made) == [set(range(24)), set(range(26, 32)), set(range(33, 40))]
    assert made.findings["near-duplicates of training texts in test dropped"] == 1
    assert duplicate_table(made)["repeat_training"].tolist() == [0, 0, 0]


def test_an_official_split_can_be_set_aside(official):
    ungrouped = corpus_of(official.messages["text"], official.labels, None, official.messages["split"])
    made = decompose(ungrouped, None, Split(use_official=False))
    assert rows_in(made) != rows_in(decompose(official, None, Split()))
    assert [len(rows) for rows in made.split.values()] == [28, 4, 8]


def test_an_official_split_needs_all_parts(official):
    two = corpus_of(official.messages["text"], official.labels, None, ["train"] * 30 + ["test"] * 10)
    with pytest.raises(InputError, match="no validation texts.*use_official: false"):
        decompose(two, None, Split())


def test_caps_are_nested_seeded_and_counted(corpus):
    def capped(most, seed=0):
        return decompose(corpus, None, Split(max_validation=most, max_test=most, seed=seed))

    small, middle, large = capped(20), capped(40), capped(500)
    for part in ("validation", "test"):
        assert len(small.split[part]) == 20 and len(middle.split[part]) == 40
        assert set(small.split[part]) < set(middle.split[part]) < set(large.split[part])
        assert np.all(np.diff(small.split[part]) > 0)
    assert np.array_equal(small.split["train"], large.split["train"])
    assert small.findings["test texts left out by max_test"] == 100
    assert "test texts left out by max_test" not in large.findings


# tasks


def test_tasks_are_the_named_labels_in_order(corpus):
    made = decompose(corpus, ["task_3", "task_1"], Split())
    assert made.names == ["task_3", "task_1"]
    assert np.array_equal(made.labels, corpus.labels[["task_3", "task_1"]].to_numpy()) and made.labels.dtype == np.int8
    assert np.array_equal(made.column("task_1"), corpus.labels["task_1"])
    assert made.texts == corpus.messages["text"].tolist() and made.ids[0] == "text-0" and made.groups is None


def test_constant_labels_are_left_out_and_counted(corpus):
    labels = corpus.labels.assign(never=0, always=1)
    made = decompose(Corpus("made", corpus.messages, labels, {}), None, Split())
    assert made.names == list(corpus.labels) and made.findings["labels that do not become tasks"] == 2
    assert made.left_out == {"never": "no positive text", "always": "no negative text"}
    with pytest.raises(
        InputError, match="^made: 1 of 2 labels can become tasks, .* \\('never' has no positive text\\)"
    ):
        decompose(Corpus("made", corpus.messages, labels[["task_1", "never"]], {}), None, Split())


def test_an_unknown_task_is_refused_with_close_names(corpus):
    with pytest.raises(InputError, match="no label 'tsak_3'.*task_3"):
        decompose(corpus, ["task_1", "tsak_3"], Split())
    with pytest.raises(InputError, match="no label 'zz'.*task_1 or"):
        decompose(corpus, ["task_1", "zz"], Split())


@pytest.mark.parametrize(
    ("part", "count", "line"),
    [("train", 1, "'b' has 1 positives in train"), ("train", 23, "'b' has 1 negatives in train"),
     ("validation", 0, "'b' has 0 positives in validation"), ("test", 0, "'b' has 0 positives in test"),
     ("test", 8, "'b' has 0 negatives in test")],
)  # fmt: skip
def test_tasks_with_too_few_texts_are_refused(official, part, count, line):
    labels = official.labels.copy()
    rows = np.flatnonzero(official.messages["split"] == part)
    labels.loc[rows, "b"] = (np.arange(len(rows)) < count).astype(np.int8)
    with pytest.raises(InputError) as caught:
        decompose(Corpus("made", official.messages, labels, {}), ["a", "b"], Split())
    assert line in str(caught.value) and "leave such labels out of 'tasks'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_positives_in_training_are_enough_for_a_task_that_is_named(official):
    labels = official.labels.copy()
    labels.loc[:23, "b"] = (np.arange(24) < 2).astype(np.int8)
    made = decompose(Corpus("made", official.messages, labels, {}), ["a", "b"], Split(), min_positives=8)
    assert made.names == ["a", "b"] and made.left_out == {} and "labels that do not become tasks" not in made.findings


def with_counts(official, **counts) -> Corpus:
    """The corpus with further labels; counts: of positives in training, validation and test (of 24, 8 and 8 texts)."""
    labels, split = official.labels.copy(), official.messages["split"]
    for name, numbers in counts.items():
        places = split.groupby(split).cumcount()
        limits = split.map(dict(zip(("train", "validation", "test"), numbers, strict=True)))
        labels[name] = (places < limits).astype(np.int8)
    return Corpus("made", official.messages, labels, {})


RARE = {
    "few": ((7, 4, 4), "fewer than 8 positives in training"),
    "enough": ((8, 1, 1), None),
    "common": ((23, 4, 4), "fewer than 2 negatives in training"),
    "unseen": ((12, 0, 4), "no positive in validation"),
    "everywhere": ((12, 8, 4), "no negative in validation"),
    "untested": ((12, 4, 0), "no positive in test"),
    "only_tested": ((0, 0, 4), "positives only in test"),
    "never": ((0, 0, 0), "no positive text"),
    "always": ((24, 8, 8), "no negative text"),
}


def test_labels_that_are_too_rare_are_left_out_with_the_reason(official, tmp_path):
    corpus = with_counts(official, **{name: counts for name, (counts, _) in RARE.items()})
    made = decompose(corpus, None, Split(), min_positives=8)
    assert made.names == ["a", "b", "enough"] and made.labels.shape == (40, 3)
    assert made.left_out == {name: reason for name, (_, reason) in RARE.items() if reason}
    assert made.findings["labels that do not become tasks"] == 8
    table = check("left_out", left_out_table(made), "here")
    assert dict(zip(table["label"], table["reason"], strict=True)) == made.left_out
    keep_left_out(tmp_path, made)
    assert read_table(tmp_path, "left_out").equals(table)
    assert keep_left_out(tmp_path, decompose(official, None, Split())).empty and not list(tmp_path.iterdir())
    assert decompose(corpus, None, Split(), min_positives=7).names == ["a", "b", "few", "enough"]


def test_a_label_without_positives_under_the_cap_is_left_out():
    """Of 400 validation texts 20 are kept; the single positive of "rare" is hardly among them."""
    n = 1000
    labels = {"a": [row % 2 for row in range(n)], "b": [row // 2 % 2 for row in range(n)]}
    labels["rare"] = [int(row < 50 or row == 500) for row in range(n)]
    split = ["train"] * 500 + ["validation"] * 400 + ["test"] * 100
    corpus = corpus_of([f"text {row}" for row in range(n)], labels, None, split)
    corpus.labels.loc[950, "rare"] = 1
    made = decompose(corpus, None, Split(max_validation=20))
    assert 500 not in made.split["validation"] and made.left_out == {"rare": "no positive in validation"}
    assert decompose(corpus, None, Split()).names == ["a", "b", "rare"]


def test_a_label_that_is_only_in_test_is_refused_where_it_is_named(official):
    corpus = with_counts(official, only_tested=(0, 0, 4))
    with pytest.raises(InputError, match="'only_tested' has 0 positives in train .* leave such labels out of 'tasks'"):
        decompose(corpus, ["a", "only_tested"], Split())


def test_two_tasks_have_to_remain(official):
    corpus = with_counts(official, few=(7, 4, 4))
    corpus = Corpus("made", corpus.messages, corpus.labels[["a", "few"]], {})
    with pytest.raises(InputError) as caught:
        decompose(corpus, None, Split(), min_positives=8)
    assert str(caught.value) == (
        "made: 1 of 2 labels can become tasks, and transfer needs two ('few' has fewer than 8 positives in training); give "
        "more texts with and without these labels, or lower min_positives (8)"
    )


# no test part


def test_a_drawn_split_may_have_no_test_texts(corpus):
    made = decompose(corpus, None, Split(test=0, validation=0.25))
    assert [len(rows) for rows in made.split.values()] == [450, 150, 0] and made.split["test"].dtype == np.int64
    assert duplicate_table(made)["texts"].tolist() == [450, 150, 0]
    table = check("tasks", task_table(made, Regime(), Regime()), "here")
    assert (table["n_test"] == 0).all() and table["test_smallest_difference"].isna().all()
    grouped = corpus_of(corpus.messages["text"], corpus.labels, [f"g{row % 30}" for row in range(600)])
    assert [len(rows) > 0 for rows in decompose(grouped, None, Split(test=0, clean=True)).split.values()] == [1, 1, 0]


def test_an_official_split_may_have_no_test_texts(official):
    two = corpus_of(official.messages["text"], official.labels, None, ["train"] * 30 + ["validation"] * 10)
    for clean in (False, True):
        made = decompose(two, None, Split(clean=clean))
        assert len(made.split["test"]) == 0 and len(made.split["train"]) == 30 and len(made.split["validation"]) <= 10


# draws of training rows


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.data())
def test_draws_are_nested_sized_and_keep_the_share(taskset, data):
    task = data.draw(st.sampled_from(taskset.names))
    share = data.draw(st.none() | st.floats(0.01, 0.99))
    n, more = sorted((data.draw(st.integers(8, 500)), data.draw(st.integers(8, 500))))
    small, large = (draw_training_rows(taskset, task, Regime(n=size, positives=share)) for size in (n, more))
    train, labels = taskset.split["train"], taskset.column(task)
    assert set(small) <= set(large) <= set(train) and np.all(np.diff(small) > 0) and small.dtype == np.int64
    assert len(small) == min(n, len(train))
    if n < len(train):
        available, others = labels[train].sum(), (1 - labels[train]).sum()
        wanted = round((labels[train].mean() if share is None else share) * n)
        assert labels[small].sum() == max(min(max(wanted, 1), available, n - 1), n - others)
        assert 0 < labels[small].sum() < n


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_a_draw_is_filled_up_where_one_class_runs_short(taskset, share):
    train, labels = taskset.split["train"], taskset.column("task_1")
    rows = draw_training_rows(taskset, "task_1", Regime(n=400, positives=share))
    scarce = 1 - labels if share < 0.5 else labels
    assert len(rows) == 400 and scarce[rows].sum() == scarce[train].sum() < 0.9 * 400


def test_a_draw_depends_on_task_and_seed_only(taskset, corpus):
    def draw(of, task="task_2", seed=0):
        return draw_training_rows(of, task, Regime(n=50, positives=0.3, seed=seed)).tolist()

    fewer = decompose(corpus, ["task_4", "task_2"], Split())
    assert draw(taskset) == draw(fewer)
    assert draw(taskset) != draw(taskset, seed=1) and draw(taskset) != draw(taskset, "task_3")


def test_full_and_oversized_regimes_give_all_training_rows(taskset):
    for regime in (Regime(), Regime(n=10_000), Regime(n=10_000, positives=0.5), Regime(n=420)):
        assert np.array_equal(draw_training_rows(taskset, "task_1", regime), taskset.split["train"])


def test_draws_are_seeded_by_a_hash_that_is_the_same_everywhere():
    """Python's own hash differs from process to process; a draw must not."""
    seed = int(hashlib.sha256(b'["regime","task_2",0]').hexdigest()[:16], 16)
    assert seeded_generator("regime", "task_2", 0).random() == np.random.default_rng(seed).random()


# probe texts


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("n", "share"), [(16, 0.5), (64, 0.5), (200, 0.25)])
def test_probes_have_positives_of_every_task_and_no_test_texts(taskset, seed, n, share):
    probes = probe_rows(taskset, Conductance(probe_texts=n, positives=share, seed=seed))
    assert len(probes) == n and np.all(np.diff(probes) > 0) and probes.dtype == np.int64
    assert not set(probes) & set(taskset.split["test"])
    positives = taskset.labels[probes].sum(axis=0)
    assert positives.min() >= round(n * share) // len(taskset.names)
    assert np.array_equal(probes, probe_rows(taskset, Conductance(probe_texts=n, positives=share, seed=seed)))
    assert not np.array_equal(probes, probe_rows(taskset, Conductance(probe_texts=n, positives=share, seed=99)))


def test_probes_are_drawn_evenly_even_for_a_rare_task(corpus):
    rare = np.zeros(600, dtype=np.int8)
    rare[::20] = 1
    made = decompose(Corpus("made", corpus.messages, corpus.labels.assign(rare=rare), {}), None, Split())
    probes = probe_rows(made, Conductance(probe_texts=50, positives=0.5))
    assert made.column("rare")[probes].sum() >= 5


def test_near_duplicates_are_not_probed_twice_nor_when_they_are_in_test():
    texts = [f"{['', 'RT @u: ', 'www.x.org '][copy]}text {row}" for copy in range(3) for row in range(20)]
    labels = {"a": [row % 2 for row in range(60)], "b": [row // 2 % 2 for row in range(60)]}
    split = ["train"] * 40 + ["validation"] * 12 + ["test"] * 8  # the test texts repeat rows 12 to 19
    made = decompose(corpus_of(texts, labels, None, split), None, Split())
    probes = probe_rows(made, Conductance(probe_texts=12))
    assert sorted(duplicate_key(texts[row]) for row in probes) == sorted(f"text {row}" for row in range(12))
    with pytest.raises(InputError, match="probe_texts is 13, but .* only 12"):
        probe_rows(made, Conductance(probe_texts=13))


def test_too_few_probes_for_the_tasks_are_refused(taskset):
    with pytest.raises(InputError, match="no positive of task 'task_.'.*raise conductance.probe_texts"):
        probe_rows(taskset, Conductance(probe_texts=1))


# tables


def test_the_task_table_counts_what_is_there(taskset):
    table = check("tasks", task_table(taskset, Regime(n=100, positives=0.3), Regime()), "here")
    train, row = taskset.split["train"], table.set_index("task").loc["task_2"]
    assert table["task"].tolist() == taskset.names
    assert row[["n_train", "n_validation", "n_test"]].tolist() == [420, 60, 120]
    assert row["train_positives"] == row["target_positives"] == taskset.column("task_2")[train].sum()
    assert row["test_positives"] == taskset.column("task_2")[taskset.split["test"]].sum()
    assert row["prevalence"] == pytest.approx(taskset.column("task_2")[train].mean())
    assert row[["source_texts", "source_positives", "target_texts"]].tolist() == [100, 30, 420]


def test_phi_is_the_formula_over_training_texts_only(taskset):
    phi = co_occurrence(taskset)
    a, b = (taskset.column(name)[taskset.split["train"]].astype(int) for name in ("task_1", "task_2"))
    both, neither, first, second = (a * b).sum(), ((1 - a) * (1 - b)).sum(), (a * (1 - b)).sum(), ((1 - a) * b).sum()
    margins = a.sum() * b.sum() * (1 - a).sum() * (1 - b).sum()
    assert phi.loc["task_1", "task_2"] == pytest.approx((both * neither - first * second) / np.sqrt(margins))
    assert np.allclose(np.diag(phi), 1) and list(phi.columns) == list(phi.index) == taskset.names


def test_duplicates_and_lengths_are_tabled(official):
    made = decompose(official, None, Split())
    table = duplicate_table(made).set_index("part")
    assert table["texts"].to_dict() == {"train": 24, "validation": 8, "test": 8}
    assert table["repeat_training"].to_dict() == {"train": 0, "validation": 1, "test": 1}
    assert table["repeat_own_part"].sum() == 0
    assert text_lengths(made)[[0, 24, 32]].tolist() == [2, 4, 3]


def rare_corpus(n: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels of three tasks, 30 %, 5 % and 1 % positive, that overlap; and probabilities that know something of each."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((n, 3)) < np.array([0.3, 0.05, 0.01])).astype(np.int8)
    labels[labels[:, 2] == 1, 1] |= rng.random((labels[:, 2] == 1).sum()) < 0.5
    return labels, np.clip(0.35 * labels + rng.random((n, 3)) * 0.75, 0, 1)


def test_a_stratified_cap_keeps_positives_and_estimates_the_whole_without_bias():
    """Over 1,000 draws: weighted scores scatter around those of the whole part; unweighted ones are elsewhere."""
    labels, found = rare_corpus()
    whole = [scores(labels[:, task], found[:, task]) for task in range(3)]
    rng, estimates, plain = np.random.default_rng(1), [], []
    for _ in range(1000):
        order = rng.permutation(len(labels))
        rows, weights, _ = stratified(order, labels[order], 400, 25, "split.max_test")
        assert len(rows) == len(set(rows)) == 400 and weights.mean() == pytest.approx(1)
        assert (labels[rows].sum(axis=0) >= np.minimum(25, labels.sum(axis=0))).all()
        estimates.append([scores(labels[rows, task], found[rows, task], weights) for task in range(3)])
        plain.append(scores(labels[rows, 2], found[rows, 2]))
    assert np.mean([each["precision"] for each in plain]) > 2 * whole[2]["precision"]
    for task in range(3):
        for name in ("f1", "average_precision", "precision", "recall"):
            drawn = np.array([each[task][name] for each in estimates])
            error = drawn.std() / np.sqrt(len(drawn))
            lean = {"average_precision": 0.02, "recall": 0.003}.get(name, 0.012)  # of ratios of sums
            tolerance = 4 * error + lean
            assert abs(drawn.mean() - whole[task][name]) < tolerance, (task, name)
    prevalence = [np.average(labels[rows, task], weights=weights) for task in range(3)]
    assert prevalence == pytest.approx(labels.mean(axis=0), rel=0.5)


def test_a_stratified_cap_keeps_as_many_positives_as_fit():
    labels, _ = rare_corpus()
    rows, weights, kept = stratified(np.arange(3000), labels, 60, 40, "split.max_test")
    assert len(rows) == len(weights) == 60 and 1 <= kept < 40
    assert all(labels[rows, task].sum() >= kept for task in range(3))
    assert (labels[rows].sum(axis=1) == 0).sum() >= 12  # a fifth


def test_a_stratified_cap_of_texts_that_nearly_all_have_a_label():
    labels = np.zeros((3000, 26), dtype=np.int8)
    labels[:2980, 25] = 1
    for task in range(25):
        labels[task * 40 : task * 40 + 30, task] = 1
    rows, weights, kept = stratified(np.arange(3000), labels, 900, 40, "split.max_test")
    assert len(rows) <= 900 and kept >= 20 and labels[rows].sum(axis=0).min() >= min(kept, 30)
    assert np.average(labels[rows, 0], weights=weights) == pytest.approx(0.01, rel=0.05)


def test_a_stratified_cap_that_is_too_small_names_the_key():
    labels = np.vstack([np.eye(20, dtype=np.int8), np.zeros((400, 20), dtype=np.int8)])
    with pytest.raises(InputError, match="split.max_test: 22 texts are too few .* of 20 tasks; raise split.max_test"):
        stratified(np.arange(420), labels, 22, 40, "split.max_test")


def test_a_stratified_cap_is_part_of_the_split_and_weights_go_with_it(tmp_path):
    split = {"max_validation": 60, "max_test": 90, "min_positives": 15}
    corpus = load_corpus(Synthetic(loader="synthetic", texts=1200, tasks=5), tmp_path)
    taskset, whole = decompose(corpus, None, Split(**split)), decompose(corpus, None, Split())
    for part in ("validation", "test"):
        rows = taskset.split[part]
        assert (np.diff(rows) > 0).all() and taskset.weight(part).shape == rows.shape
        there = whole.labels[whole.split[part]].sum(axis=0)
        assert (taskset.labels[rows].sum(axis=0) >= np.minimum(15, there)).all()
    assert taskset.weight("train") is None and whole.weight("test") is None
