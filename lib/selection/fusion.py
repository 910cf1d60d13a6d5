"""Reciprocal rank fusion: the rankings of several selectors in one."""

import numpy as np
import pandas as pd

from lib.selectors.registry import all_selectors

FUSED = {  # name -> title and the selectors that are fused; Vu et al. fuse the first two
    "textemb_taskemb": ("TextEmb + TaskEmb", ("textemb", "taskemb")),
    "textemb_positives_taskemb": ("TextEmb, positives + TaskEmb", ("textemb_positives", "taskemb")),
    "consensus": ("consensus of all", tuple(name for name, selector in all_selectors().items() if not selector.caveat)),
}
FUSION = 60  # the constant of reciprocal rank fusion (Cormack et al., SIGIR 2009)


def fuse(pairs: pd.DataFrame, components: np.ndarray) -> np.ndarray:
    """Sum over components of 1 / (60 + rank among the target's sources): (pairs,). components: (pairs, components) scores.

    pairs: target and seed of every row of the components.
    """
    groups = [pairs["target"].to_numpy(), pairs["seed"].to_numpy()]
    ranks = pd.DataFrame(components).groupby(groups).rank(ascending=False)
    return (1 / (FUSION + ranks)).sum(axis=1).to_numpy()
