"""ANSAT of a few texts, step by step, so that a reader can check it by hand (notebook 5)."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.attribution.ansat import activity, ansat_table
from lib.errors import InputError


def ansat_by_text(texts: Mapping[str, tuple[Sequence[float], Sequence[float]]], threshold: float) -> pd.DataFrame:
    """Which terms of each text are active in two models, and the models' ANSAT.

    Args:
        texts: text -> the conductance of its words in model A and in model B.
        threshold: activity from which a term counts as active.

    Returns:
        A row for each text: the terms that are active in A, in B and in both, and how many the latter are. Below them
        the row "ANSAT", the mean of their number.

    Raises:
        InputError: for a text that has more or fewer numbers than words.
    """
    words = [text.split() for text in texts]
    for text, terms, values in zip(texts, words, texts.values(), strict=True):
        if {len(side) for side in values} != {len(terms)}:
            raise InputError(f"'{text}' has {len(terms)} words; give as many numbers for each model")
    offsets = np.concatenate([[0], np.cumsum([len(terms) for terms in words])])
    sides = zip(*texts.values(), strict=True)
    models = {name: np.concatenate(side)[:, None] for name, side in zip("AB", sides, strict=True)}
    active = {name: activity(values, offsets)[:, 0] >= threshold for name, values in models.items()}
    active["both"] = active["A"] & active["B"]
    rows = [
        {f"active in {name}": _named(terms, found[first:last]) for name, found in active.items()}
        | {"shared": active["both"][first:last].sum()}
        for terms, first, last in zip(words, offsets[:-1], offsets[1:], strict=True)
    ]
    positives = np.ones((len(texts), 1), dtype=bool)
    table = ansat_table({"A": models["A"]}, {"B": models["B"]}, offsets, [threshold], positives, seed=0)
    rows.append({"shared": table.loc[table["probe"] == "all", "ansat"].item()})
    return pd.DataFrame(rows, index=pd.Index([*texts, "ANSAT"], name="text")).fillna("")


def _named(terms: Sequence[str], chosen: np.ndarray) -> str:
    return ", ".join(np.array(terms)[chosen])
