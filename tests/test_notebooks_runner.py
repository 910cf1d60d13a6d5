"""The runner of notebooks: what it executes, skips, refuses and leaves behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import nbformat
import pandas as pd
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lib.errors import InputError
from lib.notebooks.execution import NotebookFailed
from lib.notebooks.plan import plan
from lib.notebooks.progress import Progress
from lib.notebooks.run import _only_one, main, run_study
from lib.report.captions import CAPTIONS
from lib.report.headline import MISSING, closing_lines, cut_warning, duration, headline, opening_lines
from lib.report.pages import write_report
from lib.study.files import ROOT
from lib.study.parameters import Study


@pytest.fixture
def study(tmp_path):
    """A study whose results go to a temporary folder."""
    return Study.parse(
        {
            "name": "tiny",
            "corpus": {"loader": "synthetic"},
            "settings": [{"learning_rate": 1.0e-4, "epochs": 1}],
            "results": str(tmp_path / "results {study}"),  # braces: papermill would take them for a template
        }
    )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "{x} sources").mkdir()
    return tmp_path / "{x} sources"


def write(folder, name, *code, parameters="study_name = 'smoke'"):
    """A notebook with a heading, its tagged cell, then the given code cells."""
    cells = [new_markdown_cell(f"# {name}\n\n## What it reads")]
    if parameters is not None:
        cells.append(new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    cells += [new_markdown_cell(r"The sum $\sum_i a_i$."), *map(new_code_cell, code)]
    nbformat.write(new_notebook(cells=cells), folder / f"{name}.ipynb")


def run(study, folder, parameter="tiny"):
    """Run a study's notebooks; returns what was said."""
    said = []
    run_study(study, parameter, folder, said.append)
    return said


def executed(study, name):
    return nbformat.read(study.folder / "notebooks" / f"{name}.ipynb", as_version=4)


def copies(study):
    return sorted(path.name for path in (study.folder / "notebooks").iterdir() if path.name != "kernel.log")


ENVIRONMENT = """
import os, sys, lib
from pathlib import Path
print(study_name, os.environ['WHENCE_HEADLESS'], sys.executable, Path.cwd(), Path(lib.__file__).parents[1], sep='|')
"""


def test_copies_pages_and_report_appear_and_a_second_call_runs_nothing(study, folder, monkeypatch):
    monkeypatch.setenv("HOME", "/nonexistent")
    before = dict(os.environ)
    table = study.tables / "a.csv"
    write(folder, "01_first", ENVIRONMENT)
    table.parent.mkdir(parents=True)
    write(folder, "02_second", f"from pathlib import Path\nPath({str(table)!r}).touch()")
    said = run(study, folder)
    output = executed(study, "01_first").cells[-1].outputs[0].text.strip().split("|")
    assert output == ["tiny", "1", sys.executable, str(folder), str(ROOT)]
    assert copies(study) == ["01_first.ipynb", "02_second.ipynb"]
    assert any("code cell 1 of 2 (What it reads)" in line for line in said)
    assert any("no headline numbers" in line for line in said)
    assert dict(os.environ) == before
    page = (study.folder / "report.html").read_text()
    assert (study.folder / "site" / "02_second.html").exists()
    assert 'href="site/02_second.html"' in page and 'href="tables/a.csv"' in page

    titles = [line for line in run(study, folder) if line.startswith("[")]
    assert titles == ["[1/2] 01_first: up to date", "[2/2] 02_second: up to date"]

    table.unlink()  # a table that the second notebook wrote: only that notebook is run again
    titles = [line for line in run(study, folder) if line.startswith("[")]
    assert titles == ["[1/2] 01_first: up to date", "[2/2] 02_second"]
    assert table.exists()


def test_a_copy_that_cannot_be_saved_ends_in_one_line(study, folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    write(folder, "01_first", "1 + 1")
    monkeypatch.setattr("papermill.engines.write_ipynb", full)
    with pytest.raises(InputError, match=r"01_first\.partial\.ipynb: No space left on device; make space"):
        run(study, folder)


def test_keys_follow_source_parameters_and_earlier_notebooks_but_not_outputs(study, folder):
    write(folder, "01_first", "1")
    write(folder, "02_second", "2")

    def keys(study=study, parameter="tiny"):
        return [job.key for job in plan(study, {"study_name": parameter}, folder)]

    first = keys()
    notebook = nbformat.read(folder / "01_first.ipynb", as_version=4)
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text="1")]
    nbformat.write(notebook, folder / "01_first.ipynb")
    assert keys() == first
    assert keys(study.model_copy(update={"engine": study.engine.model_copy(update={"workers": 7})})) == first
    write(folder, "02_second", "3")
    assert keys()[0] == first[0] and keys()[1] != first[1]
    write(folder, "01_first", "0")
    assert not set(keys()) & set(first)
    assert not set(keys()) & set(keys(study.model_copy(update={"seeds": [5]})))
    assert not set(keys()) & set(keys(parameter="other"))


