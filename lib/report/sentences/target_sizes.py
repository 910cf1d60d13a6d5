"""What the study of target sizes finds (notebook 13), in sentences."""

from collections.abc import Mapping
from itertools import groupby

import pandas as pd

from lib.report.sentences.words import change, listing, number, percent, plural, with_interval
from lib.studies.target_sizes import PARTS, best_starts

NAMES = {
    "fused": "the mean of the other tasks' encoders",
    "transfer": "the linear probe's first source",
    "frozen": "the frozen encoder",
}
ADVICE = {
    "fused": f"start from {NAMES['fused']}",
    "transfer": "start from the source that the linear probe ranks first",
    "frozen": "fit a logistic regression on the frozen encoder",
    "single": "train alone",
}
FINDINGS = {
    "fused": "the mean of all sources adds most",
    "transfer": "the probe's first source adds most",
    "frozen": "the frozen encoder adds most",
    "single": "nothing is gained",
}


def advice(gains: pd.DataFrame) -> str:
    """How to start a target with how many texts, by the stated rule. gains: the table "target_size_gains"."""
    best = best_starts(gains)
    if set(best.values()) == {"single"}:
        first, last = min(best), max(best)
        return (
            f"Nothing was found: with {first:,} to {last:,} labelled texts no start gains average precision on validation "
            "outside the noise of targets, so train alone."
        )
    starts = _by_range(best, ADVICE, "labelled texts")
    return f"{starts}. This rests on average precision on validation, outside the noise of targets."


def on_test(gains: pd.DataFrame) -> str:
    """What the starts that validation advises gain on test, where it advises any; and what chance would pass."""
    tests = gains[(gains["metric"] == "average_precision") & (gains["part"] == "test")].set_index(["size", "kind"])
    chosen = {size: kind for size, kind in best_starts(gains).items() if kind != "single"}
    expected = number(0.025 * len(tests), 1)
    comparisons = f"Chance alone would put about {expected} of the {len(tests)} intervals on validation above 0."
    if not chosen:
        return comparisons
    found = [f"{with_interval(tests.loc[key], change)} with {key[0]:,} texts" for key in chosen.items()]
    kept = sum(tests.loc[key, "low"] > 0 for key in chosen.items())
    return (
        f"On test the advised starts change average precision by {listing(found)}; {kept} of {len(chosen)} "
        f"{plural(kept, 'interval lies', 'intervals lie')} above 0 there too. {comparisons}"
    )


def each_start(gains: pd.DataFrame) -> str:
    """At which size each start gains most on validation, and how many targets gain there."""
    judged = gains[(gains["metric"] == "average_precision") & (gains["part"] == PARTS[0])]
    best = judged.sort_values("value").drop_duplicates("kind", keep="last").sort_values("kind")
    found = [
        f"{NAMES[row['kind']]} with {row['size']:,} texts, {with_interval(row, change)}, where "
        f"{percent(row['share_gaining'], 0)} of the targets gain"
        for row in best.to_dict("records")
    ]
    return f"The largest gain of each start in average precision on validation: {'; '.join(found)}."


def finding(gains: pd.DataFrame) -> str:
    """The title of the figure."""
    best = best_starts(gains)
    if set(best.values()) == {"single"}:
        return f"No start gains over training alone with {min(best):,} to {max(best):,} texts"
    return _by_range(best, FINDINGS, "texts")


def collapsed(models: pd.DataFrame) -> str:
    """How many models of each kind predict no positive. models: the table "target_sizes"."""
    counts = models.groupby("kind")["collapsed"].agg(["sum", "size"])
    counts = counts[counts["sum"] > 0]
    if counts.empty:
        return "Every model predicts some text as positive."
    found = listing(f"{row['sum']:,} of {row['size']:,} {kind} models" for kind, row in counts.iterrows())
    verb = plural(int(counts["sum"].sum()), "predicts", "predict")
    return f"{found} {verb} no text as positive, so their F1 at probability 0.5 is 0."


def _by_range(best: Mapping[int, str], words: Mapping[str, str], texts: str) -> str:
    """What to say of each run of sizes with the same start: "Up to 64 texts, this; from 144 on, that"."""
    runs = [(kind, [size for size, _ in each]) for kind, each in groupby(best.items(), key=lambda item: item[1])]
    if len(runs) == 1:
        return f"With {min(best):,} to {max(best):,} {texts}, {words[runs[0][0]]}"
    places = [f"Up to {runs[0][1][-1]:,} {texts}"]
    places += [f"with {each[0]:,}" + (f" to {each[-1]:,}" if each[1:] else "") for _, each in runs[1:-1]]
    places.append(f"from {runs[-1][1][0]:,} on")
    return "; ".join(f"{place}, {words[kind]}" for place, (kind, _) in zip(places, runs, strict=True))
