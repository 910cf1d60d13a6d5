"""The report: the verdict first, then a section for every notebook, then numbers, tables and files."""

import json

import pandas as pd
import pytest

from lib.report.captions import captioned
from lib.report.markdown import markdown
from lib.report.pages import write_report
from lib.report.sections import opening, sections
from lib.storage.tables import read_table, write_table
from lib.study.files import ROOT
from lib.study.parameters import Study

OPENING = "# 3 The transfer grid\n\n**Question.** Which `source` helps?\n\nMore."
HOSTILE = "<script>alert(1)</script>"


def shown(**outputs: str) -> dict:
    return {
        "cell_type": "code",
        "source": "x",
        "outputs": [{"data": {key.replace("_", "/"): [text]}} for key, text in outputs.items()],
    }


def executed(folder, name: str, *cells: dict) -> None:
    """Write an executed notebook with these cells behind its opening."""
    first = {"cell_type": "markdown", "source": OPENING.splitlines(keepends=True)}
    (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    (folder / "notebooks" / f"{name}.ipynb").write_text(json.dumps({"cells": [first, *cells]}))


def test_a_finding_stands_beside_the_figure_that_follows_it(tmp_path):
    figure = captioned("03_gain_matrix", b"picture")
    executed(
        tmp_path, "03_transfer_grid",
        shown(text_markdown="Checked."), shown(text_markdown="Most *hurt*."), shown(text_html=figure),
        shown(text_html="<table></table>"), shown(text_html=captioned("03_rivals", b"other")), shown(text_markdown="Last."),
    )  # fmt: skip
    (section,) = sections(tmp_path)
    assert (section.id, section.title) == ("notebook-03", "The transfer grid")
    assert section.question == "<p>Which <code>source</code> helps?</p>\n"
    assert [finding.text for finding in section.findings] == ["<p>Most <em>hurt</em>.</p>\n", ""]
    assert section.findings[0].figures == (figure,)
    page = write_report(tmp_path, "mine").read_text()
    assert page.index("Which <code>source</code> helps?") < page.index("Most <em>hurt</em>") < page.index(figure)
    assert 'href="#notebook-03"' in page and 'href="site/03_transfer_grid.html"' in page
    assert "Checked." not in page and "<table></table>" not in page


def test_a_notebook_without_figures_shows_its_first_sentences(tmp_path):
    executed(tmp_path, "09_data_regimes", shown(text_markdown="Only one."), shown(text_markdown="Two."))
    (section,) = sections(tmp_path)
    assert [finding.text for finding in section.findings] == ["<p>Only one.</p>\n"]
    assert opening(tmp_path).text == "" and "no verdict yet" in write_report(tmp_path, "mine").read_text()


def test_what_data_puts_into_sentences_is_shown_and_not_obeyed(tmp_path):
    executed(tmp_path, "02_x", shown(text_markdown=f"The task `{HOSTILE}` and {HOSTILE}."))
    page = write_report(tmp_path, "mine").read_text()
    assert page.count("<script") == 1 and page.count("&lt;script&gt;") == 2  # the report's own, which sorts tables
    assert markdown("[a](javascript:alert(1))").count("javascript") == 0


def test_figures_of_notebooks_without_a_section_are_shown_too(tmp_path):
    executed(tmp_path, "03_transfer_grid", shown(text_html=captioned("03_gain_matrix", b"one")))
    (tmp_path / "figures").mkdir()
    for name in ("03_gain_matrix", "05_ansat_matrix"):
        (tmp_path / "figures" / f"{name}.png").write_bytes(name.encode())
    page = write_report(tmp_path, "mine").read_text()
    assert page.count("<figure>") == 2 and 'id="figures"' in page


@pytest.mark.parametrize(("name", "word", "picture"), [
    ("demo", "pairs", "03_rivals"), ("recipes", "recipe", "12_recipes"), ("sizes", "texts", "13_target_sizes"),
])  # fmt: skip
def test_a_published_studys_verdict_opens_its_report(name, word, picture, tmp_path):
    """The tables of a published study stand for those of a finished one."""
    for path in (ROOT / "figures" / name / "tables").glob("*.parquet"):
        write_table(tmp_path / "tables", path.stem, read_table(path.parent, path.stem))
    summary = ROOT / "figures" / name / "summary.json"
    if summary.exists():
        (tmp_path / "summary.json").write_bytes(summary.read_bytes())
    (tmp_path / "parameters.yaml").write_text(Study.load(name).as_yaml())
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / f"{picture}.png").write_bytes(b"picture")
    found = opening(tmp_path)
    assert word in found.text and len(found.figures) == 1 and 2 <= found.text.count("<p>") <= 3
    page = write_report(tmp_path, name).read_text()
    numbers = page.find('id="numbers"')
    assert page.index("What was found") < page.index('id="tables"') and (
        numbers < 0 or numbers > page.index(found.figures[0])
    )
    assert pd.read_csv(next((tmp_path / "tables").glob("*.csv"))).shape[0]
