"""What grids larger than the published demo would cost, from the demo's measured rates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lib.report.documents.markdown import table
from lib.report.documents.published import PublishedStudy
from lib.report.sentences.words import number

WORKERS = 2
PARAMETERS = {"MiniLM": 10.6e6, "BERT-base": 85.1e6}  # of the layers, which every wordpiece passes
WEIGHTS = {"MiniLM": 0.025, "BERT-base": 0.18}  # GB of a source model in half precision
PROBABILITY, RECORD = 4e-9, 1e-6  # GB of a predicted probability, and of what else is kept of a run


@dataclass(frozen=True)
class Grid:
    """A grid to come, of one amount of training data for both sides.

    settings: of a single-task model. pair_settings: of a pair. trained, predicted: texts of one model, those of all epochs.
    """

    name: str
    tasks: int
    settings: int
    seeds: int
    pair_settings: int
    trained: int
    predicted: int
    encoder: str = "MiniLM"

    @property
    def singles(self) -> int:
        return self.tasks * self.settings * self.seeds

    @property
    def pairs(self) -> int:
        return self.tasks * (self.tasks - 1) * self.pair_settings * self.seeds

    def hours(self, rates: Mapping[str, float]) -> float:
        """Hours of WORKERS workers. rates: from ``measured_rates``."""
        slower = PARAMETERS[self.encoder] / PARAMETERS["MiniLM"]
        seconds = self.trained / rates["trained"] + self.predicted / rates["predicted"]
        return slower * (self.singles + self.pairs) * seconds / WORKERS / 3600

    @property
    def gigabytes(self) -> float:
        """Of the ledger: every run's predictions, and the weights of single-task models."""
        runs = (self.singles + self.pairs) * (self.predicted * PROBABILITY + RECORD)
        return runs + self.singles * WEIGHTS[self.encoder]


GRIDS = (
    Grid("12 tasks, 4 settings, 3 seeds", 12, 4, 3, 4, 3 * 2048, 5200),
    Grid("12 tasks, 4 x 4 settings (the size of `paper`)", 12, 4, 1, 16, 2 * 16_000, 9000, "BERT-base"),
    Grid("100 tasks, 4 settings", 100, 4, 1, 4, 3 * 2048, 5200),
    Grid("100 tasks, 4 settings", 100, 4, 1, 4, 3 * 2048, 5200, "BERT-base"),
)


def measured_rates(study: PublishedStudy) -> dict[str, float]:
    """Texts per second of one worker, trained and predicted."""
    runs, tasks = study.table("runs"), study.table("tasks").iloc[0]
    predicted = len(runs) * (tasks["n_validation"] + tasks["n_test"])
    return {
        "trained": runs["seen"].sum() / runs["train_seconds"].sum(),
        "predicted": predicted / runs["predict_seconds"].sum(),
    }


def scaling_page(studies: Sequence[PublishedStudy]) -> dict:
    """The published rates, and what GRIDS cost at them."""
    (study,) = studies
    rates = measured_rates(study)
    heads = (
        "grid", "encoder", "texts that a model trains on", "texts that it predicts", "single-task models", "pairs",
        f"hours of {WORKERS} workers", "GB of ledger",
    )  # fmt: skip
    rows = [
        (
            grid.name, grid.encoder, f"{grid.trained:,}", f"{grid.predicted:,}", f"{grid.singles:,}", f"{grid.pairs:,}",
            number(grid.hours(rates), 0), number(grid.gigabytes, 0),
        )
        for grid in GRIDS
    ]  # fmt: skip
    return {
        "study": study.name,
        "seconds": number(study.table("runs")["total_seconds"].median(), 0),
        "trained": number(rates["trained"], 0),
        "predicted": number(rates["predicted"], 0),
        "encoder": study.summary["encoder"],
        "max_length": study.parameters.encoder.max_length,
        "precision": study.summary["environment"]["precision"],
        "slower": number(PARAMETERS["BERT-base"] / PARAMETERS["MiniLM"], 0),
        "grids": table(heads, rows),
    }
