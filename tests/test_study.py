"""Parameters: what is right is read, what is wrong is refused in one line that names the key."""

import re
import shutil
import subprocess
from copy import deepcopy
from functools import reduce
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.errors import InputError
from lib.notebooks.execution import NotebookFailed
from lib.notebooks.run import parameter_for, run_study
from lib.study.corpora import Table
from lib.study.extends import Layer, merge
from lib.study.files import ROOT, find_parameters
from lib.study.parameters import Study
from lib.study.reference import FIRST, reference
from lib.study.sections import Regime

GOOD = {"name": "x", "corpus": {"loader": "synthetic"}, "settings": [{"learning_rate": 1e-4, "epochs": 1}]}
STUDIES = ("demo", "disaster", "own_data", "paper", "smoke", "trecis")
VARIANTS = (
    "classes", "disaster_gpu", "hot", "newsgroups", "recipes", "reuters", "shuffled", "sizes",
    "smoke_classes", "smoke_recipes", "smoke_sizes", "trecis_gpu", "trecis_recipes", "vu",
)  # fmt: skip
FILES = [f"params/{name}.yaml" for name in STUDIES] + [f"params/variants/{name}.yaml" for name in VARIANTS]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The project's folder, with a copy of the committed parameters only, for a user to add files to."""
    for file in FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    monkeypatch.setattr("lib.study.files.ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, **files: object):
    """One YAML file a name, from its values."""
    for name, values in files.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(values))


def test_the_studies_tested_here_are_those_under_version_control():
    tracked = subprocess.run(["git", "ls-files", "params/*.yaml"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    assert sorted(tracked.stdout.split()) == sorted(FILES)


@pytest.mark.parametrize("file", FILES)
def test_every_study_is_valid_and_named_like_its_file(file):
    study = Study.load(ROOT / file)
    assert study.name == Path(file).stem and Study.parse(yaml.safe_load(study.as_yaml())) == study


@pytest.mark.parametrize("content", ["name: [", "", "name: mine\nsettngs: 1", "extends: mine", "extends: nothing"])
def test_a_broken_file_of_a_user_disturbs_no_other_study(project, content):
    (project / "params" / "mine.yaml").write_text(content)
    for name in (*STUDIES, *VARIANTS):
        assert Study.load(name).name == name
    with pytest.raises(InputError, match="name one of the studies .*, mine, newsgroups"):
        Study.load("nothing")
    with pytest.raises(InputError, match=r"^params/mine\.yaml: "):
        Study.load("mine")


def test_a_name_is_looked_up_in_params_then_in_variants(project):
    assert Study.load("hot") == Study.load("params/variants/hot.yaml")
    variant = find_parameters("hot")
    assert parameter_for("hot") == parameter_for(str(variant)) == "hot"
    write(project / "params", hot=GOOD | {"name": "hot"})
    assert Study.load("hot").corpus.loader == "synthetic"
    assert parameter_for("hot") == "hot" and parameter_for(str(variant)) == str(variant.resolve())


def test_the_twelve_tasks_are_written_down_once():
    for task in ("missing_people", "MultimediaShare"):
        assert sum(task in (ROOT / file).read_text() for file in FILES) == 1


def test_the_reference_study_has_1728_models():
    study = Study.load("disaster_gpu")
    singles = len(study.tasks) * len(study.settings) * len(study.seeds)
    pairs = len(study.tasks) * (len(study.tasks) - 1) * len(study.settings) * len(study.seeds)
    assert study.source == study.target and study.target_setting == "all"
    assert singles + pairs == 1728


def test_a_study_with_a_budget_may_do_without_test_texts():
    study = Study.parse(GOOD | {"budget_minutes": 2, "split": {"test": 0}})
    assert study.split.test == 0 and study.budget_seconds == 120 and study.min_positives == 8


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"settngs": 1}, "unknown key 'settngs' (did you mean 'settings'?"),
        ({"extend": "demo"}, "unknown key 'extend' (did you mean 'extends'?"),
        ({"hub": 1}, "unknown key 'hub' (allowed: name, "),
        ({"corpus": {"loader": "synthetic", "textz": 1}}, "unknown key 'corpus.textz' (did you mean 'texts'"),
        ({"checkpoints": [float("inf")]}, "'checkpoints.0'"),
        ({"corpus": {"loader": "hub", "paht": "a/b"}}, "unknown key 'corpus.paht' (did you mean 'path'"),
        ({"corpus": {"loader": "nowhere"}}, "'disaster_response', 'hub', 'mixed', 'orange_text'"),
        ({"settings": [{"learning_rate": "1e-5", "epochs": 1}]}, "'settings.0.learning_rate'"),
        ({"settings": [{"learning_rate": "1e-5", "epochs": 1}]}, "write 1.0e-5"),
        ({"settings": []}, "'settings'"),
        ({"source": {"n": 1}}, "'source.n': Input should be greater than or equal to 8, found 1"),
        ({"source": {"positives": 0.5}}, "a share of positives needs n"),
        ({"engine": {"workers": 0}}, "'engine.workers'"),
        ({"name": "../escape"}, "'name'"),
        ({"tasks": ["a", "a"]}, "tasks holds the same value twice"),
        ({"seeds": [0, 0]}, "seeds holds the same value twice"),
        ({"ansat": {"thresholds": [1.5]}}, "'ansat.thresholds.0'"),
        ({"target_setting": "worst"}, "'best' or 'all'"),
        (
            {"budget_minutes": 1},
            "'budget_minutes': starting the notebooks takes longer; give at least 2 minutes, or null",
        ),
        ({"budget_minutes": -1.5}, "give at least 2 minutes, or null to train all pairs, found -1.5"),
        ({"budget_minutes": "5"}, "'budget_minutes': Input should be a valid number"),
        ({"min_positives": 0}, "'min_positives': Input should be greater than or equal to 1"),
        ({"split": {"test": 1}}, "'split.test': Input should be less than 1"),
        ({"split": {"test": -0.1}}, "'split.test': Input should be greater than or equal to 0"),
        (
            {"corpus": {"loader": "table", "path": "a.csv", "labels": ["a", "b"], "classes": "topic"}},
            "'corpus': give either 'labels', the 0/1 columns, or 'classes', the column with the classes, not both",
        ),
        (
            {"corpus": {"loader": "table", "path": "a.csv", "separator": ";"}},
            "'corpus': 'separator' separates the classes in a cell; give 'classes', the column with them, as well",
        ),
    ],
)
def test_bad_parameters_are_refused_in_one_line(change, expected):
    with pytest.raises(InputError) as caught:
        Study.parse(GOOD | change, "mine.yaml")
    assert expected in str(caught.value) and str(caught.value).startswith("mine.yaml: ")
    assert "\n" not in str(caught.value)


