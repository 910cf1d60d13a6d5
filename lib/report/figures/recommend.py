"""Figure of the decisions about a user's own tasks (notebook 11)."""

import pandas as pd
from matplotlib.figure import Figure

from lib.report.figures.style import GOOD, NEUTRAL, SOURCE, label, panel_row

COLOURS = {"transfer": SOURCE, "fuse": GOOD, "do_not_transfer": NEUTRAL, "cannot_tell": NEUTRAL}
NAMES = {
    "transfer": "transfer from a source",
    "fuse": "fuse several",
    "do_not_transfer": "do not transfer",
    "cannot_tell": "cannot tell",
}


def decisions_title(table: pd.DataFrame) -> str:
    """The finding: for how many tasks a source helps beyond doubt. table: "recommendations"."""
    helped = int(table["verdict"].isin(["transfer", "fuse"]).sum())
    unclear = int((table["verdict"] == "cannot_tell").sum())
    first = f"{helped or 'None'} of {len(table)} tasks gain{'s' * (helped < 2)} beyond doubt"
    return f"{first}; for {unclear} it cannot be told" if unclear else first


def plot_decisions(table: pd.DataFrame) -> Figure:
    """Expected gain of every task's best start with its interval, the largest on top. table: "recommendations"."""
    rows = table.sort_values("expected_gain", na_position="first").reset_index(drop=True)
    figure, (axes,) = panel_row(1, 1.2 + 0.24 * len(rows))
    for verdict, name in NAMES.items():
        own = rows[rows["verdict"] == verdict].dropna(subset="expected_gain")
        if own.empty:
            continue
        filled = COLOURS[verdict] if verdict != "cannot_tell" else "none"
        axes.hlines(own.index, own["low"], own["high"], color=COLOURS[verdict], lw=1.6)
        axes.scatter(
            own["expected_gain"], own.index, s=26, facecolors=filled, edgecolors=COLOURS[verdict], label=name, zorder=3
        )
    tested = rows.dropna(subset="test_gain")
    tested = tested[tested["used"] != "single"]
    if len(tested):
        axes.scatter(tested["test_gain"], tested.index, marker="x", s=26, color="black", label="on test", zorder=4)
    axes.axvline(0, color="black", lw=0.8)
    axes.set_yticks(range(len(rows)), [label(task) for task in rows["target"]])
    axes.set(xlabel="gain in average precision over training alone", ylabel="task")
    axes.set_title(decisions_title(table))
    if axes.get_legend_handles_labels()[0]:  # none where nothing was tried
        figure.legend(loc="outside lower center", ncols=5, fontsize=7.5)
    return figure
