"""The report that a study leaves behind: one page that reads well offline and on a phone."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader

from lib.report.captions import captioned
from lib.report.headline import MISSING, headline, nested_value, read_summary
from lib.report.sentences.recommend import Decision, basis, decided_tasks, decisions
from lib.storage.ledger import write_atomically
from lib.storage.tables import read_table

if TYPE_CHECKING:
    from lib.report.sections import Section
    from lib.report.site import Place

SITE = "site"  # the folder of a study's site in its folder of results
TABLE_ROWS = 300  # tables up to this length are shown in the report, longer ones are linked


def write_report(folder: Path, name: str) -> Path:
    """Write report.html, one file that can be sent, into a study's folder and return its path."""
    page = folder / "report.html"
    write_atomically(page, report_html(folder, name).encode())
    return page


def report_html(folder: Path, name: str, place: "Place | None" = None) -> str:
    """The decisions or the verdict of a study, a section for every notebook, then all numbers, tables and files.

    place: in the study's site, which has a menu, a style sheet and no files of parameters; None for a page on its own.
    """
    from lib.report.sections import opening, sections  # with torch, a slow import that a refused study does not need

    told = sections(folder)
    return render_page(
        "report.html.j2",
        name=name,
        place=place,
        way="" if place else f"{SITE}/",
        **_decided(folder),
        verdict=opening(folder),
        sections=told,
        figures=[captioned(path.stem, path.read_bytes()) for path in _other_figures(folder, told)],
        numbers=_numbers(read_summary(folder)),
        tables=[_table(folder, path) for path in sorted((folder / "tables").glob("*.csv"))],
        files=[] if place else _files(folder, ".json", ".csv", ".yaml"),
    )


def render_page(template: str, **values) -> str:
    """An HTML template of lib/report/templates, filled; values are escaped."""
    templates = Environment(loader=PackageLoader("lib.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return templates.get_template(template).render(**values)


def _decided(folder: Path) -> dict:
    """What a study with a budget answers; nothing for others."""
    if not (folder / "tables" / "recommendations.parquet").exists():
        return {}
    table = read_table(folder / "tables", "recommendations")
    rows = decisions(table)
    return {"decisions": rows, "decided": decided_tasks(table), "basis": basis(table), "picture": _Picture.of(rows)}


@dataclass(frozen=True)
class _Picture:
    """Where a gain is drawn: an axis from ``low`` to ``high``, with 0 on it, WIDTH wide."""

    low: float
    high: float
    WIDTH = 120

    @classmethod
    def of(cls, rows: list[Decision]) -> "_Picture":
        ends = [0.0, *(end for row in rows for end in (row.low, row.high) if math.isfinite(end))]
        room = 0.05 * (max(ends) - min(ends)) or 0.01
        return cls(min(ends) - room, max(ends) + room)

    def x(self, gain: float) -> str:
        return f"{self.WIDTH * (gain - self.low) / (self.high - self.low):.1f}"


def _other_figures(folder: Path, told: "list[Section]") -> list[Path]:
    """The figures of no executed notebook that is shown."""
    shown = {section.id[-2:] for section in told if any(finding.figures for finding in section.findings)}
    return [path for path in sorted((folder / "figures").glob("*.png")) if path.stem[:2] not in shown]


def _numbers(summary: dict | None) -> list[tuple[str, str]]:
    """Label and value of the headline numbers and of what they were measured on; empty where no notebook wrote them."""
    if summary is None:
        return []
    environment = nested_value(summary, "environment")
    about = [(key, nested_value(summary, key)) for key in ("dataset", "encoder")]
    about += environment.items() if isinstance(environment, dict) else []
    return [(label, MISSING if value is None else str(value)) for label, value in [*headline(summary), *about]]


@dataclass(frozen=True)
class _Table:
    """A table of the report; path is relative to the report, rows are empty where there are more than TABLE_ROWS."""

    path: Path
    length: int
    head: list[str]
    rows: list[list[str]]


def _table(folder: Path, path: Path) -> _Table:
    with open(path, encoding="utf-8", newline="") as file:
        head, *rows = [*csv.reader(file)] or [[]]
    return _Table(path.relative_to(folder), len(rows), head, rows if len(rows) <= TABLE_ROWS else [])


def _files(folder: Path, *endings: str) -> list[Path]:
    """The visible files with these endings, relative to the report."""
    paths = [path for path in sorted(folder.glob("*")) if path.suffix in endings and path.name[0] != "."]
    return [path.relative_to(folder) for path in paths]
