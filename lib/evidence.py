"""What selectors may look at: what the single-task models and the pretrained encoder make of training and validation texts.

Models read texts once, for all pairs and all selectors; the readings are entries of the ledger.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pandas as pd

from lib.engine import compute_from_weights
from lib.features import encode
from lib.fisher import diagonal_fisher
from lib.ledger import Ledger, digest, fingerprint
from lib.linear import FrozenLinearMaps
from lib.runs import Place, Workbench, load_materials, load_weights, worker_network
from lib.training import worker_process
from lib.transfer import selected_singles

CODE_VERSION = 5  # raise it when a change to the code changes readings
PRETRAINED = ""  # the run of the encoder that nobody has fine-tuned
PROVIDED = {  # the evidence that comes from each kind of reading, and from the encoder's
    "fisher": {"source_fisher", "target_fisher"},
    "encoder": {"base_features", "source_base_features", "source_embeddings", "target_embeddings"},
    "features": {"features", "probabilities", "source_features"},
    "validation": {"validation_features"},
}


@dataclass(frozen=True, eq=False)
class Reading:
    """Everything that decides what one model makes of some texts. kind: "features" of training texts, "validation" for
    those of the validation texts, or "fisher", which needs labels and is always computed in float32."""

    kind: str
    run: str
    materials: str
    encoder: str
    precision: str
    rows: np.ndarray
    labels: np.ndarray | None = None

    @cached_property
    def record(self) -> dict:
        rows = fingerprint(self.rows) if self.labels is None else fingerprint(self.rows, self.labels)
        keys = {"kind": self.kind, "run": self.run, "texts": self.materials, "encoder": self.encoder, "rows": rows}
        return keys | {"precision": self.precision, "code": CODE_VERSION}

    @cached_property
    def id(self) -> str:
        return digest(self.record)


@worker_process()
def read_texts(place: Place, reading: Reading) -> None:
    """Let one model read its texts and enter what it makes of them in the ledger; runs in a worker process."""
    started = time.perf_counter()
    tokens, _ = load_materials(place.ledger, place.materials)
    network = worker_network(place.encoder, None, place.device)
    load_weights(place, network, reading.run)
    network.eval()
    if reading.kind == "fisher":
        with FrozenLinearMaps():
            arrays = _halved(diagonal_fisher(network, tokens, reading.rows, reading.labels))
    else:
        arrays = encode(network, tokens, reading.rows, reading.precision)
    numbers = {"seconds": time.perf_counter() - started}
    Ledger(place.ledger).put(reading.id, reading.record, numbers, {reading.kind: arrays})


def _halved(fisher: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """In half precision, each component scaled to a largest value of 1: only its direction is ever used."""
    return {
        name: (values / max(values.max(), np.finfo(np.float32).tiny)).astype(np.float16)
        for name, values in fisher.items()
    }


@dataclass(frozen=True, eq=False)
class Evidence:
    """The evidence on every pair of a study. sides: "source" or "target" -> selected models by (task, seed)."""

    bench: Workbench
    sides: dict[str, dict[tuple[str, int], str]]
    readings: dict[tuple[str, str], Reading]

    @property
    def pairs(self) -> Iterator[tuple[str, str, int]]:
        """Source, target and seed of all ordered pairs."""
        for target, seed in self.sides["target"]:
            yield from (
                (source, target, each) for source, each in self.sides["source"] if each == seed and source != target
            )

    def of(self, source: str, target: str, seed: int) -> dict[str, Callable[[], object]]:
        """How to get what there is to see of one pair, by the names of ``selectors.registry.EVIDENCE``."""
        run, own = self.sides["source"][source, seed], self.sides["target"][target, seed]
        theirs, ours = self.bench.drawn(source, "source"), self.bench.drawn(target, "target")
        return {
            "features": lambda: self._features(run, "cls", ours),
            "probabilities": lambda: self._features(run, "probabilities", ours),
            "labels": lambda: self.bench.tasks.column(target)[ours],
            "validation_features": lambda: self._arrays("validation", run)["cls"],
            "validation_labels": lambda: self.bench.validation_labels(target),
            "base_features": lambda: self._features(PRETRAINED, "cls", ours),
            "source_features": lambda: self._features(run, "cls", theirs),
            "source_labels": lambda: self.bench.tasks.column(source)[theirs],
            "source_base_features": lambda: self._features(PRETRAINED, "cls", theirs),
            "source_embeddings": lambda: self._features(PRETRAINED, "mean", theirs),
            "target_embeddings": lambda: self._features(PRETRAINED, "mean", ours),
            "source_words": lambda: [self.bench.tokens.text(row) for row in theirs],
            "target_words": lambda: [self.bench.tokens.text(row) for row in ours],
            "source_losses": lambda: self.bench.losses(run),
            "source_fisher": lambda: self._arrays("fisher", run),
            "target_fisher": lambda: self._arrays("fisher", own),
        }

    def _features(self, run: str, name: str, rows: np.ndarray) -> np.ndarray:
        places = np.searchsorted(self.readings["features", run].rows, rows)
        return self._arrays("features", run)[name][places]

    @cached_property
    def _kept(self) -> dict[tuple[str, str], dict[str, np.ndarray]]:
        return {}

    def _arrays(self, kind: str, run: str) -> dict[str, np.ndarray]:
        """Arrays of one reading, read from disk once."""
        if (kind, run) not in self._kept:
            self._kept[kind, run] = self.bench.ledger.arrays(self.readings[kind, run].id, kind)
        return self._kept[kind, run]

    def seconds(self, needs: Sequence[str]) -> float:
        """Seconds of one worker for all readings that a selector with these needs rests on, as if it stood alone."""
        return sum(self._seconds(each) for each in self.readings.values() if _provides(each) & set(needs))

    def suffices(self, needs: Sequence[str]) -> bool:
        """Whether all that a selector with these needs looks at was read."""
        unread = set().union(*PROVIDED.values()).difference(*map(_provides, self.readings.values()))
        return not unread & set(needs)

    def _seconds(self, reading: Reading) -> float:
        return self.bench.ledger.entry(reading.id)["numbers"]["seconds"]

    def table(self) -> pd.DataFrame:
        """Table "readings": what was read, and the seconds of one worker that it took."""
        rows = [(each.kind, each.run, len(each.rows), self._seconds(each)) for each in self.readings.values()]
        return pd.DataFrame(rows, columns=["kind", "run", "texts", "seconds"])


def _provides(reading: Reading) -> set[str]:
    """The evidence that comes from a reading."""
    return PROVIDED["encoder" if reading.run == PRETRAINED else reading.kind]


def plan_evidence(bench: Workbench, singles: pd.DataFrame, needs: Sequence[str] | None = None) -> Evidence:
    """The evidence on a study's pairs, which the ledger may lack still; arguments as for ``gather_evidence``."""
    sides = {
        side: {(row.target, row.seed): row.run for row in selected_singles(singles, side).itertuples()}
        for side in ("source", "target")
    }
    wanted = [each for each in _readings(bench, sides) if needs is None or _provides(each) & set(needs)]
    return Evidence(bench, sides, {(each.kind, each.run): each for each in wanted})


