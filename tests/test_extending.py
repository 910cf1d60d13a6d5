"""The examples of docs/extending.md work as they stand there."""

import re

import numpy as np
import pytest
import yaml
from datasets import ClassLabel, Dataset, Features, List, Value

from lib.datasets.loading import load_corpus
from lib.datasets.mixed import load_examples
from lib.models.encoders import load_model, load_tokenizer, tokenise
from lib.selectors import registry
from lib.study.files import ROOT
from lib.study.parameters import Study
from lib.study.sections import Encoder

PAGE = (ROOT / "docs" / "extending.md").read_text()


def examples(title: str) -> dict[str, str]:
    """The code blocks of one section, by language."""
    section = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)[1]
    return dict(re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL))


def test_a_selector_is_one_short_file(monkeypatch):
    monkeypatch.setattr("lib.selectors.registry.SELECTORS", {})
    exec(examples("A selector")["python"], {})
    found = registry.SELECTORS["agreement"]
    assert found.needs == ("probabilities", "labels") and found.sees_target_labels
    assert found.score(np.array([0.9, 0.2, 0.6, 0.1]), np.array([1, 0, 0, 0])) == pytest.approx(0.75)


def test_a_corpus_is_one_table_away(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(examples("A corpus")["python"], {})
    values = yaml.safe_load(examples("A corpus")["yaml"])
    values["corpus"]["path"] = str(tmp_path / values["corpus"]["path"])
    corpus = load_corpus(Study.parse(values).corpus, tmp_path)
    assert list(corpus.labels) == ["flood", "water"] and corpus.labels["flood"].tolist() == [1, 0, 1]


def test_tasks_of_another_type_are_two_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(examples("Tasks of another type")["python"], {})
    study = Study.parse(yaml.safe_load(examples("Tasks of another type")["yaml"]))
    monkeypatch.setattr("lib.datasets.formats.parts.ROOT", tmp_path)
    found = load_examples(study.corpus, study.split, tmp_path)
    assert [found[task].type for task in found] == ["sequence_labelling", "classification"]
    assert found["places"].names == ["O", "B-place"] and found["needs"].names == ["need", "none"]


def test_a_data_set_of_the_hub_needs_four_lines(tmp_path, monkeypatch):
    config = Study.parse(yaml.safe_load(examples("A data set of the hub")["yaml"])).corpus
    folder = tmp_path / config.path  # the same files in a folder, as nothing here has a network
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(
        f"---\nconfigs:\n- config_name: {config.subset}\n  data_files: train.parquet\n---\n"
    )
    features = Features({"text": Value("string"), "labels": List(ClassLabel(names=["joy", "fear"]))})
    rows = {"text": ["what a day", "help", "both"], "labels": [[0], [1], [0, 1]]}
    Dataset.from_dict(rows, features=features).to_parquet(str(folder / "train.parquet"))
    monkeypatch.setattr("lib.datasets.hub.ROOT", tmp_path)
    corpus = load_corpus(config, tmp_path)
    assert corpus.labels.to_numpy().tolist() == [[1, 0], [0, 1], [1, 1]] and list(corpus.labels) == ["joy", "fear"]


def test_an_encoder_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(examples("An encoder")["python"], {})
    values = yaml.safe_load(examples("An encoder")["yaml"])["encoder"]
    encoder = Encoder(**values | {"name": str(tmp_path / values["name"])})
    assert load_model(encoder, None, "cpu").config.hidden_size == 16
    assert len(load_tokenizer(encoder)) == 9
    assert tokenise(encoder, ["the river rose", "water"]).text(0).tolist() == [2, 5, 6, 7, 3]
