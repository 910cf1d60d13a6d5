"""Scores of all pairs by the field's selectors, kept in the ledger: unlike features they are small enough to archive."""

import time
import tracemalloc
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lib.runs.workbench import Workbench
from lib.selection.fusion import FUSED, fuse
from lib.selection.inputs import SelectorInputs, extract_missing, plan_inputs
from lib.selectors.registry import SELECTORS, Selector, all_selectors
from lib.storage.ledger import digest, fingerprint
from lib.transfer.pairs import KEYS

CODE_VERSION = 2  # raise it when a change to the code outside lib/selectors changes scores


def score_study(bench: Workbench, singles: pd.DataFrame, needs: Sequence[str] | None = None) -> dict[str, pd.DataFrame]:
    """The tables "feature_extraction", "selectors" and "selector_costs" of a study.

    singles: the table of this name. needs: the inputs to compute (None: all); every selector that needs no others is
    scored. Scores come from the ledger where it has them. A selector is scored again only where its formula or its inputs
    have changed, and only then are weights of single-task models needed.
    """
    inputs = plan_inputs(bench, singles, needs)
    tables = score_missing(inputs, [each for each in all_selectors().values() if inputs.suffices(each.needs)])
    return {"feature_extraction": inputs.table(), **tables}


def score_missing(inputs: SelectorInputs, wanted: Sequence[Selector]) -> dict[str, pd.DataFrame]:
    """Tables "selectors" and "selector_costs" of these selectors, scored where the ledger lacks their scores."""
    missing = [selector for selector in wanted if not _is_scored(inputs, selector)]
    if missing:
        extract_missing(inputs.only(need for selector in missing for need in selector.needs))
    for selector in missing:
        keep_scores(inputs, selector, *score_pairs(inputs, selector))
    return score_tables(inputs, wanted)


def _is_scored(inputs: SelectorInputs, selector: Selector) -> bool:
    """Whether the ledger has a selector's scores, and the seconds of the extractions that it needs."""
    ledger = inputs.bench.ledger
    extracted = all(ledger.has(extraction.id) for extraction in inputs.only(selector.needs).extractions.values())
    return extracted and ledger.has(scores_id(inputs, selector), ("scores",))


def keep_scores(inputs: SelectorInputs, selector: Selector, scores: np.ndarray, numbers: dict) -> None:
    """Enter a selector's scores in the ledger.

    Args:
        inputs: the study's selector inputs.
        selector: the selector.
        scores: (pairs,) in the order of ``inputs.pairs``.
        numbers: what scoring cost, by column of the table "selector_costs".
    """
    record, arrays = scores_record(inputs, selector), {"scores": {"score": np.asarray(scores, dtype=np.float64)}}
    inputs.bench.ledger.put(digest(record), record, numbers, arrays)


def scores_id(inputs: SelectorInputs, selector: Selector) -> str:
    """The id of a selector's entry in the ledger."""
    return digest(scores_record(inputs, selector))


def scores_record(inputs: SelectorInputs, selector: Selector) -> dict:
    """Everything that decides a selector's scores: the pairs, its inputs and its formula.

    Keys that came later are left out where they have no say, so that older scores are found again.
    """
    tasks, needs, pooling = inputs.bench.tasks, selector.needs, inputs.bench.study.encoder.pooling
    labelled, weights = np.concatenate([tasks.split["train"], tasks.split["validation"]]), tasks.weight("validation")
    record = {
        "texts": inputs.bench.place.materials,
        "selector": selector.name,
        "formula": selector.formula,
        "pairs": fingerprint([list(pair) for pair in inputs.pairs]),
        "models": sorted(inputs.sides["source"].values()) + sorted(inputs.sides["target"].values()),
        "inputs": sorted(extraction.id for extraction in inputs.only(needs).extractions.values()),
        "labels": fingerprint(tasks.labels[labelled]),
        "code": CODE_VERSION,
    }
    if pooling != "cls":
        record["pooling"] = pooling
    if "validation_weights" in needs and weights is not None:
        record["weights"] = fingerprint(weights)
    return record


def score_tables(inputs: SelectorInputs, wanted: Sequence[Selector]) -> dict[str, pd.DataFrame]:
    """Tables "selectors" and "selector_costs" of the wanted selectors, which the ledger has, and of their fusions."""
    frame, scores, costs = pd.DataFrame(list(inputs.pairs), columns=KEYS), {}, {}
    for selector in wanted:
        name, id = selector.name, scores_id(inputs, selector)
        scores[name] = inputs.bench.ledger.arrays(id, "scores")["score"]
        costs[name] = {
            "selector": name, "title": selector.title, "sees_target_labels": selector.sees_target_labels,
            "caveat": selector.caveat, "extraction_seconds": inputs.seconds(selector.needs),
            **inputs.bench.ledger.entry(id)["numbers"],
        }  # fmt: skip
    for name, (title, parts) in FUSED.items():
        if set(parts) <= set(scores):
            needs = tuple(need for part in parts for need in SELECTORS[part].needs)
            costs[name] = _cost_of_fusion(name, title, [costs[part] for part in parts], inputs.seconds(needs))
            scores[name] = fuse(frame, np.stack([scores[part] for part in parts], axis=1))
    tables = [frame.assign(selector=name, score=values) for name, values in scores.items()]
    table = pd.concat(tables, ignore_index=True)[["selector", *KEYS, "score"]]
    return {"selectors": table, "selector_costs": pd.DataFrame(list(costs.values()))}


def score_pairs(inputs: SelectorInputs, selector: Selector) -> tuple[np.ndarray, dict]:
    """A selector's score of every pair, (pairs,), and the time and memory that scoring took."""
    pairs, values, seconds, memory = list(inputs.pairs), [], 0.0, 0.0
    for pair in pairs:
        readers = inputs.of(*pair)
        arguments = {name: readers[name]() for name in selector.needs}
        if not values:
            memory = _peak_memory(selector, arguments)
        started = time.perf_counter()
        values.append(selector.score(**arguments))
        seconds += time.perf_counter() - started
    values = np.asarray(values, dtype=np.float64)
    scores = values if values.ndim == 1 else fuse(pd.DataFrame(pairs, columns=KEYS), values)
    return scores, {"scoring_seconds": seconds, "peak_memory_mb": memory}


def _peak_memory(selector: Selector, arguments: dict) -> float:
    """The largest memory that scoring one pair allocates beside its inputs (MB)."""
    tracemalloc.start()
    try:
        selector.score(**arguments)
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def _cost_of_fusion(name: str, title: str, parts: list[dict], extraction_seconds: float) -> dict:
    """What several selectors cost together; extractions that they share count once."""
    return {
        "selector": name, "title": title, "sees_target_labels": any(part["sees_target_labels"] for part in parts),
        "caveat": "; ".join(part["caveat"] for part in parts if part["caveat"]),
        "extraction_seconds": extraction_seconds,
        "scoring_seconds": sum(part["scoring_seconds"] for part in parts),
        "peak_memory_mb": max(part["peak_memory_mb"] for part in parts),
    }  # fmt: skip
