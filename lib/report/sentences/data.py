"""What notebook 1 finds in the corpus and its tasks, in sentences."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lib.report.headline import duration
from lib.report.sentences.words import code, counted, listing, number, percent, plural
from lib.stats.significance import FEWEST

INDEPENDENT = 0.1  # |phi| below which two labels are called nearly independent
NAMED = 3  # tasks that a sentence names; of more it gives the number


def corpus_as_tasks(tasks: pd.DataFrame, left_out: pd.DataFrame, budget_minutes: float | None = None) -> str:
    """How many tasks there are over how many texts, which labels are no tasks, and what validation can show of a choice
    within a budget. tasks, left_out: the tables of these names.
    """
    first = tasks.iloc[0]
    parts = (f"{first['n_train']:,} training", f"{first['n_validation']:,} validation")
    over = f"There are {counted(len(tasks), 'task')} over {listing([*parts, _tested(first['n_test'])])} texts."
    told = [over, labels_left_out(left_out), visible_gains(tasks) if budget_minutes is not None else ""]
    return " ".join(filter(None, told))


def _tested(texts: int) -> str:
    return f"{texts:,} test" if texts else "no test"


def labels_left_out(left_out: pd.DataFrame) -> str:
    """Every label that is no task, by reason; empty where there is none. left_out: the table of this name."""
    if left_out.empty:
        return ""
    reasons = (
        f"{listing(map(code, rows['label']))} ({reason})" for reason, rows in left_out.groupby("reason", sort=False)
    )
    become = plural(len(left_out), "does not become a task", "do not become tasks")
    return f"{counted(len(left_out), 'label')} {become}: {'; '.join(reasons)}."


def visible_gains(tasks: pd.DataFrame) -> str:
    """How small a gain validation can show, over the tasks. tasks: the table of this name."""
    visible, texts = tasks["validation_smallest_difference"], counted(tasks["n_validation"].iloc[0], "validation text")
    blind = int(visible.isna().sum())
    too_few = f"fewer than {FEWEST} positives there"
    if blind == len(tasks):
        return f"With {texts}, no gain can be seen: every task has {too_few}. More validation texts show more."
    finest, coarsest = (percent(share, 0) for share in (visible.min(), visible.max()))
    below = finest if finest == coarsest else f"{finest} to {coarsest}, by task,"
    none = f", and no gain at all in {counted(blind, 'task')} with {too_few}" if blind else ""
    return f"With {texts}, a gain in recall below {below} cannot be seen{none}."


def task_sizes(tasks: pd.DataFrame) -> str:
    """The range of prevalences, and which tasks have the fewest positives in test, or in validation where there are no
    test texts. tasks: the table of this name.
    """
    rarest, commonest = (tasks.loc[pick] for pick in (tasks["prevalence"].idxmin(), tasks["prevalence"].idxmax()))
    if rarest["prevalence"] == commonest["prevalence"]:
        spread = f"All {counted(len(tasks), 'task')} have {percent(rarest['prevalence'])} positives in training."
    else:
        ends = [
            f"{percent(task['prevalence'])} ({code(task['task'])}, {counted(task['train_positives'], 'positive')})"
            for task in (rarest, commonest)
        ]
        spread = f"Over the {len(tasks)} tasks, the share of positives in training ranges from {ends[0]} to {ends[1]}."
    part = _judged(tasks)
    fewest = tasks[f"{part}_positives"].min()
    names = tasks.loc[tasks[f"{part}_positives"] == fewest, "task"]
    who = listing(map(code, names)) if len(names) <= NAMED else counted(len(names), "task")
    return f"{spread} {_no_test(tasks)}F1 is least certain where {part} has the fewest positives: {fewest:,} in {who}."


def _judged(tasks: pd.DataFrame) -> str:
    return "test" if tasks["n_test"].any() else "validation"


def _no_test(tasks: pd.DataFrame) -> str:
    return "" if tasks["n_test"].any() else "No test texts: everything is decided and reported on validation. "


def smallest_differences(tasks: pd.DataFrame) -> str:
    """How small a difference in recall the positives in test (without test texts: in validation) can show, and of which
    tasks none. tasks: the table.
    """
    part = _judged(tasks)
    visible = tasks.set_index("task")[f"{part}_smallest_difference"]
    blind = visible.index[visible.isna()]
    rule = (
        f"{_no_test(tasks)}Two models must differ on at least {FEWEST} positives, with the same one right on all of them, "
        "before the difference is outside the noise (a two-sided sign test at 5 %)."
    )
    if len(blind) == len(visible):
        return f"{rule} No task has that many positives in {part}, so no difference can be seen."
    median, finest, coarsest = (percent(share, 0) for share in (visible.median(), visible.min(), visible.max()))
    seen = f"So the smallest difference in recall that can be seen on {part} is {median} in the median task"
    spread = f", {finest} in the largest and {coarsest} in the smallest." if finest != coarsest else "."
    if not len(blind):
        return f"{rule} {seen}{spread}"
    names = listing(map(code, blind)) if len(blind) <= NAMED else counted(len(blind), "task")
    return f"{rule} {seen}{spread} No difference can be seen in {names}: too few positives."


def split_sizes(duplicates: pd.DataFrame) -> str:
    """How large the parts are, and how many held-out texts nearly repeat a training text.

    duplicates: from ``duplicate_table``, a row per part.
    """
    parts = duplicates.set_index("part")
    sizes, held_out = parts["texts"], ["validation", *(["test"] if parts["texts"]["test"] else [])]
    tested = f"{sizes['test']:,} for test" if sizes["test"] else "none for test"
    opening = (
        f"{counted(sizes['train'], 'text')} {plural(sizes['train'], 'is', 'are')} for training, "
        f"{sizes['validation']:,} for validation and {tested}."
    )
    repeats = parts["repeat_training"][held_out]
    if not repeats.any():
        return f"{opening} No {' or '.join(held_out)} text nearly repeats a training text."
    told = (f"{repeats[part]:,} of the {part} texts" for part in repeats.index)
    return f"{opening} {listing(told)} nearly repeat a training text."


def corrections(counts: Mapping[str, int]) -> str:
    """Whether anything in the corpus was corrected, left out or merely found. counts: texts or labels, by finding."""
    found = sum(count > 0 for count in counts.values())
    if not found:
        return "Nothing in the corpus had to be corrected or left out."
    checks = counted(found, "check")
    return f"{checks} of the corpus found something. The table says what, and in how many cases."


def label_overlap(phi: pd.DataFrame) -> str:
    """Which labels occur together most, and how many pairs of labels are nearly independent.

    phi: (tasks, tasks) correlations of labels, from ``co_occurrence``; NaN where a label never varies.
    """
    upper = np.triu(np.ones(phi.shape, dtype=bool), 1)
    pairs = phi.where(upper).stack().dropna()
    if pairs.empty:
        return "Phi is undefined: no two labels vary in the training texts."
    first, second = pairs.idxmax()
    if pairs.max() > 0:
        closest = f"{code(first)} and {code(second)} occur together most (phi {number(pairs.max())})."
    else:
        closest = f"No two labels occur together more often than by chance (largest phi {number(pairs.max())})."
    apart = int((pairs.abs() < INDEPENDENT).sum())
    return (
        f"{closest} {apart:,} of {counted(len(pairs), 'pair')} of labels {plural(apart, 'is', 'are')} nearly "
        f"independent (phi between -{INDEPENDENT:g} and {INDEPENDENT:g})."
    )


def text_lengths(words: np.ndarray, wordpieces: np.ndarray, limit: int) -> str:
    """How long the median text is, and how many texts may be cut. words, wordpieces: (texts,) lengths of each text."""
    cut = int((wordpieces >= limit).sum())
    ends = f"{cut:,} of {counted(len(words), 'text')} {plural(cut, 'reaches', 'reach')}" if cut else "No text reaches"
    after = f" and may lose {plural(cut, 'its', 'their')} end" if cut else ""
    return (
        f"The median text has {counted(round(np.median(words)), 'word')} and "
        f"{counted(round(np.median(wordpieces)), 'wordpiece')}. {ends} the limit of {limit} wordpieces{after}."
    )


def planned_work(estimated: pd.DataFrame, workers: int, budget_minutes: float | None = None) -> str:
    """How many models there are to train, and how long that will take. estimated: the table "estimate"."""
    training = estimated["phase"].str.startswith("training")
    models, seconds = int(estimated.loc[training, "models"].sum()), estimated["seconds"].sum()
    shared = f", {duration(seconds / workers)} with {workers} workers" if workers > 1 else ""
    work = f"{counted(models, 'model')}, about {duration(seconds)} of one worker{shared}"
    if budget_minutes is None:
        return f"To be trained and analysed: {work}."
    minutes = f"{budget_minutes:g} {plural(budget_minutes, 'minute', 'minutes')}"
    return (
        f"The whole grid would be {work}. The study trains its single-task models, then every target from other "
        f"starts, until its budget of {minutes} is spent."
    )
