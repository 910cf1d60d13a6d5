"""What notebook 2 finds about the single-task models, in sentences."""

import pandas as pd

from lib.report.headline import duration
from lib.report.sentences.words import change, code, counted, listing, megabytes, number, plural
from lib.transfer.collapse import collapsed_representations, pretrained_and_sources, rank_summary
from lib.transfer.pairs import of_side, reported_part

TRAINED_ON = {
    "source": "a source's training texts",
    "target": "a target's training texts",
    "both": "the training texts that serve both sides",
}


def single_scores(singles: pd.DataFrame) -> str:
    """Mean scores of the selected models by side, on test (validation, where there are no test texts), and the target that
    is solved worst. singles: the table.
    """
    part, chosen = reported_part(singles), singles[singles["selected"]]
    f1, average_precision = f"{part}_f1", f"{part}_average_precision"
    means = chosen.groupby("side")[[f1, average_precision]].mean()
    told = (
        f"{number(row[f1], 3)} with {TRAINED_ON[side]} (average precision {number(row[average_precision], 3)})"
        for side, row in means.iterrows()
    )
    targets = of_side(chosen, "target").groupby("target")[f1].mean()
    worst = f"The target with the lowest F1 is {code(targets.idxmin())} ({number(targets.min(), 3)})."
    scores = f"The models that validation selects have a mean {part} F1 of {listing(told)}. {worst}"
    return scores if part == "test" else f"No test texts: the scores are those that selected the models. {scores}"


def selection_noise(singles: pd.DataFrame) -> str:
    """How far F1 on validation and on test are apart. singles: the table of this name."""
    if reported_part(singles) != "test":
        return "No test texts: how far the selection can be trusted is not known."
    gap = singles["validation_f1"] - singles["test_f1"]
    return (
        f"F1 on validation and on test differ by {number(gap.abs().mean(), 3)} on average and by "
        f"{number(gap.abs().max(), 3)} at most; on average validation is {_above_or_below(gap.mean())} test."
    )


def _above_or_below(difference: float) -> str:
    size = change(difference)
    if not size.strip("0."):
        return "level with"
    return f"{size[1:]} {'above' if size[0] == '+' else 'below'}"


def collapsed_models(singles: pd.DataFrame) -> str:
    """How many models predicted no positive at their first and at their last try. singles: the table of this name."""
    last = singles["collapsed"]
    first, models = int(((singles["tries"] > 1) | last).sum()), counted(len(singles), "single-task model")
    if not first:
        return f"None of the {models} collapsed."
    chosen = singles[singles["selected"]]
    lost = chosen[chosen["collapsed"]]
    tries = f"{first:,} of {models} collapsed at the first try, {last.sum():,} of them also at the last."
    if lost.empty:
        return f"{tries} No selected model did."
    names = listing(map(code, sorted(set(lost["target"]))))
    return (
        f"{tries} {len(lost):,} of the {counted(len(chosen), 'selected model')} {plural(len(lost), 'is', 'are')} "
        f"among them ({names}): gains over a baseline that predicts no positive say little."
    )


def representations_left(representations: pd.DataFrame) -> str:
    """What fine-tuning leaves of the representation, with a warning where it collapses. representations: the table."""
    _, sources = pretrained_and_sources(representations)
    summary, lost = rank_summary(representations), collapsed_representations(representations)
    before, median, smallest = (number(value, 1) for value in summary.values())
    least = code(sources.loc[sources["effective_rank"].idxmin(), "task"])
    told = (
        f"The pretrained encoder's features have an effective rank of {before}, those of the "
        f"{counted(len(sources), 'source model')} a median of {median}; the smallest is {smallest} ({least})."
    )
    if lost.empty:
        return f"{told} No representation has collapsed."
    names = listing(map(code, sorted(set(lost["task"]))))
    return (
        f"{told} **Warning:** {len(lost):,} of {counted(len(sources), 'representation')} "
        f"{plural(len(lost), 'has', 'have')} collapsed ({names}): the effective rank is below a tenth of the pretrained "
        "encoder's. A pair that starts from such a source sees little more than the source's label; a lower learning "
        "rate or fewer steps of the source keep more."
    )


def training_cost(singles: pd.DataFrame, workers: int, notebook_mb: int) -> str:
    """What training took in time and memory. singles: the table; notebook_mb: memory of the notebook's own process."""
    memory = (
        f"A worker needed at most {singles['peak_memory_mb'].max():,} MB of memory, this notebook {notebook_mb:,} MB."
    )
    shared = f" Libraries that the {workers} workers share are counted in each of them." if workers > 1 else ""
    seconds = duration(singles["total_seconds"].sum())
    return f"{counted(len(singles), 'model')} took {seconds} of one worker. {memory}{shared}"


def deleted_weights(deleted: int, largest: int) -> str:
    """What was deleted and what is kept. deleted: bytes set free; largest: bytes of the largest weights kept."""
    kept = f"The weights of a selected model take up to {megabytes(largest)}."
    if not deleted:
        return f"There was nothing to delete. {kept}"
    return f"{megabytes(deleted)} of weights that no later notebook needs were deleted. {kept}"
