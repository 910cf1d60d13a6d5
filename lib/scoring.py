"""Scores of all pairs by the field's selectors, kept in the ledger: small enough to travel, while features are not."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lib import selectors
from lib.evidence import Evidence, plan_evidence, read_missing
from lib.ledger import digest, fingerprint
from lib.runs import Workbench

CODE_VERSION = 1  # raise it when a change to the code outside lib/selectors changes scores
TABLES = ("readings", "selectors", "selector_costs")


def score_study(bench: Workbench, singles: pd.DataFrame, needs: Sequence[str] | None = None) -> dict[str, pd.DataFrame]:
    """TABLES of a study by name, from the ledger, or else read and scored now.

    singles: the table of this name. needs: the evidence that is wanted (None: all); every selector is scored that needs
    no more. Weights of single-task models are needed only where nobody has scored the same readings with the same
    formulas before.
    """
    evidence = plan_evidence(bench, singles, needs)
    record = scores_record(evidence)
    kept = bench.ledger.arrays(digest(record), "scores")
    if kept is None:
        read_missing(evidence)
        found = dict(zip(TABLES, (evidence.table(), *selectors.score_pairs(evidence)), strict=True))
        keep_scores(bench, record, found)
        return found
    return {name: pd.read_parquet(io.BytesIO(kept[name].tobytes())) for name in TABLES}


def keep_scores(bench: Workbench, record: dict, tables: dict[str, pd.DataFrame]) -> None:
    """Enter TABLES in the ledger, as the bytes of Parquet files."""
    arrays = {name: np.frombuffer(tables[name].to_parquet(index=False), dtype=np.uint8) for name in TABLES}
    bench.ledger.put(digest(record), record, {}, {"scores": arrays})


def scores_record(evidence: Evidence) -> dict:
    """All that decides scores: what is read, the labels that selectors may see, and their formulas."""
    tasks = evidence.bench.tasks
    seen = np.concatenate([tasks.split["train"], tasks.split["validation"]])
    formulas = sorted(Path(selectors.__file__).parent.glob("*.py"))
    return {
        "texts": evidence.bench.place.materials,
        "readings": sorted(reading.id for reading in evidence.readings.values()),
        "losses": sorted(evidence.sides["source"].values()),
        "labels": fingerprint(tasks.labels[seen]),
        "formulas": fingerprint(*(path.read_bytes() for path in formulas)),
        "code": CODE_VERSION,
    }
