"""Data sets of the hub: as local folders of the same files, and refused in one line where there is none."""

import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from lib.datasets.loading import load_corpus
from lib.errors import InputError
from lib.study.corpora import Hub
from lib.study.parameters import Study

NAMES = ["anger", "joy", "fear"]
TEXTS = [f"text {number}" for number in range(20)]


def keep(folder, split: str, columns: dict, features: Features | None = None) -> None:
    folder.mkdir(exist_ok=True)
    Dataset.from_dict(columns, features=features).to_parquet(str(folder / f"{split}.parquet"))


@pytest.fixture
def folder(tmp_path):
    """As emotions on the hub: a list of numbered classes for every text, three splits."""
    features = Features({"text": Value("string"), "labels": List(ClassLabel(names=NAMES)), "id": Value("int64")})
    for split, count in (("train", 20), ("validation", 6), ("test", 8)):
        labels = [[number % 3] if number % 2 else [0, 1] for number in range(count)]
        columns = {"text": TEXTS[:count], "labels": labels, "id": list(range(count))}
        keep(tmp_path / "emotions", split, columns, features)
    return tmp_path / "emotions"


def corpus(folder, cache, **more):
    return load_corpus(Hub(loader="hub", path=str(folder), **more), cache)


def test_lists_of_classes_become_tasks_under_their_names(folder, tmp_path):
    found = corpus(folder, tmp_path, classes="labels")
    assert list(found.labels.columns) == NAMES and found.name == "emotions"
    assert found.labels.iloc[:4].to_numpy().tolist() == [[1, 1, 0], [0, 1, 0], [1, 1, 0], [1, 0, 0]]
    assert found.messages["split"].value_counts().to_dict() == {"train": 20, "test": 8, "validation": 6}
    assert found.messages["text"].tolist()[:2] == TEXTS[:2]


def test_one_class_a_text_and_no_validation_split(tmp_path):
    for split, count in (("train", 20), ("test", 4), ("unsupervised", 3)):
        keep(tmp_path / "topics", split, {"body": TEXTS[:count], "topic": [f"t{n % 2}" for n in range(count)]})
    listed = "".join(f"\n  - split: {split}\n    path: {split}.parquet" for split in ("train", "test", "unsupervised"))
    (tmp_path / "topics" / "README.md").write_text(f"---\nconfigs:\n- config_name: plain\n  data_files:{listed}\n---\n")
    found = corpus(tmp_path / "topics", tmp_path, text="body", classes="topic", subset="plain")
    assert found.labels["t1"].tolist()[:4] == [0, 1, 0, 1] and list(found.labels.columns) == ["t0", "t1"]
    assert found.messages["split"].value_counts().to_dict() == {"train": 18, "test": 4, "validation": 2}
    assert found.repairs == {"texts of other splits left out": 3}


def test_columns_of_zeros_and_ones_and_a_split_to_draw(tmp_path):
    keep(tmp_path / "toxic", "train", {"text": TEXTS, "insult": [0, 1] * 10, "threat": [1, 1, 0, 0] * 5})
    found = corpus(tmp_path / "toxic", tmp_path, labels=["threat", "insult"])
    assert list(found.labels.columns) == ["threat", "insult"] and found.messages["split"].isna().all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": "label"}, "no column 'label'; did you mean 'labels'\\? its columns are 'text', 'labels', 'id'"),
        ({"classes": "labels", "text": "body"}, "no column 'body'"),
        ({"labels": ["id", "text"]}, "column 'text' is asked for twice"),
        ({"labels": ["id", "labels"]}, "label 'id', row 3: expected 0 or 1, found 2"),
    ],
)
def test_a_wrong_column_is_named(folder, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        corpus(folder, tmp_path, **change)


def test_what_is_not_there_ends_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="for a data set of the hub give its commit"):
        corpus("nobody/nothing", tmp_path, classes="label")
    with pytest.raises(InputError, match=r"^nobody/nothing cannot be loaded .* or a folder of Parquet") as refusal:
        corpus("nobody/nothing", tmp_path, classes="label", revision="0" * 40)
    assert "\n" not in str(refusal.value)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "train.parquet").write_bytes(b"PAR1 cut short")
    with pytest.raises(InputError, match="broken cannot be loaded"):
        corpus(tmp_path / "broken", tmp_path, classes="label")


def test_a_study_says_which_labels():
    values = {
        "name": "x",
        "corpus": {"loader": "hub", "path": "a/b"},
        "settings": [{"learning_rate": 1e-4, "epochs": 1}],
    }
    with pytest.raises(InputError, match="either 'labels', the 0/1 columns, or 'classes'"):
        Study.parse(values)
    with pytest.raises(InputError, match="revision"):
        Study.parse(values | {"corpus": {"loader": "hub", "path": "a/b", "classes": "label", "revision": "main"}})
