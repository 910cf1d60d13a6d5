"""The selectors' inputs: what single-task models and the pretrained encoder make of training and validation texts.

A model reads its texts once, for all pairs and all selectors. The extractions are entries of the ledger.
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
PRETRAINED = ""  # stands for the pretrained encoder where a run is asked for
Sides = dict[str, dict[tuple[str, int], str]]  # "source" or "target" -> (task, seed) -> run of the selected model
PROVIDED = {  # the inputs that come from each kind of extraction
    "fisher": {"source_fisher", "target_fisher"},
    "features": {"features", "probabilities", "source_features"},
    "validation": {"validation_features"},
}
PROVIDED_BY_ENCODER = {  # the same where the pretrained encoder is read
    "features": {"base_features", "source_base_features", "source_embeddings", "target_embeddings"},
    "validation": {"validation_base_features"},
}


@dataclass(frozen=True, eq=False)
class Extraction:
    """Everything that decides what one model makes of some texts.

    kind: "features" (of training texts), "validation" (features of the validation texts), or "fisher", which needs labels
    and is always computed in float32. run: the model, or PRETRAINED. rows: the texts.
    """

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
    """Compute one extraction and enter it in the ledger; runs in a worker process."""
    started = time.perf_counter()
    tokens, _ = load_materials(place.ledger, place.materials)
    network = worker_network(place.encoder, None, place.device)
    load_weights(place, network, extraction.run)
    network.eval()
    if extraction.kind == "fisher":
        with FrozenLinearMaps():
            arrays = halved(diagonal_fisher(network, tokens, extraction.rows, extraction.labels))
    else:
        arrays = encode(network, tokens, extraction.rows, extraction.precision)
    numbers = {"seconds": time.perf_counter() - started}
    Ledger(place.ledger).put(extraction.id, extraction.record, numbers, {extraction.kind: arrays})


def halved(fisher: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Components in half precision, scaled to a largest value of 1: only their direction is used."""
    return {
        name: (values / max(values.max(), np.finfo(np.float32).tiny)).astype(np.float16)
        for name, values in fisher.items()
    }


@dataclass(frozen=True, eq=False)
class SelectorInputs:
    """The selectors' inputs of a study. sides: "source" or "target" -> (task, seed) -> run of the selected model.

    extractions: by (kind, run).
    """

    bench: Workbench
    sides: Sides
    extractions: dict[tuple[str, str], Extraction]

    @property
    def pairs(self) -> Iterator[tuple[str, str, int]]:
        """Source, target and seed of all ordered pairs."""
        return ordered_pairs(self.sides)

    def of(self, source: str, target: str, seed: int) -> dict[str, Callable[[], object]]:
        """Functions that read the inputs of one pair, by the names of ``selectors.registry.INPUTS``."""
        source_run, target_run = self.sides["source"][source, seed], self.sides["target"][target, seed]
        source_rows, target_rows = self.bench.drawn(source, "source"), self.bench.drawn(target, "target")
        pooling = self.bench.study.encoder.pooling
        return {
            "features": lambda: self._features(source_run, pooling, target_rows),
            "probabilities": lambda: self._features(source_run, "probabilities", target_rows),
            "labels": lambda: self.bench.tasks.column(target)[target_rows],
            "validation_features": lambda: self.validation_features(source_run),
            "validation_labels": lambda: self.bench.validation_labels(target),
            "validation_weights": lambda: self.bench.tasks.weight("validation"),
            "base_features": lambda: self._features(PRETRAINED, pooling, target_rows),
            "validation_base_features": lambda: self.validation_features(PRETRAINED),
            "source_features": lambda: self._features(source_run, pooling, source_rows),
            "source_labels": lambda: self.bench.tasks.column(source)[source_rows],
            "source_base_features": lambda: self._features(PRETRAINED, pooling, source_rows),
            "source_embeddings": lambda: self._features(PRETRAINED, "mean", source_rows),
            "target_embeddings": lambda: self._features(PRETRAINED, "mean", target_rows),
            "source_words": lambda: [self.bench.tokens.text(row) for row in source_rows],
            "target_words": lambda: [self.bench.tokens.text(row) for row in target_rows],
            "source_losses": lambda: self.bench.losses(source_run),
            "source_fisher": lambda: self._arrays("fisher", source_run),
            "target_fisher": lambda: self._arrays("fisher", target_run),
        }

    def validation_features(self, run: str) -> np.ndarray:
        """A model's pooled outputs on the validation texts, (texts, d)."""
        return self._arrays("validation", run)[self.bench.study.encoder.pooling]

    def _features(self, run: str, name: str, rows: np.ndarray) -> np.ndarray:
        """One array of a model's outputs on these texts, which are among those that the model has read."""
        places = np.searchsorted(self.extractions["features", run].rows, rows)
        return self._arrays("features", run)[name][places]

    @cached_property
    def _cache(self) -> dict[tuple[str, str], dict[str, np.ndarray]]:
        return {}

    def _arrays(self, kind: str, run: str) -> dict[str, np.ndarray]:
        """Arrays of one extraction, read from disk once."""
        if (kind, run) not in self._cache:
            self._cache[kind, run] = self.bench.ledger.arrays(self.extractions[kind, run].id, kind)
        return self._cache[kind, run]

    def seconds(self, needs: Sequence[str]) -> float:
        """Seconds of one worker for all extractions that provide one of these inputs."""
        return sum(self._seconds(extraction) for extraction in self.only(needs).extractions.values())

    def suffices(self, needs: Sequence[str]) -> bool:
        """Whether the extractions provide all of these inputs that need one."""
        all_provided = set().union(*PROVIDED.values(), *PROVIDED_BY_ENCODER.values())
        absent = all_provided.difference(*map(_provides, self.extractions.values()))
        return not absent & set(needs)

    def only(self, needs: Iterable[str]) -> "SelectorInputs":
        """The same, with only the extractions that provide one of these inputs."""
        needs = set(needs)
        provided = {key: extraction for key, extraction in self.extractions.items() if _provides(extraction) & needs}
        return replace(self, extractions=provided)

    def _seconds(self, extraction: Extraction) -> float:
        return self.bench.ledger.entry(extraction.id)["numbers"]["seconds"]

    def table(self) -> pd.DataFrame:
        """Table "feature_extraction": the extractions that the ledger has."""
        made = [extraction for extraction in self.extractions.values() if self.bench.ledger.has(extraction.id)]
        rows = [(e.kind, e.run, len(e.rows), self._seconds(e)) for e in made]
        return pd.DataFrame(rows, columns=["kind", "run", "texts", "seconds"])


