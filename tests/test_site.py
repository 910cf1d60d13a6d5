"""The site of a study: whole, small, linked within itself, open to every reader, and telling nothing of its machine."""

import html
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import unquote, urlsplit

import pytest

from lib.report.captions import captioned
from lib.report.markdown import markdown, mathml, prose
from lib.report.notebook_page import notebook_html
from lib.report.site import TEMPLATES, write_site
from lib.study.files import ROOT

LARGEST = 6_000_000  # bytes of the small study's site; its own figures take 2.2 million, other studies' 2 million
HOSTILE = "<script>alert(1)</script>"


class Page(HTMLParser):
    """What a page links, shows and is made of."""

    def __init__(self, text: str):
        super().__init__()
        self.links, self.sources, self.alternatives, self.headings, self.ids, self.landmarks = [], [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.links += [values["href"]] if "href" in values else []
        self.sources += [values["src"]] if "src" in values else []
        self.alternatives += [values.get("alt")] if tag == "img" else []
        self.headings += [int(tag[1])] if re.fullmatch(r"h[1-6]", tag) else []
        self.ids += [values["id"]] if "id" in values else []
        self.landmarks += [tag] if tag in ("header", "nav", "main") else []


def check(site) -> dict[str, str]:
    """The pages of a site by their address, after everything that has to hold for each of them."""
    texts = {path.name: path.read_text() for path in site.glob("*.html")}
    pages = {address: Page(text) for address, text in texts.items()}
    for address, page in pages.items():
        for link in [*page.links, *page.sources]:
            parts = urlsplit(link)
            assert not parts.scheme and not parts.netloc and not parts.path.startswith("/"), (address, link)
            assert (site / unquote(parts.path)).is_file() or not parts.path, (address, link)
            if parts.fragment:
                assert unquote(parts.fragment) in pages[parts.path or address].ids, (address, link)
        assert all(page.alternatives), address
        assert page.headings[0] == 1 and page.headings.count(1) == 1, address
        assert all(below <= above + 1 for above, below in pairwise(page.headings)), (address, page.headings)
        assert len(set(page.ids)) == len(page.ids), address
        assert page.landmarks.count("main") == 1 and page.landmarks[:2] == ["header", "nav"], address
        assert page.links[2] == "#start" and "data:image" not in texts[address], address
        assert not re.search(r"@import|url\(", texts[address]), address
        assert str(ROOT) not in texts[address], address
    shown = {source for page in pages.values() for source in page.sources}
    assert {f"figures/{path.name}" for path in (site / "figures").iterdir()} == shown - {"report.js", "sortable.js"}
    return texts


def cell(kind: str, source: str, *outputs: dict, tags: tuple[str, ...] = ()) -> dict:
    return {"cell_type": kind, "source": [source], "metadata": {"tags": list(tags)}, "outputs": list(outputs)}


def shows(**data: str) -> dict:
    return {"output_type": "display_data", "data": {kind.replace("_", "/"): [text] for kind, text in data.items()}}


def prints(text: str) -> dict:
    return {"output_type": "stream", "name": "stdout", "text": [text]}


@pytest.fixture
def folder(tmp_path):
    """A folder of results with two executed notebooks, which show the same figure, and the table of the larger one."""
    figure = captioned("03_gain_matrix", b"figure")
    opening = (
        "# 3 The grid\n\n**Question.** Which?\n\n[A paper](https://example.org) says $\\frac{a}{b}$, see [it](it.md)."
    )
    cells = [
        cell("markdown", opening),
        cell("code", f"study_name = '{tmp_path}/mine.yaml'", tags=("injected-parameters",)),
        cell("code", "x = '<b>'  # why", prints(f"{tmp_path}/mine/tables: {ROOT}/lib {HOSTILE}")),
        cell("code", "said", shows(text_markdown=f"Most *hurt* `{HOSTILE}`. It costs $5 or $6.")),
        cell("code", "drawn", shows(text_html=figure), shows(image_png="cGljdHVyZQ==", text_plain="<Figure>")),
        cell("code", "shown", shows(text_html='<table class="dataframe"><tr><td>&lt;i&gt;</td></tr></table>')),
        cell("markdown", "## Next"),
    ]
    for name, content in {
        "03_transfer_grid": cells,
        "04_conductance": [cell("markdown", "# 4 More"), cells[4]],
    }.items():
        path = tmp_path / "mine" / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"cells": content}))
    (tmp_path / "mine" / "tables").mkdir()
    (tmp_path / "mine" / "tables" / "pairs.csv").write_text(f"source,f1\n{HOSTILE},0.5\n")
    (tmp_path / "mine" / "parameters.yaml").write_text(f"results: {tmp_path}\n")
    return tmp_path / "mine"


def test_a_site_is_linked_within_itself_and_holds_every_picture_once(folder):
    index = write_site(folder, "mine")
    texts = check(index.parent)
    assert sorted(texts) == ["03_transfer_grid.html", "04_conductance.html", "index.html", "method.html"]
    assert sorted(path.read_bytes() for path in (index.parent / "figures").iterdir()) == [b"figure", b"picture"]
    assert (
        sum(text.count('src="figures/') for text in texts.values()) == 6
    )  # two of each notebook, one of each in the report
    assert 'href="03_transfer_grid.html"' in texts["index.html"] and 'href="tables/pairs.csv"' in texts["index.html"]
    menu = r'<a href="04_conductance.html" aria-current="page">4 More</a>'
    assert menu in texts["04_conductance.html"] and 'rel="next">The method' in texts["04_conductance.html"]
    assert "parameters.yaml" not in {path.name for path in index.parent.rglob("*")}


