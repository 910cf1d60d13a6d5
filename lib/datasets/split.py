"""One split for all tasks, so that no source model has seen a target's test text."""

import math
import re
from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lib.datasets.corpus import PARTS, Corpus
from lib.errors import InputError
from lib.storage.ledger import digest
from lib.study.sections import Split

_DROPPED = re.compile(r"(?:https?://|www\.)\S+|\brt\s+@\w+\s*:?|@\w+")


def duplicate_key(text: str) -> str:
    """What two near-duplicates have in common: the text in lower case, without URLs, mentions and retweet prefixes.

    A text of nothing else (a bare URL) keeps what it has: such texts are not repetitions of each other.
    """
    lowered = text.lower()
    return " ".join(_DROPPED.sub(" ", lowered).split()) or " ".join(lowered.split())


def integer_codes(values: Iterable[str]) -> np.ndarray:
    return pd.factorize(np.array(list(values), dtype=object))[0]


def official_split(
    corpus: Corpus, keys: np.ndarray, groups: list[str] | None, clean: bool
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """The corpus's own split; what straddles it is counted.

    Args:
        corpus: with a split for every text.
        keys: (N,) equal for near-duplicates.
        groups: N groups, or None.
        clean: drop near-duplicates: of training texts from validation and test, and of test texts from validation.

    Returns:
        Part -> sorted row numbers, and what was found, with counts. Test may have none.

    Raises:
        InputError: training or validation has no text.
    """
    column = corpus.messages["split"].to_numpy()
    parts = {part: np.flatnonzero(column == part) for part in PARTS}
    for part in ("train", "validation"):
        if not len(parts[part]):
            raise InputError(f"{corpus.name}: its split has no {part} texts; add some, or set 'use_official: false'")
    parts, findings = repeats_across(parts, keys, clean)
    if groups is not None:
        straddling = pd.Series(column).groupby(groups).nunique() > 1
        findings["groups in more than one part of the split"] = int(straddling.sum())
    return parts, findings


def repeats_across(
    parts: dict[str, np.ndarray], keys: np.ndarray, clean: bool
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Near-duplicates across the parts of a split, counted and, with ``clean``, dropped from validation and test.

    parts: part -> row numbers. keys: (N,) equal for near-duplicates.
    """
    parts, findings = dict(parts), {}
    for part, other in (("test", "train"), ("validation", "train"), ("validation", "test")):
        repeats = np.isin(keys[parts[part]], keys[parts[other]])
        name = {"train": "training", "test": "test"}[other]
        findings[f"near-duplicates of {name} texts in {part}{' dropped' if clean else ''}"] = int(repeats.sum())
        parts[part] = parts[part][~repeats] if clean else parts[part]
    return parts, findings


def drawn_split(
    name: str, keys: np.ndarray, groups: list[str] | None, split: Split
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """A random split by components: texts linked by a group or by near-duplication stay together.

    Where short texts occur in every group, all would be one component: with ``split.clean`` only groups stay together, and
    near-duplicates of training texts are dropped from validation and test.

    Args:
        name: of the corpus, for messages.
        keys: (N,) equal for near-duplicates.
        groups: N groups, or None.
        split: shares, seed, and whether to clean. With a share of 0 there are no test texts.

    Returns:
        Part -> sorted row numbers, and what was found, with counts.

    Raises:
        InputError: the shares leave no text for training, or the blocks none for a part.
    """
    apart = split.clean and groups is not None
    components = (
        keys if groups is None else integer_codes(groups) if apart else _components(keys, integer_codes(groups))
    )
    homes = place_blocks(components, [split.validation, split.test], split.seed)
    parts = {part: np.flatnonzero(homes == number) for number, part in enumerate(PARTS)}
    for part, rows in parts.items():
        if not len(rows) and not (part == "test" and split.test == 0):
            raise InputError(
                f"{name}: no texts left for {part}, as groups and near-duplicates stay together in "
                f"{components.max() + 1} blocks; use finer groups, leave out 'group', or set split.clean: true, which "
                "drops near-duplicates from validation and test instead"
            )
    return repeats_across(parts, keys, clean=True) if apart else (parts, {})


def place_blocks(blocks: np.ndarray, drawn: list[float], seed: int) -> np.ndarray:
    """The part of every text, where the texts of a block stay together.

    Large blocks are placed first, each where most texts are still wanted, so that shares are met as well as they can be.

    Args:
        blocks: (N,) number of each text's block, from 0.
        drawn: shares of the parts that are drawn; training, part 0, gets the rest.
        seed: of the draw.

    Returns:
        (N,) numbers of parts: 0 for training, then in the order of ``drawn``.

    Raises:
        InputError: the shares leave no text for training.
    """
    if sum(drawn) >= 1:
        raise InputError("split.validation + split.test must be below 1, to leave texts for training")
    sizes = np.bincount(blocks)
    wanted = np.array([np.subtract.reduce([1, *drawn]), *drawn]) * len(blocks)
    order = seeded_generator("split", seed).permutation(len(sizes))
    home = np.empty(len(sizes), dtype=int)
    for block in order[np.argsort(-np.floor(np.log2(sizes[order])), kind="stable")]:
        home[block] = wanted.argmax()
        wanted[home[block]] -= sizes[block]
    return home[blocks]


def _components(keys: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The connected component of every text, where a text links its near-duplicate key to its group."""
    n_keys = keys.max() + 1
    size = n_keys + groups.max() + 1
    links = coo_array((np.ones(len(keys)), (keys, n_keys + groups)), shape=(size, size))
    return connected_components(links, directed=False)[1][keys]


def cap(
    parts: dict[str, np.ndarray], split: Split, labels: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, int]]:
    """At most so many validation and test texts, at random; a larger cap holds all texts of a smaller one.

    With ``split.min_positives`` every task keeps as many positives, as far as there are: see ``stratified``.

    Args:
        parts: part -> row numbers.
        split: the two caps, the positives to keep, and the seed.
        labels: (N, K) of all texts.

    Returns:
        The capped parts, the weights of texts of those parts whose texts do not all count alike, and what was left out.
    """
    capped, weights, findings = dict(parts), {}, {}
    for part, most in (("validation", split.max_validation), ("test", split.max_test)):
        rows = parts[part]
        if most is None or len(rows) <= most:
            continue
        findings[f"{part} texts left out by max_{part}"] = len(rows) - most
        order = seeded_generator("cap", part, split.seed).permutation(rows)
        if split.min_positives is None:
            capped[part] = np.sort(order[:most])
            continue
        drawn, weight, kept = stratified(order, labels[order], most, split.min_positives, f"split.max_{part}")
        if kept < split.min_positives:
            findings[f"positives of a task, in place of min_positives, that fit into max_{part}"] = kept
        place = np.argsort(drawn)
        capped[part], weights[part] = drawn[place], weight[place]
    return capped, weights, findings


def stratified(
    order: np.ndarray, labels: np.ndarray, most: int, fewest: int, key: str
) -> tuple[np.ndarray, np.ndarray, int]:
    """A sample in which every task has positives enough, and the weight that each text then stands for.

    A text belongs to the stratum of the rarest task that it is positive for, or to that of the texts without any
    label. From the rarest stratum on, as many are drawn as the task still lacks, at least in proportion; the last
    stratum fills the sample. Weights are inverse probabilities of the draw within the stratum, scaled to a mean of 1,
    so that weighted sums estimate those of the whole part without bias (up to the scale).

    Args:
        order: (n,) rows in the order in which they are drawn. labels: (n, K) their labels.
        most: texts to draw. fewest: positives that every task keeps, as far as it has them. Where this leaves too few texts
            to the last stratum, strata that lack nothing get less than their proportion, and then tasks fewer positives.
        key: the parameter to blame when ``most`` is too small for a single positive of every task.

    Returns:
        rows (at most ``most``), their weights, and the positives that every task keeps.

    Raises:
        InputError: see ``key``.
    """
    rarest_first = np.argsort(labels.sum(axis=0), kind="stable")
    positive = labels[:, rarest_first] == 1
    tasks = positive.shape[1]
    stratum = np.where(positive.any(axis=1), positive.argmax(axis=1), tasks)
    members = [np.flatnonzero(stratum == number) for number in range(tasks + 1)]
    while fewest:
        for proportion in PROPORTIONS:
            if chosen := _chosen(members, positive, most, fewest, proportion):
                sizes = [(len(drawn), len(all)) for drawn, all in zip(chosen, members, strict=True) if len(drawn)]
                weight = np.concatenate([np.full(drawn, all / drawn) for drawn, all in sizes])
                return order[np.concatenate(chosen)], weight / weight.mean(), fewest
        fewest = fewest * 4 // 5
    raise InputError(f"{key}: {most} texts are too few for a positive of each of {tasks} tasks; raise {key}")


PROPORTIONS = (1.0, 0.8, 0.6, 0.4, 0.2)  # of its even share that a stratum which lacks nothing gets at least


def _chosen(
    members: list[np.ndarray], positive: np.ndarray, most: int, fewest: int, proportion: float
) -> list[np.ndarray] | None:
    """The texts of each stratum that ``stratified`` draws; None where they leave less than a fifth of the sample, and less
    than half of its share, to the last one."""
    chosen, have, drawn, last = [], np.zeros(positive.shape[1]), 0, len(members) - 1
    for number, own in enumerate(members):
        even = most * len(own) / len(positive)  # the stratum's share of an even draw
        size = max(math.ceil(proportion * even), fewest - int(have[number])) if number < last else most - drawn
        size = min(size, len(own))
        if number == last and size < min(even / 2, most / 5):
            return None
        chosen.append(own[:size])
        have += positive[own[:size]].sum(axis=0)
        drawn += size
    return chosen


def seeded_generator(*parts: object) -> np.random.Generator:
    """A generator seeded by a hash of what the draw is for: the same in every process and on every machine."""
    return np.random.default_rng(int(digest(parts), 16))


def with_validation(split: pd.Series) -> pd.Series:
    """The parts of the split, every tenth training text in "validation": for a collection that came without one."""
    split = split.copy()
    split.iloc[np.flatnonzero(split == "train")[9::10]] = "validation"
    return split
