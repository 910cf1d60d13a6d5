"""The gain of every pair over training without transfer, and whether it is more than noise."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lib.errors import InputError
from lib.stats.bootstrap import f1_draws, interval, mean_over_targets, nested_weights, target_weights, weighted_counts
from lib.stats.metrics import predicted_positive
from lib.stats.significance import discoveries, two_sided
from lib.study.sections import Ranking
from lib.transfer.pairs import CONFIGURATION, best_settings, pair_configurations, reported, selected_singles


def transfer_matrix(
    singles: pd.DataFrame,
    pairs: pd.DataFrame,
    step_matched: pd.DataFrame,
    probabilities: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    draws: int = 1000,
    seed: int = 0,
    weights: np.ndarray | None = None,
) -> pd.DataFrame:
    """Gain of every pair over the target's two baselines, with 95 % intervals.

    The baselines are the validation-best single-task model (``gain``) and a single-task model with as many steps as
    source and target together (``gain_over_step_matched``). Scores are means over seeds at the pair's validation-best
    setting. Intervals and p-values come from a paired bootstrap: the pair and its baselines are judged on the same drawn
    test texts and seeds. A pair helps or hurts where its gain is significant, with false discoveries among all pairs
    controlled.

    Args:
        singles, pairs, step_matched: the tables of these names.
        probabilities: run id -> (n_test,) test probabilities of the positive class.
        labels: task -> (n_test,) test labels, 0 or 1.
        draws: number of bootstrap resamples.
        seed: of the resampling.
        weights: (n_test,) how many texts each test text stands for; None: all alike.

    Returns:
        The table "transfer_matrix".

    Raises:
        InputError: where stored probabilities are missing or do not give the table's F1.
    """
    baseline = selected_singles(singles, "target")
    matrix = best_settings(pair_configurations(pairs)).drop(columns=["train_seconds", "total_seconds"])
    means = baseline.groupby("target")[["test_f1", "validation_f1"]].mean().add_prefix("single_")
    means["step_matched_test_f1"] = step_matched.groupby("target")["test_f1"].mean()
    matrix = matrix.merge(means.reset_index(), on="target", how="left", validate="many_to_one")
    rng = np.random.default_rng(seed)
    texts = weighted_counts(len(next(iter(labels.values()))), weights, draws, rng)
    seeds = nested_weights(1, pairs["seed"].nunique(), draws, rng)[:, 0]
    runs, scores = _runs(baseline, step_matched, pairs, matrix), _test_scores(singles, step_matched, pairs)
    gains = []
    for target, rows in matrix.groupby("target", sort=False):
        pair_runs = runs["pair"].loc[pd.MultiIndex.from_frame(rows[CONFIGURATION])]
        table = np.vstack([runs["singles"].loc[target], runs["step_matched"].loc[target], pair_runs])
        f1 = _resampled(table, scores, probabilities, labels[target], texts)
        f1 = np.einsum("ds,dms->dm", seeds, f1)
        over_single = _intervals(f1[:, 2:] - f1[:, :1], "gain", rows.index)
        gains.append(over_single.join(_intervals(f1[:, 2:] - f1[:, 1:2], "gain_over_step_matched", rows.index)))
    return _with_verdicts(_with_other_gains(matrix.join(pd.concat(gains)), baseline))


def _with_other_gains(matrix: pd.DataFrame, baseline: pd.DataFrame) -> pd.DataFrame:
    """Adds the gain over no transfer in the other test scores that the pairs have. baseline: the selected models."""
    single = baseline.groupby("target")[reported(baseline)].mean()
    others = [score for score in reported(matrix) if score != "test_f1"]
    gains = {
        f"{score.removeprefix('test_')}_gain": matrix[score] - matrix["target"].map(single[score]) for score in others
    }
    return matrix.assign(**gains)


def _intervals(draws: np.ndarray, name: str, index: pd.Index) -> pd.DataFrame:
    """The interval and p-value of resampled differences (draws, pairs)."""
    low, high = interval(draws)
    columns = {f"{name}_low": low, f"{name}_high": high, f"{name}_p": two_sided(0.0, draws)}
    return pd.DataFrame(columns, index=index)


def _runs(
    baseline: pd.DataFrame, step_matched: pd.DataFrame, pairs: pd.DataFrame, matrix: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Run ids with one column per seed: of both baselines by target, of pairs by (source, target, setting)."""
    runs = {"pair": pairs.pivot(index=CONFIGURATION, columns="seed", values="run")}
    for name, table in (("singles", baseline), ("step_matched", step_matched)):
        runs[name] = table.pivot(index="target", columns="seed", values="run")
        missing = sorted(set(matrix["target"]) - set(runs[name].index))
        if missing or list(runs[name].columns) != list(runs["pair"].columns):
            raise InputError(
                f"tables '{name}' and 'pairs' differ in {', '.join(missing) or 'their seeds'}; "
                "run notebooks 02 and 03 of this study again"
            )
    return runs