def test_a_page_shows_prose_code_and_outputs_and_obeys_nothing_from_data(folder):
    page = (write_site(folder, "mine").parent / "03_transfer_grid.html").read_text()
    assert page.count("<script") == 2 and page.count(html.escape(HOSTILE)) == 2
    assert "<mfrac>" in page and "https:" not in page and "A paper says" in page
    assert "<em>hurt</em>" in page and "$5 or $6" in page and "&lt;i&gt;" in page
    assert "x = '&lt;b&gt;'" in re.sub(r"</?span[^>]*>", "", page) and '<span class="c1"># why</span>' in page
    assert 'alt="&lt;Figure&gt;"' in page and "study_name" not in page


def test_a_page_does_not_tell_where_it_was_made(folder):
    site = write_site(folder, "mine").parent
    assert f"<pre>tables: lib {html.escape(HOSTILE)}</pre>" in (site / "03_transfer_grid.html").read_text()
    assert not [path for path in site.rglob("*.*") if str(folder.parent).encode() in path.read_bytes()]


def test_a_published_study_has_its_pages_on_results(folder):
    texts = check(write_site(folder, "recipes").parent)
    assert {"recipes.html", "selectors.html", "method.html"} <= set(texts)
    assert 'href="recipes.html"' in texts["method.html"] and 'href="method.html"' in texts["recipes.html"]
    assert "demo.html" not in texts and "<!--" not in texts["recipes.html"]


def test_an_older_site_stays_where_a_new_one_cannot_be_written(folder):
    index = write_site(folder, "mine")
    before = index.read_bytes()
    (folder / "notebooks" / "05_broken.ipynb").write_text("{}")
    with pytest.raises(KeyError):
        write_site(folder, "mine")
    assert index.read_bytes() == before and len(list(folder.iterdir())) == 4


def test_the_site_of_the_small_study_is_small_and_complete(finished_smoke, smoke_study):
    study, _ = finished_smoke
    site = study.folder / "site"
    texts = check(site)
    assert {f"{path.stem}.html" for path in (study.folder / "notebooks").glob("*.ipynb")} < set(texts)
    assert {"index.html", "controls.html", "method.html"} < set(texts)
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < LARGEST
    assert not [address for address, text in texts.items() if str(smoke_study[1].parent) in text]
    assert all(text.count("<script src=") == 2 for text in texts.values())


def test_text_and_code_can_be_read_in_both_themes():
    """Contrast of at least 4.5 (WCAG 2.2, level AA) of every colour of text on every ground that it stands on."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    themes = re.findall(r":root \{(.*?)\}", (TEMPLATES / "report.css").read_text(), re.DOTALL)
    assert len(themes) == 2
    for colours in (dict(re.findall(r"--(\w+): (#\w+)", theme)) for theme in themes):
        lights = {name: luminance(colour) for name, colour in colours.items()}
        for name in set(colours) - {"page", "block", "line"}:
            for ground in ("page", "block"):
                low, high = sorted((lights[name], lights[ground]))
                assert (high + 0.05) / (low + 0.05) >= 4.5, (name, ground)


def test_formulas_that_cannot_be_set_stay_readable():
    assert mathml(r"a^b^c < d", "inline") == "<code>a^b^c &lt; d</code>"


def test_sentences_have_no_formulas_and_links_lead_nowhere_else():
    assert markdown("It costs $5 or $6.") == "<p>It costs $5 or $6.</p>\n"
    assert markdown("[a](javascript:alert(1)) and [b](https://example.org)") == "<p>a and b</p>\n"
    assert prose("$$\\sum_i x_i$$", ROOT).startswith('<div class="scroll"><math')
    assert "<code>$x</code>" in prose("`$x`", ROOT) and 'id="whats-a-b"' in prose("## What's `a` b?", ROOT)


def test_a_link_by_the_anchor_that_jupyter_gives_leads_to_the_heading():
    page = prose("[up](#The-paper's-findings:-here?)\n\n## The paper's findings: here?", ROOT)
    assert 'href="#the-papers-findings-here"' in page and 'id="the-papers-findings-here"' in page


def test_a_picture_for_light_and_dark_pages_is_shown_once(tmp_path):
    (tmp_path / "a.png").write_bytes(b"picture")
    lines = ("<picture>", '<source media="x" srcset="a-dark.png">', '<img src="a.png" alt="it&#x27;s">', "</picture>")
    page = prose("\n".join(lines), tmp_path)
    assert page.count("<img") == 1 and "it&#x27;s" in page and "&lt;" not in page
    assert "&lt;picture&gt;" in prose("<picture>\n<script>alert(1)</script>\n</picture>", tmp_path)


def test_cells_that_name_the_study_are_not_shown():
    assert notebook_html([cell("code", "study_name = 1", tags=("parameters",))], ROOT) == ""
