"""The picture of the method: what is computed from what, and which notebook does it."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lib.report.figures.boxes import LARGE, SMALL, Box, draw_arrow, draw_box, sheet
from lib.report.figures.themes import Theme

HEIGHT = 3.32  # inches
BOXES = {
    "corpus": Box(0.05, 2.45, 0.98, 0.78, "corpus", "texts with\nseveral labels", "both"),
    "tasks": Box(0.05, 1.32, 0.98, 0.78, "tasks  1", "one yes/no\ntask a label", "both"),
    "models": Box(0.05, 0.19, 0.98, 0.78, "models  2", "each task is\ntrained alone", "both"),
    "grid": Box(
        1.38, 2.45, 3.52, 0.78, "grid of pairs  3", "source's encoder, fine-tuned\non the target; baselines", "both", 0.8
    ),
    "conductance": Box(1.38, 1.32, 1.16, 0.78, "conductance  4", "terms that a\nmodel uses", "paper"),
    "ansat": Box(2.73, 1.32, 0.93, 0.78, "ANSAT  5", "terms two\nmodels share", "paper"),
    "regression": Box(3.84, 1.32, 1.06, 0.78, "regression  6", "predicts a\npair's F1", "paper"),
    "selectors": Box(
        1.38, 0.19, 3.52, 0.78, "selectors  8",
        "linear probe, LogME, TextEmb, TaskEmb and others:\nscores that need no trained pair", "added",
    ),
    "ranking": Box(5.38, 0.75, 1.07, 0.78, "ranking  7", "which pairs to\ntrain first", "paper"),
    "time": Box(5.38, 2.45, 1.07, 0.78, "time saved  7", "F1 reached\nby then", "paper"),
}  # fmt: skip
ARROWS = (  # from a point of a box to a point of another
    (("corpus", "bottom", 0.5), ("tasks", "top", 0.5)),
    (("tasks", "bottom", 0.5), ("models", "top", 0.5)),
    (("conductance", "right", 0.5), ("ansat", "left", 0.5)),
    (("ansat", "right", 0.5), ("regression", "left", 0.5)),
    (("models", "right", 0.5), ("selectors", "left", 0.5)),
    (("grid", "bottom", (4.37 - 1.38) / 3.52), ("regression", "top", 0.5)),
    (("grid", "right", 0.5), ("time", "left", 0.5)),
    (("ranking", "top", 0.5), ("time", "bottom", 0.5)),
)
BUS = 1.2  # x of the line that brings the models' outputs to grid, conductance and selectors
JOIN = 5.14  # x of the line that brings scores and predictions to the ranking


def plot_method(theme: Theme) -> Figure:
    """The picture in one theme, WIDTH inches wide; a step's number is that of its notebook."""
    figure, axes = sheet(HEIGHT, theme)
    for box in BOXES.values():
        draw_box(axes, box, theme)
    _draw_grid(axes, BOXES["grid"], theme)
    for start, end in ARROWS:
        draw_arrow(axes, [BOXES[name].at(side, share) for name, side, share in (start, end)], theme)
    _draw_branches(axes, theme)
    _draw_legend(axes, theme)
    return figure


def _draw_grid(axes: Axes, box: Box, theme: Theme, cells: int = 5) -> None:
    """A small matrix of sources and targets; a task is no source of itself."""
    size = 0.62 / cells
    left, bottom = box.x + box.width - 0.62 - 0.1, box.y + (box.height - 0.62) / 2
    for row in range(cells):
        for column in range(cells):
            diagonal = row == cells - 1 - column
            shade = (theme.line, 0.0 if diagonal else 0.15 + 0.2 * ((2 * row + 3 * column) % 4))
            corner = (left + column * size, bottom + row * size)
            axes.add_patch(Rectangle(corner, size, size, fc=shade, ec=theme.line, lw=0.5))


def _draw_branches(axes: Axes, theme: Theme) -> None:
    """From the models up to conductance and grid; from regression and selectors to the ranking."""
    _, y = BOXES["models"].at("right")
    for name in ("grid", "conductance"):
        end = BOXES[name].at("left")
        draw_arrow(axes, [(BUS, y), (BUS, end[1]), end], theme)
    target = BOXES["ranking"].at("left")
    for name in ("regression", "selectors"):
        start = BOXES[name].at("right")
        draw_arrow(axes, [start, (JOIN, start[1]), (JOIN, target[1]), target], theme)


def _draw_legend(axes: Axes, theme: Theme) -> None:
    x, y = 5.38, 0.56
    for face, text in ((theme.paper, "the paper's"), (theme.added, "added here")):
        axes.add_patch(Rectangle((x, y - 0.05), 0.14, 0.1, fc=face, ec=theme.line, lw=0.6))
        axes.text(x + 0.2, y, text, size=SMALL, color=theme.ink, va="center")
        y -= 0.17
    axes.text(x + 0.07, y, "1", size=LARGE, weight="bold", color=theme.ink, ha="center", va="center")
    axes.text(x + 0.2, y, "notebook", size=SMALL, color=theme.ink, va="center")
