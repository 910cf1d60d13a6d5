"""What selectors may look at: what the single-task models and the pretrained encoder make of training and validation texts.

Models read texts once, for all pairs and all selectors; the extractions are entries of the ledger.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import pandas as pd

from lib.models.cpu import worker_process
from lib.models.features import encode
from lib.models.fisher import diagonal_fisher
from lib.models.linear import FrozenLinearMaps
from lib.runs.engine import compute_from_weights
from lib.runs.weights import load_weights, worker_network
from lib.runs.workbench import Place, Workbench, load_materials
from lib.storage.ledger import Ledger, digest, fingerprint
from lib.transfer.pairs import selected_singles

CODE_VERSION = 5  # raise it when a change to the code changes extractions
PRETRAINED = ""  # the run of the encoder that nobody has fine-tuned
PROVIDED = {  # the inputs that comes from each kind of extraction, and from the encoder's
    "fisher": {"source_fisher", "target_fisher"},
    "encoder": {"base_features", "source_base_features", "source_embeddings", "target_embeddings"},
    "features": {"features", "probabilities", "source_features"},
    "validation": {"validation_features"},
}


@dataclass(frozen=True, eq=False)
class Extraction:
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
def extract(place: Place, extraction: Extraction) -> None:
    """Let one model read its texts and enter what it makes of them in the ledger; runs in a worker process."""
    started = time.perf_counter()
    tokens, _ = load_materials(place.ledger, place.materials)
    network = worker_network(place.encoder, None, place.device)
    load_weights(place, network, extraction.run)
    network.eval()
    if extraction.kind == "fisher":
        with FrozenLinearMaps():
            arrays = _halved(diagonal_fisher(network, tokens, extraction.rows, extraction.labels))
    else:
        arrays = encode(network, tokens, extraction.rows, extraction.precision)
    numbers = {"seconds": time.perf_counter() - started}
    Ledger(place.ledger).put(extraction.id, extraction.record, numbers, {extraction.kind: arrays})


def _halved(fisher: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """In half precision, each component scaled to a largest value of 1: only its direction is ever used."""
    return {
        name: (values / max(values.max(), np.finfo(np.float32).tiny)).astype(np.float16)
        for name, values in fisher.items()
    }


@dataclass(frozen=True, eq=False)
class SelectorInputs:
    """The inputs on every pair of a study. sides: "source" or "target" -> selected models by (task, seed)."""

    bench: Workbench
    sides: dict[str, dict[tuple[str, int], str]]
    extractions: dict[tuple[str, str], Extraction]

    @property
    def pairs(self) -> Iterator[tuple[str, str, int]]:
        """Source, target and seed of all ordered pairs."""
        for target, seed in self.sides["target"]:
            yield from (
                (source, target, each) for source, each in self.sides["source"] if each == seed and source != target
            )

    def of(self, source: str, target: str, seed: int) -> dict[str, Callable[[], object]]:
        """How to get what there is to see of one pair, by the names of ``selectors.registry.INPUTS``."""
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
        places = np.searchsorted(self.extractions["features", run].rows, rows)
        return self._arrays("features", run)[name][places]

    @cached_property
    def _kept(self) -> dict[tuple[str, str], dict[str, np.ndarray]]:
        return {}

    def _arrays(self, kind: str, run: str) -> dict[str, np.ndarray]:
        """Arrays of one extraction, read from disk once."""
        if (kind, run) not in self._kept:
            self._kept[kind, run] = self.bench.ledger.arrays(self.extractions[kind, run].id, kind)
        return self._kept[kind, run]

    def seconds(self, needs: Sequence[str]) -> float:
        """Seconds of one worker for all extractions that a selector with these needs rests on, as if it stood alone."""
        return sum(self._seconds(each) for each in self.extractions.values() if _provides(each) & set(needs))

    def suffices(self, needs: Sequence[str]) -> bool:
        """Whether all that a selector with these needs looks at was read."""
        unread = set().union(*PROVIDED.values()).difference(*map(_provides, self.extractions.values()))
        return not unread & set(needs)

    def only(self, needs: Iterable[str]) -> "SelectorInputs":
        """The same without the extractions that give none of these needs."""
        needs = set(needs)
        kept = {key: each for key, each in self.extractions.items() if _provides(each) & needs}
        return replace(self, extractions=kept)

    def _seconds(self, extraction: Extraction) -> float:
        return self.bench.ledger.entry(extraction.id)["numbers"]["seconds"]

    def table(self) -> pd.DataFrame:
        """Table "feature_extraction": what was read, and the seconds of one worker that it took."""
        rows = [(each.kind, each.run, len(each.rows), self._seconds(each)) for each in self.extractions.values()]
        return pd.DataFrame(rows, columns=["kind", "run", "texts", "seconds"])


def _provides(extraction: Extraction) -> set[str]:
    """The inputs that comes from a extraction."""
    return PROVIDED["encoder" if extraction.run == PRETRAINED else extraction.kind]


def plan_inputs(bench: Workbench, singles: pd.DataFrame, needs: Sequence[str] | None = None) -> SelectorInputs:
    """What selectors may look at of a study's pairs; ``extract_missing`` computes what the ledger lacks of it.

    singles: the table of this name. needs: the inputs that are wanted (None: all).
    """
    sides = {
        side: {(row.target, row.seed): row.run for row in selected_singles(singles, side).itertuples()}
        for side in ("source", "target")
    }
    wanted = [each for each in _extractions(bench, sides) if needs is None or _provides(each) & set(needs)]
    return SelectorInputs(bench, sides, {(each.kind, each.run): each for each in wanted})


def extract_missing(inputs: SelectorInputs) -> None:
    """Compute the inputs that the ledger lacks. Models whose weights are not at hand are trained again."""
    bench = inputs.bench

    def is_finished(extraction: Extraction) -> bool:
        return bench.ledger.has(extraction.id, (extraction.kind,))

    extractions = list(inputs.extractions.values())
    compute_from_weights(bench, partial(extract, bench.place), extractions, is_finished, "feature extraction")


def _extractions(bench: Workbench, sides: dict[str, dict[tuple[str, int], str]]) -> Iterator[Extraction]:
    """Every extraction of the study: source models on all targets' texts and their own, and on the validation texts; the
    encoder on all training texts; and the squared gradients of every model on its own texts."""
    names, place = bench.tasks.names, bench.place
    every = {side: [bench.drawn(task, side) for task in names] for side in ("source", "target")}
    common = (place.materials, bench.encoder, place.precision)
    yield Extraction("features", PRETRAINED, *common, np.unique(np.concatenate([*every["source"], *every["target"]])))
    for (task, _), run in sides["source"].items():
        rows = np.unique(np.concatenate([bench.drawn(task, "source"), *every["target"]]))
        yield Extraction("features", run, *common, rows)
        yield Extraction("validation", run, *common, bench.tasks.split["validation"])
    for side, models in sides.items():
        for (task, _), run in models.items():
            rows = bench.drawn(task, side)
            yield Extraction("fisher", run, *common, rows, bench.tasks.column(task)[rows])
