"""What fewer steps of the path and fewer probe texts change in ANSAT's order of sources."""

import numpy as np
import pandas as pd

from lib.attribution.ansat import shared_terms
from lib.attribution.models import attributions, terms_by_side
from lib.datasets.draws import probe_rows
from lib.runs.workbench import Workbench
from lib.stats.bootstrap import interval
from lib.stats.ranks import rank_agreement

DRAWS = 200  # resamples of the probe texts


def tradeoff_table(bench: Workbench, singles: pd.DataFrame) -> pd.DataFrame:
    """What fewer steps and fewer probe texts change: table "tradeoff".

    agreement: Spearman's correlation of a target's sources by ANSAT (mean over the thresholds) with their order by the
    most steps on all probe texts, mean over targets, layers and seeds. Where ``resampled``, the probe texts are drawn
    with replacement: mean over DRAWS draws, and their 95 % interval. Else all of them are used once, so that only the
    steps differ from the reference. seconds: of attributing one model, in proportion to the texts.
    """
    config, rng = bench.study.conductance, np.random.default_rng(bench.study.conductance.seed)
    texts = len(probe_rows(bench.tasks, config))
    sizes = sorted({max(1, texts // part) for part in (8, 4, 2, 1)})
    draws = {size: rng.multinomial(size, np.full(texts, 1 / texts), size=DRAWS) / size for size in sizes}
    reference, rows = None, []
    for steps in config.all_steps:
        jobs = attributions(bench, singles, steps)
        seconds = np.mean([bench.ledger.entry(job.id)["numbers"]["seconds"] for job in jobs.values()])
        sides = [terms_by_side(bench, singles, jobs, seed) for seed in bench.study.seeds]
        shared = np.stack([shared_terms(*each, bench.study.ansat.thresholds) for each in sides], axis=1)
        whole = shared.mean(axis=0)
        reference = whole if reference is None else reference
        rows.append((steps, texts, False, seconds, *3 * [rank_agreement(whole[None], reference).item()]))
        for size, weights in draws.items():
            agreement = rank_agreement(np.tensordot(weights, shared, axes=1), reference)
            rows.append((steps, size, True, seconds * size / texts, agreement.mean(), *interval(agreement)))
    columns = ["steps", "probe_texts", "resampled", "seconds", "agreement", "agreement_low", "agreement_high"]
    return pd.DataFrame(rows, columns=columns)
