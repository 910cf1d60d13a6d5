"""Fixtures shared by the tests: the small study, once trained for everyone who only reads it."""

import fcntl
import json
import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")  # the same cases on every run, however slow the machine
os.environ["WHENCE_HEADLESS"] = "1"  # progress as plain lines, no widgets
for library in ("OMP", "MKL", "OPENBLAS"):  # tests share the cores as processes: threads would wait for each other
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")


# These files start first, so that tests end together: of two processes one trains the small study, and the other one is busy
# until it is there for the browser.
LONGEST = ("test_smoke_study", "test_runs", "test_mixed_studies", "test_full_disk", "test_browser", "test_published")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: (LONGEST + (item.path.stem,)).index(item.path.stem))


@pytest.fixture(scope="session")
def smoke_study(tmp_path_factory):
    """The study "smoke" with its results in a temporary folder, the same one for all processes of a test run."""
    import yaml

    from lib.storage.ledger import write_atomically
    from lib.study.files import ROOT
    from lib.study.parameters import Study

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "smoke"
    folder.mkdir(exist_ok=True)
    path = folder / "smoke.yaml"
    values = yaml.safe_load((ROOT / "params" / "smoke.yaml").read_text()) | {"results": str(folder / "results")}
    write_atomically(path, yaml.safe_dump(values).encode())
    return Study.load(path), path


@pytest.fixture(scope="session")
def finished_smoke(smoke_study):
    """The small study after all its notebooks ran, and the lines that were shown. The first test to ask runs it."""
    from lib.notebooks.run import run_study

    study, path = smoke_study
    said = path.with_name("said.json")
    with open(path.with_name("lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            lines = []
            run_study(study, str(path), say=lines.append)
            said.write_text(json.dumps(lines))
    return study, json.loads(said.read_text())
