"""What the report tells: a study's verdict with the picture that shows it, then one section a notebook.

Findings are the sentences that executed notebooks show; a finding stands beside the figure that follows it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lib.report.captions import captioned
from lib.report.documents import verdicts
from lib.report.documents.published import PublishedStudy
from lib.report.markdown import markdown
from lib.report.sentences import recipes, target_sizes, task_types
from lib.studies.task_types import mean_ranks
from lib.study.parameters import Study

QUESTION = "**Question.**"  # how a notebook's opening marks it


class FinishedStudy(PublishedStudy):
    """A study in its folder of results, whose parameters lie beside its tables."""

    @cached_property
    def parameters(self) -> Study:
        return Study.load(self.folder / "parameters.yaml")


@dataclass(frozen=True)
class Finding:
    """A sentence or more, as HTML, and the figures that show it; either may be empty."""

    text: str
    figures: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A notebook in the report. id: of the section; copy: the executed notebook; page: its page in the study's site."""

    id: str
    title: str
    question: str
    findings: list[Finding]
    copy: Path
    page: str


def opening(folder: Path) -> Finding:
    """The verdict of a study in a folder of results, in about three sentences, and its picture.

    Empty for a study that is not finished, and for one with a budget, whose decisions open its report.
    """
    study, told, picture = FinishedStudy(folder), [], ""
    if study.has("transfer_matrix") and study.has("selector_metrics") and study.is_grid:
        told = [verdicts.pairs(study.matrix), verdicts.choice(study), verdicts.ranking(study)]
        picture = "03_rivals" if (folder / "figures" / "03_rivals.png").exists() else "03_chosen_sources"
    elif study.has("recipe_scores"):
        scores, picture = study.table("recipe_scores"), "12_recipes"
        told = [recipes.choice(scores), recipes.best_baseline(scores), recipes.gains(scores)]
    elif study.has("target_size_gains"):
        gains, picture = study.table("target_size_gains"), "13_target_sizes"
        told = [target_sizes.advice(gains), target_sizes.on_test(gains)]
    elif study.has("type_selector_ranks"):
        means = mean_ranks(study.table("type_selector_ranks"), study.parameters.ranking)
        told = [task_types.average_pairs(study.table("type_matrix")), task_types.best_selectors(means)]
        picture = "14_pairs"
    shown = folder / "figures" / f"{picture}.png"
    figures = (captioned(picture, shown.read_bytes()),) if picture and shown.exists() else ()
    return Finding("".join(map(markdown, told)), figures)


def sections(folder: Path) -> list[Section]:
    """One section for every executed notebook in a folder of results, in their order."""
    return [_section(path) for path in sorted((folder / "notebooks").glob("[0-9][0-9]_*.ipynb"))]


def _section(path: Path) -> Section:
    cells = json.loads(path.read_bytes())["cells"]
    lines = "".join(cells[0]["source"]).splitlines() if cells else []
    title = "".join(lines[:1]).lstrip("# ").partition(" ")[2] or path.stem
    asked = [line.removeprefix(QUESTION).strip() for line in lines if line.startswith(QUESTION)]
    question, page = markdown("".join(asked[:1])), path.with_suffix(".html").name
    return Section(f"notebook-{path.stem[:2]}", title, question, list(_findings(cells)), path, page)


def _findings(cells: list[dict]) -> Iterator[Finding]:
    """The figures of a notebook, each with the last sentences before it; without any figure its first sentences."""
    text, drawn, first = "", False, ""
    for output in (output for cell in cells for output in cell.get("outputs", [])):
        shown = {kind: "".join(content) for kind, content in output.get("data", {}).items()}
        if "text/markdown" in shown:
            text = shown["text/markdown"]
            first = first or text
        elif (figure := shown.get("text/html", "")).startswith("<figure>"):
            yield Finding(markdown(text), (figure,))
            text, drawn = "", True
    if first and not drawn:
        yield Finding(markdown(first), ())
