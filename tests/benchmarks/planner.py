"""What a run costs besides its training: planning, the ledger, scoring; against the time of a run of the published demo.

    python tests/benchmarks/planner.py

A study of 100 tasks is planned and entered in a ledger for real: every run with predictions of as many texts as the demo
has, as if it had been trained; nothing is. Needs the published demo.
"""

import tempfile
from dataclasses import asdict

import numpy as np
from common import parser, report, seconds

from lib.runs.plan import finished, single_models, transfer_models
from lib.runs.records import Model
from lib.runs.results import run_table, select_settings
from lib.runs.workbench import PARTS, Workbench, open_workbench
from lib.storage.tables import read_table
from lib.study.files import ROOT
from lib.study.parameters import Study


def simulated_study(folder: str, tasks: int) -> Study:
    return Study.parse(
        {
            "name": "simulated", "corpus": {"loader": "synthetic", "texts": 6000, "tasks": tasks}, "results": folder,
            "split": {"max_validation": 500, "max_test": 1000}, "encoder": {"name": "tiny", "max_length": 64},
            "settings": [{"learning_rate": rate, "epochs": 1} for rate in (1e-5, 2e-5, 3e-5, 5e-5)],
            "target_setting": "all",
        }
    )  # fmt: skip


def enter(bench: Workbench, models: list[Model]) -> None:
    """What training would enter: the record, made-up numbers, made-up predictions."""
    rng = np.random.default_rng(0)
    numbers = {"steps": 1, "texts": 1, "train_seconds": 1.0, "predict_seconds": 1.0, "total_seconds": 2.0,
               "failed_seconds": 0.0, "device": "cpu", "threads": 1, "peak_memory_mb": 1}  # fmt: skip
    sizes = {part: len(bench.tasks.split[part]) for part in PARTS}
    for model in models:
        predictions = {part: rng.random(size, dtype=np.float32) for part, size in sizes.items()}
        bench.ledger.put(model.run.id, asdict(model.run), numbers, {"predictions": predictions})


def planner_and_ledger(tasks: int) -> tuple[dict[str, float], int, float]:
    """Seconds of every phase that is not training, how many runs they handled, and the ledger's MB."""
    with tempfile.TemporaryDirectory() as folder:
        times = {}
        times["load, cut into tasks, tokenise"], bench = seconds(lambda: open_workbench(simulated_study(folder, tasks)))
        times["plan the single-task models"], singles = seconds(lambda: single_models(bench))
        enter(bench, singles)
        table = select_settings(run_table(bench, singles))
        times["plan the pairs"], pairs = seconds(lambda: transfer_models(bench, table))
        times["enter the pairs in the ledger"], _ = seconds(lambda: enter(bench, pairs))
        times["ask which pairs are finished"], done = seconds(lambda: sum(finished(bench, pair) for pair in pairs))
        times["score the pairs, make their table"], rows = seconds(lambda: run_table(bench, pairs))
        assert done == len(pairs) == len(rows)
        size = sum(path.stat().st_size for path in bench.ledger.folder.rglob("*") if path.is_file())
    return times, len(singles) + len(pairs), size / 1e6


def main() -> None:
    given = parser(__doc__.splitlines()[0], tasks=100).parse_args()
    times, runs, size = planner_and_ledger(given.tasks)
    for phase, spent in times.items():
        print(f"{phase:<34}  {spent:7.1f} s  {1e3 * spent / runs:5.2f} ms a run")
    demo = read_table(ROOT / "figures" / "demo" / "tables", "runs")["total_seconds"].median()
    agreement = (
        f"ours besides training, theirs a whole run of the demo; {runs} runs of {given.tasks} tasks, {size:.0f} MB"
    )
    report("planner", ([(sum(times.values()) / runs, None)], [(float(demo), None)]), agreement)


if __name__ == "__main__":
    main()
