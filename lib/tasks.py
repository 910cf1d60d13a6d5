"""From labels to binary tasks that share one split, so that no source model has seen a target's test text."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lib.datasets import PARTS, Corpus
from lib.errors import InputError
from lib.ledger import digest
from lib.study import Conductance, Regime, Split

_DROPPED = re.compile(r"(?:https?://|www\.)\S+|\brt\s+@\w+\s*:?|@\w+")
_FEWEST = {"train": 2, "validation": 1, "test": 1}  # positives, and negatives, without which a task cannot be judged


@dataclass(frozen=True, eq=False)
class TaskSet:
    """Binary tasks over the same texts.

    names: K tasks. texts, ids: N each. groups: N, or None. labels: (N, K) int8 in {0, 1}. split: "train",
    "validation", "test" -> sorted row numbers (int64); a row that a cap or cleaning left out is in none.
    findings: what was found and done, with counts.
    """

    names: list[str]
    texts: list[str]
    ids: list[str]
    groups: list[str] | None
    labels: np.ndarray
    split: dict[str, np.ndarray]
    findings: dict[str, int]

    def column(self, task: str) -> np.ndarray:
        """The labels of one task, (N,) int8."""
        return self.labels[:, self.names.index(task)]


def decompose(corpus: Corpus, tasks: list[str] | None, split: Split) -> TaskSet:
    """Cut a corpus into one binary task per label, with one split for all.

    tasks: the labels to use; None: all that are not constant. InputError: an unknown task, a split that cannot be
    drawn, or a task with too few positives or negatives in a part of the split.
    """
    names, findings = _choose_tasks(corpus, tasks)
    texts = corpus.messages["text"].tolist()
    groups = None if corpus.messages["group"].isna().all() else corpus.messages["group"].tolist()
    keys = _codes(duplicate_key(text) for text in texts)
    findings["texts that nearly repeat an earlier one"] = len(keys) - len(np.unique(keys))
    if split.use_official and not corpus.messages["split"].isna().any():
        parts, found = _official_split(corpus, keys, groups, split.clean)
    else:
        parts, found = _drawn_split(corpus.name, keys, groups, split)
    parts, left_out = _cap(parts, split)
    labels = corpus.labels[names].to_numpy(dtype=np.int8)
    _check_counts(corpus.name, names, labels, parts)
    return TaskSet(names, texts, corpus.messages["id"].tolist(), groups, labels, parts, findings | found | left_out)


def _choose_tasks(corpus: Corpus, tasks: list[str] | None) -> tuple[list[str], dict[str, int]]:
    labels = list(corpus.labels.columns)
    if tasks is None:
        names = [name for name in labels if corpus.labels[name].nunique() > 1]
        if len(names) < 2:
            raise InputError(f"{corpus.name}: {len(names)} label(s) have both classes; transfer needs at least two")
        return names, {"constant labels left out": len(labels) - len(names)}
    for name in tasks:
        if name not in labels:
            close = difflib.get_close_matches(name, labels, 3, cutoff=0.4) or labels
            raise InputError(f"{corpus.name}: no label '{name}' for tasks; did you mean {' or '.join(close):.300}?")
    return list(tasks), {}


def duplicate_key(text: str) -> str:
    """What two near-duplicates have in common: the text in lower case, without URLs, mentions and retweet prefixes.

    A text of nothing else (a bare URL) keeps what it has: such texts are not repetitions of each other.
    """
    lowered = text.lower()
    return " ".join(_DROPPED.sub(" ", lowered).split()) or " ".join(lowered.split())


def _codes(values: Iterable[str]) -> np.ndarray:
    return pd.factorize(np.array(list(values), dtype=object))[0]


def _official_split(
    corpus: Corpus, keys: np.ndarray, groups: list[str] | None, clean: bool
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """The corpus's own split; what straddles it is counted and, with ``clean``, near-duplicates are dropped.

    A validation or test text that nearly repeats a training text goes, and a validation text that repeats a test text.
    """
    column = corpus.messages["split"].to_numpy()
    parts = {part: np.flatnonzero(column == part) for part in PARTS}
    for part, rows in parts.items():
        if not len(rows):
            raise InputError(f"{corpus.name}: its split has no {part} texts; add some, or set 'use_official: false'")
    parts, findings = _repeats(parts, keys, clean)
    if groups is not None:
        straddling = pd.Series(column).groupby(groups).nunique() > 1
        findings["groups in more than one part of the split"] = int(straddling.sum())
    return parts, findings


def _repeats(
    parts: dict[str, np.ndarray], keys: np.ndarray, clean: bool
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Near-duplicates across the parts of a split, counted and, with ``clean``, dropped from validation and test."""
    parts, findings = dict(parts), {}
    for part, other in (("test", "train"), ("validation", "train"), ("validation", "test")):
        repeats = np.isin(keys[parts[part]], keys[parts[other]])
        name = {"train": "training", "test": "test"}[other]
        findings[f"near-duplicates of {name} texts in {part}{' dropped' if clean else ''}"] = int(repeats.sum())
        parts[part] = parts[part][~repeats] if clean else parts[part]
    return parts, findings


