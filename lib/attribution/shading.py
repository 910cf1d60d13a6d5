"""Texts as HTML, shaded by what a model relies on; everything that comes from a data set is escaped."""

import html
import unicodedata
from collections.abc import Sequence

import numpy as np

BLUE, ORANGE = "0,114,178", "230,159,0"  # red, green, blue; told apart by colour-blind readers (Okabe & Ito 2008)


def shaded_text(words: Sequence[str], scores: Sequence[float]) -> str:
    """Words as HTML, shaded by score over the largest |score|: blue for, orange against the positive class.

    Words are untrusted: markup is escaped, invisible and direction-changing characters are shown as their code.
    """
    largest = max((abs(score) for score in scores), default=0) or 1
    return " ".join(
        f'<bdi title="{score:+.4g}" style="background:rgba({BLUE if score > 0 else ORANGE},'
        f'{0.75 * abs(score) / largest:.3f})">{html.escape(_visible(word))}</bdi>'
        for word, score in zip(words, scores, strict=True)
    )


def shaded_table(words: Sequence[str], values: np.ndarray, layers: Sequence[int]) -> str:
    """One text shaded at several layers, one row each, as an HTML table. values: (words, L + 1)."""
    rows = "\n".join(
        f'<tr><th scope="row">layer {layer}</th>'
        f'<td style="text-align:left">{shaded_text(words, values[:, layer])}</td></tr>'
        for layer in layers
    )
    return f'<table style="background:#fff;color:#000">\n{rows}\n</table>'


def _visible(word: str) -> str:
    """Control, format and surrogate characters and line separators as their code, everything else as it is."""
    hidden = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return "".join(f"\\u{{{ord(c):x}}}" if unicodedata.category(c) in hidden else c for c in word)