def gather_evidence(bench: Workbench, singles: pd.DataFrame, needs: Sequence[str] | None = None) -> Evidence:
    """Let every selected single-task model, and the pretrained encoder, read what the ledger lacks.

    singles: the table of this name. needs: the evidence that is wanted (None: all). Models whose weights are not at hand
    are trained again.
    """
    evidence = plan_evidence(bench, singles, needs)
    read_missing(evidence)
    return evidence


def read_missing(evidence: Evidence) -> None:
    """Let the models read what the ledger lacks of this evidence."""
    bench = evidence.bench

    def is_finished(reading: Reading) -> bool:
        return bench.ledger.has(reading.id, (reading.kind,))

    readings = list(evidence.readings.values())
    compute_from_weights(bench, partial(read_texts, bench.place), readings, is_finished, "readings")


def _readings(bench: Workbench, sides: dict[str, dict[tuple[str, int], str]]) -> Iterator[Reading]:
    """Every reading of the study: source models on all targets' texts and their own, and on the validation texts; the
    encoder on all training texts; and the squared gradients of every model on its own texts."""
    names, place = bench.tasks.names, bench.place
    every = {side: [bench.drawn(task, side) for task in names] for side in ("source", "target")}
    common = (place.materials, bench.encoder, place.precision)
    yield Reading("features", PRETRAINED, *common, np.unique(np.concatenate([*every["source"], *every["target"]])))
    for (task, _), run in sides["source"].items():
        rows = np.unique(np.concatenate([bench.drawn(task, "source"), *every["target"]]))
        yield Reading("features", run, *common, rows)
        yield Reading("validation", run, *common, bench.tasks.split["validation"])
    for side, models in sides.items():
        for (task, _), run in models.items():
            rows = bench.drawn(task, side)
            yield Reading("fisher", run, *common, rows, bench.tasks.column(task)[rows])
