"""The launcher and what it installs: one source of pins, one line for each thing that can be wrong."""

import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml

from lib.study.files import ROOT

SYSTEM = "/usr/local/bin:/usr/bin:/bin"  # what the launcher needs besides the programs a test puts before it


def launch(*arguments, at=ROOT, cwd=None, **variables):
    """Call run_all.sh of a checkout with only these variables set; returns the finished process."""
    environment = {"HOME": "/nonexistent", "PATH": os.environ["PATH"]} | variables
    command = ["bash", str(at / "run_all.sh"), *arguments]
    return subprocess.run(command, cwd=cwd or at, env=environment, capture_output=True, text=True, timeout=1800)


@pytest.fixture
def checkout(tmp_path):
    """A copy of what the launcher reads, in a folder with a space in its name."""
    folder = tmp_path / "a checkout"
    folder.mkdir()
    for name in ("run_all.sh", "requirements.lock", "requirements.in", "environment.yml"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def program(tmp_path):
    """Puts an executable shell script on a PATH of its own; returns a function (name, body) -> that PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()

    def put(name, body):
        (folder / name).write_text(f"#!/bin/bash\n{body}\n")
        (folder / name).chmod(0o755)
        return f"{folder}:{SYSTEM}"

    return put


# Stands for a Python: answers the version question, makes an "environment" whose python logs its arguments.
FAKE_PYTHON = """
case "$*" in
    -c*) exit {wrong_version} ;;
    --version) echo Python 3.10.2 ;;
    "-m venv"*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
    "-m pip"*) echo "$@" >> "{log}"; exit {pip_fails} ;;
    *) echo "ran $*" ;;
