"""F1 lost, pair by pair, on one target whose scores are given by hand, so that a reader can check it (notebook 7)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lib.study.sections import Ranking
from lib.time_saving.curves import curves
from lib.time_saving.orders import Order

SECONDS = 10.0  # of training each pair
ALONE = "no transfer"


def losses_by_pair(alone: tuple[float, float], pairs: Mapping[str, tuple[float, float]]) -> pd.DataFrame:
    """What is lost while the pairs of one target are trained one after another, by the paper's accounting.

    Args:
        alone: F1 of the target's single-task model on validation and on test.
        pairs: source -> F1 of its pair on validation and on test, in the order of training.

    Returns:
        A row for each moment, the first one before any pair: trained (the last source), share_of_time, used (the
        validation-best model by then), its test_f1, and lost, the missing share of the F1 of the whole grid.
    """
    keys = {"target": "target", "setting": 0, "seed": 0, "train_seconds": SECONDS, "total_seconds": SECONDS}
    scores = pd.DataFrame([alone, *pairs.values()], columns=["validation_f1", "test_f1"]).assign(**keys)
    single = scores[:1].assign(side="target", selected=True)
    trained = scores[1:].assign(source=list(pairs))
    order = Order("by hand", tuple((source, "target", 0) for source in pairs))
    curve = curves([order], single, trained, Ranking(bootstrap=10), attribution=0.0)[0]
    names, validation = [ALONE, *pairs], scores["validation_f1"].to_numpy()
    return pd.DataFrame(
        {
            "trained": ["", *pairs],
            "share_of_time": curve.seconds / curve.grid_seconds,
            "used": [names[np.argmax(validation[:count])] for count in range(1, len(names) + 1)],
            "test_f1": curve.f1[0],
            "lost": curve.loss[0],
        }
    ).set_index("trained")
