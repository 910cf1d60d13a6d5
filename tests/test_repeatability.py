"""What one seed's grid tells of another's: nothing where F1 is luck, everything where it is the source's doing."""

import numpy as np
import pandas as pd
import pytest
from grids import grid, names, pair, single

from lib.figures import plot_repeatability
from lib.repeatability import repeatability
from lib.study import Ranking
from lib.tables import check

CONFIG = Ranking(bootstrap=200)


def table(frames: dict) -> pd.DataFrame:
    found = check("repeatability", repeatability(frames["singles"], frames["pairs"], CONFIG), "test")
    return found.set_index(["ranked_by", "other_seed", "metric"])


def test_what_a_source_does_is_found_again_with_another_seed():
    found = table(grid(10, signal=3.0, seeds=3))
    assert found.loc[("test_f1", False, "spearman"), "value"] == pytest.approx(1)
    assert (found["value"].unstack("metric")["spearman"] > 0.9).all()
    gains = found["value"].unstack("metric")["gain"]
    assert gains["test_f1", True] == pytest.approx(gains["test_f1", False], abs=0.02) and (gains > 0.2).all()
    assert (found["low"] <= found["value"]).all() and (found["value"] <= found["high"]).all()


def test_luck_is_lost_with_another_seed():
    found = table(grid(20, signal=0.0, seeds=2))["value"].unstack("metric")
    assert abs(found["spearman"]["test_f1", True]) < 0.15 and abs(found["spearman"]["validation_f1", True]) < 0.15
    assert found["gain"]["test_f1", False] > found["gain"]["test_f1", True] + 0.02


def test_gains_are_over_no_transfer_of_the_same_seed_as_the_test():
    tasks = names(3)
    singles = [single(task, 0.5, 0.5 + 0.1 * seed, seed=seed) for task in tasks for seed in (0, 1)]
    pairs = [
        pair(source, target, 0.6, 0.7 + 0.1 * (source < target) + 0.1 * seed, seed=seed)
        for source in tasks for target in tasks if source != target for seed in (0, 1)
    ]  # fmt: skip
    found = table({"singles": pd.DataFrame(singles), "pairs": pd.DataFrame(pairs)})["value"]
    np.testing.assert_allclose(found["test_f1", True, "gain"], (0.2 + 0.3 + 0.3) / 3)
    np.testing.assert_allclose(found["validation_f1", True, "spearman"], 0)  # validation is all equal: it ranks nothing


def test_the_figure_shows_every_way_of_ranking_once():
    frames = grid(4, seeds=2)
    panels = plot_repeatability(repeatability(frames["singles"], frames["pairs"], CONFIG)).axes
    assert [tick.get_text() for tick in panels[0].get_yticklabels()][-1] == "test F1, same seed"
    assert panels[0].collections[1].get_offsets()[-1].tolist() == [1, 3] and all(axes.get_xlabel() for axes in panels)
