"""The field's selectors: which source to transfer from, told from single-task models alone, with no pair trained.

One file per selector, which reads like its formula. A new file in this folder with a function under ``@selector`` is
all that a new selector takes: it is scored, priced and shown in notebook 08 by itself.
"""

import importlib
import pkgutil
import time
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lib.selectors.registry import SELECTORS, Selector
from lib.transfer import KEYS

if TYPE_CHECKING:
    from lib.evidence import Evidence  # with torch, which the formulas do without

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

FUSED = {  # rankings that are fused by reciprocal rank, as Vu et al. fuse the first two
    "textemb_taskemb": ("TextEmb + TaskEmb", ("textemb", "taskemb")),
    "textemb_positives_taskemb": ("TextEmb, positives + TaskEmb", ("textemb_positives", "taskemb")),
    "consensus": ("consensus of all", tuple(name for name, each in SELECTORS.items() if not each.caveat)),
}
FUSION = 60  # of reciprocal rank fusion (Cormack et al., SIGIR 2009)


def score_pairs(evidence: "Evidence") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables "selectors" (a score of every pair by every selector whose evidence is there) and "selector_costs"."""
    found = {name: _score(each, evidence) for name, each in SELECTORS.items() if evidence.suffices(each.needs)}
    scores = {name: frame for name, (frame, _) in found.items()}
    costs = [cost for _, cost in found.values()]
    for name, (title, parts) in FUSED.items():
        if not set(parts) <= set(found):
            continue
        columns = [scores[part]["score"].to_numpy() for part in parts]
        scores[name] = scores[parts[0]][KEYS].assign(score=fuse(scores[parts[0]], np.stack(columns, axis=1)))
        needs = tuple(need for part in parts for need in SELECTORS[part].needs)
        costs.append(_cost_of_fusion(name, title, [found[part][1] for part in parts], evidence.seconds(needs)))
    table = pd.concat([frame.assign(selector=name) for name, frame in scores.items()], ignore_index=True)
    return table[["selector", *KEYS, "score"]], pd.DataFrame(costs)


def fuse(pairs: pd.DataFrame, components: np.ndarray) -> np.ndarray:
    """Reciprocal rank fusion: sum over components (pairs, components) of 1 / (60 + rank among the target's sources)."""
    groups = [pairs["target"].to_numpy(), pairs["seed"].to_numpy()]
    ranks = pd.DataFrame(components).groupby(groups).rank(ascending=False)
    return (1 / (FUSION + ranks)).sum(axis=1).to_numpy()


def _score(selector: Selector, evidence: "Evidence") -> tuple[pd.DataFrame, dict]:
    """Scores of every pair, source, target, seed, score; and what they cost."""
    pairs, values, seconds, memory = list(evidence.pairs), [], 0.0, 0.0
    for pair in pairs:
        seen = evidence.of(*pair)
        needed = {name: seen[name]() for name in selector.needs}
        if not values:
            memory = _peak_memory(selector, needed)
        started = time.perf_counter()
        values.append(selector.score(**needed))
        seconds += time.perf_counter() - started
    frame, values = pd.DataFrame(pairs, columns=KEYS), np.asarray(values, dtype=np.float64)
    cost = {
        "selector": selector.name, "title": selector.title, "sees_target_labels": selector.sees_target_labels,
        "caveat": selector.caveat, "reading_seconds": evidence.seconds(selector.needs), "scoring_seconds": seconds,
        "peak_memory_mb": memory,
    }  # fmt: skip
    return frame.assign(score=values if values.ndim == 1 else fuse(frame, values)), cost


def _peak_memory(selector: Selector, needed: dict) -> float:
    """MB that scoring one pair allocates at most, besides what it is given."""
    tracemalloc.start()
    try:
        selector.score(**needed)
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def _cost_of_fusion(name: str, title: str, parts: list[dict], reading_seconds: float) -> dict:
    """What several selectors cost together: they share readings."""
    return {
        "selector": name, "title": title, "sees_target_labels": any(part["sees_target_labels"] for part in parts),
        "caveat": "; ".join(part["caveat"] for part in parts if part["caveat"]),
        "reading_seconds": reading_seconds,
        "scoring_seconds": sum(part["scoring_seconds"] for part in parts),
        "peak_memory_mb": max(part["peak_memory_mb"] for part in parts),
    }  # fmt: skip
