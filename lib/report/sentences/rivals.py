"""What notebook 3 finds about the rivals of a single source, in sentences."""

import pandas as pd

from lib.report.headline import duration
from lib.report.sentences.words import change, listing, named, percent, side_of_zero, with_interval
from lib.transfer.rivals import BEST_PAIR

METRIC = "average_precision"  # by which the rivals are judged: it needs no threshold


def best_rival(scores: pd.DataFrame) -> str:
    """Which way of training a target scores best, and whether it gains over no transfer. scores: table "rival_scores"."""
    rows = scores[scores["metric"] == METRIC].set_index("rival")
    best = rows.loc[rows["gain"].idxmax()]
    gain = {"value": best["gain"], "low": best["gain_low"], "high": best["gain_high"]}
    verdict = {
        1: "It gains {} over no transfer, outside the noise",
        0: "Its gain over no transfer, {}, is within the noise",
        -1: "Even this loses against no transfer, outside the noise: {}",
    }[side_of_zero(gain)].format(with_interval(gain, change))
    return (
        f"The best of {len(rows)} ways to train a target, by test average precision, is {named(best.name)}. {verdict}; "
        f"{percent(best['share_gaining'], 0)} of the targets gain. One target takes {duration(60 * best['minutes'])} of one "
        "worker, sources included. The best of several on test looks better than it is."
    )


def lead_of_pairs(scores: pd.DataFrame) -> str:
    """Whether the validation-best pairs beat each rival outside the noise. scores: table "rival_scores"."""
    rows = scores[(scores["metric"] == METRIC) & (scores["rival"] != BEST_PAIR)].set_index("rival")
    sides = {
        name: side_of_zero({"low": row["pair_lead_low"], "high": row["pair_lead_high"]})
        for name, row in rows.iterrows()
    }
    verdicts = {
        1: "beat {} outside the noise",
        -1: "lose against {} outside the noise",
        0: "cannot be told apart from {}",
    }
    rivals = {way: [named(name) for name, side in sides.items() if side == way] for way in verdicts}
    first, *others = [verdicts[way].format(listing(names)) for way, names in rivals.items() if names]
    opening = f"By test average precision, the validation-best pairs {first}."
    return " ".join([opening, *(f"They {verdict}." for verdict in others)])


def both_gains(scores: pd.DataFrame) -> str:
    """What the validation-best pairs gain by each score. scores: table "rival_scores"."""
    rows = scores[scores["rival"] == BEST_PAIR].set_index("metric")
    names = {
        "f1": "in F1 at 0.5",
        "f1_tuned": "in F1 at the tuned threshold",
        "average_precision": "in average precision",
    }
    gains = [
        f"{with_interval({'value': row['gain'], 'low': row['gain_low'], 'high': row['gain_high']}, change)} {names[name]}"
        for name, row in rows.iterrows()
    ]
    return f"On test, the validation-best pairs gain {listing(gains)} over no transfer, on average over targets."
