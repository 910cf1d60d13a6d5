"""The published studies: their tables, numbers and parameters, read when a document asks for them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from lib.selection.comparison import differs_from_random
from lib.stats.bootstrap import target_weights
from lib.storage.tables import read_table
from lib.study.files import ROOT
from lib.study.parameters import Study
from lib.transfer.gains import target_table
from lib.transfer.pairs import among


@dataclass(frozen=True)
class PublishedStudy:
    """A study in figures/. folder: the study's folder there."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @cached_property
    def summary(self) -> dict:
        return json.loads((self.folder / "summary.json").read_text())

    @cached_property
    def parameters(self) -> Study:
        return Study.load(self.name)

    @cached_property
    def matrix(self) -> pd.DataFrame:
        """The table "transfer_matrix"."""
        return self.table("transfer_matrix")

    @cached_property
    def targets(self) -> pd.DataFrame:
        """What validation chooses for every target, from ``target_table``."""
        return target_table(self.matrix)

    @cached_property
    def titles(self) -> dict[str, str]:
        """The selectors' names for readers."""
        return self.table("selector_costs").set_index("selector")["title"].to_dict()

    @cached_property
    def ranks(self) -> pd.DataFrame:
        """Rank correlation with test F1 by selector; ``differs``: from random order, false discoveries controlled."""
        metrics = self.table("selector_metrics")
        rows = metrics[metrics["metric"] == "spearman"].set_index("selector")
        return rows.assign(differs=differs_from_random(rows))

    @property
    def is_grid(self) -> bool:
        """Whether it trained a grid of pairs; otherwise it compares recipes or sizes and has no summary."""
        return (self.folder / "summary.json").exists()

    @property
    def is_real(self) -> bool:
        """Whether its texts are real ones."""
        return self.parameters.corpus.loader != "synthetic"

    def has(self, table: str) -> bool:
        return (self.folder / "tables" / f"{table}.parquet").exists()

    def table(self, name: str) -> pd.DataFrame:
        return read_table(self.folder / "tables", name)

    def loss(self, order: str, accounting: str = "all_inclusive", point: str = "loss_at_10_percent_of_pairs"):
        """A point {value, low, high} of an order's curve; None where the point or the order does not exist."""
        return self.summary["selectors"].get(order, {}).get(accounting, {}).get(point)

    def target_weights(self, targets: int) -> np.ndarray:
        """The weights of the study's bootstrap over so many targets."""
        ranking = self.parameters.ranking
        return target_weights(targets, ranking.bootstrap, np.random.default_rng(ranking.seed))


def published_studies(folder: Path = ROOT / "figures") -> dict[str, PublishedStudy]:
    """Every published study by its name, sorted."""
    return {path.parent.name: PublishedStudy(path.parent) for path in sorted(folder.glob("*/tables"))}


def grids(studies: Iterable[PublishedStudy]) -> list[PublishedStudy]:
    """Those that trained a grid of pairs."""
    return [study for study in studies if study.is_grid]


def independent(studies: Iterable[PublishedStudy]) -> list[PublishedStudy]:
    """The grids of real texts that share no transfer model with another one; of those that share some, the one with
    the fewest seeds counts."""
    kept: list[PublishedStudy] = []
    for study in sorted(grids(studies), key=lambda each: each.summary["n_seeds"]):
        if study.is_real and not any(among(study.table("pairs"), k.table("pairs"), ["run"]).any() for k in kept):
            kept.append(study)
    return sorted(kept, key=lambda each: each.name)
