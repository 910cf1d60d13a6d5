"""The tables of finished studies that are compared."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from lib.regression.features import pair_features, with_selectors
from lib.storage.tables import read_table
from lib.study.corpora import CorpusParameters
from lib.study.parameters import Study

TABLES = (
    "tasks", "singles", "pairs", "ansat", "predictions", "cooccurrence", "conductance", "selectors", "selector_costs",
)  # fmt: skip


@dataclass(frozen=True)
class StudyTables:
    """The tables of a finished study, and its corpus."""

    study: str
    tables: Mapping[str, pd.DataFrame]
    corpus: CorpusParameters | None = None

    def __getitem__(self, table: str) -> pd.DataFrame:
        return self.tables[table]

    @property
    def features(self) -> pd.DataFrame:
        """The regression's features of every pair, with every selector's score."""
        pairs = pair_features(*(self[name] for name in ("pairs", "singles", "tasks", "ansat")))
        return with_selectors(pairs, self["selectors"])


def read_grids(study: Study) -> list[StudyTables]:
    """The tables of this study, then those of the studies in ``compare``."""
    corpora = {study.name: study.corpus} | {name: Study.load(name).corpus for name in study.compare}
    folders = {study.name: study.tables} | study.compared_tables()
    tables = {name: {table: read_table(folder, table) for table in TABLES} for name, folder in folders.items()}
    return [StudyTables(name, tables[name], corpora[name]) for name in folders]


def of_other_corpora(grids: list[StudyTables], new: StudyTables) -> list[StudyTables]:
    """The grids of other corpora: another regime of the same corpus has trained the same pairs."""
    return [grid for grid in grids if grid.corpus.texts_of != new.corpus.texts_of]
