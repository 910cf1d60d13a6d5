"""Scores of all pairs by the field's selectors, kept in the ledger: small enough to travel, while features are not."""

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
    """The tables "feature_extraction", "selectors" and "selector_costs" of a study, from the ledger, or else read and
    scored now.

    singles: the table of this name. needs: the inputs that are wanted (None: all); every selector is scored that needs
    no more. A selector is scored again only where its own formula, or what it looks at, has changed; weights of
    single-task models are needed only for what such a selector looks at.
    """
    inputs = plan_inputs(bench, singles, needs)
    wanted = [each for each in all_selectors().values() if inputs.suffices(each.needs)]
    missing = [each for each in wanted if not _is_scored(inputs, each)]
    if missing:
        extract_missing(inputs.only(need for each in missing for need in each.needs))
    for each in missing:
        keep_scores(inputs, each, *score_pairs(inputs, each))
    return {"feature_extraction": inputs.table(), **score_tables(inputs, wanted)}


def _is_scored(inputs: SelectorInputs, selector: Selector) -> bool:
    """Whether the ledger has a selector's scores, and the seconds of all that they rest on."""
    ledger = inputs.bench.ledger
    extracted = all(ledger.has(each.id) for each in inputs.only(selector.needs).extractions.values())
    return extracted and ledger.has(scores_id(inputs, selector), ("scores",))


def keep_scores(inputs: SelectorInputs, selector: Selector, scores: np.ndarray, numbers: dict) -> None:
    """Enter a selector's scores (pairs,) in the ledger, and what they cost."""
    arrays = {"scores": {"score": np.asarray(scores, dtype=np.float64)}}
    inputs.bench.ledger.put(scores_id(inputs, selector), scores_record(inputs, selector), numbers, arrays)


def scores_id(inputs: SelectorInputs, selector: Selector) -> str:
    return digest(scores_record(inputs, selector))


def scores_record(inputs: SelectorInputs, selector: Selector) -> dict:
    """All that decides a selector's scores: the pairs, what it looks at of them, and its formula."""
    tasks, needs = inputs.bench.tasks, selector.needs
    seen = np.concatenate([tasks.split["train"], tasks.split["validation"]])
    return {
        "texts": inputs.bench.place.materials,
        "selector": selector.name,
        "formula": selector.formula,
        "pairs": fingerprint([list(pair) for pair in inputs.pairs]),
        "models": sorted(inputs.sides["source"].values()) + sorted(inputs.sides["target"].values()),
        "inputs": sorted(each.id for each in inputs.only(needs).extractions.values()),
        "labels": fingerprint(tasks.labels[seen]),
        "code": CODE_VERSION,
    }


def score_tables(inputs: SelectorInputs, wanted: Sequence[Selector]) -> dict[str, pd.DataFrame]:
    """Tables "selectors" and "selector_costs": a score of every pair by every wanted selector, and their fusions."""
    frame, scores, costs = pd.DataFrame(list(inputs.pairs), columns=KEYS), {}, {}
    for each in wanted:
        id = scores_id(inputs, each)
        scores[each.name] = inputs.bench.ledger.arrays(id, "scores")["score"]
        costs[each.name] = {
            "selector": each.name, "title": each.title, "sees_target_labels": each.sees_target_labels,
            "caveat": each.caveat, "extraction_seconds": inputs.seconds(each.needs),
            **inputs.bench.ledger.entry(id)["numbers"],
        }  # fmt: skip
    for name, (title, parts) in FUSED.items():
        if set(parts) <= set(scores):
            needs = tuple(need for part in parts for need in SELECTORS[part].needs)
            costs[name] = _cost_of_fusion(name, title, [costs[part] for part in parts], inputs.seconds(needs))
            scores[name] = fuse(frame, np.stack([scores[part] for part in parts], axis=1))
    parts = [frame.assign(selector=name, score=values) for name, values in scores.items()]
    table = pd.concat(parts, ignore_index=True)[["selector", *KEYS, "score"]]
    return {"selectors": table, "selector_costs": pd.DataFrame(list(costs.values()))}


def score_pairs(inputs: SelectorInputs, selector: Selector) -> tuple[np.ndarray, dict]:
    """A selector's score of every pair, (pairs,), and the seconds and the memory that scoring took."""
    pairs, values, seconds, memory = list(inputs.pairs), [], 0.0, 0.0
    for pair in pairs:
        seen = inputs.of(*pair)
        needed = {name: seen[name]() for name in selector.needs}
        if not values:
            memory = _peak_memory(selector, needed)
        started = time.perf_counter()
        values.append(selector.score(**needed))
        seconds += time.perf_counter() - started
    values = np.asarray(values, dtype=np.float64)
    scores = values if values.ndim == 1 else fuse(pd.DataFrame(pairs, columns=KEYS), values)
    return scores, {"scoring_seconds": seconds, "peak_memory_mb": memory}


def _peak_memory(selector: Selector, needed: dict) -> float:
    """MB that scoring one pair allocates at most, besides what it is given."""
    tracemalloc.start()
    try:
        selector.score(**needed)
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def _cost_of_fusion(name: str, title: str, parts: list[dict], extraction_seconds: float) -> dict:
    """What several selectors cost together: they share extractions."""
    return {
        "selector": name, "title": title, "sees_target_labels": any(part["sees_target_labels"] for part in parts),
        "caveat": "; ".join(part["caveat"] for part in parts if part["caveat"]),
        "extraction_seconds": extraction_seconds,
        "scoring_seconds": sum(part["scoring_seconds"] for part in parts),
        "peak_memory_mb": max(part["peak_memory_mb"] for part in parts),
    }  # fmt: skip
