"""A user's own table, small or without a test part, through notebooks 1 and 2."""

import json

import numpy as np
import pandas as pd
import pytest
from studies import tiny_study

from lib.datasets.describe import co_occurrence, duplicate_table, left_out_table, task_table
from lib.errors import InputError
from lib.notebooks.execution import run_jobs
from lib.notebooks.plan import NOTEBOOKS, plan
from lib.notebooks.run import _show_estimate
from lib.report.figures.data import plot_cooccurrence, plot_prevalence
from lib.report.figures.style import save_figure
from lib.report.pages import write_report
from lib.report.sentences import data as sentences
from lib.runs.plan import single_models
from lib.runs.workbench import open_workbench
from lib.storage.tables import check, read_table
from lib.study.parameters import Study
from lib.time_saving.estimate import estimate_once

WORDS = {"flood": "flood rain river", "water": "water thirst drink", "fire": "fire smoke burn"}


def topics(rows: int, folder, rare: int = 0, part: bool = False):
    """A CSV of texts with a column topic, which separates classes by ";"; the class rare has so many texts."""
    rng, lines = np.random.default_rng(0), []
    for row in range(rows):
        own = [name for name in WORDS if rng.random() < 0.35]
        text = " ".join(["said", str(row), *(WORDS[name] for name in own)])
        lines.append({"message": text, "topic": "; ".join(own + ["rare"] * (row < rare))})
        if part:
            lines[-1]["part"] = "validation" if row % 4 == 0 else "train"
    pd.DataFrame(lines).to_csv(folder / "topics.csv", index=False)
    return {
        "loader": "table",
        "path": str(folder / "topics.csv"),
        "text": "message",
        "classes": "topic",
        "separator": ";",
    }


def labelled(rows: int, labels: int, folder):
    """A CSV of texts with 0/1 columns, each with a share of positives between a tenth and a half."""
    rng = np.random.default_rng(0)
    values = rng.random((rows, labels)) < np.linspace(0.1, 0.5, labels)
    names = [f"label {number}" for number in range(labels)]
    frame = pd.DataFrame(values.astype(int), columns=names)
    frame.insert(
        0, "text", [f"said {row}" + "".join(f" word{n}" for n in np.flatnonzero(own)) for row, own in enumerate(values)]
    )
    frame.to_csv(folder / "labels.csv", index=False)
    return {"loader": "table", "path": str(folder / "labels.csv")}


@pytest.mark.parametrize(("labels", "fewest"), [(2, 2), (50, 35)])
@pytest.mark.parametrize("split", [{}, {"test": 0, "validation": 0.2}])
def test_few_rows_are_described_and_planned(tmp_path, labels, fewest, split):
    """To the end of notebook 1, and the models of notebook 2."""
    corpus = labelled(200, labels, tmp_path)
    study = tiny_study(
        tmp_path / "results", budget_minutes=5, corpus=corpus, split=split, target={"n": 144, "positives": 0.25}
    )
    bench = open_workbench(study)
    tasks = check("tasks", task_table(bench.tasks, study.source, study.target), "here")
    left_out = check("left_out", left_out_table(bench.tasks), "here")
    assert fewest <= len(tasks) == labels - len(left_out) and (tasks["train_positives"] >= 8).all()
    texts = [
        sentences.corpus_as_tasks(tasks, left_out, study.budget_minutes), sentences.task_sizes(tasks),
        sentences.smallest_differences(tasks), sentences.split_sizes(duplicate_table(bench.tasks)),
        sentences.label_overlap(co_occurrence(bench.tasks)),
    ]  # fmt: skip
    assert "undefined" not in "".join(texts) and ("No test texts" in texts[1]) == bool(split)
    for name, figure in (("1", plot_prevalence(tasks)), ("2", plot_cooccurrence(co_occurrence(bench.tasks)))):
        save_figure(figure, tmp_path, name)
    estimated = check("estimate", estimate_once(bench), "here").set_index("phase")["models"]
    models = single_models(bench)
    assert estimated["training single-task models"] == len(models) == 2 * 2 * len(tasks)
    assert estimated["training transfer models"] == len(tasks) * (len(tasks) - 1)
    assert all(0 < model.labels.sum() < len(model.labels) for model in models)


