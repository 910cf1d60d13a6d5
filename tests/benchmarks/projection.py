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

from lib.report.documents.markdown import table
from lib.report.documents.pages import render
from lib.runs.plan import finished, single_models, transfer_models
from lib.runs.records import Model
from lib.runs.results import run_table, select_settings
from lib.runs.workbench import PARTS, Workbench, open_workbench
from lib.storage.ledger import write_atomically
from lib.storage.tables import read_table
from lib.study.files import ROOT
from lib.study.parameters import Study

PARAMETERS = {"MiniLM": 10.6e6, "BERT-base": 85.1e6}  # of the layers, which every wordpiece passes
WEIGHTS = {"MiniLM": 0.025, "BERT-base": 0.18}  # GB of a source model in half precision


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


def projected(grid: Grid, rates: dict[str, float], mb_per_run: float) -> list[str]:
    """One row of the page: runs, hours on two cores, disk."""
    slower = PARAMETERS[grid.encoder] / PARAMETERS["MiniLM"]
    trained, predicted = grid.runs * grid.texts, grid.runs * grid.predicted
    hours = slower * (trained / rates["trained"] + predicted / rates["predicted"]) / 2 / 3600
    disk = grid.runs * mb_per_run / 1000 + grid.singles * WEIGHTS[grid.encoder]
    return [grid.name, grid.encoder, f"{grid.singles:,}", f"{grid.pairs:,}", f"{hours:,.0f}", f"{disk:,.0f}"]


def page(rates: dict[str, float], times: pd.DataFrame, runs: int, size: float, wordpieces: float) -> str:
    """The page. runs, size: how many the ledger held in ``planner_and_ledger``, and its MB; wordpieces: a text's mean."""
    heads = ("study", "encoder", "single-task models", "pairs", "hours, 2 cores", "GB of ledger")
    phases = [(row.phase, f"{row.seconds:.1f}", f"{row.per_run:.2f}") for row in times.itertuples()]
    return render(
        "scaling.md.j2",
        machine=machine(),
        trained=f"{rates['trained']:.0f}",
        predicted=f"{rates['predicted']:.0f}",
        wordpieces=f"{wordpieces:.0f}",
        slower=f"{PARAMETERS['BERT-base'] / PARAMETERS['MiniLM']:.0f}",
        grids=table(heads, [projected(grid, rates, size / runs) for grid in GRIDS]),
        runs=f"{runs:,}",
        megabytes=f"{size:,.0f}",
        phases=table(("phase", "seconds", "ms a run"), phases),
    )


def main() -> None:
    given = parser(__doc__.splitlines()[0], tasks=100).parse_args()
    rates, (times, runs, size) = measured_rates(), planner_and_ledger(given.tasks)
    wordpieces = float(open_workbench(Study.load("demo")).tokens.lengths.mean())
    text = page(rates, times, runs, size, wordpieces)
    write_atomically(ROOT / "docs" / "scaling.md", text.encode())
    print(text)


if __name__ == "__main__":
    main()