def test_keys_follow_the_users_own_table(study, folder, tmp_path):
    write(folder, "01_first", "1")
    texts = tmp_path / "texts.csv"
    parameters = study.model_dump() | {"corpus": {"loader": "table", "path": str(texts)}}
    study, keys = Study.parse(parameters), []
    for content in ("a", "b"):
        texts.write_text(content)
        keys.append(plan(study, {}, folder)[0].key)
    assert keys[0] != keys[1]


def test_failure_names_notebook_cell_and_error_and_leaves_nothing_that_looks_finished(study, folder):
    broken = "raise lib.errors.InputError('table \\'pairs\\' is missing: run 03')"
    write(folder, "01_first", "import lib.errors", "1")
    write(folder, "02_second", "import lib.errors", broken, "print('never')")
    with pytest.raises(NotebookFailed) as failure:
        run(study, folder)
    message = str(failure.value)
    assert message.startswith("02_second, code cell 3 of 4 (What it reads): table 'pairs' is missing: run 03 (")
    assert "\n" not in message and str(study.folder / "notebooks" / "02_second.failed.ipynb") in message
    assert copies(study) == ["01_first.ipynb", "02_second.failed.ipynb"]
    assert not (study.folder / "report.html").exists() and not (study.folder / "site").exists()

    write(folder, "02_second", "1")
    assert "[1/2] 01_first: up to date" in run(study, folder)
    assert copies(study) == ["01_first.ipynb", "02_second.ipynb"]
    assert (study.folder / "report.html").exists() and (study.folder / "site" / "index.html").exists()

    (study.folder / "summary.json").write_text("{}")
    write(folder, "01_first", "oops")  # its old copy, the later ones, summary and report go before anything runs
    with pytest.raises(NotebookFailed, match=r"01_first, code cell 2 of 2 .*: NameError: name 'oops' is not"):
        run(study, folder)
    assert copies(study) == ["01_first.failed.ipynb"]
    assert not [name for name in ("report.html", "site", "summary.json") if (study.folder / name).exists()]


@pytest.mark.parametrize(
    "code, error",
    [
        ("import sys; sys.exit()", "stopped before the notebook's end"),
        ("import os; os._exit(1)", "its process died"),
    ],
)
def test_a_notebook_that_just_stops_is_a_failure(study, folder, code, error):
    write(folder, "01_first", code, "print('never')")
    with pytest.raises(NotebookFailed, match=rf"01_first, code cell 2 of 3 .*: {error}"):
        run(study, folder)
    assert copies(study) == ["01_first.failed.ipynb"]


@pytest.mark.parametrize(
    "parameters, message",
    [
        ("stduy_name = 'smoke'", "01_first.ipynb: its cell tagged 'parameters' does not define 'study_name'"),
        (None, "01_first.ipynb: expected one code cell tagged 'parameters', found 0"),
        ("study_name =", "01_first.ipynb: its cell tagged 'parameters' is not Python"),
    ],
)
def test_a_notebook_that_would_ignore_its_parameters_is_refused(study, folder, parameters, message):
    write(folder, "01_first", "1", parameters=parameters)
    with pytest.raises(InputError, match=re.escape(message)):
        run(study, folder)
    assert not study.folder.exists()


def test_two_tagged_cells_no_notebooks_and_damaged_ones_are_refused(study, folder):
    with pytest.raises(InputError, match="no notebooks"):
        run(study, folder)
    write(folder, "01_first", "1")
    notebook = nbformat.read(folder / "01_first.ipynb", as_version=4)
    notebook.cells[-1].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, folder / "01_first.ipynb")
    with pytest.raises(InputError, match="found 2"):
        run(study, folder)
    (folder / "01_first.ipynb").write_text("{")
    with pytest.raises(InputError, match="is not a readable notebook"):
        run(study, folder)


