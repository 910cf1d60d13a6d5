"""The pages a study leaves behind: each notebook as HTML, and one report; they read well offline and on a phone."""

import csv
import html
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from lib.captions import captioned
from lib.errors import InputError
from lib.ledger import write_atomically
from lib.study import Study
from lib.tables import read_table

if TYPE_CHECKING:
    import pandas as pd
    from nbformat import NotebookNode

MISSING = "–"

# The paper's regression has seen pairs that its accounting does not count; only the sequential one can be paid for.
_REGRESSIONS = (("regression", "paper"), ("regression_sequential", "all_inclusive"))

# nbconvert's page without what it would load from the network.
_TEMPLATE = """{% extends 'lab/index.html.j2' %}
{% block html_head_js_requirejs %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
{% block jupyter_widgets %}{% endblock %}
"""

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


def headline(summary: dict) -> list[tuple[str, str]]:
    """A study's headline numbers as (label, value), in the order of the paper's claims; absent ones show a dash.

    summary: the content of summary.json. Values are plain text, not yet escaped.
    """
    rows = [
        ("tasks", _format(_at(summary, "n_tasks"), _whole)),
        ("ordered pairs", _format(_at(summary, "n_pairs"), _whole)),
        ("models trained", _format(_at(summary, "models_trained"), _whole)),
        ("time of the grid", _format(_at(summary, "grid_seconds"), duration)),
        ("F1 of the grid (best model per task)", _format(_at(summary, "grid_f1"), _score)),
        ("F1 of single-task models", _format(_at(summary, "single_task_f1"), _score)),
        ("tasks helped by transfer", _format(_at(summary, "tasks_helped"), _whole)),
        ("time of conductance", _format(_at(summary, "conductance_seconds"), duration)),
        ("conductance, share of the grid's time", _format(_at(summary, "conductance_share_of_grid"), _percent)),
        ("single-task models, share of the grid's time", _format(_at(summary, "single_task_share_of_grid"), _percent)),
    ]
    for order, accounting in _REGRESSIONS:
        for share in ("0.165", "0.495"):
            spoken = f"{order.replace('_', ' ')}, {accounting.replace('_', '-')} accounting"
            loss = _at(summary, "selectors", order, accounting, f"loss_at_{share}")
            rows.append((f"F1 lost at {_percent(float(share))} of the time ({spoken})", _interval(loss)))
    return rows


def _at(value: object, *keys: str) -> object:
    """The value under nested keys, or None where one is absent."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _format(value: object, how: Callable[[float], str]) -> str:
    """A measured number in its unit; a text as it is; a dash for what is absent or undefined."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return how(value) if math.isfinite(value) else MISSING
    return MISSING if value is None else str(value)


def _interval(figure: object) -> str:
    """A relative loss {value, low, high} as a percentage with its bootstrap interval."""
    if not isinstance(figure, dict):
        return _format(figure, _percent)
    value, low, high = (_format(_at(figure, key), _percent) for key in ("value", "low", "high"))
    return value if MISSING in (low, high) else f"{value} ({low} to {high})"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _score(value: float) -> str:
    return f"{value:.4f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def duration(seconds: float) -> str:
    """Seconds as a reader says them: '4.2 s', '3 min 20 s', '2 h 05 min'."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def read_summary(folder: Path) -> dict | None:
    """summary.json of a study's folder; None where no notebook has written it yet."""
    path = folder / "summary.json"
    if not path.exists():
        return None
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        summary = None
    if not isinstance(summary, dict):
        raise InputError(f"{path} is damaged; delete it and run the study again")
    return summary


