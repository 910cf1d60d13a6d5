"""What a run is: a frozen record of everything that decides its result; the record's hash is the run's id."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property

import numpy as np

from lib.models.types.base import TaskType
from lib.models.types.classification import binary
from lib.storage.ledger import digest
from lib.study.sections import SEEDS

CODE_VERSION = 4  # of everything below that decides a result; raise it when a change to the code changes results


@dataclass(frozen=True)
class Run:
    """Everything that decides the result of one fine-tuning.

    source: id of the run whose encoder it starts from; "" for the pretrained encoder. sources: ids of several such
    runs, where it starts from the mean of their encoders. recipe: where it departs from the oldest recipe ([CLS] and
    pooler read and carried, a random head): "pooling", "head", for a start from sources "carried" and "interpolation",
    "frozen" where a probe is all that is fitted, and "type" for a task that is not binary.
    """

    task: str
    texts: str
    training_texts: str
    encoder: str
    training: dict
    setting: dict
    source: str
    seed: int
    code: int = CODE_VERSION
    recipe: dict = field(default_factory=dict)
    sources: tuple[str, ...] = ()

    @property
    def starts(self) -> tuple[str, ...]:
        """Ids of all runs that it starts from; none for the pretrained encoder."""
        return self.sources or ((self.source,) if self.source else ())

    @cached_property
    def record(self) -> dict:
        """The run as the ledger keeps it; a recipe and sources that are empty are left out."""
        return {name: value for name, value in asdict(self).items() if value not in ({}, ())}

    @cached_property
    def id(self) -> str:
        return digest(self.record)


@dataclass(frozen=True, eq=False)
class Model:
    """A run in its place in the study, with the training rows, (n,), and targets, (n, ...), that it needs.

    Of several heads the first one predicts. A label of -1 is masked; a text may be there several times.
    own_type: of task; None: that of 0/1 labels, (n,) or (n, heads). held_out: "validation", "test" -> the rows to predict;
    None: those of the study's tasks together.
    earlier: ids of the same model's tries before this one, all of which collapsed. checkpoints: when its validation
    predictions are kept (see ``training.checkpoint_step``). validation_labels, validation_weights: for early stopping.
    for_export: whether its network is kept as it was trained.
    """

    run: Run
    kind: str
    target: str
    source: str
    side: str
    setting: int
    seed: int
    rows: np.ndarray
    labels: np.ndarray
    earlier: tuple[str, ...] = ()
    checkpoints: tuple[float, ...] = ()
    validation_labels: np.ndarray | None = None
    validation_weights: np.ndarray | None = None
    own_type: TaskType | None = None
    held_out: Mapping[str, np.ndarray] | None = None
    for_export: bool = False

    @property
    def type(self) -> TaskType:
        return binary(self.labels) if self.own_type is None else self.own_type


def next_try(model: Model) -> Model:
    """The same model from another seed: the rule for one that collapsed."""
    run = replace(model.run, seed=model.run.seed + SEEDS)
    return replace(model, run=run, earlier=(*model.earlier, model.run.id))


def checkpoint_entry(run: Run, checkpoint: float) -> tuple[str, dict]:
    """Id and record of a run's state at a checkpoint; looking at it changes no run, so no run names it."""
    record = {"run": run.id, "texts": run.texts, "after": checkpoint}
    return digest(record), record
