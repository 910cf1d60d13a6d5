"""Small grids whose relations are known, for the tests of what comes after training."""

import numpy as np
import pandas as pd

from lib.transfer.pairs import CONFIGURATION

AB, AC, BA, BC, CA, CB = CONFIGURATIONS = [(a, b, 0) for a in "ABC" for b in "ABC" if a != b]
PARTS, KINDS = ("validation", "test"), ("f1", "average_precision", "precision", "recall")
SIDES = ("source", "target")


def names(n: int) -> list[str]:
    return [f"task{position:02d}" for position in range(n)]


def row(run: str, validation: float, test: float, train: float = 1.0, total: float = 2.0, **keys) -> dict:
    """One row of "singles" or "pairs"; all scores of a part are its F1."""
    scores = {f"{part}_{kind}": f1 for part, f1 in zip(PARTS, (validation, test), strict=True) for kind in KINDS}
    return keys | scores | {"run": run, "train_seconds": train, "total_seconds": total}


def single(task: str, validation: float, test: float, side: str = "both", seed: int = 0, **more) -> dict:
    keys = {"target": task, "side": side, "setting": 0, "seed": seed, "selected": True, "collapsed": False}
    return row(f"{task}/{side}/{seed}", validation, test, **(keys | more))


def pair(source: str, target: str, validation: float, test: float, setting: int = 0, seed: int = 0, **more) -> dict:
    keys = {"source": source, "target": target, "setting": setting, "seed": seed}
    return row(f"{source}>{target}/{setting}/{seed}", validation, test, **(keys | more))


def grid(n_tasks: int = 6, signal: float = 1.0, seeds: int = 1, settings: int = 1, seed: int = 0) -> dict:
    """Tables of a grid whose pair F1 = the target's level + 0.1 signal z + noise, where ANSAT at layer 1 shows z."""
    rng = np.random.default_rng(seed)
    tasks, singles, pairs, ansat, signed = names(n_tasks), [], [], [], []
    level = dict(zip(tasks, rng.uniform(0.4, 0.6, n_tasks), strict=True))
    for number in range(seeds):
        singles += [single(task, level[task], level[task] - 0.01, side, number) for task in tasks for side in SIDES]
    for source in tasks:
        for target in (task for task in tasks if task != source):
            z = rng.normal()
            for number in range(seeds):
                for setting in range(settings):
                    f1 = np.clip(level[target] + 0.1 * signal * z + rng.normal(0, 0.02, 2), 0, 1)
                    more = {"train": float(rng.uniform(1, 3)), "total": float(rng.uniform(4, 6))}
                    more["source_run"] = f"{source}/source/{number}"
                    pairs.append(pair(source, target, *map(float, f1), setting, number, **more))
                keys = {"source": source, "target": target, "seed": number, "probe": "all"}
                for layer in (0, 1):
                    shown = z if layer == 1 else rng.normal()
                    signed.append(keys | {"layer": layer, "cosine": rng.normal(), "spearman": rng.normal()})
                    for threshold in (0.2, 0.5):
                        value = max(0.0, 5 + shown + rng.normal(0, 0.3))
                        ansat.append(keys | {"layer": layer, "threshold": threshold, "ansat": value, "jaccard": 0.5})
    sizes = {"source_texts": 200, "target_texts": 100, "target_positives": 25}
    table = pd.DataFrame({"task": tasks, "prevalence": 0.1, "source_positives": range(50, 50 + n_tasks)} | sizes)
    frames = {"singles": singles, "pairs": pairs, "ansat": ansat, "signed_similarity": signed}
    return {"tasks": table} | {name: pd.DataFrame(rows) for name, rows in frames.items()}


def three_targets() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Singles and pairs of three targets. Without transfer: A .5/.4, B .4/.5, C .3/.3 (validation/test).

    Pairs take 10 s of training and 12 s in all, single-task models 6 s in all.
    """
    singles = [single("A", 0.5, 0.4, total=6.0), single("B", 0.4, 0.5, total=6.0), single("C", 0.3, 0.3, total=6.0)]
    scores = {BA: (0.6, 0.5), CA: (0.7, 0.6), AB: (0.3, 0.9), CB: (0.35, 0.2), AC: (0.6, 0.5), BC: (0.4, 0.7)}
    pairs = [pair(*configuration[:2], *f1, train=10.0, total=12.0) for configuration, f1 in scores.items()]
    return pd.DataFrame(singles), pd.DataFrame(pairs)


def scores_of(values: dict) -> pd.DataFrame:
    """Scores of configurations as a table: source, target, setting, score."""
    rows = [(*configuration, score) for configuration, score in values.items()]
    return pd.DataFrame(rows, columns=[*CONFIGURATION, "score"])