def test_what_takes_seconds_to_import_waits_until_something_is_executed():
    code = "import sys, lib.notebooks.run; print({'papermill', 'nbformat', 'nbconvert', 'torch'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True) == "set()\n"


def test_a_second_call_of_a_running_study_is_refused(study, folder):
    write(folder, "01_first", "1")
    with _only_one(study), pytest.raises(InputError, match="study tiny is already running"):
        run(study, folder)


def test_progress_shows_the_last_state_of_bars_and_few_lines():
    now, said = [0.0], []
    progress = Progress(1, said.append, clock=lambda: now[0])
    progress.write("\r 1/9\r 2/9")
    for second in range(1, 40):
        now[0] = second / 10
        progress.write(f"\r{second} of 40\x1b[31m red\x07")
    progress.write("\n")
    progress.close()
    assert said == ["        2/9", "        20 of 40 red", "        39 of 40 red"]


@pytest.fixture
def slow_study(study, folder, tmp_path):
    """The command line on a study whose notebook sleeps, begun and asleep; and its kernel's process id."""
    marker = tmp_path / "pid"
    slow = f"import os, time, pathlib\npathlib.Path({str(marker)!r}).write_text(str(os.getpid()))\ntime.sleep(6000)"
    write(folder, "01_first", slow)
    (tmp_path / "tiny.yaml").write_text(study.model_dump_json())  # JSON is YAML
    call = "import functools, signal, sys; from pathlib import Path; from lib.notebooks import run as n; "
    call += "n.run_study = functools.partial(n.run_study, folder=Path(sys.argv.pop())); "
    call += "signal.signal(signal.SIGINT, signal.default_int_handler); "  # jobs ignore it
    call += "sys.exit(n.main())"
    command = [sys.executable, "-c", call, str(tmp_path / "tiny.yaml"), str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 1800
    while not (marker.exists() and marker.read_text()) and time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    return process, int(marker.read_text())


def is_alive(process: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked how (a zombie) does not."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_ctrl_c_ends_in_one_line_and_the_kernel_ends_too(study, folder, slow_study):
    process, kernel = slow_study
    assert [path.name for path in folder.iterdir()] == ["01_first.ipynb"]  # a running kernel leaves nothing there
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=1800)
    assert process.returncode == 130
    assert errors.strip() == "stopped; finished work is kept, and the same call continues from there"
    assert not is_alive(kernel)
    assert copies(study) == [".01_first.partial.ipynb"]  # hidden, and removed by the next call


def test_a_runner_that_is_killed_takes_its_kernel_and_whoever_started_it_along(slow_study):
    process, kernel = slow_study
    starter = psutil.Process(kernel).ppid()
    process.kill()
    deadline = time.monotonic() + 60
    while (is_alive(kernel) or is_alive(starter)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_alive(kernel) and not is_alive(starter)


HOSTILE = "<script>alert(1)</script>"


def test_text_from_data_is_escaped_in_the_report(study):
    for name, content in {'figures/a"<b>.png': "", "tables/a<b>.csv": f"name,number\n{HOSTILE},1\n"}.items():
        (study.folder / name).parent.mkdir(parents=True)
        (study.folder / name).write_text(content)
    summary = {"dataset": HOSTILE, "grid_f1": HOSTILE, "environment": {HOSTILE: HOSTILE}}
    (study.folder / "summary.json").write_text(json.dumps(summary))
    page = write_report(study.folder, "tiny").read_text()
    assert page.count("<script") == 1 and page.count("&lt;script&gt;") == 5
    assert "<b>" not in page and 'href="tables/a%3Cb%3E.csv"' in page


def test_the_report_is_one_file_with_sortable_tables_and_captions(study):
    for name, content in {"figures/01_prevalence.png": b"\x89PNG", "tables/t.csv": b"a,b\n1,x\n2,\n"}.items():
        (study.folder / name).parent.mkdir(parents=True)
        (study.folder / name).write_bytes(content)
    page = write_report(study.folder, "tiny").read_text()
    assert 'src="data:image/png;base64,iVBORw=="' in page and CAPTIONS["01_prevalence"] in page
    assert "<td>1</td><td>x</td>" in page and "t (2 rows)" in page
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//|@import|url\(""", page)


def test_headline_formats_units_and_never_fails_on_absent_or_undefined_numbers():
    loss = {"value": 0.108, "low": 0.05, "high": 0.2}
    absent = {"value": None, "low": None, "high": None}
    selectors = {
        "regression": {"paper": {"loss_at_0.165": loss, "loss_at_0.495": None}, "all_inclusive": {}},
        "regression_sequential": {"paper": {"loss_at_0.165": loss}, "all_inclusive": {"loss_at_0.165": absent}},
    }
    numbers = {"n_tasks": 12, "models_trained": 2112, "grid_seconds": 218_160, "grid_f1": 0.3199}
    undefined = {"single_task_f1": float("nan")}
    rows = dict(headline(numbers | undefined | {"selectors": selectors}))
    assert rows["tasks"] == "12" and rows["models trained"] == "2,112" and rows["time of the grid"] == "60 h 36 min"
    assert rows["F1 of the grid (best model per task)"] == "0.3199"
    assert rows["F1 lost at 16.5 % of the time (regression, paper accounting)"] == "10.8 % (5.0 % to 20.0 %)"
    assert rows["F1 lost at 49.5 % of the time (regression, paper accounting)"] == MISSING
    assert rows["F1 lost at 16.5 % of the time (regression sequential, all-inclusive accounting)"] == MISSING
    assert rows["F1 of single-task models"] == MISSING
    assert {value for _, value in headline({})} == {MISSING}


def test_a_loss_that_rounds_to_zero_has_no_sign():
    loss = {"value": 0.02, "low": -0.0004, "high": 0.07}
    rows = dict(headline({"selectors": {"regression": {"paper": {"loss_at_0.165": loss}}}}))
    assert rows["F1 lost at 16.5 % of the time (regression, paper accounting)"] == "2.0 % (0.0 % to 7.0 %)"


def test_durations_read_as_they_are_said():
    said = {4.24: "4.2 s", 59.96: "1 min 00 s", 200: "3 min 20 s", 7500: "2 h 05 min"}
    assert {seconds: duration(seconds) for seconds in said} == said


def test_a_damaged_summary_is_named(study):
    study.folder.mkdir(parents=True)
    (study.folder / "summary.json").write_text("[1")
    with pytest.raises(InputError, match="summary.json is damaged"):
        closing_lines(study)


def test_command_line_names_bad_input_in_one_line(capsys):
    assert main(["no-such-study"]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("error: no parameters at params/no-such-study.yaml") and errors.count("\n") == 1


@pytest.mark.parametrize(("budget", "warned"), [(15, True), (16, False), (None, False)])
def test_a_budget_that_does_not_pay_for_every_decision_is_warned_of(study, monkeypatch, budget, warned):
    """Two tasks. Single-task models take 10 minutes, predicting with them 2, and with what is exported 0.2; each is then
    trained once more, in 1.1 minutes: 15, rounded up. Tables and figures take 1."""
    phases = ["training single-task models", "training transfer models", "predicting", "loading and saving"]
    estimated = pd.DataFrame({"phase": [*phases, "feature extraction"], "models": [20, 90, 130, 130, 20]})
    given = study.model_copy(update={"budget_minutes": budget})
    estimated = estimated.assign(seconds=[60 * given.engine.processes * each for each in (10, 90, 13, 0, 2)], disk_mb=1)
    tasks = pd.DataFrame(
        {"task": ["a", "b"], "train_positives": 9, "prevalence": 0.1, "n_train": 90, "n_validation": 9}
    )
    tables = {"tasks": tasks.assign(n_test=9), "estimate": estimated}
    monkeypatch.setattr("lib.report.headline.read_table", lambda _, name: tables[name])
    told = (
        "warning: a decision for each of these tasks takes about 16 minutes; raise budget_minutes, or name fewer tasks"
    )
    assert (told in opening_lines(given)) == warned


def test_texts_that_may_be_cut_are_counted_in_a_warning():
    tasks = pd.DataFrame({"task": ["a", "b"], "cut_texts": [1200, 1200]})
    assert cut_warning(tasks, 64) == [
        "warning: 1,200 texts reach encoder.max_length (64 wordpieces) and may lose their end"
    ]
    assert "1 text reaches" in cut_warning(tasks.assign(cut_texts=1), 64)[0]
    assert cut_warning(tasks.assign(cut_texts=0), 64) == cut_warning(tasks.drop(columns="cut_texts"), 64) == []
