"""LogME (You et al., ICML 2021, arXiv 2102.11005): the evidence of a linear model of the labels."""

import numpy as np
from scipy.optimize import minimize_scalar

from lib.selectors.registry import selector

RANGE = np.log(10) * 10  # the ratio of the two precisions is searched within this many e-folds of the largest s^2


@selector("LogME")
def logme(features, labels):
    """Mean over both classes of max log p(y | F) / n, where y = F w + noise, w ~ N(0, 1/alpha), noise ~ N(0, 1/beta).

    That is y ~ N(0, (I + F F' / r) / beta) with r = alpha / beta: the best beta has a closed form, r is searched
    on a line. The determinant is that of the full n x n matrix, so that there may be fewer texts than features. Published
    code sums only min(n, d) of the d terms log(alpha + beta s^2) and overstates the evidence there.
    """
    left, singular, _ = np.linalg.svd(np.asarray(features, dtype=np.float64), full_matrices=False)
    classes = np.stack([labels == 0, labels == 1]).astype(np.float64)
    return float(np.mean([_evidence(left.T @ y, singular**2, y) for y in classes]) / len(labels))


def _evidence(projected: np.ndarray, eigenvalues: np.ndarray, y: np.ndarray) -> float:
    """The largest log evidence. projected: (r,) U'y; eigenvalues: (r,) s^2; y: (n,), not all 0."""
    outside = max(0.0, y @ y - projected @ projected)

    def negative(log_ratio: float) -> float:
        shrunk = 1 + eigenvalues / np.exp(log_ratio)
        misfit = outside + (projected**2 / shrunk).sum()
        return 0.5 * (len(y) * np.log(2 * np.pi * np.e * misfit / len(y)) + np.log(shrunk).sum())

    centre = np.log(max(eigenvalues.max(), np.finfo(float).tiny))
    grid = np.linspace(centre - RANGE, centre + RANGE, 101)
    best = grid[np.argmin([negative(each) for each in grid])]
    step = grid[1] - grid[0]
    return -minimize_scalar(negative, bounds=(best - step, best + step), method="bounded").fun
