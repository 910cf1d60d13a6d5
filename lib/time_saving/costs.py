"""The two accountings of time: how much is saved depends on what is counted.

*paper*: only the training seconds of transfer models; the single-task models exist at second 0.
*all_inclusive*: the total seconds, failed attempts included, of every single-task model, then what the order itself must
compute (attribution), then every pair that is trained. Its grid is brute force: all single-task models and all pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.errors import InputError
from lib.transfer.pairs import CONFIGURATION, pair_configurations

ACCOUNTINGS = ("paper", "all_inclusive")


@dataclass(frozen=True)
class Clock:
    """When an order starts, what each of its configurations costs, and what the whole grid costs, in seconds of one worker.

    pair_seconds: by (source, target, setting), the sum over seeds.
    """

    accounting: str
    start: float
    pair_seconds: pd.Series
    grid: float

    @property
    def work(self) -> float:
        """Seconds of all pairs."""
        return float(self.pair_seconds.sum())

    def finished(self, configurations: Sequence[tuple[str, str, int]]) -> np.ndarray:
        """Seconds at which the first 0, 1, ..., n configurations of an order are trained: (n + 1,)."""
        seconds = self.pair_seconds.loc[list(configurations)].to_numpy() if len(configurations) else np.zeros(0)
        return self.start + np.concatenate([[0.0], np.cumsum(seconds)])


def clock(
    accounting: str, singles: pd.DataFrame, pairs: pd.DataFrame, own_seconds: float = 0.0, training_pairs: bool = False
) -> Clock:
    """The clock of one order.

    Args:
        accounting: one of ACCOUNTINGS.
        singles, pairs: the tables of these names. Every row of ``singles`` counts (both sides, all settings and seeds).
        own_seconds: of what the order computes before it can start, such as attribution.
        training_pairs: whether the order is learnt from the grid's pairs; all-inclusive, it then starts after every pair.

    Returns:
        The clock.

    Raises:
        InputError: for a duration that is missing or negative, or an unknown accounting.
    """
    for name, table in (("singles", singles), ("pairs", pairs)):
        if not (table[["train_seconds", "total_seconds"]].to_numpy(dtype=float) >= 0).all():
            raise InputError(
                f"table '{name}': train_seconds and total_seconds must be 0 or more; run notebooks 02 and 03 again"
            )
    configurations = pair_configurations(pairs).set_index(CONFIGURATION)
    if accounting == "paper":
        return Clock(accounting, 0.0, configurations["train_seconds"], float(configurations["train_seconds"].sum()))
    if accounting != "all_inclusive":
        raise InputError(f"accounting '{accounting}' is unknown; use one of {', '.join(ACCOUNTINGS)}")
    of_singles, of_pairs = float(singles["total_seconds"].sum()), float(configurations["total_seconds"].sum())
    start = of_singles + own_seconds + (of_pairs if training_pairs else 0.0)
    return Clock(accounting, start, configurations["total_seconds"], of_singles + of_pairs)


def grid_seconds(singles: pd.DataFrame, pairs: pd.DataFrame) -> float:
    """Total seconds of the brute-force grid: all single-task models and all pairs, without any attribution."""
    return float(singles["total_seconds"].sum() + pairs["total_seconds"].sum())


def single_task_share_of_grid(singles: pd.DataFrame, pairs: pd.DataFrame) -> float:
    """Share of the brute-force grid's seconds that the single-task models take; no order starts earlier."""
    return float(singles["total_seconds"].sum()) / grid_seconds(singles, pairs)


def attribution_seconds(conductance: pd.DataFrame) -> float:
    """Seconds of attributing all single-task models once (table "conductance")."""
    return float(conductance["seconds"].sum())
