"""Which documents there are, what each tells, and on which published studies it rests."""

import re
import textwrap
from collections.abc import Mapping
from functools import partial

from jinja2 import Environment, PackageLoader, StrictUndefined

from lib.report.documents.cards import data_card, model_card
from lib.report.documents.comparisons import recipes_page, sizes_page, types_page
from lib.report.documents.grids import UP, grid_page
from lib.report.documents.page import Page
from lib.report.documents.pictures import markup
from lib.report.documents.published import PublishedStudy
from lib.report.documents.readme import readme_page
from lib.report.documents.results import controls_page, corpora_page, paper_page, selectors_page
from lib.report.documents.scaling import scaling_page
from lib.report.documents.tables import tables_page

WIDTH = 120  # of a wrapped line


RESULTS = (
    Page(
        "docs/results/recipes.md",
        "recipes.md.j2",
        recipes_page,
        ("recipes",),
        "Recipes",
        "How to train sources and targets: a pilot, judged on validation",
    ),
    Page(
        "docs/results/target_sizes.md",
        "target_sizes.md.j2",
        sizes_page,
        ("sizes",),
        "Target sizes",
        "The same targets with 16 to 2,000 texts: where does a source help?",
    ),
    Page(
        "docs/results/classes.md",
        "task_types.md.j2",
        types_page,
        ("classes",),
        "Classes of tasks",
        "Classification, tagging and question answering, each from each other (Vu et al. 2020)",
    ),
    Page(
        "docs/results/demo.md",
        "grid.md.j2",
        partial(grid_page, detailed=("demo",)),
        ("demo", "hot"),
        "The demo",
        "Disaster messages, large sources, small targets; beside it the older recipe",
    ),
    Page(
        "docs/results/reference.md",
        "grid.md.j2",
        partial(grid_page, detailed=("disaster",)),
        ("disaster",),
        "The reference study",
        "More texts, every setting for every pair",
    ),
    Page(
        "docs/results/paper.md",
        "paper.md.j2",
        partial(paper_page, detailed=("trecis",)),
        ("trecis", "trecis_gpu", "paper"),
        "The paper's data",
        "TREC Incident Streams; the paper's numbers beside ours",
    ),
    Page(
        "docs/results/other_corpora.md",
        "other_corpora.md.j2",
        partial(corpora_page, detailed=("newsgroups", "reuters")),
        ("newsgroups", "reuters", "trecis"),
        "Other corpora",
        "20 Newsgroups, Reuters; regressions carried over between corpora",
    ),
    Page(
        "docs/results/selectors.md",
        "selectors.md.j2",
        selectors_page,
        None,
        "All selectors",
        "Every selector on every study of real texts",
    ),
    Page(
        "docs/results/controls.md",
        "controls.md.j2",
        controls_page,
        ("smoke", "shuffled"),
        "Controls",
        "Planted relations between tasks; shuffled labels",
    ),
)
PAGES = (
    *RESULTS,
    Page("docs/data_card.md", "data_card.md.j2", data_card, ("demo",), "Data card"),
    Page("docs/model_card.md", "model_card.md.j2", model_card, ("demo",), "Model card"),
    Page("docs/scaling.md", "scaling.md.j2", scaling_page, ("demo",), "What larger studies cost"),
    Page("figures/README.md", "tables.md.j2", tables_page, None, "Published studies"),
    Page("README.md", "README.md.j2", partial(readme_page, results=RESULTS)),
)


def documents(published: Mapping[str, PublishedStudy]) -> dict[str, str | None]:
    """The text of every document by its path; None for a page of which no study is published."""
    texts: dict[str, str | None] = {}
    pictures = markup(published, UP)
    for page in PAGES:
        studies = page.rests_on(published)
        texts[page.path] = (
            render(page.template, page=page, pictures=pictures, **page.gather(studies)) if studies else None
        )
    return texts


def render(template: str, **values) -> str:
    """A Markdown template of lib/report/templates, filled; a value that is missing is an error."""
    templates = Environment(
        loader=PackageLoader("lib.report"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters["wrap"] = wrap
    return templates.get_template(template).render(values).strip() + "\n"


def wrap(text: str, indent: str = "") -> str:
    """A paragraph in lines of at most WIDTH characters, where its words allow. indent: of all lines but the first.

    No line begins with a percent sign, or with a number and a full stop, which Markdown would take for a list.
    """
    bound = re.sub(r" (?=%|\d+\.(?: |$))", "\N{NO-BREAK SPACE}", " ".join(text.split()))
    lines = textwrap.fill(bound, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return lines.replace("\N{NO-BREAK SPACE}", " ")