def test_a_table_whose_texts_are_all_alike_in_every_label_is_refused(tmp_path):
    (tmp_path / "alike.csv").write_text("text,a,b\n" + "".join(f"said {row},1,0\n" for row in range(100)))
    study = tiny_study(tmp_path, budget_minutes=5, corpus={"loader": "table", "path": str(tmp_path / "alike.csv")})
    with pytest.raises(InputError) as caught:
        open_workbench(study)
    assert str(caught.value) == (
        "alike: 0 of 2 labels can become tasks, and transfer needs two ('a' has no negative text, 'b' has no positive "
        "text); give more texts with and without these labels"
    )


def test_a_grid_needs_test_texts(tmp_path):
    drawn = tiny_study(tmp_path, split={"test": 0})
    with pytest.raises(
        InputError, match=r"^synthetic: there are no test texts, .*; give budget_minutes, or test texts"
    ):
        open_workbench(drawn)
    own = topics(120, tmp_path, part=True) | {"split": "part"}
    with pytest.raises(InputError, match=r"topics\.csv: there are no test texts"):
        open_workbench(tiny_study(tmp_path, corpus=own))
    with_budget = open_workbench(tiny_study(tmp_path, corpus=own, budget_minutes=2))
    assert [len(rows) for rows in with_budget.tasks.split.values()] == [90, 30, 0]


def test_a_column_of_classes_without_a_test_part_through_the_first_notebooks(tmp_path):
    """As a user would: a CSV with a column of several classes, a budget, no test texts."""
    changes = {
        "name": "mine", "budget_minutes": 5, "corpus": topics(240, tmp_path, rare=5),
        "split": {"validation": 0.2, "test": 0},
    }  # fmt: skip
    path = tmp_path / "mine.yaml"
    path.write_text(tiny_study(tmp_path / "results", **changes).model_dump_json())
    study, lines = Study.load(path), []
    jobs = plan(study, {"study_name": str(path)}, NOTEBOOKS)
    assert [job.name[:2] for job in jobs] == ["01", "02", "11"]
    run_jobs(jobs[:2], {"study_name": str(path)}, lines.append, lambda job: _show_estimate(study, lines.append, job))
    said = [line.strip() for line in lines]
    assert "3 tasks: 192 texts to train on, 48 to validate, none to test" in said
    assert said.count("labels left out: rare (fewer than 8 positives in training)") == 1
    assert read_table(study.tables, "left_out")["label"].tolist() == ["rare"]
    singles, tasks = read_table(study.tables, "singles"), read_table(study.tables, "tasks")
    tested = [name for name in singles if name.startswith("test_")]
    assert len(tested) == 5 and singles[tested].isna().all(axis=None)
    assert singles["validation_f1"].between(0, 1).all() and singles["selected"].sum() == 6
    assert (tasks["n_test"] == 0).all() and len(read_table(study.tables, "representations")) == 4
    shown = {job.name[:2]: json.dumps(json.loads(job.file(".ipynb").read_text())) for job in jobs[:2]}
    assert "There are 3 tasks over 192 training, 48 validation and no test texts." in shown["01"]
    assert "With 48 validation texts, a gain in recall below" in shown["01"]
    assert "192 texts are for training, 48 for validation and none for test." in shown["01"]
    assert "No test texts: the scores are those that selected the models." in shown["02"]
    assert "No test texts: how far the selection can be trusted is not known." in shown["02"]
    assert "undefined" not in "".join(shown.values())
    run = singles.iloc[0]
    probabilities, labels = open_workbench(study).read_test({run["run"]: run["target"]})
    assert probabilities[run["run"]].shape == labels[run["target"]].shape == (0,)
    assert "02_single_task_training" in write_report(study.folder, study.name).read_text()
