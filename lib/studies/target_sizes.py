"""Where does a source help at all? The same targets with few and with many training texts, alone and from three starts.

A size changes keys of the study, such as the targets' texts and settings. Sources are trained once for all sizes.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lib.runs.engine import train_missing, train_models
from lib.runs.plan import frozen_models, fused_models, single_models, sources_to_train, transfer_models
from lib.runs.results import run_table, select_settings
from lib.runs.workbench import open_workbench
from lib.stats.bootstrap import mean_over_targets, target_weights
from lib.studies.first_source import first_sources
from lib.study.extends import overlay
from lib.study.parameters import Study
from lib.study.sections import Ranking
from lib.transfer.pairs import selected_singles

STARTS = ("frozen", "fused", "transfer")  # kinds of models that are compared with the target alone
METRICS, PARTS = ("average_precision", "f1"), ("validation", "test")
COLUMNS = [
    "kind", "target", "source", "seed", "positives", "steps", *(f"{part}_{metric}" for part in PARTS for metric in METRICS),
    "train_seconds", "total_seconds", "collapsed",
]  # fmt: skip


def sizes(study: Study) -> Iterator[tuple[int, Study]]:
    """Every size and draw of the targets' texts: the number of the draw, and a study of its own in the same ledger."""
    for name, size in study.target_sizes.items():
        for draw in range(size.draws):
            yield draw, study.varied("target_sizes", name, overlay(size.changes, {"target": {"seed": draw}}))


def train_size(draw: int, study: Study) -> pd.DataFrame:
    """Train all targets of one size and draw; returns its rows of the table "target_sizes"."""
    bench, label = open_workbench(study), f"{study.target.n} texts, draw {draw}"
    singles = select_settings(run_table(bench, train_models(bench, single_models(bench), f"{label}: targets alone")))
    chosen = first_sources(bench, singles)
    pairs = [model for model in transfer_models(bench, singles) if model.source == chosen[model.target]]
    models = [*pairs, *fused_models(bench, singles), *frozen_models(bench, singles)]
    train_missing(bench, sources_to_train(bench, models), f"{label}: sources whose weights are needed", weights=True)
    models = train_models(bench, models, f"{label}: three starts")
    rows = pd.concat([selected_singles(singles, "target"), run_table(bench, models)], ignore_index=True)
    return rows[COLUMNS].assign(size=study.target.n, draw=draw)


def gains_by_size(models: pd.DataFrame, config: Ranking) -> pd.DataFrame:
    """What each start adds to training alone, with 95 % intervals over targets: table "target_size_gains".

    models: the table "target_sizes". Draws and seeds are averaged within a target first.
    """
    weights = target_weights(models["target"].nunique(), config.bootstrap, np.random.default_rng(config.seed))
    columns = {f"{part}_{metric}": (part, metric) for part in PARTS for metric in METRICS}
    means = models.groupby(["size", "kind", "target"])[list(columns)].mean()
    rows = []
    for size in means.index.unique("size"):
        for kind in STARTS:
            gains = means.loc[size, kind] - means.loc[size, "single"]
            for column, (part, metric) in columns.items():
                row = {"size": size, "kind": kind, "metric": metric, "part": part}
                spread = mean_over_targets(weights, gains[column])
                rows.append(row | spread | {"share_gaining": (gains[column] > 0).mean()})
    return pd.DataFrame(rows)


def best_starts(gains: pd.DataFrame) -> dict[int, str]:
    """With which start to train at each size, by validation: size -> kind.

    Of the starts whose interval of the gain in average precision lies above 0, the one with the largest gain; "single"
    where there is none. gains: the table "target_size_gains".
    """
    judged = gains[(gains["metric"] == "average_precision") & (gains["part"] == "validation")]
    best = judged[judged["low"] > 0].sort_values("value").drop_duplicates("size", keep="last").set_index("size")["kind"]
    return {size: best.get(size, "single") for size in sorted(judged["size"].unique())}