def _drawn_split(
    name: str, keys: np.ndarray, groups: list[str] | None, split: Split
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """A random split by components: texts linked by a group or by near-duplication stay together.

    Large components are placed first, each where most texts are still wanted, so shares are met as well as they can be.
    Where short texts occur in every group, all would be one component: with ``split.clean`` only groups stay together,
    and near-duplicates of training texts are dropped from validation and test.
    """
    apart = split.clean and groups is not None
    components = keys if groups is None else _codes(groups) if apart else _components(keys, _codes(groups))
    sizes = np.bincount(components)
    if split.validation + split.test >= 1:
        raise InputError("split.validation + split.test must be below 1, to leave texts for training")
    shares = np.array([1 - split.validation - split.test, split.validation, split.test])
    wanted = shares * len(components)
    order = _generator("split", split.seed).permutation(len(sizes))
    home = np.empty(len(sizes), dtype=int)
    for component in order[np.argsort(-np.floor(np.log2(sizes[order])), kind="stable")]:
        home[component] = wanted.argmax()
        wanted[home[component]] -= sizes[component]
    parts = {part: np.flatnonzero(home[components] == number) for number, part in enumerate(PARTS)}
    for part, rows in parts.items():
        if not len(rows):
            raise InputError(
                f"{name}: no texts left for {part}, as groups and near-duplicates stay together in {len(sizes)} blocks"
                "; use finer groups, leave out 'group', or set split.clean: true, which drops near-duplicates from "
                "validation and test instead"
            )
    return _repeats(parts, keys, clean=True) if apart else (parts, {})


def _components(keys: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The connected component of every text, where a text links its near-duplicate key to its group."""
    n_keys = keys.max() + 1
    size = n_keys + groups.max() + 1
    links = coo_array((np.ones(len(keys)), (keys, n_keys + groups)), shape=(size, size))
    return connected_components(links, directed=False)[1][keys]


def _cap(parts: dict[str, np.ndarray], split: Split) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """At most so many validation and test texts, at random; a larger cap holds all texts of a smaller one."""
    capped, findings = dict(parts), {}
    for part, most in (("validation", split.max_validation), ("test", split.max_test)):
        rows = parts[part]
        if most is not None and len(rows) > most:
            capped[part] = np.sort(_generator("cap", part, split.seed).permutation(rows)[:most])
            findings[f"{part} texts left out by max_{part}"] = len(rows) - most
    return capped, findings


def _generator(*parts: object) -> np.random.Generator:
    """A generator seeded by a hash of what the draw is for: the same in every process and on every machine."""
    return np.random.default_rng(int(digest(parts), 16))


def _check_counts(corpus: str, names: list[str], labels: np.ndarray, parts: dict[str, np.ndarray]) -> None:
    faults = []
    for part, rows in parts.items():
        positives = labels[rows].sum(axis=0)
        for kind, counts in (("positives", positives), ("negatives", len(rows) - positives)):
            faults += [
                f"'{name}' has {count} {kind} in {part} (at least {_FEWEST[part]})"
                for name, count in zip(names, counts.tolist(), strict=True)
                if count < _FEWEST[part]
            ]
    if faults:
        more = f" and {len(faults) - 4} more" if len(faults) > 4 else ""
        raise InputError(
            f"{corpus}: task {'; '.join(faults[:4])}{more}: leave such labels out of 'tasks', or give these parts of "
            "the split more texts"
        )


def draw_training_rows(taskset: TaskSet, task: str, regime: Regime) -> np.ndarray:
    """The training rows that a regime gives to a task, sorted, int64; None or too large an n: all.

    Keeps ``regime.positives`` (None: the task's own share) as far as there are positives and negatives, but at least
    one of each. The draw depends on the task's name and the regime's seed only; a larger n holds the rows of a smaller.
    """
    rows = taskset.split["train"]
    if regime.n is None or regime.n >= len(rows):
        return rows
    labels = taskset.column(task)[rows]
    order = _generator("regime", task, regime.seed).permutation(rows)
    positives = order[taskset.column(task)[order] == 1]
    negatives = order[taskset.column(task)[order] == 0]
    share = labels.mean() if regime.positives is None else regime.positives
    n_positives = min(len(positives), regime.n - 1, max(1, round(share * regime.n)))
    n_positives = max(n_positives, regime.n - len(negatives))
    return np.sort(np.concatenate([positives[:n_positives], negatives[: regime.n - n_positives]]))


def probe_rows(taskset: TaskSet, config: Conductance) -> np.ndarray:
    """The rows that every model is attributed on: ``config.probe_texts`` of training and validation, sorted, int64.

    A share ``config.positives`` of them is drawn so that tasks have equally many positives, as far as labels that go
    together allow; the rest at random. No near-duplicates of each other or of a test text. InputError: too few texts.
    """
    keys = _codes(duplicate_key(text) for text in taskset.texts)
    allowed = np.concatenate([taskset.split["train"], taskset.split["validation"]])
    rows = _generator("probes", config.seed).permutation(allowed)
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
            "different texts that are not in test; lower it"
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
            f"a study without budget_minutes needs three tasks, to rank sources; it has {', '.join(taskset.names)}"
        )
    probe_rows(taskset, config)


def task_table(taskset: TaskSet, source: Regime, target: Regime) -> pd.DataFrame:
    """Table "tasks": one row per task with its texts and positives, in each part of the split and in both regimes."""
    frame = pd.DataFrame({"task": taskset.names})
    for part, rows in taskset.split.items():
        frame[f"n_{part}"] = len(rows)
        frame[f"{part}_positives"] = taskset.labels[rows].sum(axis=0, dtype=np.int64)
    frame["prevalence"] = frame["train_positives"] / frame["n_train"]
    for side, regime in (("source", source), ("target", target)):
        drawn = [draw_training_rows(taskset, task, regime) for task in taskset.names]
        frame[f"{side}_texts"] = [len(rows) for rows in drawn]
        frame[f"{side}_positives"] = [
            int(taskset.column(task)[rows].sum()) for task, rows in zip(taskset.names, drawn, strict=True)
        ]
    return frame


def duplicate_table(taskset: TaskSet) -> pd.DataFrame:
    """Near-duplicates per part of the split: texts, those that repeat one of their own part, and a training text."""
    keys = _codes(duplicate_key(text) for text in taskset.texts)
    rows = []
    for part in PARTS:
        own = keys[taskset.split[part]]
        repeats = 0 if part == "train" else int(np.isin(own, keys[taskset.split["train"]]).sum())
        within = len(own) - len(np.unique(own))
        rows.append({"part": part, "texts": len(own), "repeat_own_part": within, "repeat_training": repeats})
    return pd.DataFrame(rows)


def co_occurrence(taskset: TaskSet) -> pd.DataFrame:
    """Phi coefficients between labels over the training texts, (tasks, tasks) in [-1, 1]."""
    phi = np.corrcoef(taskset.labels[taskset.split["train"]], rowvar=False)
    return pd.DataFrame(phi, index=taskset.names, columns=taskset.names)


def text_lengths(taskset: TaskSet) -> np.ndarray:
    """Words per text, separated by white space, (N,) int64."""
    return np.array([len(text.split()) for text in taskset.texts], dtype=np.int64)
