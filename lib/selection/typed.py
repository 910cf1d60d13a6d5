"""Selectors between tasks of several types: TextEmb, TaskEmb, both, data size and curve gradient as in Vu et al. (2020), and
those that fit a linear model of the target, where its type has something to classify.

A selector that cannot score a target has no rows for it.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, partial

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lib.datasets.split import seeded_generator
from lib.models.cpu import worker_process
from lib.models.fisher import diagonal_fisher
from lib.models.head import head_inputs, head_of
from lib.models.linear import FrozenLinearMaps
from lib.models.types.base import TaskType
from lib.models.types.classification import BINARY
from lib.models.types.probe import INVERSE_PENALTY
from lib.runs.engine import compute_from_weights
from lib.runs.mixed import MixedWorkbench
from lib.runs.weights import load_weights, worker_network
from lib.runs.workbench import Place, load_materials
from lib.selection.fusion import fuse
from lib.selection.inputs import PRETRAINED, Sides, halved, ordered_pairs, selected_runs
from lib.selectors import logme as binary_logme
from lib.selectors.curve import curve_slope
from lib.selectors.knn import NEIGHBOURS
from lib.selectors.textemb import cosine
from lib.storage.ledger import Ledger, digest, fingerprint
from lib.transfer.pairs import KEYS

CODE_VERSION = 2  # raise it when a change to the code changes extractions
MOST_ROWS = 400  # of a task that are read for a selector
MOST_UNITS = 1000  # texts or words that a linear model is fitted to
FOLDS = 4
TITLES = {
    "textemb": "TextEmb", "taskemb": "TaskEmb", "textemb_taskemb": "TextEmb + TaskEmb", "source_examples": "data size",
    "curve_slope": "curve gradient", "logme": "LogME", "knn": "kNN", "probe": "linear probe",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Reading:
    """What a network makes of a task's training examples.

    kind: "embedding" (the mean over examples of the mean token), "fisher" (squared gradients of the task's loss), or
    "fitted" (the scores of FITTED, of what the target's head would read). run: the model, or PRETRAINED. type, rows and
    targets are the task's.
    """

    kind: str
    run: str
    type: TaskType
    rows: np.ndarray
    targets: np.ndarray
    materials: str
    precision: str

    @cached_property
    def record(self) -> dict:
        own = {"kind": self.kind, "run": self.run, "type": self.type.record, "texts": self.materials}
        rows = fingerprint(self.rows, self.targets)
        return own | {"rows": rows, "precision": self.precision, "code": CODE_VERSION}

    @cached_property
    def id(self) -> str:
        return digest(self.record)


Readings = dict[tuple[tuple, str], Reading]  # by what they are for, as ``_readings`` has it, and kind


@worker_process()
def read(place: Place, job: Reading) -> None:
    """Compute one reading and enter it in the ledger; runs in a worker process."""
    started = time.perf_counter()
    tokens, _ = load_materials(place.ledger, place.materials)
    network = worker_network(place.encoder, None, place.device)
    with head_of(network, BINARY if job.kind == "embedding" else job.type):
        load_weights(place, network, job.run)
        network.eval()
        if job.kind == "fisher":
            with FrozenLinearMaps():
                arrays = halved(diagonal_fisher(network, tokens, job.rows, job.targets, type=job.type))
            arrays.pop("head")  # heads of different types have different weights
        elif job.kind == "embedding":
            arrays = {"mean": head_inputs(network, tokens, job.rows, job.precision).mean(axis=0)}
        else:
            arrays = _fitted(job.type, head_inputs(network, tokens, job.rows, job.precision, job.type), job.targets)
    numbers = {"seconds": time.perf_counter() - started}
    Ledger(place.ledger).put(job.id, job.record, numbers, {job.kind: arrays})


def _fitted(type: TaskType, features: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
    """The scores, (), of the selectors that fit a model to at most MOST_UNITS features, drawn alike for all sources."""
    values, labels = type.units(features, targets)
    kept = np.sort(seeded_generator("units").permutation(len(labels))[:MOST_UNITS])
    given = (values[kept].astype(np.float32), labels[kept])
    return {name: np.array(score(*given)) for name, score in FITTED.items() if _fits(name, type)}


def score_types(bench: MixedWorkbench, singles: pd.DataFrame) -> pd.DataFrame:
    """Every selector's score of every ordered pair that it can score: selector, source, target, seed, score.

    singles: the table of this name. The scores are an entry of the ledger; weights are needed only where it is missing.
    """
    sides = selected_runs(singles)
    pairs = pd.DataFrame(ordered_pairs(sides), columns=KEYS)
    readings = {(key, job.kind): job for key, job in _readings(bench, sides)}
    record = _record(bench, readings, pairs)
    if not bench.ledger.has(digest(record), ("scores",)):
        bench.ledger.put(digest(record), record, {}, {"scores": _scores(bench, readings, sides["source"], pairs)})
    scores = bench.ledger.arrays(digest(record), "scores")
    table = pd.concat([pairs.assign(selector=name, score=scores[name]) for name in TITLES], ignore_index=True)
    return table.dropna(subset="score", ignore_index=True)[["selector", *KEYS, "score"]]


def _record(bench: MixedWorkbench, readings: Readings, pairs: pd.DataFrame) -> dict:
    """Everything that decides the scores of a regime's pairs."""
    ids = sorted({job.id for job in readings.values()})
    own = {"kind": "scores", "texts": bench.place.materials, "readings": fingerprint(ids)}
    return own | {"pairs": fingerprint(pairs.to_numpy().tolist()), "code": CODE_VERSION}


def _readings(bench: MixedWorkbench, sides: Sides) -> Iterator[tuple[tuple, Reading]]:
    """Every reading, by the side and task, and seed or pair, that it is for."""
    common = (bench.place.materials, bench.place.precision)
    for side, runs in sides.items():
        for (task, seed), run in runs.items():
            rows = _some(bench.drawn(task, side))
            given = (bench.type_of(task), rows, bench.targets(task, rows), *common)
            yield (side, task, seed), Reading("fisher", run, *given)
            yield (side, task, seed), Reading("embedding", PRETRAINED, *given)
    for (source, seed), run in sides["source"].items():
        for target in bench.tasks.names:
            rows = _some(bench.drawn(target, "target"))
            type, targets = bench.type_of(target), bench.targets(target, rows)
            if source != target and type.has_units:
                yield (source, target, seed), Reading("fitted", run, type, rows, targets, *common)


def _some(rows: np.ndarray) -> np.ndarray:
    return np.sort(seeded_generator("readings").permutation(rows)[:MOST_ROWS])


def _scores(
    bench: MixedWorkbench, readings: Readings, sources: dict[tuple[str, int], str], pairs: pd.DataFrame
) -> dict[str, np.ndarray]:
    """The scores of the pairs by selector, (pairs,); NaN where it cannot score a pair. sources: runs."""
    jobs, ledger = list({job.id: job for job in readings.values()}.values()), bench.ledger
    compute_from_weights(
        bench, partial(read, bench.place), jobs, lambda job: ledger.has(job.id, (job.kind,)), "selectors"
    )

    @cache
    def arrays(key: tuple, kind: str) -> dict[str, np.ndarray]:
        return ledger.arrays(readings[key, kind].id, kind) if (key, kind) in readings else {}

    rows = list(pairs.itertuples(index=False))
    embeddings = [_both(arrays, row, "embedding") for row in rows]
    fishers = [_both(arrays, row, "fisher") for row in rows]
    parts = {"textemb": np.array([[cosine(one["mean"], other["mean"])] for one, other in embeddings])}
    parts["taskemb"] = np.array([[cosine(one[name], other[name]) for name in sorted(one)] for one, other in fishers])
    scores = {name: fuse(pairs, values) if values.shape[1] > 1 else values[:, 0] for name, values in parts.items()}
    scores["textemb_taskemb"] = fuse(pairs, np.stack([scores["textemb"], scores["taskemb"]], axis=1))
    scores["source_examples"] = np.array([float(len(bench.drawn(row.source, "source"))) for row in rows])
    losses = [bench.losses(sources[row.source, row.seed]) for row in rows]
    scores["curve_slope"] = np.array([curve_slope(own) for own in losses])
    fitted = [arrays(tuple(row), "fitted") for row in rows]
    return scores | {name: np.array([float(own.get(name, np.nan)) for own in fitted]) for name in FITTED}


def _both(arrays: Callable, pair: tuple, kind: str) -> tuple[dict, dict]:
    """One kind of reading of a pair's two sides."""
    return arrays(("source", pair.source, pair.seed), kind), arrays(("target", pair.target, pair.seed), kind)


def _fits(name: str, type: TaskType) -> bool:
    return type.classifies or name == "logme"


def logme(features: np.ndarray, targets: np.ndarray) -> float:
    """LogME (You et al. 2021): of classes, the mean over those that occur of one against the rest; else of the numbers."""
    classes = np.unique(targets) if np.issubdtype(targets.dtype, np.integer) else []
    columns = np.stack([targets == each for each in classes]) if len(classes) else targets[None] - targets.mean()
    left, singular, _ = np.linalg.svd(np.asarray(features, dtype=np.float64), full_matrices=False)
    columns = columns.astype(np.float64)
    return float(np.mean([binary_logme._evidence(left.T @ y, singular**2, y) for y in columns]) / len(targets))


def knn(features: np.ndarray, targets: np.ndarray) -> float:
    """Cross-validated accuracy of the majority of the nearest neighbours by cosine (Puigcerver et al. 2021)."""
    model = KNeighborsClassifier(min(NEIGHBOURS, len(targets) // 2), metric="cosine")
    return _cross_validated(model, features, targets)


def probe(features: np.ndarray, targets: np.ndarray) -> float:
    """Cross-validated accuracy of a logistic regression (Renggli et al. 2022)."""
    classifier = LogisticRegression(C=INVERSE_PENALTY, tol=1e-3, max_iter=1000)  # tighter fits classify no better
    return _cross_validated(make_pipeline(StandardScaler(), classifier), features, targets)


def _cross_validated(model: object, features: np.ndarray, targets: np.ndarray) -> float:
    """Mean accuracy over folds, drawn alike for all sources."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)  # then some folds lack it
        return float(
            cross_val_score(model, features, targets, cv=folds, scoring="accuracy", error_score="raise").mean()
        )


FITTED = {"logme": logme, "knn": knn, "probe": probe}
