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
    size = f"{change(best['gain'])} ({change(best['gain_low'])} to {change(best['gain_high'])})"
    verdict = {
        1: "it gains outside the noise over no transfer",
        0: "its gain over no transfer is within the noise",
        -1: "even it loses against no transfer outside the noise",
    }[side_of_zero({"low": best["gain_low"], "high": best["gain_high"]})]
    return (
        f"The best of {len(rows)} ways by test average precision is {named(best.name)}: {verdict}, {size} on "
        f"average, and {percent(best['share_gaining'], 0)} of the targets gain. One target takes "
        f"{duration(60 * best['minutes'])} of one worker, sources included. The best of several on test looks better than "
        "it is."
    )


def lead_of_pairs(scores: pd.DataFrame) -> str:
    """Whether the validation-best pairs beat each rival outside the noise. scores: table "rival_scores"."""
    rows = scores[(scores["metric"] == METRIC) & (scores["rival"] != BEST_PAIR)].set_index("rival")
    sides = {
        name: side_of_zero({"low": row["pair_lead_low"], "high": row["pair_lead_high"]})
        for name, row in rows.iterrows()
    }
    beaten, equal, better = ([named(name) for name, side in sides.items() if side == way] for way in (1, 0, -1))
    parts = []
    if beaten:
        parts.append(f"The validation-best pairs beat {listing(beaten)} outside the noise.")
    if better:
        parts.append(f"They lose against {listing(better)}." if beaten else f"They are beaten by {listing(better)}.")
    if equal:
        parts.append(f"They cannot be told from {listing(equal)}.")
    subject = "The validation-best pairs"
    if not beaten and parts:
        parts[0] = parts[0].replace("They", subject, 1)
    return " ".join(parts) + " Judged by test average precision, with 95 % intervals over targets."


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
    return f"The validation-best pairs gain {listing(gains)} over no transfer, mean over targets on test."
