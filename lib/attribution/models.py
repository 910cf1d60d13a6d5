"""Attributes every selected single-task model once, on the same probe texts, and keeps the terms' conductance.

The cost grows with models, not with pairs: ANSAT and the signed similarities are read off these values.
"""

import time
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pandas as pd

from lib.attribution.ansat import ansat_table, signed_similarity_table
from lib.attribution.conductance import layer_conductances
from lib.attribution.terms import cls_share, terms
from lib.datasets.draws import probe_rows
from lib.models.cpu import worker_process
from lib.runs.engine import compute_from_weights
from lib.runs.weights import load_weights, worker_network
from lib.runs.workbench import Place, Workbench, load_materials
from lib.storage.ledger import Ledger, digest, fingerprint
from lib.transfer.pairs import selected_singles

CODE_VERSION = 4  # raise it when a change to the code changes attributions


@dataclass(frozen=True, eq=False)
class Attribution:
    """Everything that decides one model's attributions; ``rows`` (n,) are the probe texts."""

    run: str
    materials: str
    rows: np.ndarray
    steps: int

    @cached_property
    def record(self) -> dict:
        probe = fingerprint(self.rows)
        return {"run": self.run, "texts": self.materials, "probe": probe, "steps": self.steps, "code": CODE_VERSION}

    @cached_property
    def id(self) -> str:
        return digest(self.record)


def attributions(bench: Workbench, singles: pd.DataFrame, steps: int | None = None) -> dict[str, Attribution]:
    """The attribution of every selected single-task model, by run id; with the study's steps unless others are given."""
    rows = probe_rows(bench.tasks, bench.study.conductance)
    runs = singles.loc[singles["selected"], "run"]
    return {run: Attribution(run, bench.place.materials, rows, steps or bench.study.conductance.steps) for run in runs}


def attribute_models(bench: Workbench, singles: pd.DataFrame) -> pd.DataFrame:
    """Attribute the selected models that the ledger lacks; returns the table "conductance".

    They are attributed with the study's steps, and with those that it compares. Models that are to be attributed but
    whose weights are not at hand are trained again.
    """
    config, own = bench.study.conductance, attributions(bench, singles)
    jobs = [job for steps in config.all_steps for job in attributions(bench, singles, steps).values()]

    def is_finished(job: Attribution) -> bool:
        return bench.ledger.has(job.id, ("terms",))

    compute_from_weights(bench, partial(attribute, bench.place, config.positions), jobs, is_finished, "conductance")
    return pd.DataFrame([_row(bench, single, own[single.run]) for single in singles[singles["selected"]].itertuples()])


@worker_process()
def attribute(place: Place, positions: int, job: Attribution) -> None:
    """Attribute one model on the probe texts, in float32, and enter its terms in the ledger; runs in a worker."""
    started = time.perf_counter()
    tokens, _ = load_materials(place.ledger, place.materials)
    network = worker_network(place.encoder, None, place.device)
    load_weights(place, network, job.run)
    network.eval()
    texts = [tokens.text(row) for row in job.rows]
    conductances = layer_conductances(network, texts, tokens.pad, job.steps, positions)
    words = [tokens.words_of(row) for row in job.rows]
    values, offsets = terms(conductances.values, conductances.offsets, words)
    arrays = {"terms": values, "offsets": offsets, "cls_share": cls_share(conductances.values, conductances.offsets)}
    numbers = {
        "seconds": time.perf_counter() - started,
        "completeness_error_absolute": conductances.median_absolute_error,
        "completeness_error_relative": conductances.median_relative_error,
    }
    Ledger(place.ledger).put(job.id, job.record, numbers, {"terms": arrays})


def terms_of(bench: Workbench, job: Attribution) -> tuple[np.ndarray, np.ndarray]:
    """Signed conductance of the probe texts' terms, (terms, layers), and the offsets of the texts, (texts + 1,)."""
    arrays = bench.ledger.arrays(job.id, "terms")
    return arrays["terms"], arrays["offsets"]


def _row(bench: Workbench, single, job: Attribution) -> dict:
    numbers = bench.ledger.entry(job.id)["numbers"]
    shares = bench.ledger.arrays(job.id, "terms")["cls_share"]
    return {
        "run": single.run, "task": single.target, "side": single.side, "seed": single.seed,
        "probe_texts": len(job.rows), "steps": job.steps, **numbers,
        **{f"cls_share_l{layer}": float(share) for layer, share in enumerate(shares)},
    }  # fmt: skip


def similarity_tables(bench: Workbench, singles: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables "ansat" and "signed_similarity" of all ordered pairs: sources' models against targets' models, seed by seed."""
    jobs, ansat, signed = attributions(bench, singles), [], []
    rows = probe_rows(bench.tasks, bench.study.conductance)
    for seed in bench.study.seeds:
        sources, targets, offsets = terms_by_side(bench, singles, jobs, seed)
        positives = np.stack([bench.tasks.column(task)[rows] == 1 for task in targets], axis=1)
        ansat.append(ansat_table(sources, targets, offsets, bench.study.ansat.thresholds, positives, seed))
        signed.append(signed_similarity_table(sources, targets, offsets, positives, seed))
    return pd.concat(ansat, ignore_index=True), pd.concat(signed, ignore_index=True)


def terms_by_side(bench: Workbench, singles: pd.DataFrame, jobs: dict[str, Attribution], seed: int) -> tuple:
    """Term conductances of the sources' and of the targets' models of one seed.

    A head that reads [CLS] gives no other position conductance at the last layer, which is left out then.

    Args:
        bench: the study with its texts.
        singles: the table of this name.
        jobs: the attribution of every selected model, by run id.
        seed: of the models.

    Returns:
        Task -> (terms, layers) for the sources, the same for the targets, and where each text's terms begin, (texts + 1,).
    """
    sides, layers = [], slice(None, -1 if bench.study.encoder.pooling == "cls" else None)
    for side in ("source", "target"):
        chosen = selected_singles(singles, side)
        chosen = chosen[chosen["seed"] == seed]
        sides.append({row.target: terms_of(bench, jobs[row.run])[0][:, layers] for row in chosen.itertuples()})
    return *sides, terms_of(bench, next(iter(jobs.values())))[1]


def example_terms(bench: Workbench, job: Attribution, task: str) -> tuple[str, np.ndarray]:
    """A probe text for people to look at, positive for the task and of medium length, and its (terms, layers) values."""
    values, offsets = terms_of(bench, job)
    positive = np.flatnonzero(bench.tasks.column(task)[job.rows] == 1)
    choices = positive if len(positive) else np.arange(len(job.rows))
    chosen = choices[np.argsort(np.diff(offsets)[choices], kind="stable")[len(choices) // 2]]
    return bench.tasks.texts[job.rows[chosen]], values[offsets[chosen] : offsets[chosen + 1]]
