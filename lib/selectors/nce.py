"""NCE (Tran et al., ICCV 2019, arXiv 1908.08142): negative conditional entropy of the target's labels."""

import numpy as np

from lib.selectors.registry import selector
from lib.stats.metrics import predicted_positive


@selector("NCE")
def nce(probabilities, labels):
    """-H(Y | Z) = mean log P(y | z), where Z is the class that the source's model predicts."""
    predicted = predicted_positive(probabilities).astype(int)
    joint = np.zeros((2, 2))
    np.add.at(joint, (labels, predicted), 1 / len(labels))
    given = joint / np.maximum(joint.sum(axis=0), np.finfo(float).tiny)
    return float(np.log(given[labels, predicted]).mean())
