"""The report that a study leaves behind: one page that reads well offline and on a phone."""

import csv
import html
from pathlib import Path
from urllib.parse import quote

from lib.report.captions import captioned
from lib.report.headline import (
    MISSING,
    NO_PAIR,
    headline,
    nested_value,
    no_pair_trained,
    read_summary,
    recommended_rows,
)
from lib.storage.ledger import write_atomically
from lib.storage.tables import read_table

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; color: #222; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd; overflow-wrap: anywhere; }
td { font-variant-numeric: tabular-nums; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1.5rem; }
figure { margin: 0; break-inside: avoid; } img { max-width: 100%; } figcaption { font-size: .9rem; }
details { margin: .4rem 0; } summary { cursor: pointer; } .wide { overflow-x: auto; font-size: .85rem; }
.wide th, .wide td { overflow-wrap: normal; white-space: nowrap; } .wide th { cursor: pointer; }
.wide th[aria-sort=ascending]::after { content: " \\25B2"; } .wide th[aria-sort=descending]::after { content: " \\25BC"; }
@media print { body { max-width: none; font-size: 11pt; } details:not([open]) { display: none; } }
"""


# A click on a column's head sorts its table: numbers by value, everything else as text, what is empty last.
_SORT = """
document.querySelectorAll(".wide th").forEach(head => head.addEventListener("click", () => {
  const body = head.closest("table").tBodies[0], column = head.cellIndex;
  const up = head.getAttribute("aria-sort") !== "ascending";
  head.parentNode.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const text = row => row.cells[column].textContent, order = up ? 1 : -1;
  const compare = (a, b) => !a || !b ? !a - !b : order * (isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b);
  [...body.rows].sort((a, b) => compare(text(a), text(b))).forEach(row => body.append(row));
}));
"""


TABLE_ROWS = 300  # tables up to this length are shown in the report, longer ones are linked


def write_report(folder: Path, name: str) -> Path:
    """Write report.html into a study's folder and return its path: numbers, figures, tables, notebooks, in one file."""
    page = folder / "report.html"
    parts = [
        *_opening(folder),
        _figures(folder),
        _tables(folder),
        _links(folder, "Notebooks", "notebooks", ".html"),
        _links(folder, "Files", "", ".json", ".csv"),
    ]
    title = html.escape(f"whence: study {name}")
    content = _PAGE.format(title=title, style=_STYLE, body="\n".join(parts), script=_SORT)
    write_atomically(page, content.encode())
    return page


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
{body}
<script>{script}</script>
</body>
</html>
"""


def _opening(folder: Path) -> list[str]:
    """What is recommended and the headline numbers, each where it is there; else that neither is."""
    recommended, summary = _recommended(folder), read_summary(folder)
    return [recommended] * bool(recommended) + [_numbers(summary)] * (summary is not None or not recommended)


def _recommended(folder: Path) -> str:
    """What a study with a budget answers; nothing for others."""
    if not (folder / "tables" / "recommendations.parquet").exists():
        return ""
    table = read_table(folder / "tables", "recommendations")
    rows = "\n".join(_row(*row) for row in recommended_rows(table))
    warning = f"<p>{NO_PAIR}</p>\n" if no_pair_trained(table) else ""
    return f"<h2>Which source to train each task from</h2>\n{warning}<table>\n{rows}\n</table>"


def _numbers(summary: dict | None) -> str:
    if summary is None:
        return "<p>This study has no headline numbers yet.</p>"
    environment = nested_value(summary, "environment")
    about = [(key, nested_value(summary, key)) for key in ("dataset", "encoder")]
    about += environment.items() if isinstance(environment, dict) else []
    rows = "\n".join(_row(label, value) for label, value in [*headline(summary), *about])
    return f"<h2>Headline numbers</h2>\n<table>\n{rows}\n</table>"


def _row(label: object, value: object) -> str:
    text = MISSING if value is None else str(value)
    return f"<tr><th>{html.escape(str(label))}</th><td>{html.escape(text)}</td></tr>"


def _figures(folder: Path) -> str:
    shown = [captioned(path.stem, path.read_bytes()) for path in sorted((folder / "figures").glob("*.png"))]
    return '<h2>Figures</h2>\n<div class="figures">\n' + "\n".join(shown) + "\n</div>" if shown else ""


def _tables(folder: Path) -> str:
    paths = sorted((folder / "tables").glob("*.csv"))
    shown = "\n".join(_table(path) for path in paths)
    return f"<h2>Tables</h2>\n<p>A click on a column's head sorts by it.</p>\n{shown}" if paths else ""


def _table(path: Path) -> str:
    """One CSV, folded; a link where it is long."""
    with open(path, encoding="utf-8", newline="") as file:
        head, *rows = [*csv.reader(file)] or [[]]
    name = f"{html.escape(path.stem)} ({len(rows):,} row{'s' * (len(rows) != 1)})"
    link = f'<a href="tables/{quote(path.name)}">{html.escape(path.name)}</a>'
    if len(rows) > TABLE_ROWS:
        return f"<details><summary>{name}</summary>{link}</details>"
    heads = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    lines = "\n".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>\n{lines}\n</tbody></table>"
    return f'<details><summary>{name}</summary>{link}<div class="wide">{table}</div></details>'


def _links(folder: Path, title: str, inside: str, *endings: str) -> str:
    paths = [path for path in sorted((folder / inside).glob("*")) if path.suffix in endings and path.name[0] != "."]
    items = [(quote(path.relative_to(folder).as_posix()), html.escape(path.name)) for path in paths]
    listed = "\n".join(f'<li><a href="{link}">{text}</a></li>' for link, text in items)
    return f"<h2>{title}</h2>\n<ul>\n{listed}\n</ul>" if items else ""
