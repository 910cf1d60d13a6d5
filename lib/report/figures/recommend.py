"""Figure of the decisions about a user's own tasks (notebook 11)."""

import pandas as pd
from matplotlib.figure import Figure

from lib.report.figures.style import BASELINE, GAIN, NEUTRAL, draw_intervals, entitle, label, panel_row
from lib.report.sentences import titles_of_analyses as titles

VERDICTS = {  # colour, marker and legend
    "transfer": (GAIN, "o", "transfer from a source"),
    "fuse": (GAIN, "s", "fuse several"),
    "do_not_transfer": (BASELINE, "o", "do not transfer"),
    "cannot_tell": (NEUTRAL, "o", "cannot tell"),
}


def plot_decisions(table: pd.DataFrame) -> Figure:
    """Expected gain of every task's best start with its interval, the largest on top. table: "recommendations"."""
    rows = table.sort_values("expected_gain", na_position="first").reset_index(drop=True)
    figure, (axes,) = panel_row(1, 1.3 + 0.24 * len(rows))
    for verdict, (colour, marker, name) in VERDICTS.items():
        own = rows[rows["verdict"] == verdict].dropna(subset="expected_gain")
        if len(own):
            gains = own.rename(columns={"expected_gain": "value"})
            draw_intervals(axes, own.index, gains, [colour] * len(own), marker, name)
    tested = rows.dropna(subset="test_gain")
    tested = tested[tested["used"] != "single"]
    if len(tested):
        axes.scatter(tested["test_gain"], tested.index, marker="x", s=26, color="black", label="on test", zorder=4)
    axes.axvline(0, color="black", lw=0.8)
    axes.set_yticks(range(len(rows)), [label(task) for task in rows["target"]])
    axes.set(xlabel="gain in average precision over training alone", ylabel="task")
    if axes.get_legend_handles_labels()[0]:  # none where nothing was tried
        figure.legend(loc="outside lower center", ncols=5)
    return entitle(figure, titles.decisions(table))
