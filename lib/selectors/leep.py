"""LEEP (Nguyen et al., ICML 2020, arXiv 2002.12462): how well the source's predictions predict the target's labels."""

import numpy as np

from lib.selectors.registry import selector


@selector("LEEP")
def leep(probabilities, labels):
    """Mean log sum_z P(y | z) theta(x)_z. theta(x): the source's class probabilities; P(y | z): the empirical ones."""
    theta = np.stack([1 - probabilities, probabilities], axis=1).astype(np.float64)
    joint = np.stack([theta[labels == y].sum(axis=0) for y in (0, 1)]) / len(labels)  # P(y, z)
    given = joint / np.maximum(joint.sum(axis=0), np.finfo(float).tiny)
    return float(np.log((theta * given[labels]).sum(axis=1)).mean())