def opening_lines(study: Study) -> list[str]:
    """What notebook 1 found in the data, and what is to come, for the terminal."""
    tasks, estimated = (read_table(study.tables, name) for name in ("tasks", "estimate"))
    first, workers = tasks.iloc[0], study.engine.processes
    width = max(len("task"), *map(len, tasks["task"]))
    parts = (
        f"{first['n_train']:,} texts to train on, {first['n_validation']:,} to validate, {first['n_test']:,} to test"
    )
    rows = [f"{row.task:<{width}}  {row.train_positives:>9,}  {row.prevalence:>7.1%}" for row in tasks.itertuples()]
    phases = estimated.set_index("phase")
    minutes = phases["seconds"] / 60 / workers
    models = int(phases["models"].iloc[:3].sum())
    told = f"{models} models, about {minutes.sum():.0f} minutes with {workers} worker{'s' * (workers > 1)} and "
    told += f"{phases['disk_mb'].sum() / 1000:.1f} GB of disk"
    if study.budget_minutes is not None:
        needed = minutes["training single-task models"] + minutes["readings of other selectors"]
        told = f"{phases['models'].iloc[0]} single-task models in about {needed:.0f} minutes, then the most promising pairs "
        told += f"until {study.budget_minutes:g} are over (the whole grid: about {minutes.sum():.0f})"
    return [f"{len(tasks)} tasks: {parts}", f"{'task':<{width}}  positives    share", *rows, f"to come: {told}"]


def closing_lines(study: Study) -> list[str]:
    """The headline numbers as aligned lines for the terminal, or the one line that says there are none yet."""
    if study.budget_minutes is not None:
        table = read_table(study.tables, "recommendations")
        rows = recommended_rows(table)
        width = max(len(target) for target, _ in rows)
        return [f"{target:<{width}}  {told}" for target, told in rows] + [NO_PAIR] * _no_pair(table)
    summary = read_summary(study.folder)
    if summary is None:
        return ["no summary.json yet: the notebooks that write the headline numbers have not been part of this study"]
    rows = headline(summary)
    width = max(len(label) for label, _ in rows)
    return [f"{label:<{width}}  {value}" for label, value in rows]


NO_PAIR = (
    "No pair was trained: the budget was spent before the first one. Give it more minutes, or fewer tasks and settings."
)


def recommended_rows(table: "pd.DataFrame") -> list[tuple[str, str]]:
    """What is recommended for every target, as (target, what and how good). table: "recommendations"."""
    return [
        (row.target, f"{row.source or 'no transfer'}: test F1 {row.test_f1:.3f}, {row.gain:+.3f} over no transfer")
        for row in table[table["recommended"]].itertuples()
    ]


def _no_pair(table: "pd.DataFrame") -> bool:
    return not table.loc[table["source"] != "", "validation_f1"].notna().any()


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
    warning = f"<p>{NO_PAIR}</p>\n" if _no_pair(table) else ""
    return f"<h2>Which source to train each task from</h2>\n{warning}<table>\n{rows}\n</table>"


def _numbers(summary: dict | None) -> str:
    if summary is None:
        return "<p>This study has no headline numbers yet.</p>"
    environment = _at(summary, "environment")
    about = [(key, _at(summary, key)) for key in ("dataset", "encoder")]
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


def notebook_page(notebook: "NotebookNode", title: str) -> str:
    """An executed notebook as one HTML page with embedded images and formulas as MathML; it loads nothing."""
    exporter = _exporter_class()(raw_template=_TEMPLATE, embed_images=True)
    page, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": title}})
    return page


def _exporter_class() -> type:
    """nbconvert's HTML exporter, with formulas set as MathML (browsers draw it themselves; MathJax needs a network)."""
    from nbconvert.exporters import HTMLExporter
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        def inline_math(self, body: str) -> str:
            return mathml(body, "inline")

        def block_math(self, body: str) -> str:
            return mathml(body, "block")

        def latex_environment(self, name: str, body: str) -> str:
            return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")

    class Exporter(HTMLExporter):
        def default_filters(self):
            yield from super().default_filters()
            yield "markdown2html", lambda source: MarkdownWithMath(renderer=Renderer(escape=False)).render(source)

    return Exporter


def mathml(formula: str, display: str) -> str:
    """A TeX formula as MathML; what the converter does not know stays readable as its source."""
    from latex2mathml.converter import convert

    try:
        return convert(formula, display=display)
    except Exception:  # the converter's errors have no common class, and a formula must not stop a report
        return f"<code>{html.escape(formula)}</code>"
