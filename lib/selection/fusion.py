"""Rankings of several selectors in one: reciprocal rank fusion."""

import numpy as np
import pandas as pd

from lib.selectors.registry import all_selectors

FUSED = {  # rankings that are fused by reciprocal rank, as Vu et al. fuse the first two
    "textemb_taskemb": ("TextEmb + TaskEmb", ("textemb", "taskemb")),
    "textemb_positives_taskemb": ("TextEmb, positives + TaskEmb", ("textemb_positives", "taskemb")),
    "consensus": ("consensus of all", tuple(name for name, each in all_selectors().items() if not each.caveat)),
}
FUSION = 60  # of reciprocal rank fusion (Cormack et al., SIGIR 2009)


def fuse(pairs: pd.DataFrame, components: np.ndarray) -> np.ndarray:
    """Reciprocal rank fusion: sum over components (pairs, components) of 1 / (60 + rank among the target's sources)."""
    groups = [pairs["target"].to_numpy(), pairs["seed"].to_numpy()]
    ranks = pd.DataFrame(components).groupby(groups).rank(ascending=False)
    return (1 / (FUSION + ranks)).sum(axis=1).to_numpy()
