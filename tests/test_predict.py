"""Predictions of a table: in order, in chunks, whole or not at all, and with the refusals of training tables."""

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from studies import tiny_study

from lib.datasets import streaming
from lib.datasets.corpus import make_corpus
from lib.datasets.streaming import column_names, survey, text_chunks
from lib.datasets.table import load
from lib.errors import InputError
from lib.notebooks.playground import example_texts, playground
from lib.predict.command import main
from lib.predict.export import export_models
from lib.predict.folder import exported_models
from lib.predict.reading import as_html, read_text
from lib.runs.engine import train_models
from lib.runs.plan import single_models
from lib.runs.workbench import open_workbench
from lib.study.corpora import Table
from lib.study.files import ROOT


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A study of two tasks with an exported model each."""
    study = tiny_study(tmp_path_factory.mktemp("study"), settings=[{"learning_rate": 3e-3, "epochs": 1}])
    bench = open_workbench(study)
    models = train_models(bench, [m for m in single_models(bench) if m.side == "target"], "single")
    export_models(bench, {model.target: model for model in models})
    return bench


@pytest.fixture
def texts(bench):
    return [bench.tasks.texts[row] for row in bench.tasks.split["validation"]]


def write(path, frame):
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


def predicted(bench, *arguments):
    assert main([str(bench.study.folder), *map(str, arguments)]) == 0


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet", ".jsonl"])
def test_rows_keep_their_order_over_chunks_and_equal_what_was_recorded(bench, texts, tmp_path, monkeypatch, ending):
    monkeypatch.setattr(streaming, "ROWS", 7)
    path = write(tmp_path / f"new{ending}", pd.DataFrame({"other": range(len(texts)), "text": texts}))
    predicted(bench, path)
    found = pd.read_csv(tmp_path / "new_predictions.csv")
    assert found["row"].tolist() == list(range(1, len(texts) + 1))
    models = {m.target: m for m in single_models(bench) if m.side == "target"}
    assert list(found.columns) == ["row", *(f"{t}_{what}" for t in models for what in ("probability", "predicted"))]
    for task in models:
        facts = json.loads((bench.study.folder / "models" / task / "classifier.json").read_text())
        recorded = bench.validation_predictions(facts["run"])
        tolerance = 1e-6 if facts["precision"] == "float32" else 1e-3
        assert np.abs(found[f"{task}_probability"] - recorded).max() < tolerance
        assert (found[f"{task}_predicted"] == "yes").tolist() == (recorded >= facts["threshold"]).tolist()
    assert {"yes", "no"} == set(found.filter(like="_predicted").to_numpy().ravel())


def test_ids_of_the_study_stand_beside_the_predictions_and_are_no_formulas(bench, texts, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(bench.study.folder / "models", folder / "models")
    for path in folder.glob("models/*/classifier.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"text": "body", "id": "=name", "task": "=1+1"}))
    shutil.rmtree(folder / "models" / "task_2")
    shutil.rmtree(folder / "models" / "task_3")
    path = write(tmp_path / "new.csv", pd.DataFrame({"body": texts[:3], "=name": ["a", "=1+1", "@b"]}))
    assert main([str(folder), str(path), str(tmp_path / "out.csv")]) == 0
    rows = [line.split(",") for line in (tmp_path / "out.csv").read_text().splitlines()]
    assert rows[0] == ["'=name", "'=1+1_probability", "'=1+1_predicted"]
    assert [row[0] for row in rows[1:]] == ["a", "'=1+1", "'@b"]


def test_another_column_can_hold_the_texts(bench, texts, tmp_path, capsys):
    path = write(tmp_path / "new.csv", pd.DataFrame({"Body": texts}))
    assert main([str(bench.study.folder), str(path)]) == 2
    assert "no column 'text'; its columns are 'Body'" in capsys.readouterr().err
    predicted(bench, path, "--text", "Body")


def refusals():
    """Faulty tables: file name, content, and the columns asked for."""
    many = "".join(f"{row},text {row}\n" for row in range(40))
    yield "numbers.jsonl", b'{"text": "a"}\n{"text": 5}\n', {}
    yield "numbers.csv", b"text,x\n" + b"7,a\n" * 12, {}
    yield "numbers.parquet", pd.DataFrame({"text": [1, 2]}), {}
    yield "empty_texts.csv", b"text,x\na,1\n ,2\n,3\n", {}
    yield "missing.jsonl", b'{"text": "a"}\n{"x": 1}\n', {}
    yield "missing.parquet", pd.DataFrame({"text": ["a", None]}), {}
    yield "no_rows.csv", b"text,x\n", {}
    yield "blank.csv", b"\n\n", {}
    yield "nothing.jsonl", b"", {}
    yield "no_column.csv", b"texts,x\na,1\n", {}
    yield "twice.csv", b"text,text\na,1\n", {}
    yield "ragged.csv", b"text,x\na,1\nb,2,3\n", {}
    yield "latin.csv", b"text,x\n" + b"a,1\n" * 30 + b"caf\xe9,2\n", {}
    yield "cut_off.csv", b"text,x\na,caf\xc3", {}
    yield "latin.jsonl", b'{"text": "caf\xe9"}\n', {}
    yield "unsound.jsonl", b'{"text": "a"}\n{"text": \n', {}
    yield "list.jsonl", b'["a"]\n', {}
    yield "damaged.parquet", b"PAR1 and no more", {}
    yield "kind.xlsx", b"text", {}
    yield "repeated.csv", f"id,text\n{many}7,again\n8,again\n".encode(), {"id": "id"}
    yield "no_id.csv", b"id,text\n1,a\n,b\n", {"id": "id"}


@pytest.mark.parametrize("name, content, columns", [pytest.param(*each, id=each[0]) for each in refusals()])
def test_what_training_tables_refuse_is_refused_in_the_same_words(tmp_path, monkeypatch, name, content, columns):
    monkeypatch.setattr(streaming, "ROWS", 5)
    path = tmp_path / name
    content.to_parquet(path) if isinstance(content, pd.DataFrame) else path.write_bytes(content)
    config = Table(loader="table", path=str(path), labels=None, **columns)
    with pytest.raises(InputError) as here:
        survey(config)
    with pytest.raises(InputError) as in_training:
        messages, labels, repairs = load(config.model_copy(update={"labels": []}), tmp_path)
        names = {"text": "text", "id": config.id or "id", "group": "group", "split": "split"}
        make_corpus("new", str(path), messages, labels, repairs, names)
    reason = re.compile(r"\(.*C error.*\)|\(Expected.*\)")  # pandas counts rows within what it was given
    assert reason.sub("", str(here.value)) == reason.sub("", str(in_training.value))


def test_texts_are_mended_as_in_training_and_the_mending_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(streaming, "ROWS", 2)
    path = write(tmp_path / "new.jsonl", pd.DataFrame({"text": ["a\0b", "c", "d" * 100_001, "\ufeffe"]}))
    config = Table(loader="table", path=str(path))
    assert survey(config).repairs == {"texts freed of NUL characters": 1, "texts cut to 100,000 characters": 1}
    chunks = list(text_chunks(config))
    assert [ids for ids, _ in chunks] == [["1", "2"], ["3", "4"]]
    assert [text for _, texts in chunks for text in texts] == ["ab", "c", "d" * 100_000, "\ufeffe"]


def test_a_byte_order_mark_semicolons_and_quoted_line_breaks_are_read(tmp_path):
    path = tmp_path / "new.csv"
    path.write_bytes('\ufeffid;text\r\n1;"a\r\nb, c"\r\n2;d\r\n'.encode())
    config = Table(loader="table", path=str(path), id="id")
    assert column_names(config) == ["id", "text"]
    assert list(text_chunks(config)) == [(["1", "2"], ["a\r\nb, c", "d"])]


def test_numbers_among_the_texts_of_a_csv_are_texts_as_in_training(tmp_path):
    path = write(tmp_path / "new.csv", pd.DataFrame({"text": [1, "two", 2.5]}))
    config = Table(loader="table", path=str(path))
    assert survey(config).rows == 3
    assert list(text_chunks(config)) == [(["1", "2", "3"], ["1", "two", "2.5"])]


def test_an_error_leaves_no_output_and_an_older_one_as_it_was(bench, texts, tmp_path, monkeypatch, capsys):
    output = tmp_path / "out.csv"
    output.write_text("older")
    path = write(tmp_path / "new.csv", pd.DataFrame({"x": 1, "text": [*texts, " "]}))
    assert main([str(bench.study.folder), str(path), str(output)]) == 2
    assert f"row {len(texts) + 1}: the text is empty (1 such rows in all)" in capsys.readouterr().err
    write(path, pd.DataFrame({"text": texts}))
    monkeypatch.setattr(streaming, "ROWS", 5)
    calls = []

    def stopped(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return np.zeros(len(arguments[2]), np.float32)

    monkeypatch.setattr("lib.predict.table.predict", stopped)
    assert main([str(bench.study.folder), str(path), str(output)]) == 130
    assert output.read_text() == "older" and sorted(p.name for p in tmp_path.iterdir()) == ["new.csv", "out.csv"]


@pytest.mark.parametrize(
    "table, output, message",
    [
        ("absent.csv", "out.csv", "no such file"),
        ("new.csv", "out.xlsx", "written as CSV"),
        ("new.csv", "new.csv", "would replace the texts"),
    ],
)
def test_paths_that_cannot_be_meant_are_refused(bench, tmp_path, capsys, table, output, message):
    write(tmp_path / "new.csv", pd.DataFrame({"text": ["a"]}))
    assert main([str(bench.study.folder), str(tmp_path / table), str(tmp_path / output)]) == 2
    assert message in capsys.readouterr().err


def test_texts_that_are_cut_are_counted(bench, tmp_path, capsys):
    write(tmp_path / "new.csv", pd.DataFrame({"text": ["bado", "bado " * 40, "bado " * 50]}))
    predicted(bench, tmp_path / "new.csv")
    assert "warning: 2 of 3 texts reach the models' limit of 32 wordpieces" in capsys.readouterr().out


def test_the_launcher_predicts_from_any_folder(bench, texts, tmp_path):
    write(tmp_path / "new.csv", pd.DataFrame({"text": texts}))
    (tmp_path / "lib").mkdir()  # a folder of the caller that must not be taken for ours
    (tmp_path / "lib" / "__init__.py").touch()
    environment = os.environ | {"WHENCE_PYTHON": sys.executable}
    command = [str(ROOT / "run_all.sh"), "--predict", str(bench.study.folder), "new.csv", "out.csv"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(pd.read_csv(tmp_path / "out.csv")) == len(texts)
    again = subprocess.run([*command[:3], "absent.csv"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert again.returncode == 2 and again.stderr.startswith("error: absent.csv: no such file")


# trying a text in a notebook


def test_a_text_is_read_as_it_was_recorded_and_its_terms_add_up(bench, texts):
    folder, classifier = next(iter(exported_models(bench.study.folder / "models").items()))
    reading = read_text(folder, classifier, texts[0])
    recorded = bench.validation_predictions(classifier.run)[0]
    assert reading.probability == pytest.approx(recorded, abs=1e-3)
    assert reading.positive == (reading.probability >= classifier.threshold)
    assert len(reading.words) == len(reading.scores) > 0 and np.isfinite(reading.scores).all()
    with pytest.raises(InputError, match="type a sentence"):
        read_text(folder, classifier, "  ")


def test_markup_in_a_text_is_shown_and_not_obeyed(bench):
    folder, classifier = next(iter(exported_models(bench.study.folder / "models").items()))
    page = as_html(classifier, read_text(folder, classifier, "<script>alert(1)</script> baba"))
    assert "<script>" not in page and "&lt;" in page


def test_the_playground_follows_the_task_and_the_text(bench, texts, monkeypatch):
    names = [classifier.task for classifier in exported_models(bench.study.folder / "models").values()]
    table = pd.DataFrame({"target": names, "kind": ["single", *["fused"] * (len(names) - 1)]})
    examples = example_texts(bench.tasks.names, bench.tasks.labels, bench.tasks.texts, bench.tasks.split["validation"])
    for name in names:
        assert bench.tasks.column(name)[bench.tasks.texts.index(examples[name])] == 1
    monkeypatch.delenv("WHENCE_HEADLESS", raising=False)
    row, page = playground(bench.study.folder, table, examples).children
    task, text = row.children
    assert text.value == examples[names[0]] and f"<b>{names[0]}: " in page.value and "single" in page.value
    task.value = names[1]
    assert text.value == examples[names[1]] and f"<b>{names[1]}: " in page.value and "fused" in page.value
    text.value = " "
    assert "type a sentence" in page.value
    monkeypatch.setenv("WHENCE_HEADLESS", "1")
    shown = playground(bench.study.folder, table, examples).data
    assert f"you can change: task ({names[0]}), text." in shown and f"<b>{names[0]}: " in shown
    assert "No model was exported" in playground(bench.study.folder / "absent", table, examples).data
