"""The terms that two tasks share, as HTML: ANSAT of all pairs, and a text as the models of both read it."""

import html
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from lib.attribution.ansat import activity
from lib.attribution.shading import GUIDE, shaded_rows, shaded_text, shown_word
from lib.report.figures.style import QUANTITIES
from lib.report.sentences.words import counted, listing, number, plural

CELL = "padding:.2em .3em;text-align:center"
FRAME = ";box-shadow:inset 0 0 0 2px #000,inset 0 0 0 4px #fff"  # seen on any background


def matrix_html(matrix: pd.DataFrame, pair: tuple[str, str]) -> str:
    """A heat map, the darker the more, with one pair framed. matrix: from ``ansat_matrix``; pair: source and target."""
    least, most = np.nanmin(matrix), np.nanmax(matrix)

    def cell(source: str, target: str) -> str:
        value = matrix.loc[source, target]
        if np.isnan(value):
            return "<td></td>"
        share = (value - least) / (most - least) if most > least else 0.0
        style = f"{CELL};background:{to_hex(QUANTITIES(share))};color:{'#fff' if share > 0.7 else '#000'}"
        return f'<td style="{style}{FRAME if (source, target) == pair else ""}">{number(value)}</td>'

    width = "max-width:5.5em;margin:auto"
    heads = "".join(
        f'<th scope="col" style="{CELL}"><div style="{width}">{_named(target)}</div></th>' for target in matrix
    )
    rows = "\n".join(
        f'<tr><th scope="row" style="white-space:nowrap;{CELL};text-align:right">{html.escape(source)}</th>'
        f"{''.join(cell(source, target) for target in matrix)}</tr>"
        for source in matrix.index
    )
    caption = "<caption>Shared active terms per text (ANSAT). A row is a source, a column a target.</caption>"
    head = f"{caption}\n<thead><tr><td></td>{heads}</tr></thead>"
    return f'<table style="font-size:85%;line-height:1.4">{head}\n<tbody>{rows}</tbody></table>'


def pair_told(matrix: pd.DataFrame, source: str, target: str) -> str:
    """How many terms a pair shares, and how many other sources share more with its target: a sentence in HTML.

    matrix: from ``ansat_matrix``.
    """
    if source == target:
        return "<p>A task is no source of itself: choose two tasks.</p>"
    others, value = matrix[target].drop(source).dropna(), matrix.loc[source, target]
    more = int((others > value).sum())
    return (
        f"<p><b>{_named(source)}</b> and <b>{_named(target)}</b> share {number(value)} active terms per text. Of the "
        f"target's {counted(len(others), 'other source')}, {more:,} {plural(more, 'shares', 'share')} more.</p>"
    )


def text_told(
    words: Sequence[str], source: np.ndarray, target: np.ndarray, threshold: float, names: tuple[str, str]
) -> str:
    """One text as the models of a pair read it, and the terms that are active in both, as HTML.

    Args:
        words: of the text, untrusted.
        source, target: conductance of the words in the two models, (words,).
        threshold: activity from which a term counts as active.
        names: of the two tasks.
    """
    whole, sides = np.array([0, len(words)]), {"source": source, "target": target}
    active = {side: activity(values[:, None], whole)[:, 0] >= threshold for side, values in sides.items()}
    shared = active["source"] & active["target"]
    rows = [
        (
            f"{side} {_named(name)}: {counted(int(active[side].sum()), 'active term')}",
            shaded_text(words, values, shared),
        )
        for name, (side, values) in zip(names, sides.items(), strict=True)
    ]
    terms = [f"<b>{shown_word(word)}</b>" for word, is_shared in zip(words, shared, strict=True) if is_shared]
    told = f"{counted(len(terms), 'term')} of this text {plural(len(terms), 'is', 'are')} active in both models"
    named = f": {listing(terms)}" if terms else ""
    return f"<p>{told}{named}.</p>\n{shaded_rows(rows)}\n<p>Shared terms are underlined. {GUIDE}</p>"


def _named(task: str) -> str:
    """A task's name as HTML that may be broken at its underscores."""
    return html.escape(task).replace("_", "_<wbr>")
