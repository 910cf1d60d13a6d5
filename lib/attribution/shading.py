"""Texts as HTML, shaded by what a model relies on; everything that comes from a data set is escaped."""

import html
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

BLUE, ORANGE = "0,114,178", "230,159,0"  # red, green, blue; told apart by colour-blind readers (Okabe & Ito 2008)
GUIDE = "Blue terms speak for the label, orange ones against it; the darker, the more."
MARK = ";font-weight:bold;text-decoration:underline"


def shaded_text(words: Sequence[str], scores: Sequence[float], marked: Sequence[bool] | None = None) -> str:
    """Words as HTML, shaded by score over the largest |score|: blue for, orange against the positive class.

    Words are untrusted: markup is escaped, invisible and direction-changing characters are shown as their code.

    Args:
        words: of the text.
        scores: (words,).
        marked: (words,) which are bold and underlined; None: none.
    """
    largest = max((abs(score) for score in scores), default=0) or 1
    marks = [MARK if mark else "" for mark in ([False] * len(words) if marked is None else marked)]
    return " ".join(
        f'<bdi title="{score:+.4g}" style="background:rgba({BLUE if score > 0 else ORANGE},'
        f'{0.75 * abs(score) / largest:.3f}){mark}">{shown_word(word)}</bdi>'
        for word, score, mark in zip(words, scores, marks, strict=True)
    )


def shaded_table(words: Sequence[str], values: np.ndarray, layers: Sequence[int]) -> str:
    """One text shaded at several layers, one row each, as an HTML table. values: (words, L + 1)."""
    return shaded_rows((f"layer {layer}", shaded_text(words, values[:, layer])) for layer in layers)


def shaded_rows(rows: Iterable[tuple[str, str]]) -> str:
    """Shaded texts below each other as an HTML table, dark on white whatever the page. rows: a head and a text, as HTML."""
    style = "background:#fff;color:#000;text-align:left"  # of cells: JupyterLab's themes colour rows
    cells = "\n".join(
        f'<tr><th scope="row" style="{style}">{head}</th><td style="{style}">{text}</td></tr>' for head, text in rows
    )
    return f"<table>\n{cells}\n</table>"


def shown_word(word: str) -> str:
    """An untrusted word as HTML: escaped, and control, format and surrogate characters and line separators as their code."""
    hidden = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return html.escape("".join(f"\\u{{{ord(c):x}}}" if unicodedata.category(c) in hidden else c for c in word))