def test_missing_and_unreadable_files_are_refused(tmp_path):
    with pytest.raises(
        InputError, match="no parameters at params/nothing.yaml; name one of the studies classes, demo, "
    ):
        Study.load("nothing")
    broken = tmp_path / "broken.yaml"
    broken.write_text("name: [")
    with pytest.raises(InputError, match=r"broken\.yaml: not readable as YAML"):
        Study.load(broken)
    broken.write_text("")
    with pytest.raises(InputError, match="expected 'key: value' lines"):
        Study.load(broken)


def test_a_study_takes_over_what_it_does_not_say_itself(tmp_path):
    write(
        tmp_path,
        base=GOOD | {"target": {"n": 96, "positives": 0.3}, "seeds": [0, 1], "budget_minutes": 5.0},
        middle={"name": "middle", "extends": "base.yaml", "target": {"n": 48}, "seeds": [2]},
        mine={
            "name": "mine",
            "extends": str(tmp_path / "middle.yaml"),
            "budget_minutes": None,
            "target": {"epochs": 2.0},
        },
        table={"name": "table", "extends": "mine.yaml", "corpus": {"loader": "table", "path": "a.csv"}},
    )
    mine, table = Study.load(tmp_path / "mine.yaml"), Study.load(tmp_path / "table.yaml")
    assert mine.target == Regime(n=48, positives=0.3, epochs=2.0) and mine.seeds == [2] and mine.budget_minutes is None
    assert (
        mine.name == "mine" and mine.corpus == Study.parse(GOOD).corpus and mine.settings == Study.parse(GOOD).settings
    )
    assert table.corpus == Table(loader="table", path="a.csv") and table.target == mine.target


def test_a_path_to_extend_is_relative_to_the_file_or_the_project(project, monkeypatch):
    (project / "mine").mkdir()
    monkeypatch.chdir(project / "mine")  # of no consequence
    for base in ("smoke", "params/smoke.yaml", "../params/smoke.yaml"):
        write(project / "mine", study={"name": "mine", "extends": base})
        assert Study.load(project / "mine" / "study.yaml") == Study.load("smoke").model_copy(update={"name": "mine"})
    assert Study.parse({"name": "mine", "extends": "smoke"}).corpus == Study.load("smoke").corpus


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"mine": {"name": "mine", "extends": "gone.yaml"}}, "{mine}: 'extends': no parameters at gone.yaml; name one"),
        ({"mine": {"name": "mine", "extends": ["a"]}}, "{mine}: 'extends': give the name of one study or the path of its"),
        ({"mine": {"name": "mine", "extends": None}}, "{mine}: 'extends': give the name of one study or the path of its"),
        ({"mine": {"extends": "mine.yaml"}}, "{mine}: 'extends' leads in a circle, {mine} -> {mine}; "),
        (
            {"mine": {"extends": "one.yaml"}, "one": {"extends": "two.yaml"}, "two": {"extends": "one.yaml"}},
            "{mine}: 'extends' leads in a circle, {mine} -> {one} -> {two} -> {one}; take it out of one",
        ),
        ({"mine": {"name": "mine", "extends": "one.yaml"}, "one": ["a"]}, "{one}: expected 'key: value' lines, found list"),
        ({"mine": {"extends": "one.yaml"}, "one": GOOD}, "{mine}: 'name': Field required"),
        (
            {"mine": {"name": "mine", "extends": "one.yaml"}, "one": GOOD | {"settngs": 1}},
            "{mine}: unknown key 'settngs' (did you mean 'settings'? allowed: name, ",
        ),
        (
            {"mine": {"name": "mine", "extends": "one.yaml"}, "one": {"extends": "two.yaml"},
             "two": GOOD | {"corpus": {"loader": "synthetic", "textz": 1}}},
            "did you mean 'texts'? allowed: loader, texts, tasks, seed, null), in {two}, which it extends",
        ),
        (
            {"mine": {"name": "mine", "extends": "one.yaml", "target": {"n": 1}}, "one": GOOD | {"source": {"n": 2}}},
            "'source.n': Input should be greater than or equal to 8, found 2, in {one}, which it extends; 'target.n': "
            "Input should be greater than or equal to 8, found 1",
        ),
        (
            {"mine": {"name": "mine", "extends": "one.yaml"}, "one": GOOD | {"settings": [{"epochs": 1}]}},
            "'settings.0.learning_rate': Field required, in {one}, which it extends",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_extended_is_refused_in_one_line(tmp_path, files, expected):
    write(tmp_path, **files)
    with pytest.raises(InputError) as caught:
        Study.load(tmp_path / "mine.yaml")
    assert expected.format(**{name: tmp_path / f"{name}.yaml" for name in files}) in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path)) and "\n" not in str(caught.value)


