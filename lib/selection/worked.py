"""Selectors to play with: the metrics of an order that is given by hand, and a fusion of one's own choice (notebook 8)."""

from collections.abc import Mapping, Sequence

import pandas as pd

from lib.errors import InputError
from lib.selection.comparison import REFERENCE, compare, selector_metrics
from lib.selection.contenders import Scored
from lib.selection.fusion import fuse
from lib.study.sections import Ranking
from lib.transfer.pairs import CONFIGURATION, PAIR

SHOWN = ["regret_at_1", "rank_of_best", "spearman"]
YOURS = "your fusion"


def metrics_of_order(scores: Mapping[str, float], test_f1: Mapping[str, float]) -> pd.DataFrame:
    """The metrics SHOWN of the order in which scores put the sources of one target.

    Args:
        scores: by source, larger for a better one.
        test_f1: by source, of its pair with the target.

    Returns:
        A row for each metric: its value, and random, the exact expectation of a random order.

    Raises:
        InputError: where a source has no score.
    """
    pairs = pd.DataFrame({"source": list(test_f1), "target": "target", "setting": 0, "test_f1": list(test_f1.values())})
    pairs["validation_f1"] = pairs["test_f1"]  # which picks among the settings of a pair; there is only one
    scored = pd.DataFrame({"source": list(scores), "target": "target", "score": list(scores.values())})
    return selector_metrics(scored, pairs).set_index("metric").loc[SHOWN, ["value", "random"]]


def judge_fusion(
    scored: Sequence[Scored], names: Sequence[str], configurations: pd.DataFrame, config: Ranking
) -> pd.DataFrame:
    """How well selectors of one's own choice rank sources, each alone and all fused by reciprocal rank.

    Args:
        scored: the selectors of the study, the static mean among them.
        names: of the selectors that are fused.
        configurations: from ``pair_configurations``.
        config: bootstrap draws and seed.

    Returns:
        A row for each selector, YOURS first: the rank correlation with its interval (spearman, low, high), regret_at_1.

    Raises:
        InputError: for a name that is no selector of the study.
    """
    known = {each.name: each for each in scored}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise InputError(f"{unknown or 'an empty list'}: choose selectors of this study, {', '.join(known)}")
    judged = [Scored(YOURS, _fused([known[name].scores for name in names])), *(known[name] for name in names)]
    reference = [] if REFERENCE in names else [known[REFERENCE]]
    metrics = compare([*judged, *reference], configurations, config).set_index(["selector", "metric"])
    rows = [each.name for each in judged]
    ranks = metrics.xs("spearman", level="metric").loc[rows, ["value", "low", "high"]]
    regret = metrics.xs("regret_at_1", level="metric").loc[rows, "value"]
    return ranks.rename(columns={"value": "spearman"}).assign(regret_at_1=regret)


def _fused(scores: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """source, target, setting, score: a source counts with its largest score, as in ``selector_metrics``."""
    largest = pd.concat([each.groupby(PAIR)["score"].max() for each in scores], axis=1)
    pairs = largest.index.to_frame(index=False).assign(seed=0, setting=0)
    return pairs.assign(score=fuse(pairs, largest.to_numpy()))[[*CONFIGURATION, "score"]]
