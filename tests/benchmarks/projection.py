"""The real planner and ledger over a simulated study of 100 tasks: what a large study costs besides its training.

    python tests/benchmarks/projection.py

Every run is entered with predictions of 600 validation and 1,200 test texts, as if it had been trained; nothing is.
"""

import tempfile
from dataclasses import asdict

import numpy as np
from common import machine, parser, seconds

from lib.runs import (
    PARTS,
    Model,
    Workbench,
    finished,
    open_workbench,
    run_table,
    select_settings,
    single_models,
    transfer_models,
)
from lib.study import Study


def simulated_study(folder: str, tasks: int) -> Study:
    return Study.parse(
        {
            "name": "simulated", "corpus": {"loader": "synthetic", "texts": 6000, "tasks": tasks}, "results": folder,
            "split": {"max_validation": 600, "max_test": 1200}, "encoder": {"name": "tiny", "max_length": 64},
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


def main() -> None:
    given = parser(__doc__.splitlines()[0], tasks=100).parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        times = {}
        times["corpus, tasks, tokens"], bench = seconds(lambda: open_workbench(simulated_study(folder, given.tasks)))
        times["plan single-task models"], singles = seconds(lambda: single_models(bench))
        enter(bench, singles)
        table = select_settings(run_table(bench, singles))
        times["plan pairs"], pairs = seconds(lambda: transfer_models(bench, table))
        times["enter pairs in the ledger"], _ = seconds(lambda: enter(bench, pairs))
        times["resume: which pairs are finished"], done = seconds(lambda: sum(finished(bench, pair) for pair in pairs))
        times["table of pairs"], rows = seconds(lambda: run_table(bench, pairs))
        assert done == len(pairs) == len(rows)
        size = sum(path.stat().st_size for path in bench.ledger.folder.rglob("*") if path.is_file())
    runs = len(singles) + len(pairs)
    print(f"{given.tasks} tasks: {len(singles)} single-task models, {len(pairs)} pairs; ledger {size / 1e6:.0f} MB")
    for phase, time in times.items():
        print(f"  {phase}: {time:.1f} s ({1e3 * time / runs:.2f} ms a run)")


if __name__ == "__main__":
    main()
