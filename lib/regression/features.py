"""The regression's features of a pair, all from its two single-task models."""

import numpy as np
import pandas as pd

from lib.errors import InputError
from lib.transfer.pairs import CONFIGURATION, KEYS, selected_singles

OUTCOMES = ["validation_f1", "test_f1"]
ATTRIBUTION = ("ansat_", "cosine_", "spearman_")  # prefixes of the features that the controls remove or shuffle
MODELS = ("regression", "without_ansat", "shuffled_ansat")


def pair_features(
    pairs: pd.DataFrame,
    singles: pd.DataFrame,
    tasks: pd.DataFrame,
    ansat: pd.DataFrame | None = None,
    signed: pd.DataFrame | None = None,
    probe: str = "all",
) -> pd.DataFrame:
    """Keys, outcomes and the regression's features of every transfer model.

    The features are the *validation* F1 and average precision of the source's model that the pair started from and of the
    target's selected model; the number of texts and positives that either side is trained on; prevalences; the setting's
    number; and the similarities of the two models' conductances, where their tables are given.

    Args:
        pairs, singles, tasks: the tables of these names.
        ansat: the table "ansat", for the features ansat_t{threshold}_l{layer}.
        signed: the table "signed_similarity", for the features cosine_l{layer} and spearman_l{layer}.
        probe: probe texts that similarities are taken on, "all" or the target's "positives".

    Returns:
        A row per row of ``pairs``: source, target, setting, seed, validation_f1 and test_f1 (OUTCOMES), features.

    Raises:
        InputError: where a feature of a pair is missing.
    """
    frame = pairs[[*CONFIGURATION, "seed", *OUTCOMES, "source_run"]]
    scores = {"source": _scores(singles, "source", ["run"]).rename(columns={"run": "source_run"})}
    scores["target"] = _scores(selected_singles(singles, "target"), "target", ["target", "seed"])
    for side, table in scores.items():
        frame = frame.merge(table, how="left", validate="many_to_one")
        frame = frame.merge(_sizes(tasks, side), on=side, how="left", validate="many_to_one")
    frame = frame.drop(columns="source_run")
    for table, values in ((ansat, ["ansat"]), (signed, ["cosine", "spearman"])):
        if table is not None:
            frame = frame.merge(_wide(table, probe, values), on=KEYS, how="left", validate="many_to_one")
    return _complete(frame)


def with_selectors(features: pd.DataFrame, selectors: pd.DataFrame) -> pd.DataFrame:
    """The features and, as ``selector_{name}``, every score of the table "selectors"."""
    wide = selectors.pivot(index=KEYS, columns="selector", values="score").add_prefix("selector_").reset_index()
    return _complete(features.merge(wide, on=KEYS, how="left", validate="many_to_one"))


def feature_columns(features: pd.DataFrame) -> list[str]:
    """The columns that the regression reads: all but keys and outcomes."""
    return [name for name in features.columns if name not in (*KEYS, *OUTCOMES)]


def attribution_columns(features: pd.DataFrame) -> list[str]:
    """The columns that come from attribution: ANSAT, cosine and rank correlation of signed conductances."""
    return [name for name in features.columns if name.startswith(ATTRIBUTION)]


def _scores(singles: pd.DataFrame, side: str, keys: list[str]) -> pd.DataFrame:
    """Validation scores of single-task models with these keys, named after the models' side of the pair."""
    names = {f"validation_{score}": f"{side}_{score}" for score in ("f1", "average_precision")}
    return singles[[*keys, *names]].rename(columns=names)


def _sizes(tasks: pd.DataFrame, side: str) -> pd.DataFrame:
    renamed = tasks.rename(columns={"task": side, "prevalence": f"{side}_prevalence"})
    return renamed[[side, f"{side}_texts", f"{side}_positives", f"{side}_prevalence"]]


