"""Attributes every selected single-task model once, on the same probe texts, and keeps the terms' conductance.

The cost grows with models, not with pairs: ANSAT and all its siblings are read off these values.
"""

import time
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pandas as pd

from lib.activity import ansat_table, cls_share, shared_terms, sibling_table, terms
from lib.bootstrap import interval
from lib.conductance import layer_conductances
from lib.engine import compute_from_weights
from lib.ledger import Ledger, digest, fingerprint
from lib.metrics import rank_agreement
from lib.runs import Place, Workbench, load_materials, load_weights, worker_network
from lib.tasks import probe_rows
from lib.training import worker_process
from lib.transfer import selected_singles

CODE_VERSION = 4  # raise it when a change to the code changes attributions
DRAWS = 200  # resamples of the probe texts


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
    pieces = [piece for steps in config.all_steps for piece in attributions(bench, singles, steps).values()]

    def is_finished(piece: Attribution) -> bool:
        return bench.ledger.has(piece.id, ("terms",))

    compute_from_weights(bench, partial(attribute, bench.place, config.positions), pieces, is_finished, "conductance")
    return pd.DataFrame([_row(bench, single, own[single.run]) for single in singles[singles["selected"]].itertuples()])


@worker_process()
def attribute(place: Place, positions: int, piece: Attribution) -> None:
    """Attribute one model on the probe texts, in float32, and enter its terms in the ledger; runs in a worker."""
    started = time.perf_counter()
    tokens, _ = load_materials(place.ledger, place.materials)
    network = worker_network(place.encoder, None, place.device)
    load_weights(place, network, piece.run)
    network.eval()
    texts = [tokens.text(row) for row in piece.rows]
    found = layer_conductances(network, texts, tokens.pad, piece.steps, positions)
    words = [tokens.words[tokens.offsets[row] : tokens.offsets[row + 1]] for row in piece.rows]
    values, offsets = terms(found.values, found.offsets, words)
    arrays = {"terms": values, "offsets": offsets, "cls_share": cls_share(found.values, found.offsets)}
    numbers = {
        "seconds": time.perf_counter() - started,
        "completeness_error_absolute": found.median_absolute_error,
        "completeness_error_relative": found.median_relative_error,
    }
    Ledger(place.ledger).put(piece.id, piece.record, numbers, {"terms": arrays})


def terms_of(bench: Workbench, piece: Attribution) -> tuple[np.ndarray, np.ndarray]:
    """Signed conductance of the probe texts' terms, (terms, layers), and the offsets of the texts, (texts + 1,)."""
    arrays = bench.ledger.arrays(piece.id, "terms")
    return arrays["terms"], arrays["offsets"]


def _row(bench: Workbench, single, piece: Attribution) -> dict:
    numbers = bench.ledger.entry(piece.id)["numbers"]
    shares = bench.ledger.arrays(piece.id, "terms")["cls_share"]
    return {
        "run": single.run, "task": single.target, "regime": single.regime, "seed": single.seed,
        "probe_texts": len(piece.rows), "steps": piece.steps, **numbers,
        **{f"cls_share_l{layer}": float(share) for layer, share in enumerate(shares)},
    }  # fmt: skip


def similarity_tables(bench: Workbench, singles: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables "ansat" and "siblings" of all ordered pairs: sources' models against targets' models, seed by seed."""
    pieces, ansat, siblings = attributions(bench, singles), [], []
    rows = probe_rows(bench.tasks, bench.study.conductance)
    for seed in bench.study.seeds:
        sources, targets, offsets = _sides(bench, singles, pieces, seed)
        positives = np.stack([bench.tasks.column(task)[rows] == 1 for task in targets], axis=1)
        ansat.append(ansat_table(sources, targets, offsets, bench.study.ansat.thresholds, positives, seed))
        siblings.append(sibling_table(sources, targets, offsets, positives, seed))
    return pd.concat(ansat, ignore_index=True), pd.concat(siblings, ignore_index=True)


def _sides(bench: Workbench, singles: pd.DataFrame, pieces: dict[str, Attribution], seed: int) -> tuple:
    """Terms of the sources' and of the targets' models of one seed, task -> (terms, layers), and the texts' offsets."""
    sides = []
    for side in ("source", "target"):
        chosen = selected_singles(singles, side)
        chosen = chosen[chosen["seed"] == seed]
        sides.append({row.target: terms_of(bench, pieces[row.run])[0] for row in chosen.itertuples()})
    return *sides, terms_of(bench, next(iter(pieces.values())))[1]


def tradeoff_table(bench: Workbench, singles: pd.DataFrame) -> pd.DataFrame:
    """What fewer steps and fewer probe texts change: table "tradeoff".

    agreement: Spearman's correlation of a target's sources by ANSAT (mean over the thresholds) with their order by the
    most steps on all probe texts, mean over targets, layers and seeds. Where ``resampled``, the probe texts are drawn
    with replacement: mean over DRAWS draws, and their 95 % interval. Else all of them are used once, so that only the
    steps differ from the reference. seconds: of attributing one model, in proportion to the texts.
    """
    config, rng = bench.study.conductance, np.random.default_rng(bench.study.conductance.seed)
    texts = len(probe_rows(bench.tasks, config))
    sizes = sorted({max(1, texts // part) for part in (8, 4, 2, 1)})
    draws = {size: rng.multinomial(size, np.full(texts, 1 / texts), size=DRAWS) / size for size in sizes}
    reference, rows = None, []
    for steps in config.all_steps:
        pieces = attributions(bench, singles, steps)
        seconds = np.mean([bench.ledger.entry(piece.id)["numbers"]["seconds"] for piece in pieces.values()])
        sides = [_sides(bench, singles, pieces, seed) for seed in bench.study.seeds]
        shared = np.stack([shared_terms(*each, bench.study.ansat.thresholds) for each in sides], axis=1)
        whole = shared.mean(axis=0)
        reference = whole if reference is None else reference
        rows.append((steps, texts, False, seconds, *3 * [rank_agreement(whole[None], reference).item()]))
        for size, weights in draws.items():
            agreement = rank_agreement(np.tensordot(weights, shared, axes=1), reference)
            rows.append((steps, size, True, seconds * size / texts, agreement.mean(), *interval(agreement)))
    columns = ["steps", "probe_texts", "resampled", "seconds", "agreement", "agreement_low", "agreement_high"]
    return pd.DataFrame(rows, columns=columns)


def example_terms(bench: Workbench, piece: Attribution, task: str) -> tuple[str, np.ndarray]:
    """A probe text for people to look at, positive for the task and of medium length, and its (terms, layers) values."""
    values, offsets = terms_of(bench, piece)
    positive = np.flatnonzero(bench.tasks.column(task)[piece.rows] == 1)
    choices = positive if len(positive) else np.arange(len(piece.rows))
    chosen = choices[np.argsort(np.diff(offsets)[choices], kind="stable")[len(choices) // 2]]
    return bench.tasks.texts[piece.rows[chosen]], values[offsets[chosen] : offsets[chosen + 1]]
