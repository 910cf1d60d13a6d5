"""Figures of a user's own data (notebook 11)."""

import pandas as pd
from matplotlib.figure import Figure

from lib.report.figures.style import NEUTRAL, SOURCE, label, panel_row


def plot_recommendations(table: pd.DataFrame) -> Figure:
    """Test F1 of every target with its trained sources, without transfer, and as recommended. table: "recommendations"."""
    trained = table.dropna(subset="test_f1")
    targets = trained[trained["source"] == ""].sort_values("test_f1")["target"].tolist()
    figure, (axes,) = panel_row(1, 1.2 + 0.26 * len(targets))
    place = trained["target"].map({target: row for row, target in enumerate(targets)})
    transfers, chosen = trained["source"] != "", trained["recommended"]
    looks = {
        "trained source": (transfers, {"s": 16, "facecolors": "none", "edgecolors": NEUTRAL}),
        "recommended": (chosen, {"s": 26, "color": SOURCE}),
        "no transfer": (~transfers, {"s": 40, "marker": "|", "color": "black"}),
    }
    for layer, (name, (rows, look)) in enumerate(looks.items(), 2):
        axes.scatter(trained.loc[rows, "test_f1"], place[rows], label=name, zorder=layer, **look)
    names = {row.target: row.source for row in trained[chosen].itertuples()}
    axes.set_yticks(
        range(len(targets)), [f"{label(each)}  ←  {label(names[each]) or 'no transfer'}" for each in targets]
    )
    axes.set(xlabel="test F1 (0 to 1)", ylabel="target  ←  recommended source")
    figure.legend(loc="outside upper center", ncols=3, fontsize=7)
    return figure
