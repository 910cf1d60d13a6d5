"""What notebook 8 finds about the selectors, in sentences."""

from collections.abc import Mapping

import pandas as pd

from lib.report.headline import duration
from lib.report.sentences.words import counted, known, named, plural, with_interval
from lib.selection.comparison import PLANTED, differs_from_random
from lib.selection.contenders import BOUNDS

NOTHING_TO_RANK = "No target's sources differ, so nothing can be ranked."


def who_ranks(metrics: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """How many selectors order sources differently from chance, and which does best.

    metrics: the table "selector_metrics". titles: selectors' names for readers.
    """
    rows = metrics[metrics["metric"] == "spearman"].set_index("selector")
    bound = rows.loc["validation_best"] if "validation_best" in rows.index else None
    told = _ranked(rows, titles, "test F1")
    if bound is None or not known(bound["value"]):
        return told
    return f"{told} The pairs' own validation F1, a bound, reaches {with_interval(bound)}."


def planted_recovery(metrics: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """The same for the planted relatedness of the tasks; empty where it is not known. Arguments as for
    ``who_ranks``."""
    rows = metrics[metrics["metric"] == PLANTED].set_index("selector")
    if rows.empty:
        return "The true relations between this corpus's tasks are not known, so this study cannot tell."
    return _ranked(rows, titles, "the planted relatedness")


def _ranked(rows: pd.DataFrame, titles: Mapping[str, str], truth: str) -> str:
    """rows: one metric, a rank correlation, by selector."""
    selectors = rows.drop(index=list(BOUNDS), errors="ignore").dropna(subset="value")
    if selectors.empty:
        return NOTHING_TO_RANK
    real = differs_from_random(selectors)
    better, worse = (int((real & above).sum()) for above in (selectors["value"] > 0, selectors["value"] < 0))
    best = selectors.loc[selectors["value"].idxmax()]
    return (
        f"{better:,} of {counted(len(selectors), 'selector')} {plural(better, 'orders', 'order')} sources better than "
        f"random order and {worse:,} worse (false discoveries controlled at 5 %). The highest rank correlation with "
        f"{truth} is {with_interval(best)}, of {named(best.name, titles)}."
    )


def prices(seconds: Mapping[str, float], titles: Mapping[str, str]) -> str:
    """How many selectors cost nothing beside the single-task models, and which costs most. seconds: by selector."""
    free = sum(not price for price in seconds.values())
    dearest = max(seconds, key=lambda name: seconds[name])
    opening = f"{free:,} of {counted(len(seconds), 'selector')} {plural(free, 'costs', 'cost')} nothing to compute"
    if not seconds[dearest]:
        return f"{opening}."
    needed = f"{duration(seconds[dearest])} of one worker before it can choose"
    return f"{opening}. The most expensive, {named(dearest, titles)}, needs {needed}."


def advice_list(table: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """The best selector of each price class, one line each. table: from ``advice``."""
    lines = []
    for row in table.to_dict("records"):
        if not known(row["value"]):
            lines.append(f"- *{row['kind']}*: none can be judged. {NOTHING_TO_RANK}")
            continue
        verdict = "not measurably different from random order"
        if row["differs"]:
            verdict = "better than random order" if row["value"] > 0 else "worse than random order"
        cost = f"it needs {duration(row['seconds'])} of one worker" if row["seconds"] else "it costs nothing to compute"
        lines.append(
            f"- *{row['kind']}*: of {counted(row['of'], 'selector')}, {named(row['selector'], titles)} orders sources "
            f"best, with a rank correlation of {with_interval(row)}. This is {verdict}; {cost}."
        )
    return "\n".join(lines)


def number_of_contenders(contenders: int, bounds: int) -> str:
    """How many selectors are compared, and how many of them only mark what is possible."""
    return f"{counted(contenders - bounds, 'selector')} and {counted(bounds, 'bound')} are compared."
