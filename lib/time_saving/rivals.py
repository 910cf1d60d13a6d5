"""What one may do instead of choosing a source, as procedures on the clock of the orders."""

import numpy as np
import pandas as pd

from lib.study.sections import Ranking
from lib.time_saving.costs import ACCOUNTINGS
from lib.time_saving.curves import Comparison, Curve, comparison
from lib.transfer.pairs import of_side, single_validation
from lib.transfer.rivals import BEST_PAIR

WITH_SOURCES = (
    "fused",
    "fused_top",
    "joint_pair",
)  # rivals that need the sources' models, or a selector's look at them


def rival_curves(
    singles: pd.DataFrame,
    pairs: pd.DataFrame,
    models: pd.DataFrame,
    costs: pd.DataFrame,
    config: Ranking,
    attribution: float,
) -> list[Curve]:
    """Every rival under both accountings: target after target is trained, and validation may prefer no transfer.

    All-inclusive, a rival pays for the single-task models of the targets, those of the sources where it needs them, and
    whatever it trains. The paper's accounting counts only the training of what is trained for the targets.

    Args:
        singles, pairs: the tables of these names.
        models: from ``transfer.rivals.rival_models``.
        costs: from ``transfer.rivals.rival_costs``.
        config, attribution: as for ``curves.comparison``.

    Returns:
        Two curves per rival; none for the validation-best pairs, which are the grid.
    """
    common, drawn = comparison(singles, pairs, config, attribution), []
    for rival, own in models.groupby("rival", sort=False):
        if rival == BEST_PAIR:
            continue
        f1 = rival_progress(common, own, single_validation(singles))
        for accounting in ACCOUNTINGS:
            ready, seconds = rival_seconds(rival, accounting, singles, costs.loc[rival].reindex(common.grid.targets))
            drawn.append(common.curve(rival, accounting, seconds, f1, ready=ready))
    return drawn


def rival_progress(common: Comparison, models: pd.DataFrame, single_f1: pd.Series) -> np.ndarray:
    """Test F1 after 0, 1, ... targets have their rival: (targets, seeds, targets + 1).

    models: one rival's, of every target and seed; one without a seed of its own stands for all. single_f1: by target,
    validation F1 without transfer, which the rival's mean over seeds has to exceed.
    """
    grid = common.grid
    f1 = np.repeat(grid.single_test[:, :, None], len(grid.targets) + 1, axis=2)
    for position, target in enumerate(grid.targets):
        rows = models[models["target"] == target].sort_values("seed")
        if rows["validation_f1"].mean() > single_f1[target]:
            f1[position, :, position + 1 :] = rows["test_f1"].to_numpy()[:, None]
    return f1


def rival_seconds(rival: str, accounting: str, singles: pd.DataFrame, costs: pd.DataFrame) -> tuple[float, np.ndarray]:
    """When no transfer can be used, and when 0, 1, ... targets have their rival, in seconds of one worker.

    Args:
        rival: its name.
        accounting: one of ACCOUNTINGS.
        singles: the table of this name.
        costs: the rival's rows of ``transfer.rivals.rival_costs``, by target in the order of training.

    Returns:
        ready, and seconds (targets + 1,).
    """
    if accounting == "paper":
        return 0.0, np.concatenate([[0.0], np.cumsum(costs["train_seconds"])])
    ready = float(of_side(singles, "target")["total_seconds"].sum())
    shared, own = 0.0, costs["total_seconds"]
    if rival in WITH_SOURCES:
        shared = float(singles["total_seconds"].sum()) - ready
    else:
        own = own + costs["source_seconds"]
    return ready, ready + shared + np.concatenate([[0.0], np.cumsum(own)])
