"""The picture of the method: what is computed from what, and which notebook does it."""

import io
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from lib.report.figures.style import WIDTH
from lib.storage.ledger import write_atomically

HEIGHT = 3.32  # inches
SMALL, LARGE = 7.5, 8.5  # points
FONT = "DejaVu Sans"  # comes with matplotlib, so that the picture is the same everywhere


@dataclass(frozen=True)
class Theme:
    """Colours of a page, of its text and lines, and of the boxes: the paper's method, our additions, what both need."""

    page: str
    ink: str
    line: str
    both: str
    paper: str
    added: str


LIGHT = Theme("#ffffff", "#1f2328", "#57606a", "#eaeef2", "#cfe3f5", "#fbe3c3")
DARK = Theme("#0d1117", "#e6edf3", "#9198a1", "#2a313c", "#17466f", "#6b4310")


@dataclass(frozen=True)
class Box:
    """A step. x, y: its lower left corner; width, height: all in inches. role: the theme's colour."""

    x: float
    y: float
    width: float
    height: float
    title: str
    text: str
    role: str
    text_room: float = 0.0  # inches at the right that a drawing needs

    def at(self, side: str, share: float = 0.5) -> tuple[float, float]:
        """A point on the box's edge: left, right, top or bottom, at a share of the edge's length."""
        along_x, along_y = self.x + share * self.width, self.y + share * self.height
        return {
            "left": (self.x, along_y),
            "right": (self.x + self.width, along_y),
            "top": (along_x, self.y + self.height),
            "bottom": (along_x, self.y),
        }[side]


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
    with mpl.rc_context({"font.family": FONT, "figure.constrained_layout.use": False}):
        figure = Figure(figsize=(WIDTH, HEIGHT), facecolor=theme.page)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
        axes.axis("off")
        for box in BOXES.values():
            _draw_box(axes, box, theme)
        _draw_grid(axes, BOXES["grid"], theme)
        for start, end in ARROWS:
            _arrow(axes, [BOXES[name].at(side, share) for name, side, share in (start, end)], theme)
        _draw_branches(axes, theme)
        _draw_legend(axes, theme)
    return figure


def _draw_box(axes: Axes, box: Box, theme: Theme) -> None:
    style = "round,pad=0,rounding_size=0.06"
    face = getattr(theme, box.role)
    axes.add_patch(
        FancyBboxPatch((box.x, box.y), box.width, box.height, boxstyle=style, fc=face, ec=theme.line, lw=0.8)
    )
    middle = box.x + (box.width - box.text_room) / 2
    axes.text(
        middle,
        box.y + 0.74 * box.height,
        box.title,
        size=LARGE,
        weight="bold",
        color=theme.ink,
        ha="center",
        va="center",
    )
    axes.text(middle, box.y + 0.33 * box.height, box.text, size=SMALL, color=theme.ink, ha="center", va="center")


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


def _arrow(axes: Axes, points: list[tuple[float, float]], theme: Theme) -> None:
    """A line through the points, with a head at the last one."""
    for start, end in zip(points[:-2], points[1:-1], strict=True):
        axes.plot(*zip(start, end, strict=True), color=theme.line, lw=1.1, solid_capstyle="round")
    axes.add_patch(
        FancyArrowPatch(
            points[-2], points[-1], arrowstyle="-|>", mutation_scale=8, color=theme.line, lw=1.1, shrinkA=0, shrinkB=0
        )
    )


def _draw_branches(axes: Axes, theme: Theme) -> None:
    """From the models up to conductance and grid; from regression and selectors to the ranking."""
    _, y = BOXES["models"].at("right")
    for name in ("grid", "conductance"):
        end = BOXES[name].at("left")
        _arrow(axes, [(BUS, y), (BUS, end[1]), end], theme)
    target = BOXES["ranking"].at("left")
    for name in ("regression", "selectors"):
        start = BOXES[name].at("right")
        _arrow(axes, [start, (JOIN, start[1]), (JOIN, target[1]), target], theme)


def _draw_legend(axes: Axes, theme: Theme) -> None:
    x, y = 5.38, 0.56
    for face, text in ((theme.paper, "the paper's"), (theme.added, "added here")):
        axes.add_patch(Rectangle((x, y - 0.05), 0.14, 0.1, fc=face, ec=theme.line, lw=0.6))
        axes.text(x + 0.2, y, text, size=SMALL, color=theme.ink, va="center")
        y -= 0.17
    axes.text(x + 0.07, y, "1", size=LARGE, weight="bold", color=theme.ink, ha="center", va="center")
    axes.text(x + 0.2, y, "notebook", size=SMALL, color=theme.ink, va="center")


def write_method(folder: Path) -> list[Path]:
    """Write the picture into a folder, for light and for dark pages; the same bytes on every run."""
    written = []
    for name, theme in (("method.png", LIGHT), ("method-dark.png", DARK)):
        content = io.BytesIO()
        with mpl.rc_context({"savefig.bbox": None}):
            plot_method(theme).savefig(
                content, format="png", dpi=200, facecolor=theme.page, metadata={"Software": None}
            )
        write_atomically(folder / name, content.getvalue())
        written.append(folder / name)
    return written
