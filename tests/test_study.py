"""Parameters: what is right is read, what is wrong is refused in one line that names the key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.errors import InputError
from lib.study import ROOT, Study, reference

GOOD = {"name": "x", "corpus": {"loader": "synthetic"}, "settings": [{"learning_rate": 1e-4, "epochs": 1}]}


@pytest.mark.parametrize("path", sorted((ROOT / "params").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_study_in_params_is_valid_and_named_like_its_file(path):
    assert Study.load(path).name == path.stem


def test_the_reference_study_has_1728_models():
    study = Study.load("disaster")
    singles = len(study.tasks) * len(study.settings) * len(study.seeds)
    pairs = len(study.tasks) * (len(study.tasks) - 1) * len(study.settings) * len(study.seeds)
    assert study.source == study.target and study.target_setting == "all"
    assert singles + pairs == 1728


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"settngs": 1}, "unknown key 'settngs' (did you mean 'settings'?"),
        ({"corpus": {"loader": "synthetic", "textz": 1}}, "unknown key 'corpus.textz' (did you mean 'texts'"),
        ({"corpus": {"loader": "nowhere"}}, "'disaster_response', 'synthetic', 'table'"),
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


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_anything_else_is_refused_and_never_crashes(values):
    with pytest.raises(InputError) as caught:
        Study.parse(values)
    assert "\n" not in str(caught.value)


def test_the_reference_of_parameters_is_up_to_date():
    written = (ROOT / "params" / "README.md").read_text()
    assert written.strip() == reference().strip(), "run: python -m lib.study > params/README.md"
