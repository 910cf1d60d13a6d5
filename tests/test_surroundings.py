"""What a machine may do to a study: a home that cannot be written, a clock that jumps."""

import os
import subprocess
import time

import numpy as np
import pandas as pd
from studies import first_notebooks, tiny_study

from lib.runs.engine import train_models
from lib.runs.plan import single_models
from lib.runs.results import run_table
from lib.runs.workbench import open_workbench
from lib.study.files import ROOT


def test_a_home_that_cannot_be_written_is_survived(tmp_path):
    study = tiny_study(tmp_path / "results", settings=[{"learning_rate": 3e-3, "epochs": 1}])
    homes = ("JUPYTER", "IPYTHON", "XDG", "MPL", "HF")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(homes)}
    environment["HOME"] = "/proc/nobody"  # nothing can be made there, not even by root
    done = subprocess.run(first_notebooks(study, tmp_path), cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (study.tables / "singles.parquet").exists()


def test_a_clock_that_jumps_changes_no_table(tmp_path, monkeypatch):
    """By up to a day in either direction, whenever it is asked."""

    def trained(folder) -> pd.DataFrame:
        bench = open_workbench(tiny_study(folder))
        return run_table(bench, train_models(bench, single_models(bench), "singles"))

    expected, steady, jumps = trained(tmp_path / "steady"), time.time, np.random.default_rng(0)
    monkeypatch.setattr(time, "time", lambda: steady() + jumps.uniform(-86_400, 86_400))
    found = trained(tmp_path / "jumping")
    measured = [name for name in expected.columns if name.endswith(("_seconds", "_mb"))]
    pd.testing.assert_frame_equal(found.drop(columns=measured), expected.drop(columns=measured))
    assert found[measured].to_numpy().min() >= 0 and found["total_seconds"].max() < 60