def _test_scores(*tables: pd.DataFrame) -> dict[str, float]:
    runs = pd.concat([table[["run", "test_f1"]] for table in tables])
    return dict(zip(runs["run"], runs["test_f1"], strict=True))


def _resampled(
    runs: np.ndarray, scores: dict, probabilities: Mapping[str, np.ndarray], labels: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """F1 of (models, seeds) run ids on every resample of the texts: (draws, models, seeds).

    counts: (1 + draws, texts) weight of each text, as it is and in every resample.
    """
    absent = [run for run in runs.ravel() if run not in probabilities]
    if absent:
        raise InputError(
            f"run {absent[0]} has no stored test probabilities; delete its ledger entry and run notebook 03 again"
        )
    predicted = np.stack([predicted_positive(probabilities[run]) for run in runs.ravel()], axis=1)
    observed, *resampled = f1_draws(counts, labels, predicted)
    recorded = np.array([scores[run] for run in runs.ravel()])
    if not np.allclose(observed, recorded, atol=1e-6):
        run = runs.ravel()[np.argmax(np.abs(observed - recorded))]
        raise InputError(
            f"run {run}: its stored test probabilities do not give its test F1; run notebooks 02 and 03 again"
        )
    return np.reshape(resampled, (len(resampled), *runs.shape))


def _with_verdicts(matrix: pd.DataFrame) -> pd.DataFrame:
    """Adds the gains, which of them are significant, and which pair validation chooses for its target.

    relative_gain is null where the single-task F1 is 0.
    """
    single = matrix["single_test_f1"]
    gain, significant = matrix["test_f1"] - single, discoveries(matrix["gain_p"].to_numpy())
    ranked = matrix.sort_values(["validation_f1", "source"], ascending=[False, True], kind="stable")
    return matrix.assign(
        gain=gain,
        relative_gain=gain / single.where(single > 0),
        gain_over_step_matched=matrix["test_f1"] - matrix["step_matched_test_f1"],
        helps=significant & (gain > 0),
        hurts=significant & (gain < 0),
        chosen=matrix.index.isin(ranked.drop_duplicates("target").index),
    )


def target_table(matrix: pd.DataFrame) -> pd.DataFrame:
    """What validation chooses for each target among its pairs and no transfer, and what the choice gains on test.

    matrix: the table "transfer_matrix". No transfer wins ties. The columns are target, source ("" for no transfer),
    single_f1, step_matched_f1, best_f1 (of the choice), relative_gain (null where single_f1 is 0), and gain and
    gain_over_step_matched with their intervals (null for no transfer) and verdicts: helped or hurt, beats_step_matched or
    behind_step_matched, each true where the difference is significant among the targets.
    """
    chosen = matrix[matrix["chosen"]].sort_values("target").reset_index(drop=True)
    transfers = chosen["validation_f1"] > chosen["single_validation_f1"]
    single = chosen["single_test_f1"]
    best = chosen["test_f1"].where(transfers, single)
    table = chosen[["target", "single_test_f1", "step_matched_test_f1"]].set_axis(
        ["target", "single_f1", "step_matched_f1"], axis=1
    )
    table = table.assign(
        source=chosen["source"].where(transfers, ""),
        best_f1=best,
        gain=best - single,
        gain_over_step_matched=best - chosen["step_matched_test_f1"],
        relative_gain=(best - single) / single.where(single > 0),
    )
    for name, better, worse in (
        ("gain", "helped", "hurt"),
        ("gain_over_step_matched", "beats_step_matched", "behind_step_matched"),
    ):
        significant = discoveries(chosen[f"{name}_p"].where(transfers, 1.0).to_numpy())
        bounds = chosen[[f"{name}_low", f"{name}_high"]].where(transfers)
        table = table.join(bounds).assign(
            **{better: significant & (table[name] > 0), worse: significant & (table[name] < 0)}
        )
    return table


def _mean(values: pd.Series) -> float | None:
    """The mean of the defined values; None where none is."""
    return None if values.isna().all() else float(values.mean())


def transfer_summary(matrix: pd.DataFrame) -> dict:
    """The headline numbers of transfer, as the paper reports them. matrix: the table "transfer_matrix".

    All F1 scores are means over targets. oracle_f1 is the largest test F1 of the same models: it is chosen on test, so a
    procedure can only reach it by luck. A task is *helped* where the gain of its chosen pair is significant, with false
    discoveries among the tasks controlled; tasks_gaining counts every gain above 0, as the paper seems to. Rates are
    shares of all pairs.
    """
    targets = target_table(matrix)
    helped = targets.loc[targets["helped"], "relative_gain"]
    gained = targets[targets["relative_gain"] > 0].sort_values("relative_gain", ascending=False)
    top = None if gained.empty else gained[["target", "source", "relative_gain"]].iloc[0].to_dict()
    return {
        "grid_f1": float(targets["best_f1"].mean()),
        "oracle_f1": float(matrix.groupby("target")[["test_f1", "single_test_f1"]].max().max(axis=1).mean()),
        "single_task_f1": float(targets["single_f1"].mean()),
        "step_matched_f1": float(targets["step_matched_f1"].mean()),
        "tasks_helped": int(targets["helped"].sum()),
        "tasks_gaining": int((targets["gain"] > 0).sum()),
        "tasks_beating_step_matched": int(targets["beats_step_matched"].sum()),
        "mean_relative_gain_of_helped": _mean(helped),
        "mean_relative_gain_of_gaining": _mean(gained["relative_gain"]),
        "largest_gain": top and {**top, "relative_gain": float(top["relative_gain"])},
        "negative_transfer_rate": float((matrix["gain"] < 0).mean()),
        "significantly_negative_transfer_rate": float(matrix["hurts"].mean()),
    }


def pair_gains_summary(matrix: pd.DataFrame, config: Ranking) -> dict:
    """What an average pair gains over no transfer on test: two keys of summary.json.

    matrix: the table "transfer_matrix". "share_of_pairs_that_gain" is in F1. "mean_gain_of_pairs" holds value, low and high
    for each score; its 95 % intervals are of a bootstrap over targets.
    """
    columns = {"f1": "gain", "f1_tuned": "f1_tuned_gain", "average_precision": "average_precision_gain"}
    weights = target_weights(matrix["target"].nunique(), config.bootstrap, np.random.default_rng(config.seed))
    means = {
        metric: mean_over_targets(weights, matrix.groupby("target")[column].mean())
        for metric, column in columns.items()
        if column in matrix
    }
    return {
        "share_of_pairs_that_gain": float((matrix["gain"] > 0).mean()),
        "mean_gain_of_pairs": {
            metric: {name: float(value) for name, value in mean.items()} for metric, mean in means.items()
        },
    }


def average_precision_summary(
    matrix: pd.DataFrame, singles: pd.DataFrame, pairs: pd.DataFrame, draws: int, seed: int
) -> dict:
    """Test average precision of the models that ``transfer_summary`` gives the F1 of.

    Average precision needs no threshold. A gain in F1 alone may only mean that a model predicts another share of positives.

    Args:
        matrix: the table "transfer_matrix".
        singles, pairs: the tables of these names.
        draws: number of bootstrap resamples.
        seed: of the resampling.

    Returns:
        Means over targets, without transfer and of what validation F1 chooses, and their difference with its 95 %
        interval of a bootstrap over targets.
    """
    single = selected_singles(singles, "target").groupby("target")["test_average_precision"].mean()
    setting = matrix.set_index(["source", "target"])["setting"]
    trained = pairs.groupby(CONFIGURATION)["test_average_precision"].mean()
    chosen = {
        row.target: trained[row.source, row.target, setting[row.source, row.target]]
        if row.source
        else single[row.target]
        for row in target_table(matrix).itertuples()
    }
    best = pd.Series(chosen)
    gain = (best - single[best.index]).to_numpy()
    weights = target_weights(len(gain), draws, np.random.default_rng(seed))
    low, high = interval(weights @ gain)
    return {
        "single_task_average_precision": float(single[best.index].mean()),
        "grid_average_precision": float(best.mean()),
        "average_precision_gain": {"value": float(gain.mean()), "low": float(low), "high": float(high)},
    }
