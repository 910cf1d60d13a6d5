"""Pictures of documents: drawn for light and for dark pages, the same bytes on every run."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from lib.report.figures.style import BOUND, GAIN, LOSS, PLAIN, SOURCE, use_style
from lib.storage.ledger import write_atomically

FONT = "DejaVu Sans"  # comes with matplotlib, so that a picture is the same everywhere


@dataclass(frozen=True)
class Theme:
    """Colours of a page, of its text, lines and grid; of boxes (the paper's method, our additions, what both need, a gain);
    and of what the colours of this name in ``style`` mean.
    """

    page: str
    ink: str
    line: str
    grid: str
    both: str
    paper: str
    added: str
    gaining: str
    gain: str
    loss: str
    neutral: str
    bound: str
    source: str
    plain: str

    def style(self) -> dict:
        """Matplotlib's parameters of a figure on this page."""
        ink = ("text.color", "axes.labelcolor", "xtick.color", "ytick.color")
        faces = ("figure.facecolor", "axes.facecolor", "savefig.facecolor", "legend.facecolor")
        return {
            **dict.fromkeys(ink, self.ink), **dict.fromkeys(faces, self.page), "grid.color": self.grid,
            "axes.edgecolor": self.grid, "legend.edgecolor": self.grid, "font.family": FONT, "savefig.bbox": None,
        }  # fmt: skip


LIGHT = Theme(
    "#ffffff", "#1f2328", "#57606a", "#e0e0e0", "#eaeef2", "#ddd8f0", "#ececc6", "#cfe3f5",
    GAIN, LOSS, "#9e9e9e", BOUND, SOURCE, PLAIN,
)  # fmt: skip
DARK = Theme(
    "#0d1117", "#e6edf3", "#9198a1", "#30363d", "#2a313c", "#3b3273", "#54541c", "#17466f",
    "#4fa8e0", "#ff8c42", "#8b949e", "#e07aa8", "#3fc795", "#9fb0c3",
)  # fmt: skip


def write_picture(folder: Path, name: str, draw: Callable[[Theme], Figure]) -> list[Path]:
    """Write a picture into a folder, as name.png for light and name-dark.png for dark pages; returns their paths."""
    written = []
    for file, theme in ((f"{name}.png", LIGHT), (f"{name}-dark.png", DARK)):
        content = io.BytesIO()
        with mpl.rc_context():
            use_style()
            mpl.rcParams.update(theme.style())
            figure = draw(theme)
            figure.savefig(content, format="png", dpi=200, facecolor=theme.page, metadata={"Software": None})
            plt.close(figure)
        write_atomically(folder / file, content.getvalue())
        written.append(folder / file)
    return written
