"""What studies larger than the demo cost, from its measured rates and the real planner and ledger; docs/scaling.md.

    python tests/benchmarks/projection.py

A study of 100 tasks is planned and entered in a ledger for real: every run with predictions of as many texts as the demo
has, as if it had been trained; nothing is. Needs the published demo.
"""

import tempfile
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from common import machine, parser, seconds

from lib.runs.plan import finished, single_models, transfer_models
from lib.runs.records import Model
from lib.runs.results import run_table, select_settings
from lib.runs.workbench import PARTS, Workbench, open_workbench
from lib.storage.ledger import write_atomically
from lib.storage.tables import read_table
from lib.study.files import ROOT
from lib.study.parameters import Study

PARAMETERS = {"MiniLM": 10.6e6, "BERT-base": 85.1e6}  # of the layers, which every wordpiece passes
SUSTAINED = 1.5e14  # operations per second of one GPU, assumed
WEIGHTS = {"MiniLM": 0.025, "BERT-base": 0.18}  # GB of a source model in half precision
GPUS = (1, 8, 64)


@dataclass(frozen=True)
class Grid:
    """A study to come. sides: 2 where sources and targets are trained on other texts; texts: of one model, all epochs."""

    name: str
    tasks: int
    settings: int
    seeds: int
    sides: int
    pair_settings: int
    texts: int
    predicted: int
    encoder: str = "MiniLM"

    @property
    def singles(self) -> int:
        return self.tasks * self.settings * self.seeds * self.sides

    @property
    def pairs(self) -> int:
        return self.tasks * (self.tasks - 1) * self.pair_settings * self.seeds

    @property
    def runs(self) -> int:
        return self.singles + self.pairs


GRIDS = (
    Grid("`disaster_gpu`: 12 tasks, 4 settings, 3 seeds", 12, 4, 3, 1, 4, 3 * 2048, 5200),
    Grid("`paper`: 12 tasks, pairs with 4 x 4 settings", 12, 4, 1, 1, 16, 2 * 16_000, 9000, "BERT-base"),
    Grid("100 tasks, 4 settings, all pairs", 100, 4, 1, 1, 4, 3 * 2048, 5200),
    Grid("100 tasks, 4 settings, all pairs", 100, 4, 1, 1, 4, 3 * 2048, 5200, "BERT-base"),
)


def measured_rates() -> dict[str, float]:
    """Texts per second of one worker in the published demo, trained and predicted; mean wordpieces are its texts' own."""
    folder = ROOT / "figures" / "demo" / "tables"
    runs, tasks = read_table(folder, "runs"), read_table(folder, "tasks").iloc[0]
    predicted = len(runs) * (tasks["n_validation"] + tasks["n_test"])
    return {
        "trained": runs["seen"].sum() / runs["train_seconds"].sum(),
        "predicted": predicted / runs["predict_seconds"].sum(),
    }


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


def planner_and_ledger(tasks: int) -> tuple[pd.DataFrame, int, float]:
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
    table = pd.DataFrame({"phase": times.keys(), "seconds": times.values()})
    runs = len(singles) + len(pairs)
    return table.assign(per_run=1e3 * table["seconds"] / runs), runs, size / 1e6


def projected(grid: Grid, rates: dict[str, float], wordpieces: float, mb_per_run: float) -> list[str]:
    """One row of the page: runs, hours on two cores and on GPUs, disk."""
    slower = PARAMETERS[grid.encoder] / PARAMETERS["MiniLM"]
    trained, predicted = grid.runs * grid.texts, grid.runs * grid.predicted
    cores = slower * (trained / rates["trained"] + predicted / rates["predicted"]) / 2 / 3600
    work = PARAMETERS[grid.encoder] * wordpieces * (6 * trained + 2 * predicted)
    gpu = [work / SUSTAINED / 3600 / count for count in GPUS]
    disk = grid.runs * mb_per_run / 1000 + grid.singles * WEIGHTS[grid.encoder]
    hours = [f"{value:,.0f}" if value >= 10 else f"{value:.2g}" for value in (cores, *gpu)]
    return [grid.name, grid.encoder, f"{grid.singles:,}", f"{grid.pairs:,}", *hours, f"{disk:,.0f}"]


def page(rates: dict[str, float], times: pd.DataFrame, runs: int, size: float, wordpieces: float) -> str:
    slower = PARAMETERS["BERT-base"] / PARAMETERS["MiniLM"]
    head = ["study", "encoder", "single-task models", "pairs", "hours, 2 cores"]
    head += [f"hours, {count} GPU{'s' if count > 1 else ''}" for count in GPUS] + ["GB of ledger"]
    lines = [head, ["---"] * len(head), *(projected(grid, rates, wordpieces, size / runs) for grid in GRIDS)]
    grids = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    phases = "\n".join(f"| {row.phase} | {row.seconds:.1f} | {row.per_run:.2f} |" for row in times.itertuples())
    return f"""# What larger studies cost

Written by `python tests/benchmarks/projection.py` on {machine()}.

One worker of the published demo trained {rates["trained"]:.0f} texts a second and predicted {rates["predicted"]:.0f}
(MiniLM, {wordpieces:.0f} wordpieces a text on average). BERT-base takes {slower:.0f} times as
long, the ratio of the two encoders' layers. **The columns of GPUs are not measured**: they assume {SUSTAINED / 1e12:.0f}
TFLOP/s sustained on each, which small models reach only when several of them share a GPU.

{grids}

## Planner and ledger

For {runs:,} runs of 100 tasks, planned and entered for real ({size:,.0f} MB in the ledger):

| phase | seconds | ms a run |
|---|---|---|
{phases}

## What becomes the limit, and what to do then

- **Training, up to some hundred thousand runs.** Everything around a run costs a few milliseconds, on one core; a run
  costs seconds. Each GPU or core is one worker; the jobs are independent, so that time falls in proportion to the
  workers.
- **The ledger's folder.** An entry is a folder of two or three small files. Resuming reads and checks every
  prediction that a study needs. Past about a million runs split a study by seeds or targets: studies share a ledger,
  and tables can be joined afterwards.
- **The disk.** Weights of source models are most of it. Those that were not selected are deleted after notebook 2;
  predictions stay.
- **The scheduler.** dask hands out some hundred jobs a second from one process. With 64 GPUs that each end a small
  model in less than a second it becomes the limit: then give every worker a larger job, which is one target with
  all its sources.
- **Pairs grow with the square of the tasks**, single-task models and attribution only in proportion. From 100 tasks
  on the grid itself is what nobody should train: rank first, train the best few sources of each target (notebooks 7
  and 8).
"""


def main() -> None:
    given = parser(__doc__.splitlines()[0], tasks=100).parse_args()
    rates, (times, runs, size) = measured_rates(), planner_and_ledger(given.tasks)
    wordpieces = float(open_workbench(Study.load("demo")).tokens.lengths.mean())
    text = page(rates, times, runs, size, wordpieces)
    write_atomically(ROOT / "docs" / "scaling.md", text.encode())
    print(text)


if __name__ == "__main__":
    main()