def test_all_parameters_are_written_to_the_results_when_a_study_begins(tmp_path, monkeypatch):
    def stop(*arguments):
        raise NotebookFailed("stopped")

    monkeypatch.setattr("lib.notebooks.run.run_jobs", stop)
    study = Study.parse({"name": "mine", "extends": "smoke", "results": str(tmp_path / "results"), "compare": []})
    with pytest.raises(NotebookFailed):
        run_study(study, "mine", say=lambda line: None)
    written = study.folder / "parameters.yaml"
    assert Study.load(written) == study and yaml.safe_load(written.read_text()) == study.model_dump(mode="json")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(), x, max_size=3),
    max_leaves=6,
)


@given(ANYTHING)
def test_anything_else_is_refused_and_never_crashes(values):
    with pytest.raises(InputError) as caught:
        Study.parse(values)
    assert "\n" not in str(caught.value)


def places(values: object, path: tuple = ()) -> list[tuple]:
    """Where every value of nested dictionaries and lists is."""
    inner = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    return [found for key, value in inner for found in [(*path, key), *places(value, (*path, key))]]


SOUND = yaml.safe_load((ROOT / "params" / "smoke.yaml").read_text())
NUMBERS = st.sampled_from([-1, 0, 1, 0.5, 1e-9, 1e300, float("nan"), float("inf"), 2**70, "3", "1e3", True])


@settings(max_examples=1200)
@given(st.sampled_from(places(SOUND)), NUMBERS | ANYTHING, st.sampled_from(["changed", "misspelt", "left out"]))
def test_a_sound_study_with_one_change_is_read_or_refused_by_name(place, value, how):
    values = deepcopy(SOUND)
    *folders, key = place
    within = reduce(lambda inner, step: inner[step], folders, values)
    if how == "changed":
        within[key] = value
    else:
        taken = within.pop(key)
        if how == "misspelt" and isinstance(within, dict):
            within[f"{key}s"] = taken
    try:
        study = Study.parse(values)
    except InputError as refusal:
        names = [str(step) for step in place if isinstance(step, str)]
        assert "\n" not in str(refusal) and any(name in str(refusal) for name in names), (place, str(refusal))
    else:
        assert Study.parse(study.model_dump(mode="json")) == study


@given(st.data())
def test_wherever_values_are_divided_between_two_files_the_study_is_the_same(data):
    base, own = {"name": "base"}, {"name": SOUND["name"]}
    for place in places(SOUND):
        *sections, key = place
        within = reduce(lambda inner, step: inner[step], place, SOUND)
        if isinstance(within, dict) or not all(isinstance(step, str) for step in place) or place == ("name",):
            continue
        where = data.draw(st.sampled_from(["base", "own", "both"]))
        overlaid = 7 if where == "both" and key != "loader" else within
        for values, says, one in ((base, where != "own", overlaid), (own, where != "base", within)):
            if says:
                reduce(lambda inner, step: inner.setdefault(step, {}), sections, values)[key] = one
    assert merge([Layer("own", own), Layer("base", base)]) == SOUND


def test_the_reference_of_parameters_is_up_to_date():
    written = (ROOT / "params" / "README.md").read_text()
    assert written.strip() == reference().strip(), "run: python -m lib.study > params/README.md"


def test_the_ten_keys_needed_first_come_with_examples_that_are_studies(project):
    assert len(set(FIRST)) == 10
    one, two = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", reference(), re.DOTALL)]
    write(project / "params", mine=one, mine_larger=two)
    mine, larger = Study.load("mine"), Study.load("mine_larger")
    assert mine.corpus.path and mine.budget_minutes == 30 and mine.split.min_positives == 100
    assert larger == mine.model_copy(update={"name": "mine_larger", "target": Regime(n=288)})
