"""What fine-tuning leaves of the representation: the spectrum of every source model's features, kept in the ledger.

The two numbers are small enough to archive, unlike the features and the weights that they come from.
"""

import inspect
from dataclasses import replace
from pathlib import Path

import pandas as pd

from lib.runs.workbench import Workbench
from lib.selection.inputs import PRETRAINED, Extraction, SelectorInputs, extract_missing, plan_inputs
from lib.stats import spectrum
from lib.storage.ledger import digest
from lib.storage.sources import code_fingerprint

NEEDS = ("validation_features", "validation_base_features")


def representation_table(bench: Workbench, singles: pd.DataFrame) -> pd.DataFrame:
    """Table "representations": the pretrained encoder and every selected source model. singles: the table of this name.

    The numbers come from the ledger where it has them; only others need a model's weights. The extractions are those that
    the linear probe reads.
    """
    inputs = plan_inputs(bench, singles, NEEDS)
    models = inputs.extractions.items()
    missing = {
        key: extraction for key, extraction in models if not bench.ledger.has(digest(_record(bench, extraction)))
    }
    extract_missing(replace(inputs, extractions=missing))
    for extraction in missing.values():
        _keep(inputs, extraction)
    named = {("", 0): PRETRAINED} | inputs.sides["source"]
    rows = [_row(bench, *key, inputs.extractions["validation", run]) for key, run in named.items()]
    return pd.DataFrame(rows)


def _record(bench: Workbench, extraction: Extraction) -> dict:
    """Everything that decides the spectrum of one extraction's features."""
    formula = code_fingerprint(Path(inspect.getfile(spectrum)).read_text())
    keys = {"kind": "representation", "texts": extraction.materials, "extraction": extraction.id}
    return keys | {"pooling": bench.study.encoder.pooling, "formula": formula}


def _keep(inputs: SelectorInputs, extraction: Extraction) -> None:
    """Enter the spectrum of one extraction's features in the ledger."""
    record, features = _record(inputs.bench, extraction), inputs.validation_features(extraction.run)
    measures = (spectrum.effective_rank, spectrum.first_share)
    numbers = {measure.__name__: measure(features) for measure in measures}
    inputs.bench.ledger.put(digest(record), record, numbers, {})


def _row(bench: Workbench, task: str, seed: int, extraction: Extraction) -> dict:
    numbers = bench.ledger.entry(digest(_record(bench, extraction)))["numbers"]
    return {"run": extraction.run, "task": task, "seed": seed, "texts": len(extraction.rows), **numbers}
