"""Which texts a task is trained on, and which texts every model is attributed on: seeded draws."""

import numpy as np

from lib.datasets.examples import Examples
from lib.datasets.split import duplicate_key, integer_codes, seeded_generator
from lib.datasets.tasks import TaskSet
from lib.errors import InputError
from lib.study.sections import Conductance, Regime


def draw_training_rows(taskset: TaskSet, task: str, regime: Regime) -> np.ndarray:
    """The training rows that a regime gives to a task, sorted, int64; None or too large an n: all.

    Keeps ``regime.positives`` (None: the task's own share) as far as there are positives and negatives, but at least
    one of each. The draw depends on the task's name and the regime's seed only; a larger n holds the rows of a smaller.
    """
    rows = taskset.split["train"]
    return _drawn(task, rows, taskset.column(task)[rows], regime)


def draw_examples(examples: Examples, regime: Regime) -> np.ndarray:
    """The training examples that a regime gives to a task of any type, sorted, int64: see ``draw_training_rows``.

    A share of positives holds for tasks of two classes only; of all others examples are drawn at random.
    """
    rows = examples.split["train"]
    if len(examples.names) == 2 and examples.type == "classification":
        return _drawn(examples.name, rows, np.asarray(examples.targets)[rows], regime)
    order = seeded_generator("regime", examples.name, regime.seed).permutation(rows)
    return np.sort(order[: regime.n])


def _drawn(task: str, rows: np.ndarray, labels: np.ndarray, regime: Regime) -> np.ndarray:
    """A regime's draw from these rows with their 0/1 labels, both (n,)."""
    if regime.n is None or regime.n >= len(rows):
        return rows
    order = seeded_generator("regime", task, regime.seed).permutation(len(rows))
    positives, negatives = (rows[order[labels[order] == label]] for label in (1, 0))
    share = labels.mean() if regime.positives is None else regime.positives
    n_positives = min(len(positives), regime.n - 1, max(1, round(share * regime.n)))
    n_positives = max(n_positives, regime.n - len(negatives))
    return np.sort(np.concatenate([positives[:n_positives], negatives[: regime.n - n_positives]]))


def probe_rows(taskset: TaskSet, config: Conductance) -> np.ndarray:
    """The rows that every model is attributed on: ``config.probe_texts`` of training and validation, sorted, int64.

    A share ``config.positives`` of them is drawn so that tasks have equally many positives, as far as labels that go
    together allow; the rest at random. No near-duplicates of each other or of a test text. InputError: too few texts.
    """
    keys = integer_codes(duplicate_key(text) for text in taskset.texts)
    allowed = np.concatenate([taskset.split["train"], taskset.split["validation"]])
    rows = seeded_generator("probes", config.seed).permutation(allowed)
    rows = rows[~np.isin(keys[rows], keys[taskset.split["test"]])]
    chosen: list[int] = []
    used: set[int] = set()
    _choose_positives(taskset, keys, rows, round(config.probe_texts * config.positives), chosen, used)
    for row in rows:
        if len(chosen) == config.probe_texts:
            break
        if keys[row] not in used:
            chosen.append(row)
            used.add(keys[row])
    _check_probes(taskset, chosen, config)
    return np.sort(np.array(chosen, dtype=np.int64))


def _choose_positives(
    taskset: TaskSet, keys: np.ndarray, rows: np.ndarray, n: int, chosen: list[int], used: set[int]
) -> None:
    """Add up to ``n`` rows to ``chosen`` (keys to ``used``): each time a positive of the task that has fewest."""
    waiting = {task: iter(rows[taskset.labels[rows, task] == 1]) for task in range(len(taskset.names))}
    counts = np.zeros(len(taskset.names))
    while len(chosen) < n and waiting:
        task = min(waiting, key=counts.__getitem__)
        row = next((row for row in waiting[task] if keys[row] not in used), None)
        if row is None:
            del waiting[task]
        else:
            chosen.append(row)
            used.add(keys[row])
            counts += taskset.labels[row]


def _check_probes(taskset: TaskSet, chosen: list[int], config: Conductance) -> None:
    if len(chosen) < config.probe_texts:
        raise InputError(
            f"conductance.probe_texts is {config.probe_texts}, but training and validation have only {len(chosen)} "
            "different texts that are not in test; lower conductance.probe_texts"
        )
    without = [name for name, n in zip(taskset.names, taskset.labels[chosen].sum(axis=0), strict=True) if n == 0]
    if without:
        raise InputError(
            f"conductance: no positive of task '{without[0]}' among {config.probe_texts} probe texts ({len(without)} "
            "such tasks in all); raise conductance.probe_texts or conductance.positives"
        )


def check_grid(taskset: TaskSet, config: Conductance) -> None:
    """InputError where a grid of these tasks could be trained but not analysed: too few tasks or probe texts."""
    if len(taskset.names) < 3:
        raise InputError(
            f"tasks: only {', '.join(taskset.names)}, where a study without budget_minutes needs three to rank sources; add "
            "tasks, or give budget_minutes"
        )
    probe_rows(taskset, config)
