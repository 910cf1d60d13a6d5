"""Which sources look promising before any pair is trained: for the budget, and for rivals that need a first source."""

from dataclasses import replace

import numpy as np
import pandas as pd

from lib.runs.engine import train_missing
from lib.runs.plan import single_tries
from lib.runs.records import Model
from lib.runs.rivals import train_rivals
from lib.runs.sizes import FEWEST, POSITIVES, SCOUTED
from lib.runs.workbench import PARTS, Workbench
from lib.selection.contenders import PROMISING
from lib.selection.scoring import score_study
from lib.selectors.registry import SELECTORS
from lib.storage.tables import write_table
from lib.transfer.pairs import PAIR, selected_singles


def scout(bench: Workbench, singles: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The tables "feature_extraction", "selectors" and "selector_costs" of PROMISING alone, from few texts of every target.

    Each source reads about SCOUTED texts, spread over the targets, and as few of its own. For a study with a budget the
    tables are written; notebook 4 writes those of other studies. singles: the table of this name.
    """
    wanted = set(selected_singles(singles, "source")["run"])
    sources = [model for model in single_tries(bench) if model.run.id in wanted]
    train_missing(bench, sources, "sources whose weights are needed", weights=True)
    tables = score_study(scouting(bench), singles, SELECTORS[PROMISING].needs)
    if bench.study.budget_minutes is not None:
        for name, table in tables.items():
            write_table(bench.study.tables, name, table)
    return tables


def scouting_seconds(bench: Workbench, singles: pd.DataFrame) -> float:
    """About how many seconds of one worker ``scout`` takes, at the rate at which the single-task models predicted.

    singles: the table of this name.
    """
    predicted = sum(len(bench.tasks.split[part]) for part in PARTS)
    return texts_read(scouting(bench)) * float(singles["predict_seconds"].mean()) / predicted


def texts_read(bench: Workbench) -> int:
    """How many texts feature extraction reads with the selected models and with the pretrained encoder."""
    sources, targets = ([bench.drawn(task, side) for task in bench.tasks.names] for side in ("source", "target"))
    validation = len(bench.tasks.split["validation"])
    by_sources = sum(len(np.union1d(rows, np.concatenate(targets))) + validation for rows in sources)
    return len(bench.study.seeds) * by_sources + len(np.unique(np.concatenate([*sources, *targets]))) + validation


def scouting(bench: Workbench) -> Workbench:
    """The study with as few texts of every task as ``scout`` reads."""
    few = {"n": max(FEWEST // 4, min(2 * FEWEST, SCOUTED // len(bench.tasks.names))), "positives": POSITIVES}
    sides = {side: getattr(bench.study, side).model_copy(update=few) for side in ("source", "target")}
    return replace(bench, study=bench.study.model_copy(update=sides))


def promise(selectors: pd.DataFrame) -> pd.DataFrame:
    """The score of every pair by PROMISING, mean over seeds: source, target, score. selectors: the table of this name."""
    rows = selectors[selectors["selector"] == PROMISING]
    return rows.groupby(PAIR, as_index=False)["score"].mean()


def ranked_sources(selectors: pd.DataFrame) -> dict[str, list[str]]:
    """Every target's sources, the most promising first, equal ones by name. selectors: the table of this name."""
    ranked = promise(selectors).sort_values(["score", "source"], ascending=[False, True])
    return {target: rows["source"].tolist() for target, rows in ranked.groupby("target")}


def train_asked_rivals(bench: Workbench, singles: pd.DataFrame) -> list[Model]:
    """Train the rivals that the study asks for; those that need a first source take what PROMISING ranks first.

    singles: the table of this name. Returns the rivals, none where the study asks for none.
    """
    if not bench.study.rivals.kinds:
        return []
    scored = score_study(bench, singles, SELECTORS[PROMISING].needs)
    return train_rivals(bench, singles, ranked_sources(scored["selectors"]))
