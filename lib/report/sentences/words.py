"""How numbers, counts and names are written inside a sentence, so that it reads well whatever its numbers are."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from lib.report.figures.style import label

UNDEFINED = "undefined"


def known(*values: float | None) -> bool:
    """Whether every value is there: neither None, nor NaN, nor infinite."""
    return all(value is not None and math.isfinite(value) for value in values)


def number(value: float | None, digits: int = 2) -> str:
    """A number with so many decimals, never "-0.00"; a missing one is "undefined"."""
    return f"{_rounded(value, digits):,.{digits}f}" if known(value) else UNDEFINED


def change(value: float | None, digits: int = 3) -> str:
    """A difference with its sign; one that is rounded to zero has none."""
    if not known(value):
        return UNDEFINED
    rounded = _rounded(value, digits)
    return f"{rounded:+,.{digits}f}" if rounded else f"{rounded:.{digits}f}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share as "12.4 %"."""
    return f"{number(100 * share, digits)} %" if known(share) else UNDEFINED


def relative_change(share: float | None, digits: int = 1) -> str:
    """A relative difference as "+12.4 %"."""
    return f"{change(100 * share, digits)} %" if known(share) else UNDEFINED


def megabytes(size: float) -> str:
    """Bytes as "45.1 MB"."""
    return f"{number(size / 1e6, 1)} MB"


def _rounded(value: float, digits: int) -> float:
    return round(float(value), digits) + 0.0  # -0.0 + 0.0 is 0.0


def with_interval(row: Mapping, write: Callable[[float], str] = number) -> str:
    """The value of a row {value, low, high} with its 95 % interval: "0.31 (0.10 to 0.50)".

    The interval is left out where it is missing.
    """
    text = write(row["value"])
    return f"{text} ({write(row['low'])} to {write(row['high'])})" if known(row["low"], row["high"]) else text


def side_of_zero(row: Mapping) -> int:
    """1 where the interval of a row {low, high} lies above 0, -1 where it lies below, else 0, also where it is
    missing."""
    if not known(row["low"], row["high"]):
        return 0
    return int(row["low"] > 0) - int(row["high"] < 0)


def counted(count: int, noun: str, nouns: str = "") -> str:
    """A count with its noun: "1 pair", "2 pairs"."""
    return f"{count:,} {plural(count, noun, nouns or f'{noun}s')}"


def plural(count: int, one: str, several: str) -> str:
    """The word that goes with a count."""
    return one if count == 1 else several


def listing(items: Iterable[str]) -> str:
    """Items as "a", "a and b" or "a, b and c"."""
    *first, last = items
    return f"{', '.join(first)} and {last}" if first else last


def named(name: str, titles: Mapping[str, str] = MappingProxyType({})) -> str:
    """A selector, order or measure as figures name it, in italics, since such names may hold commas."""
    return f"*{label(name, titles)}*"


def code(name: object) -> str:
    """A name as a Markdown code span that stands for itself whatever its characters are (task names come from data)."""
    text = " ".join(str(name).split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"
