"""Boxes and arrows, for pictures that are no charts."""

from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from lib.report.figures.style import WIDTH
from lib.report.figures.themes import FONT, Theme

SMALL, LARGE = 7.5, 8.5  # points


@dataclass(frozen=True)
class Box:
    """A box with a title and a text. x, y: its lower left corner; width, height: all in inches. role: the theme's colour."""

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


def sheet(height: float, theme: Theme) -> tuple[Figure, Axes]:
    """An empty figure, WIDTH inches wide, and axes that cover it and are measured in inches. height: inches."""
    with mpl.rc_context({"font.family": FONT, "figure.constrained_layout.use": False}):
        figure = Figure(figsize=(WIDTH, height), facecolor=theme.page)
        axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0, height))
    axes.axis("off")
    return figure, axes


def draw_frame(axes: Axes, place: tuple[float, float, float, float], theme: Theme, role: str) -> None:
    """Draw an empty box. place: left, bottom, width and height in inches. role: the theme's colour of its face."""
    left, bottom, width, height = place
    style, face = "round,pad=0,rounding_size=0.06", getattr(theme, role)
    axes.add_patch(FancyBboxPatch((left, bottom), width, height, boxstyle=style, fc=face, ec=theme.line, lw=0.8))


def draw_box(axes: Axes, box: Box, theme: Theme) -> None:
    """Draw a box, its title in bold above its text."""
    draw_frame(axes, (box.x, box.y, box.width, box.height), theme, box.role)
    middle = box.x + (box.width - box.text_room) / 2
    centred = {"color": theme.ink, "ha": "center", "va": "center", "family": FONT}
    axes.text(middle, box.y + 0.74 * box.height, box.title, size=LARGE, weight="bold", **centred)
    axes.text(middle, box.y + 0.33 * box.height, box.text, size=SMALL, **centred)


def draw_arrow(axes: Axes, points: list[tuple[float, float]], theme: Theme) -> None:
    """A line through the points, with a head at the last one."""
    for start, end in zip(points[:-2], points[1:-1], strict=True):
        axes.plot(*zip(start, end, strict=True), color=theme.line, lw=1.1, solid_capstyle="round")
    axes.add_patch(
        FancyArrowPatch(
            points[-2], points[-1], arrowstyle="-|>", mutation_scale=8, color=theme.line, lw=1.1, shrinkA=0, shrinkB=0
        )
    )
