"""H-score (Bao et al., ICIP 2019) with shrinkage (Ibrahim et al., ECML PKDD 2022, arXiv 2110.06893)."""

import numpy as np
from scipy.linalg import pinvh
from sklearn.covariance import ledoit_wolf

from lib.selectors.registry import selector


@selector("H-score")
def hscore(features, labels):
    """tr(S^-1 (1 - a) B): S the covariance of the features shrunk by a (Ledoit-Wolf), B that of their class means."""
    features = np.asarray(features, dtype=np.float64)
    covariance, shrinkage = ledoit_wolf(features)
    means = np.stack([features[labels == label].mean(axis=0) for label in np.unique(labels)])
    between = np.repeat(means, [(labels == label).sum() for label in np.unique(labels)], axis=0) - features.mean(axis=0)
    return float((1 - shrinkage) * np.einsum("ni,ij,nj->", between, pinvh(covariance), between) / len(labels))
