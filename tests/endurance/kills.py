"""Kills a study at random moments, all its processes at once, until it is done: nothing may be lost, and nothing differ.

``python tests/endurance/kills.py`` runs the small study, and a small one of real messages, twice each: once undisturbed, and
once with every call killed (SIGKILL) after a random time, 20 times, before the last call may finish. It fails unless the
tables of both are the same but for what is measured, and every model that was finished at a kill is still as it was.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import psutil
import yaml

from lib.study.files import ROOT
from lib.study.parameters import Study

TIMED = {"anytime", "estimate", "selector_costs"}  # tables that say when something is known, or what it costs
REAL = {
    "name": "real",
    "corpus": {"loader": "disaster_response"},
    "tasks": ["floods", "food", "water", "death"],
    "split": {"max_validation": 100, "max_test": 100},
    "source": {"n": 96, "positives": 0.3},
    "target": {"n": 48, "positives": 0.3},
    "settings": [{"learning_rate": 2.0e-4, "epochs": 2, "batch_size": 16}],
    "conductance": {"probe_texts": 8, "steps": 4, "compare_steps": [2]},
    "regression": {"candidates": 2, "folds": 2, "repeats": 1},
    "ranking": {"bootstrap": 100},
}


def written(values: dict, folder: Path) -> tuple[Study, list[str]]:
    """A study with its results in ``folder``; and the call that runs it."""
    path = folder / f"{values['name']}.yaml"
    path.write_text(yaml.safe_dump(values | {"results": str(folder / "results")}))
    return Study.load(path), [sys.executable, "-m", "lib.notebooks", str(path)]


def run(call: list[str], seconds: float | None, log: Path) -> bool:
    """Whether the call came to its end; if not within these seconds, it and all that it started are killed."""
    with open(log, "a") as file:
        process = subprocess.Popen(call, cwd=ROOT, stdout=file, stderr=file, start_new_session=True)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            for each in [*psutil.Process(process.pid).children(recursive=True), process]:
                with suppress(psutil.NoSuchProcess):
                    each.kill()
            process.wait()
            return False
    if code:
        raise SystemExit(f"the study failed: {log.read_text()[-2000:]}")
    return True


def entries(study: Study) -> dict[Path, bytes]:
    """What is finished: the ledger's entries, with what they say."""
    return {path: path.read_bytes() for path in study.ledger.glob("*/entry.json")}


def tables(study: Study) -> dict[str, pd.DataFrame]:
    """The study's tables without what is measured."""
    frames = {path.stem: pd.read_parquet(path) for path in study.tables.glob("*.parquet") if path.stem not in TIMED}
    return {
        name: frame[[column for column in frame if not column.endswith(("seconds", "memory_mb"))]]
        for name, frame in frames.items()
    }


def survive(values: dict, kills: int, folder: Path) -> None:
    for part in ("whole", "killed"):
        (folder / part).mkdir()
    whole, call = written(values, folder / "whole")
    start = time.monotonic()
    run(call, None, folder / "whole.log")
    seconds = time.monotonic() - start
    print(f"{whole.name}: undisturbed in {seconds:.0f} s", flush=True)
    killed, call = written(values, folder / "killed")
    moments, finished, done = random.Random(0), {}, 0
    while done < kills and not run(call, moments.uniform(1, max(20, 3 * seconds / kills)), folder / "killed.log"):
        done += 1
        finished = entries(killed) | finished
        print(f"{killed.name}: kill {done}, {len(finished)} jobs finished", flush=True)
    run(call, None, folder / "killed.log")
    now = entries(killed)
    again = [path for path, content in finished.items() if now.get(path) != content]
    assert not again, f"{len(again)} finished jobs were computed again, such as {again[0]}"
    expected, found = tables(whole), tables(killed)
    assert expected.keys() == found.keys()
    for name, table in expected.items():
        pd.testing.assert_frame_equal(found[name], table, check_exact=True, obj=name)
    print(f"{killed.name}: {done} kills, {len(now)} jobs, none computed twice, {len(found)} tables are the same")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--kills", type=int, default=20)
    kills = options.parse_args().kills
    smoke = yaml.safe_load((ROOT / "params" / "smoke.yaml").read_text())
    for values in (smoke, REAL):
        with tempfile.TemporaryDirectory(prefix="whence-kills-") as folder:
            survive(values, kills, Path(folder))


if __name__ == "__main__":
    main()