esac"""

# Stands for conda, mamba or micromamba: logs its arguments, makes a prefix with a python that repeats its arguments.
FAKE_CONDA = """
echo "$(basename "$0") $*" >> "{log}"
while [ "$1" != --prefix ]; do shift; done
mkdir -p "$2/bin"; printf '#!/bin/bash\\necho ran "$@"\\n' > "$2/bin/python"; chmod +x "$2/bin/python"
"""


def test_shell_scripts_parse_and_are_executable():
    for script in (ROOT / "run_all.sh", ROOT / ".ci" / "run"):
        subprocess.run(["bash", "-n", script], check=True)
        assert os.access(script, os.X_OK)


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_says_how_to_run_test_and_choose(option):
    help = launch(option, PATH=SYSTEM)
    assert help.returncode == 0 and not help.stderr
    for word in (
        "demo",
        "smoke",
        "params/",
        "--test",
        "--published",
        "WHENCE_PYTHON",
        "WHENCE_ENVIRONMENT",
        "jupyter lab",
        "3.11",
    ):
        assert word in help.stdout


@pytest.mark.parametrize(
    "arguments, variables, message",
    [
        (["no-such-study"], {"WHENCE_PYTHON": sys.executable}, "no parameters at params/no-such-study.yaml"),
        (["no-such.yaml"], {"WHENCE_PYTHON": sys.executable}, "no parameters at no-such.yaml"),
        (["--tset"], {}, "unknown option --tset"),
        (["smoke", "demo"], {}, "one study at a time"),
        (["--published"], {}, "--published needs the name of one study"),
        (["smoke"], {"WHENCE_PYTHON": "/no/python"}, "WHENCE_PYTHON=/no/python is not a program"),
        (["smoke"], {"WHENCE_ENVIRONMENT": "poetry"}, "WHENCE_ENVIRONMENT=poetry: choose pip or conda"),
        (["smoke"], {"WHENCE_ENVIRONMENT": "conda", "PATH": SYSTEM}, "no conda, mamba or micromamba found"),
    ],
)
def test_wrong_calls_are_refused_in_one_line(arguments, variables, message):
    if variables.get("WHENCE_ENVIRONMENT") == "conda" and shutil.which("conda", path=SYSTEM):
        pytest.skip("conda is in a system folder here")
    refused = launch(*arguments, **variables)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"error: {message}") and refused.stderr.count("\n") == 1


def test_a_study_file_is_found_from_where_the_user_stands(tmp_path):
    (tmp_path / "mine.yaml").write_text("name: Not Valid\n")
    refused = launch("mine.yaml", cwd=tmp_path, WHENCE_PYTHON=sys.executable)
    assert refused.returncode == 2 and "'name'" in refused.stderr


def test_pip_environment_is_made_once_and_again_when_the_pins_change(checkout, program, tmp_path):
    log = tmp_path / "log"
    path = program("python3", FAKE_PYTHON.format(wrong_version=0, pip_fails=0, log=log))
    first = launch("smoke", at=checkout, PATH=path, WHENCE_ENVIRONMENT="pip")
    assert first.stdout.splitlines()[-2:] == ["environment ready", "ran -m lib.notebooks smoke"]
    arguments = log.read_text().splitlines()
    assert len(arguments) == 1 and arguments[0].endswith("--requirement requirements.lock --editable .")

    second = launch("smoke", at=checkout, PATH=path, WHENCE_ENVIRONMENT="pip")
    assert second.stdout == "ran -m lib.notebooks smoke\n" and len(log.read_text().splitlines()) == 1
    published = launch("--published", "demo", at=checkout, PATH=path, WHENCE_ENVIRONMENT="pip")
    assert published.stdout == "ran -m lib.notebooks --published demo\n"

    with open(checkout / "requirements.lock", "a") as lock:
        lock.write("# changed\n")
    third = launch(at=checkout, PATH=path, WHENCE_ENVIRONMENT="pip")
    assert "environment ready" in third.stdout and third.stdout.endswith("ran -m lib.notebooks demo\n")
    assert len(log.read_text().splitlines()) == 2

    moved = checkout.rename(checkout.with_name("moved"))  # an environment knows its folder: a moved one is made again
    assert "environment ready" in launch(at=moved, PATH=path, WHENCE_ENVIRONMENT="pip").stdout


def test_a_half_made_environment_is_made_again(checkout, program, tmp_path):
    path = program("python3", FAKE_PYTHON.format(wrong_version=0, pip_fails=1, log=tmp_path / "log"))
    failed = launch("smoke", at=checkout, PATH=path, WHENCE_ENVIRONMENT="pip", TMPDIR=str(tmp_path))
    assert failed.returncode == 2 and "error: the environment could not be made" in failed.stderr
    (checkout / ".venv" / "half.made").touch()
    path = program("python3", FAKE_PYTHON.format(wrong_version=0, pip_fails=0, log=tmp_path / "log"))
    again = launch("smoke", at=checkout, PATH=path, WHENCE_ENVIRONMENT="pip")
    assert "environment ready" in again.stdout and not (checkout / ".venv" / "half.made").exists()


def test_an_old_python_is_refused_in_one_line(checkout, program, tmp_path):
    old = FAKE_PYTHON.format(wrong_version=1, pip_fails=0, log=tmp_path / "log")
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python"):
        path = program(name, old)
    refused = launch("smoke", at=checkout, PATH=path, WHENCE_ENVIRONMENT="pip")
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1
    assert refused.stderr.startswith("error: Python 3.11, 3.12 or 3.13 is needed, found Python 3.10.2")
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("name", ["micromamba", "mamba", "conda"])
def test_conda_and_its_kin_are_used_with_environment_yml(checkout, program, tmp_path, name):
    command = "create --yes" if name == "micromamba" else "env create"
    log = tmp_path / "log"
    path = program(name, FAKE_CONDA.format(log=log))
    made = launch("smoke", at=checkout, PATH=path)
    assert made.stdout.endswith("environment ready\nran -m lib.notebooks smoke\n"), made.stderr
    launch("smoke", at=checkout, PATH=path)
    expected = f"{name} {command} --prefix {checkout}/.conda --file environment.yml\n"
    assert log.read_text() == expected


def requirements(name):
    """Lines of a requirements file as {normalised name: pins}, without comments and markers."""
    pins = {}
    for line in (ROOT / name).read_text().splitlines():
        package, _, version = line.split("#")[0].split(";")[0].strip().partition("==")
        if package:
            pins.setdefault(re.sub(r"[-_.]+", "-", package).lower(), set()).add(version)
    return pins


@pytest.mark.parametrize("name", ["requirements.in", "requirements.lock", "requirements-cluster.lock"])
def test_every_package_is_pinned_exactly(name):
    assert all(re.fullmatch(r"[0-9][0-9a-z.]*", version) for pins in requirements(name).values() for version in pins)


def test_the_lock_holds_the_direct_dependencies_and_no_gpu_libraries():
    lock = requirements("requirements.lock")
    assert all(lock.get(package) == pins for package, pins in requirements("requirements.in").items())
    assert not [package for package in lock if package.startswith(("nvidia", "cuda", "triton"))]
    assert not set(lock) & set(requirements("requirements-cluster.lock"))


def test_the_running_environment_has_the_direct_dependencies():
    import importlib.metadata

    for package, pins in requirements("requirements.in").items():
        if package != "xgboost":  # macOS only
            assert importlib.metadata.version(package).split("+")[0] in pins


def test_conda_users_get_the_same_pins_and_binder_the_same_environment():
    ours = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert ours["dependencies"][-1] == {"pip": ["-r requirements.lock", "-e ."]}
    binder = (ROOT / ".binder" / "environment.yml").read_text()
    assert yaml.safe_load(binder.replace("../", "").replace("-e ..", "-e .")) == ours


def test_the_package_states_the_python_that_the_launcher_accepts():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["requires-python"] == ">=3.11"
    assert "(3, 11) <= sys.version_info" in (ROOT / "run_all.sh").read_text()


def test_the_citation_is_that_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "title", "message", "authors"} <= set(citation)  # what the format requires
    assert citation["cff-version"] == "1.2.0" and citation["title"] in project["description"]
    assert all(citation[key] == project[key] for key in ("version", "license"))


def test_continuous_integration_runs_the_test_command():
    assert "exec ./run_all.sh --test" in (ROOT / ".ci" / "run").read_text()
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert {"run": ".ci/run"} in workflow["jobs"]["tests"]["steps"]
