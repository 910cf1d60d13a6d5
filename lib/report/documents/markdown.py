"""How tables, figures and numbers are written in Markdown."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from lib.report.captions import CAPTIONS
from lib.report.documents.published import PublishedStudy
from lib.report.sentences.words import change, number, percent, with_interval

ABSENT = "–"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table. heads, rows: the cells as they are to be read."""
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in (heads, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(heads), *lines[1:]])


def frame(rows: pd.DataFrame) -> str:
    """A data frame as a Markdown table; fractions with three digits."""
    cells = rows.map(lambda value: f"{value:.3g}" if isinstance(value, float) else str(value))
    return table(list(cells.columns), cells.itertuples(index=False, name=None))


def figure(study: PublishedStudy, name: str, root: str) -> str:
    """A published figure with its caption, whose first sentence is its alternative text; empty where the study has none.

    root: the way to the project's folder.
    """
    if not (study.folder / f"{name}.png").exists():
        return ""
    first = CAPTIONS[name].split(". ")[0].rstrip(".")
    return f"![{first}]({root}figures/{study.name}/{name}.png)\n*{CAPTIONS[name]}*"


def correlation(row: Mapping | None) -> str:
    """A rank correlation {value, low, high} as "0.37 (0.21 to 0.53)"."""
    return ABSENT if row is None else with_interval(row)


def rank(study: PublishedStudy, selector: str) -> str:
    """A selector's rank correlation in a study, bold where it differs from random order; a dash where it has none."""
    if selector not in study.ranks.index:
        return ABSENT
    row = study.ranks.loc[selector]
    return f"**{correlation(row)}**" if row["differs"] else correlation(row)


def gain(row: Mapping | None) -> str:
    """A difference of scores {value, low, high} as "+0.025 (-0.010 to +0.058)"."""
    return ABSENT if row is None else with_interval(row, change)


def loss(row: Mapping | None) -> str:
    """A share {value, low, high} as "0.9 % (-1.9 % to 3.9 %)"."""
    return ABSENT if row is None else with_interval(row, percent)


def f1(value: float) -> str:
    return number(value, 3)
