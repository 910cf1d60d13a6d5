"""Judges what a target may start from against training it alone, from validation only.

The best of many candidates is in part the luckiest. Two kinds of luck are simulated: which texts validation happens to hold
(a paired bootstrap) and how training happens to turn out (the spread of the same model over seeds). Among draws with both,
the best candidate's mean lead over its own gain is what choosing the best adds by luck; it is taken off the gain. The
interval is simultaneous, so it holds whichever candidate is the best.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lib.stats.bootstrap import TAILS

MATTERS = 0.01  # gains in average precision that are certainly below this one are not worth a source
PRIOR_SPREAD = 0.02  # standard deviation of average precision over seeds, until it is measured
PRIOR_SEEDS = 3  # degrees of freedom that the prior counts for
MOST_SEEDS = 5  # models of one kind, in all, that are ever advised


class Candidate(NamedTuple):
    """What a target may start from.

    kind: single (the pretrained encoder), frozen, fused, fused_top or transfer. source: of a transfer. k: of fused_top.
    """

    kind: str
    source: str = ""
    k: int = 0


ALONE = Candidate("single")


@dataclass(frozen=True)
class Judgement:
    """What validation says of a target's best candidate.

    leader: the candidate with the largest gain; None where nothing but single models is trained. gain: its mean average
    precision minus that of training alone. expected: the gain without what choosing the best adds by luck. low, high: the
    simultaneous 95 % interval. text_spread, seed_spread: the standard deviations of the gain over texts and over seeds.
    tried: whether a start from other tasks is among the candidates.
    """

    verdict: str  # transfer, fuse, do_not_transfer or cannot_tell
    leader: Candidate | None
    gain: float = math.nan
    expected: float = math.nan
    low: float = math.nan
    high: float = math.nan
    text_spread: float = math.nan
    seed_spread: float = math.nan
    tried: bool = False

    @property
    def used(self) -> Candidate:
        """What the target's model should be: the leader where a gain is expected of it, else training alone."""
        return self.leader if self.leader is not None and self.expected > 0 else ALONE


def judge(scores: Mapping[Candidate, np.ndarray], spread: float, rng: np.random.Generator) -> Judgement:
    """Judge one target.

    Args:
        scores: average precision on validation of each candidate's models, training alone among them: (seeds, 1 + draws),
            first on the texts as they are, then on resamples of them, which all candidates share.
        spread: standard deviation of average precision over seeds of one model.
        rng: source of randomness, for training's part of the luck.

    Returns:
        The judgement. Where no start from other tasks is among the candidates, it cannot tell.
    """
    single = scores[ALONE]
    others = [candidate for candidate in scores if candidate != ALONE]
    if not others:
        return Judgement("cannot_tell", None)
    draws = single.shape[1] - 1
    noise = spread / math.sqrt(len(single)) * rng.standard_normal(draws)
    gains, resampled = np.empty(len(others)), np.empty((len(others), draws))
    for place, candidate in enumerate(others):
        own = scores[candidate].mean(axis=0) - single.mean(axis=0)
        luck = spread / math.sqrt(len(scores[candidate])) * rng.standard_normal(draws)
        luck *= candidate.kind != "frozen"  # nothing in it is random
        gains[place], resampled[place] = own[0], own[1:] + luck - noise
    best, lead = int(gains.argmax()), resampled - gains[:, None]
    winners = resampled.argmax(axis=0)
    expected = gains[best] - lead[winners, np.arange(draws)].mean()
    low = gains[best] - np.quantile(lead.max(axis=0), TAILS[1])
    high = gains[best] - np.quantile(lead[best], TAILS[0])
    seed_spread = spread * math.sqrt(1 / len(single) + 1 / len(scores[others[best]]))
    total, tried = lead[best].std(), any(candidate.kind != "frozen" for candidate in others)
    verdict = verdict_of(others[best], expected, low, high) if tried else "cannot_tell"
    return Judgement(
        verdict, others[best], float(gains[best]), float(expected), float(low), float(high),
        text_spread=math.sqrt(max(total**2 - seed_spread**2, 0.0)), seed_spread=seed_spread, tried=tried,
    )  # fmt: skip


def verdict_of(leader: Candidate, expected: float, low: float, high: float) -> str:
    """The decision about the best candidate, from its expected gain and the gain's interval.

    A frozen encoder transfers nothing, so where it is the best there is nothing to transfer either.
    """
    if low > 0:
        return {"transfer": "transfer", "frozen": "do_not_transfer"}.get(leader.kind, "fuse")
    return "do_not_transfer" if expected <= 0 or high < MATTERS else "cannot_tell"


def spread_over_seeds(scores: Sequence[np.ndarray], prior: float = PRIOR_SPREAD) -> float:
    """The standard deviation of average precision over seeds, pooled, with the prior as PRIOR_SEEDS more measurements.

    scores: for each model that was trained with several seeds, its average precision with each.
    """
    squares = sum(((values - values.mean()) ** 2).sum() for values in scores)
    degrees = sum(len(values) - 1 for values in scores)
    return math.sqrt((squares + PRIOR_SEEDS * prior**2) / (degrees + PRIOR_SEEDS))


def what_would_settle(judgement: Judgement, texts: int, spread: float) -> tuple[int | None, int | None]:
    """How many more seeds of both models, or else how many more validation texts, would lift the interval above 0.

    The gain is taken to be as expected, and the interval to shrink with the spread of the gain.

    Args:
        judgement: of a target.
        texts: of validation.
        spread: as for ``judge``.

    Returns:
        Seeds and texts, one of them; two Nones where something is settled, or where no number of texts would do.
    """
    half = judgement.expected - judgement.low
    if judgement.verdict != "cannot_tell" or not judgement.tried or half <= 0:
        return None, None
    allowed = (judgement.text_spread**2 + judgement.seed_spread**2) * (judgement.expected / half) ** 2
    now = max(1, math.floor(2 * spread**2 / judgement.seed_spread**2)) if judgement.seed_spread else MOST_SEEDS
    for seeds in range(now + 1, MOST_SEEDS + 1):
        if judgement.text_spread**2 + 2 * spread**2 / seeds <= allowed:
            return seeds - now, None
    left = allowed - 2 * spread**2 / MOST_SEEDS
    if left <= 0:
        return None, None
    return None, max(1, math.ceil(texts * (judgement.text_spread**2 / left - 1)))
