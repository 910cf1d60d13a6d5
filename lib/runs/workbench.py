"""A study with its corpus cut into tasks and its texts tokenised, and where workers find both."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import torch

from lib.datasets.corpus import Corpus
from lib.datasets.draws import draw_training_rows
from lib.datasets.loading import load_corpus
from lib.datasets.tasks import TaskSet, decompose
from lib.errors import InputError
from lib.models.encoders import Tokens, encoder_fingerprint, load_tokenizer, tokenise
from lib.models.precision import resolve_precision
from lib.models.types.base import TaskType
from lib.runs.sizes import affordable, affordable_split
from lib.stats.metrics import best_threshold, f1_at, scores
from lib.storage.ledger import Ledger, digest, fingerprint
from lib.storage.tables import read_table
from lib.study.parameters import Study
from lib.study.sections import Encoder, Engine

PARTS = ("validation", "test")


@dataclass(frozen=True)
class Place:
    """Where a worker finds what every run of a study shares; small enough to send with each run."""

    ledger: Path
    materials: str
    encoder: Encoder
    device: str
    precision: str


@dataclass(frozen=True, eq=False)
class Workbench:
    """A study with its corpus cut into tasks and its texts tokenised: what every notebook starts from.

    study: with the sizes that its budget can pay for, where it has a budget and gives none.
    """

    study: Study
    corpus: Corpus
    tasks: TaskSet
    tokens: Tokens
    encoder: str
    place: Place

    criteria = ("validation_f1", "validation_average_precision")  # by which settings are selected, the first one first

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.place.ledger)

    @property
    def engine(self) -> Engine:
        """Where the work runs: a GPU serves one process, unless the study asks for more."""
        alone = self.place.device == "cuda" and self.study.engine.workers is None
        return self.study.engine.model_copy(update={"workers": 1}) if alone else self.study.engine

    @cached_property
    def _drawn(self) -> dict[tuple[str, str], np.ndarray]:
        return {}

    def drawn(self, task: str, side: str) -> np.ndarray:
        """Training rows of a task as a source or as a target; drawn once, since every pair asks for them."""
        if (task, side) not in self._drawn:
            self._drawn[task, side] = self._draw(task, side)
        return self._drawn[task, side]

    def _draw(self, task: str, side: str) -> np.ndarray:
        return draw_training_rows(self.tasks, task, getattr(self.study, side))

    def targets(self, task: str, rows: np.ndarray) -> np.ndarray:
        """What a task's models learn of these rows, (rows, ...)."""
        return self.tasks.column(task)[rows]

    def type_of(self, task: str) -> TaskType | None:
        """A task's type; None: it is a label of texts."""

    def held_out(self, task: str) -> Mapping[str, np.ndarray] | None:
        """The rows that a task is validated and tested on; None: those of all tasks."""

    def sides(self, task: str) -> list[str]:
        """The sides for which a task has models of its own: "both" where source and target are trained alike."""
        rows = (self.drawn(task, side) for side in ("source", "target"))
        source, target = (self.study.settings_of(side) for side in ("source", "target"))
        return ["both"] if source == target and np.array_equal(*rows) else ["source", "target"]

    def validation_predictions(self, run: str) -> np.ndarray:
        """Positive-class probabilities of a finished run, or of its state at a checkpoint, (validation texts,)."""
        return self.ledger.arrays(run, "predictions")["validation"]

    def losses(self, run: str) -> np.ndarray:
        """Training loss of each step of a finished run, (steps,); InputError for one from before they were kept."""
        curve = self.ledger.arrays(run, "losses")
        if curve is None:
            folder = self.ledger.path(run)
            raise InputError(f"run {run} has no losses; delete {folder} and run notebook 02 of this study again")
        return curve["training"]

    @property
    def cut_texts(self) -> int:
        """How many texts reach the encoder's max_length, and may have lost their end."""
        return int((self.tokens.lengths >= self.study.encoder.max_length).sum())

    def validation_labels(self, task: str) -> np.ndarray:
        return self.tasks.column(task)[self.tasks.split["validation"]]

    def scores_of(self, run: str, target: str) -> dict[str, float]:
        """All scores of a finished run on both parts, and the threshold that is best on validation.

        Scores on test are NaN where there are no test texts.
        """
        probabilities, labels = self.read_test({run: target})
        judged = {
            "validation": (self.validation_labels(target), self.validation_predictions(run)),
            "test": (labels[target], probabilities[run]),
        }
        threshold = best_threshold(*judged["validation"], self.tasks.weight("validation"))
        row = {"threshold": threshold}
        for part in PARTS:
            values = (*judged[part], self.tasks.weight(part))
            metrics = scores(*values) | {"f1_tuned": f1_at(threshold, *values)}
            row |= {f"{part}_{name}": value for name, value in metrics.items()}
        return row

    def read_test(self, targets: Mapping[str, str]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Test probabilities by run, and test labels by task, (test texts,) each; targets: run id -> its target task.

        Both hold empty arrays where the study has no test texts.
        The only reader of what models predict for test texts and of the labels that judge it: to report, never to choose.
        """
        labels = {task: self.tasks.column(task)[self.tasks.split["test"]] for task in dict.fromkeys(targets.values())}
        return {run: self.ledger.arrays(run, "predictions")["test"] for run in targets}, labels


def open_workbench(study: Study) -> Workbench:
    """Load the corpus, cut it into tasks, tokenise it once; all from the ledger when it was done before.

    InputError: see ``load_corpus`` and ``decompose``, and for a grid without test texts.
    """
    corpus = load_corpus(study.corpus, study.downloads)
    device = resolve_device(study.engine)
    precision, labels = _earlier_precision(study) or resolve_precision(study.training, device), corpus.labels.columns
    study = study.model_copy(update={"split": affordable_split(study, len(study.tasks or labels), precision)})
    tasks = decompose(corpus, study.tasks, study.split, study.min_positives)
    if study.budget_minutes is None and not len(tasks.split["test"]):
        raise InputError(
            f"{study.corpus.origin}: there are no test texts, on which a study without budget_minutes reports; give "
            "budget_minutes, or test texts: some in the corpus's split, or 'use_official: false' and split.test above 0"
        )
    tokens, materials = _materials(study, tasks)
    sizes = {part: len(rows) for part, rows in tasks.split.items()}
    study = affordable(study, len(tasks.names), tokens.lengths, sizes, precision)
    place = Place(study.ledger, materials, study.encoder, device, precision)
    return Workbench(study, corpus, tasks, tokens, encoder_fingerprint(study.encoder), place)


def resolve_device(engine: Engine) -> str:
    """'cuda' or 'cpu': what ``device: auto`` means on this machine."""
    if engine.device != "auto":
        return engine.device
    return "cuda" if torch.cuda.is_available() else "cpu"


def _earlier_precision(study: Study) -> str | None:
    """Where "auto" is asked for, the precision of the study's finished models: a study that was begun, or published, on
    another machine goes on as it began. None where there are none."""
    if study.training.precision != "auto" or not (study.tables / "singles.parquet").exists():
        return None
    first = read_table(study.tables, "singles").iloc[0]
    return first["precision"] if Ledger(study.ledger).has(first["run"]) else None


def _materials(study: Study, tasks: TaskSet) -> tuple[Tokens, str]:
    """The tokenised texts and the rows to predict, and the id under which workers find them."""
    rows = {part: tasks.split[part] for part in PARTS}
    tokenizer = load_tokenizer(study.encoder).backend_tokenizer.to_str()
    parts = [fingerprint(tokenizer.encode()), fingerprint(tasks.texts), *(fingerprint(rows[part]) for part in PARTS)]
    record = {"texts and rows": parts, "max_length": study.encoder.max_length}
    id = keep_materials(study.ledger, record, lambda: tokenise(study.encoder, tasks.texts), rows)
    return load_materials(study.ledger, id)[0], id


def keep_materials(ledger: Path, record: dict, tokenised: Callable[[], Tokens], rows: Mapping[str, np.ndarray]) -> str:
    """Enter tokens and the rows of validation and test in the ledger, unless it has them; returns their id.

    record: everything that decides them.
    """
    id = digest(record)
    if Ledger(ledger).arrays(id, "tokens") is None:
        tokens = tokenised()
        arrays = {"ids": tokens.ids, "words": tokens.words, "offsets": tokens.offsets, "pad": np.array(tokens.pad)}
        Ledger(ledger).put(id, record, {}, {"tokens": arrays | dict(rows)})
    return id


@lru_cache(maxsize=2)
def load_materials(ledger: Path, id: str) -> tuple[Tokens, dict[str, np.ndarray]]:
    """Tokens and the rows of validation and test, once per process."""
    arrays = Ledger(ledger).arrays(id, "tokens")
    tokens = Tokens(arrays["ids"], arrays["words"], arrays["offsets"], int(arrays["pad"]))
    return tokens, {part: arrays[part] for part in PARTS}
