"""The probe texts in words, beside what the models of every task make of their terms, for people to look at (notebook 5)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.attribution.ansat import shared_terms
from lib.attribution.models import attributions, terms_by_side
from lib.datasets.draws import probe_rows
from lib.models.encoders import load_tokenizer, words_with
from lib.runs.workbench import open_workbench
from lib.storage.ledger import Ledger
from lib.study.parameters import Study
from lib.transfer.pairs import selected_singles


@dataclass(frozen=True)
class ProbeTexts:
    """words: of every text. sources, targets: task -> signed conductance of the terms of all texts, (terms, layers).
    offsets: (texts + 1,) where each text's terms begin."""

    words: list[list[str]]
    sources: Mapping[str, np.ndarray]
    targets: Mapping[str, np.ndarray]
    offsets: np.ndarray

    def read_by(self, source: str, target: str, text: int, layer: int) -> tuple[list[str], np.ndarray, np.ndarray]:
        """The words of one text, and their conductance at one layer in the models of a source and of a target, (words,)."""
        terms = slice(self.offsets[text], self.offsets[text + 1])
        return self.words[text], self.sources[source][terms, layer], self.targets[target][terms, layer]

    def telling(self, source: str, target: str, threshold: float, layer: int) -> int:
        """The first of the texts in which most terms are active in both models."""
        sides = {source: self.sources[source]}, {target: self.targets[target]}
        return int(shared_terms(*sides, self.offsets, [threshold])[:, layer, 0, 0].argmax())


def probe_texts(study: Study, singles: pd.DataFrame) -> ProbeTexts | None:
    """The probe texts as the models of the study's first seed read them.

    None where the ledger lacks the models or their attributions, as after publishing tables without runs; the corpus is
    then not touched. singles: the table of this name.
    """
    ledger = Ledger(study.ledger)
    if any(ledger.entry(run) is None for run in selected_singles(singles, "source")["run"]):
        return None
    bench = open_workbench(study)
    jobs = attributions(bench, singles)
    if not all(ledger.has(job.id, ("terms",)) for job in jobs.values()):
        return None
    tokenizer, rows = load_tokenizer(study.encoder), probe_rows(bench.tasks, study.conductance)
    words = [words_with(tokenizer, bench.tasks.texts[row], study.encoder.max_length) for row in rows]
    return ProbeTexts(words, *terms_by_side(bench, singles, jobs, study.seeds[0]))
