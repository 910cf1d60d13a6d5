"""Publishes a finished study: its figures and tables go to figures/<study>/, its numbers into the README and the cards.

``python -m lib.report.publish demo``. No number in the blocks it writes is typed by hand: each is read from the study's
tables.
"""

import re
import shutil
from pathlib import Path

import pandas as pd

from lib.errors import InputError, run_command
from lib.report.blocks import (
    choices_block,
    generalisation_block,
    headline_block,
    losses_block,
    paper_block,
    planted_block,
    published_summary,
    regimes_block,
    repeatability_block,
    seeds_block,
    selector_titles,
    shuffled_block,
)
from lib.report.cards import data_card, model_card
from lib.report.summary import priced_tables
from lib.report.tables_page import reference
from lib.storage.ledger import write_atomically
from lib.storage.tables import read_table
from lib.studies.regimes import rank_correlations_by_regime, same_but_for_regimes
from lib.study.files import ROOT
from lib.study.parameters import Study

END_MARK = "<!-- end of the numbers -->"
CARDS = "Cards written from the same run: [data](docs/data_card.md), [models](docs/model_card.md)."


def publish(study: Study) -> Path:
    """Copy a finished study's figures, tables and summary to figures/<study>/ and return that folder."""
    if not (study.folder / "summary.json").exists():
        raise InputError(f"study {study.name} is not finished: run ./run_all.sh {study.name} first")
    folder = ROOT / "figures" / study.name
    for old in [*folder.glob("*.svg"), *folder.glob("*.png"), *(folder / "tables").glob("*")]:
        old.unlink()  # the archive of finished runs stays
    shutil.copytree(study.figures, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.svg"))
    shutil.copytree(study.tables, folder / "tables", dirs_exist_ok=True)
    shutil.copy(study.folder / "summary.json", folder / "summary.json")
    write_atomically(folder.parent / "README.md", (reference(folder.parent) + "\n").encode())
    return folder


def write_headline_documents(study: Study, folder: Path, root: Path = ROOT) -> None:
    """A study's headline numbers and figures in README.md, from its published files."""
    _write_block(root / "README.md", study.name, headline_block(study, *_published(study, folder)))


def write_demo_documents(study: Study, folder: Path, root: Path = ROOT) -> None:
    """The demo's numbers in README.md, docs/data_card.md and docs/model_card.md, from its published files."""
    summary, tables = _published(study, folder)
    _write_block(root / "README.md", study.name, f"{headline_block(study, summary, tables)}\n\n{CARDS}")
    write_atomically(root / "docs" / "data_card.md", data_card(summary, tables["tasks"]).encode())
    write_atomically(root / "docs" / "model_card.md", model_card(study, summary, tables).encode())


def _published(study: Study, folder: Path) -> tuple[dict, dict[str, pd.DataFrame]]:
    """A published study's summary, and its tables that the headline numbers and the cards rest on."""
    return published_summary(folder), _tables(folder, "tasks", "selector_metrics", *priced_tables(study))


def _tables(folder: Path, *names: str) -> dict[str, pd.DataFrame]:
    return {name: read_table(folder / "tables", name) for name in names}


def write_smoke_documents(study: Study, folder: Path, root: Path = ROOT) -> None:
    """The numbers of the planted relations in README.md, from the published small study."""
    _write_block(root / "README.md", study.name, planted_block(study, folder))


def write_shuffled_documents(study: Study, folder: Path, root: Path = ROOT) -> None:
    """The numbers of the control in README.md, from the published study with shuffled labels."""
    _write_block(root / "README.md", study.name, shuffled_block(folder))


def write_regimes_documents(study: Study, folder: Path, root: Path = ROOT) -> None:
    """The data regimes side by side in README.md, from this study's tables and the published ones it compares with."""
    names = [study.name, *same_but_for_regimes(study)]
    metrics = {name: read_table(folder.parent / name / "tables", "selector_metrics") for name in names}
    titles = selector_titles(folder)
    regimes = read_table(folder / "tables", "regimes")
    blocks = (
        regimes_block(regimes, rank_correlations_by_regime(metrics), titles),
        losses_block(folder.parent, names, titles),
    )
    _write_block(root / "README.md", study.name, "\n\n".join(blocks))


def write_paper_documents(study: Study, folder: Path, root: Path = ROOT) -> None:
    """In README.md, from the study's published files: the paper's numbers and set-up beside its own, and who ranks the
    pairs of which corpus, from its table of all that it compares itself with."""
    summary, singles = published_summary(folder), read_table(folder / "tables", "singles")
    _write_block(root / "README.md", study.name, paper_block(study, summary, singles))
    found = read_table(folder / "tables", "generalisation")
    titles = selector_titles(folder)
    blocks = generalisation_block(found, titles), losses_block(folder.parent, found["study"].unique(), titles)
    _write_block(root / "README.md", study.name, "\n\n".join(blocks), "other corpora")


def write_repeatability_documents(study: Study, folder: Path, root: Path = ROOT) -> None:
    """In README.md, from a published study of several seeds: how far one seed's grid is found again with another, and what
    is left in their mean."""
    tables = _tables(folder, "repeatability", "transfer_matrix", "selector_metrics", "selector_costs")
    blocks = repeatability_block(tables["repeatability"]), seeds_block(published_summary(folder), tables)
    _write_block(root / "README.md", study.name, "\n\n".join(blocks))


def write_reseeded_documents(study: Study, folder: Path, root: Path = ROOT) -> None:
    """In README.md, beside how far the study's grid is found again: what choosing among reseeded gains in every published
    study that trained some."""
    write_repeatability_documents(study, folder, root)
    again = [Study.load(path.parent.parent.name) for path in sorted(folder.parent.glob("*/tables/choices.parquet"))]
    block = choices_block(folder.parent, sorted(again, key=lambda other: other.name != study.name))
    _write_block(root / "README.md", study.name, block, "reseeded")


DOCUMENTS = {
    "demo": write_demo_documents,
    "demo_seeds": write_reseeded_documents,
    "demo_limited": write_regimes_documents,
    "disaster": write_headline_documents,
    "disaster_full": write_regimes_documents,
    "disaster_seeds": write_repeatability_documents,
    "smoke": write_smoke_documents,
    "shuffled": write_shuffled_documents,
    "trecis": write_paper_documents,
}  # by study


def _write_block(readme: Path, study: str, block: str, part: str = "") -> None:
    write_atomically(readme, with_block(readme.read_text(), study, block, part).encode())


def mark(study: str, part: str = "") -> str:
    """The line of README.md after which a study's numbers, or a named part of them, stand."""
    return (
        f"<!-- numbers of the study {study}{part and ', ' + part}: written by python -m lib.report.publish {study} -->"
    )


def with_block(text: str, study: str, block: str, part: str = "") -> str:
    """The text with what stands between a study's mark and the next END_MARK replaced."""
    start = mark(study, part)
    pattern = re.escape(start) + ".*?" + re.escape(END_MARK)
    if not re.search(pattern, text, re.DOTALL):
        raise InputError(
            f"README.md: the two comment lines that enclose the numbers of {study} are missing; restore them"
        )
    return re.sub(pattern, lambda _: f"{start}\n{block}\n{END_MARK}", text, flags=re.DOTALL)


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        raise InputError("usage: python -m lib.report.publish STUDY")
    study = Study.load(arguments[0])
    folder = publish(study)
    if study.name in DOCUMENTS:
        DOCUMENTS[study.name](study, folder)
    print(f"published in {folder.relative_to(ROOT)}")


if __name__ == "__main__":
    run_command(main)
