"""Parameters: what is right is read, what is wrong is refused in one line that names the key."""

from copy import deepcopy
from functools import reduce

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.errors import InputError
from lib.study.files import ROOT
from lib.study.parameters import Study
from lib.study.reference import reference

GOOD = {"name": "x", "corpus": {"loader": "synthetic"}, "settings": [{"learning_rate": 1e-4, "epochs": 1}]}


@pytest.mark.parametrize("path", sorted((ROOT / "params").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_study_in_params_is_valid_and_named_like_its_file(path):
    assert Study.load(path).name == path.stem


def test_the_reference_study_has_1728_models():
    study = Study.load("disaster_gpu")
    singles = len(study.tasks) * len(study.settings) * len(study.seeds)
    pairs = len(study.tasks) * (len(study.tasks) - 1) * len(study.settings) * len(study.seeds)
    assert study.source == study.target and study.target_setting == "all"
    assert singles + pairs == 1728


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"settngs": 1}, "unknown key 'settngs' (did you mean 'settings'?"),
        ({"corpus": {"loader": "synthetic", "textz": 1}}, "unknown key 'corpus.textz' (did you mean 'texts'"),
        ({"checkpoints": [float("inf")]}, "'checkpoints.0'"),
        ({"corpus": {"loader": "hub", "paht": "a/b"}}, "unknown key 'corpus.paht' (did you mean 'path'"),
        ({"corpus": {"loader": "nowhere"}}, "'disaster_response', 'hub', 'orange_text'"),
        ({"settings": [{"learning_rate": "1e-5", "epochs": 1}]}, "'settings.0.learning_rate'"),
        ({"settings": [{"learning_rate": "1e-5", "epochs": 1}]}, "write 1.0e-5"),
        ({"settings": []}, "'settings'"),
        ({"source": {"n": 1}}, "'source.n': Input should be greater than or equal to 8, found 1"),
        ({"source": {"positives": 0.5}}, "a share of positives needs n"),
        ({"engine": {"workers": 0}}, "'engine.workers'"),
        ({"name": "../escape"}, "'name'"),
        ({"tasks": ["a", "a"]}, "tasks names something twice"),
        ({"seeds": [0, 0]}, "seeds names something twice"),
        ({"ansat": {"thresholds": [1.5]}}, "'ansat.thresholds.0'"),
        ({"target_setting": "worst"}, "'best' or 'all'"),
    ],
)
def test_bad_parameters_are_refused_in_one_line(change, expected):
    with pytest.raises(InputError) as caught:
        Study.parse(GOOD | change, "mine.yaml")
    assert expected in str(caught.value) and str(caught.value).startswith("mine.yaml: ")
    assert "\n" not in str(caught.value)


def test_missing_and_unreadable_files_are_refused(tmp_path):
    known = ", ".join(sorted(path.stem for path in (ROOT / "params").glob("*.yaml")))
    with pytest.raises(InputError, match=f"the studies here are {known}, or"):
        Study.load("nothing")
    broken = tmp_path / "broken.yaml"
    broken.write_text("name: [")
    with pytest.raises(InputError, match=r"broken\.yaml: not readable as YAML"):
        Study.load(broken)
    broken.write_text("")
    with pytest.raises(InputError, match="expected 'key: value' lines"):
        Study.load(broken)


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


def test_the_reference_of_parameters_is_up_to_date():
    written = (ROOT / "params" / "README.md").read_text()
    assert written.strip() == reference().strip(), "run: python -m lib.study > params/README.md"