def _wide(table: pd.DataFrame, probe: str, values: list[str]) -> pd.DataFrame:
    """One row per (source, target, seed); one column per layer, and per threshold where the table has thresholds."""
    rows = table[table["probe"] == probe]
    if rows.empty:
        raise InputError(f"the table of {values[0]} has no rows for probe texts '{probe}'; run notebook 04 again")
    wide = rows.pivot(index=KEYS, columns=[name for name in ("threshold", "layer") if name in rows], values=values)
    wide.columns = [_column(*(key if isinstance(key, tuple) else (key,))) for key in wide.columns]
    return wide.reset_index()


def _column(value: str, *key: float) -> str:
    """The column's name: ansat_t0.3_l2, cosine_l2."""
    *threshold, layer = key
    return "_".join([value, *(f"t{tau:g}" for tau in threshold), f"l{layer:g}"])


def _complete(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame itself; InputError for a missing feature."""
    missing = frame[feature_columns(frame)].isna()
    if missing.any(axis=None):
        row, column = np.argwhere(missing.to_numpy())[0]
        pair = f"{frame['source'].iloc[row]} -> {frame['target'].iloc[row]} (seed {frame['seed'].iloc[row]})"
        raise InputError(f"pair {pair} has no {missing.columns[column]}; run notebooks 02 to 05 of this study again")
    return frame


def controlled(features: pd.DataFrame, model: str, seed: int) -> pd.DataFrame:
    """The features of one of MODELS.

    "without_ansat" drops all attribution columns. "shuffled_ansat" permutes them together across the sources of each
    target: their distribution and the target's level stay, but they describe another source.
    """
    if model not in MODELS:
        raise InputError(f"model '{model}' is unknown; use one of {', '.join(MODELS)}")
    columns = attribution_columns(features)
    if model == "regression" or not columns:
        return features
    if model == "without_ansat":
        return features.drop(columns=columns)
    rng = np.random.default_rng(seed)
    donors = {}
    for target, rows in sorted(features.groupby("target")["source"]):
        sources = np.unique(rows)
        donors |= {(source, target): donor for source, donor in zip(sources, rng.permutation(sources), strict=True)}
    values = features.drop_duplicates(KEYS).set_index(KEYS)[columns]
    keys = [(donors[pair.source, pair.target], pair.target, pair.seed) for pair in features[KEYS].itertuples()]
    return features.assign(**{name: values[name].loc[keys].to_numpy() for name in columns})


def feature_sets(
    pairs: pd.DataFrame, singles: pd.DataFrame, tasks: pd.DataFrame, ansat: pd.DataFrame, signed: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """The feature sets of the ablation: each has another part of the attribution's features.

    Args:
        pairs, singles, tasks, ansat: the tables of these names.
        signed: the table "signed_similarity".

    Returns:
        Name of the feature set -> features, as ``pair_features`` returns them.
    """
    everything = pair_features(pairs, singles, tasks, ansat, signed)
    columns = attribution_columns(everything)
    ansat_columns = [name for name in columns if name.startswith("ansat_")]
    signed_columns = [name for name in columns if name not in ansat_columns]
    sets = {
        "no attribution": everything.drop(columns=columns),
        "ANSAT": everything.drop(columns=signed_columns),
        "ANSAT on the target's positives": pair_features(pairs, singles, tasks, ansat, probe="positives"),
        "signed cosine and rank correlation": everything.drop(columns=ansat_columns),
        "ANSAT and signed measures": everything,
    }
    for title, part_of in (("ANSAT at layer", layer_of), ("ANSAT at threshold", threshold_of)):
        for value in sorted({part_of(name) for name in ansat_columns}):
            dropped = [name for name in ansat_columns if part_of(name) != value]
            sets[f"{title} {value}"] = everything.drop(columns=signed_columns + dropped)
    return sets


def threshold_of(name: str) -> float:
    """The threshold in the name of an ANSAT feature."""
    return float(name.split("_")[1].removeprefix("t"))


def layer_of(name: str) -> str:
    """The layer in the name of an attribution feature."""
    return name.rsplit("_l", 1)[1]
