"""Fixtures shared by the tests: the small study, once trained for everyone who only reads it."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")  # the same cases on every run, however slow the machine
os.environ["WHENCE_HEADLESS"] = "1"  # progress as plain lines, no widgets
for library in ("OMP", "MKL", "OPENBLAS"):  # tests share the cores as processes: threads would wait for each other
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")


LONGEST = ("test_smoke_study", "test_runs")  # files that start first, so that parallel tests end together


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: (LONGEST + (item.path.stem,)).index(item.path.stem))


@pytest.fixture(scope="session")
def smoke_study(tmp_path_factory):
    """The study "smoke" with its results in a temporary folder."""
    import yaml

    from lib.study import ROOT, Study

    folder = tmp_path_factory.mktemp("smoke")
    values = yaml.safe_load((ROOT / "params" / "smoke.yaml").read_text()) | {"results": str(folder / "results")}
    path = Path(folder) / "smoke.yaml"
    path.write_text(yaml.safe_dump(values))
    return Study.load(path), path


@pytest.fixture(scope="session")
def finished_smoke(smoke_study):
    """The small study after all its notebooks ran: (study, lines that were shown)."""
    from lib.notebooks import run_study

    study, path = smoke_study
    lines = []
    run_study(study, str(path), say=lines.append)
    return study, lines