def _provides(extraction: Extraction) -> set[str]:
    """The inputs that come from an extraction."""
    return (PROVIDED_BY_ENCODER if extraction.run == PRETRAINED else PROVIDED)[extraction.kind]


def selected_runs(singles: pd.DataFrame) -> Sides:
    """The runs of the selected single-task models. singles: the table of this name."""
    return {
        side: {(row.target, row.seed): row.run for row in selected_singles(singles, side).itertuples()}
        for side in ("source", "target")
    }


def ordered_pairs(sides: Sides) -> Iterator[tuple[str, str, int]]:
    """Source, target and seed of all ordered pairs of these models."""
    for target, seed in sides["target"]:
        for source, source_seed in sides["source"]:
            if source_seed == seed and source != target:
                yield source, target, seed


def plan_inputs(bench: Workbench, singles: pd.DataFrame, needs: Sequence[str] | None = None) -> SelectorInputs:
    """The selectors' inputs of a study; ``extract_missing`` computes those that the ledger lacks.

    singles: the table of this name. needs: the inputs to plan (None: all).
    """
    sides = selected_runs(singles)
    extractions = {(extraction.kind, extraction.run): extraction for extraction in _extractions(bench, sides)}
    inputs = SelectorInputs(bench, sides, extractions)
    return inputs if needs is None else inputs.only(needs)


def extract_missing(inputs: SelectorInputs) -> None:
    """Compute the extractions that the ledger lacks. Models whose weights are missing are trained again."""
    bench = inputs.bench

    def is_finished(extraction: Extraction) -> bool:
        return bench.ledger.has(extraction.id, (extraction.kind,))

    extractions = list(inputs.extractions.values())
    compute_from_weights(bench, partial(extract, bench.place), extractions, is_finished, "feature extraction")


def _extractions(bench: Workbench, sides: Sides) -> Iterator[Extraction]:
    """Every extraction of a study.

    The pretrained encoder reads all training texts and the validation texts. Source models read their own training texts,
    those of all targets, and the validation texts. The gradients of every model are squared on its own training texts.
    """
    names, place = bench.tasks.names, bench.place
    training = {side: [bench.drawn(task, side) for task in names] for side in ("source", "target")}
    common = (place.materials, bench.encoder, place.precision)
    rows = np.unique(np.concatenate([*training["source"], *training["target"]]))
    yield Extraction("features", PRETRAINED, *common, rows)
    yield Extraction("validation", PRETRAINED, *common, bench.tasks.split["validation"])
    for (task, _), run in sides["source"].items():
        rows = np.unique(np.concatenate([bench.drawn(task, "source"), *training["target"]]))
        yield Extraction("features", run, *common, rows)
        yield Extraction("validation", run, *common, bench.tasks.split["validation"])
    for side, models in sides.items():
        for (task, _), run in models.items():
            rows = bench.drawn(task, side)
            yield Extraction("fisher", run, *common, rows, bench.tasks.column(task)[rows])
