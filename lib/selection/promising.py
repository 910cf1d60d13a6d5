"""Which sources look promising before any pair is trained: for the budget, and for rivals that need a first source."""

import pandas as pd

from lib.transfer.pairs import PAIR

PROMISING = "linear_probe"  # the selector that says so


def promise(selectors: pd.DataFrame) -> pd.DataFrame:
    """The score of every pair by PROMISING, mean over seeds: source, target, score. selectors: the table of this name."""
    rows = selectors[selectors["selector"] == PROMISING]
    return rows.groupby(PAIR, as_index=False)["score"].mean()


def ranked_sources(selectors: pd.DataFrame) -> dict[str, list[str]]:
    """Every target's sources, the most promising first, equal ones by name. selectors: the table of this name."""
    ranked = promise(selectors).sort_values(["score", "source"], ascending=[False, True])
    return {target: rows["source"].tolist() for target, rows in ranked.groupby("target")}
