"""What README.md tells in numbers: the answer, its limit, one table of selectors, and the paper's numbers beside ours."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lib.report.documents import verdicts
from lib.report.documents.markdown import ABSENT, rank, table
from lib.report.documents.page import Page
from lib.report.documents.published import PublishedStudy, independent
from lib.report.documents.results import best, mean_rank_correlations
from lib.report.figures.style import label
from lib.report.headline import headline
from lib.report.sentences import target_sizes, task_types
from lib.report.sentences.rivals import best_rival
from lib.report.sentences.words import code, number, percent
from lib.report.summary import PAPER
from lib.selection.contenders import BOUNDS

SHOWN = ("demo", "disaster", "trecis")  # columns of the table of selectors
MAIN = "demo"  # the study that the first command runs
SIZES, TYPED = "sizes", "classes"
PAPERS_DATA = ("trecis_gpu", "trecis")  # the first that is published stands beside the paper
BEST = 2  # selectors without trained pairs in the table
PRINTED = 7  # lines of what a study prints, without LEFT_OUT
LEFT_OUT = ("ordered pairs", "models trained", "time of conductance", "single-task models, share of the grid's time")


def readme_page(studies: Sequence[PublishedStudy], results: Sequence[Page]) -> dict:
    """The numbers of README.md.

    Args:
        studies: all that are published.
        results: the pages on results, for the list of them.

    Returns:
        The values that README.md.j2 needs.
    """
    published, real = {study.name: study for study in studies}, independent(studies)
    means = mean_rank_correlations(real)
    beside = next((published[name] for name in PAPERS_DATA if name in published), None)
    main, sizes, typed = (published.get(name) for name in (MAIN, SIZES, TYPED))
    with_rivals = main is not None and main.has("rival_scores")
    return {
        "answer": [
            verdicts.gaining_by_recipe(real),
            *([best_rival(main.table("rival_scores"))] if with_rivals else []),
            *([target_sizes.advice(sizes.table("target_size_gains"))] if sizes else []),
            verdicts.paper_selectors(real),
            f"{best(means, real)} {_attribution(real)}",
            *([task_types.across_types(typed.table("type_starts"), typed.table("type_tasks"))] if typed else []),
        ],
        "limit": verdicts.limit(real),
        "rivals": main.name if with_rivals else "",
        "selectors": selectors_table([published[name] for name in SHOWN if name in published], real, means),
        "printed": printed(main.summary) if main else "",
        "paper": _paper(beside) if beside else None,
        "results": _results(results, published),
    }


def _paper(study: PublishedStudy) -> dict:
    return {"study": study.name, "table": paper_table(study), "verdict": verdicts.helped(study.targets)}


def _attribution(real: Sequence[PublishedStudy]) -> str:
    """What attribution takes of a grid's time, over the studies."""
    costs = [study.summary["conductance_share_of_grid"] for study in real]
    return f"Attribution takes {percent(min(costs))} to {percent(max(costs))} of a grid's training time."


def selectors_table(shown: Sequence[PublishedStudy], real: Sequence[PublishedStudy], means: pd.DataFrame) -> str:
    """Rank correlations with test F1 of six selectors at most: the best without trained pairs, a free one, the paper's
    and a bound.

    Args:
        shown: a column each.
        real: the studies that the last column averages over.
        means: from ``mean_rank_correlations`` of these.

    Returns:
        A Markdown table; bold where a selector differs from random order.
    """
    first = means["test_f1"].sort_values(ascending=False).index[:BEST]
    rows = []
    for name in dict.fromkeys([*first, "label_cooccurrence", "ansat", "regression", BOUNDS[0]]):
        mean = float(np.mean([study.ranks.loc[name, "value"] for study in real]))
        rows.append((label(name, real[0].titles), *(rank(study, name) for study in shown), number(mean)))
    return table(("selector", *(code(study.name) for study in shown), f"mean of {len(real)} studies"), rows)


def printed(summary: Mapping) -> str:
    """The first PRINTED of the last lines of a finished study."""
    rows = [row for row in headline(dict(summary)) if row[0] not in LEFT_OUT][:PRINTED]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def paper_table(study: PublishedStudy) -> str:
    """The paper's main numbers beside a study's, by the paper's accounting."""
    summary, targets = study.summary, study.targets
    real = targets[targets["helped"] & (targets["gain"] >= verdicts.NEGLIGIBLE)]
    top = summary["largest_gain"]
    lost = {share: study.loss("regression", "paper", f"loss_at_{share}") for share in ("0.495", "0.165")}
    rows = [
        (
            "tasks that gain",
            f"{PAPER['tasks_helped']} of {PAPER['tasks']}",
            f"{len(real)} of {len(targets)}, outside the noise",
        ),
        (
            "their mean relative gain",
            percent(PAPER["mean_relative_gain_of_helped"]),
            percent(real["relative_gain"].mean()) if len(real) else ABSENT,
        ),
        (
            "largest relative gain",
            f"{percent(PAPER['largest_relative_gain'], 0)} ({PAPER['largest_gain_target']})",
            f"{percent(top['relative_gain'])} ({top['target']})" if top else ABSENT,
        ),
        ("mean F1 of the best model per task", number(PAPER["grid_f1"], 3), number(summary["grid_f1"], 3)),
        ("hours of training", number(PAPER["grid_hours"], 1), number(summary["grid_seconds"] / 3600, 1)),
    ]
    for share, point in lost.items():
        ours = percent(point["value"]) if point else ABSENT
        rows.append(
            (
                f"F1 lost by the regression at {percent(float(share))} of the time",
                percent(PAPER[f"loss_at_{share}"]),
                ours,
            )
        )
    return table(("", "paper", code(study.name)), rows)


def _results(results: Sequence[Page], published: Mapping[str, PublishedStudy]) -> list[str]:
    """One line for each page on results that has a published study: what it shows, and its studies."""
    lines = []
    for page in results:
        studies = [name for name in page.studies or () if name in published]
        if studies or page.studies is None:
            links = ", ".join(f"[{name}](figures/{name})" for name in studies)
            lines.append(f"[{page.title}]({page.path}): {page.about}{links and f' ({links})'}")
    return lines
