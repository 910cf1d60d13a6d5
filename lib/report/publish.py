"""Publishes a finished study, and writes every document that rests on published studies.

``python -m lib.report.publish STUDY`` copies the study's figures and tables to figures/STUDY/, writes the documents, and
writes the site in results/STUDY/ again, whose pages on results are others now; without a study it only writes the
documents. Their texts stand in lib/report/templates; their numbers come from the published tables. The site is not
published: ``./run_all.sh --published STUDY`` makes it from what is, and every clone would carry its megabytes.
"""

import shutil
from pathlib import Path

from lib.errors import InputError, run_command
from lib.report.documents.pages import documents
from lib.report.documents.pictures import write_pictures
from lib.report.documents.published import published_studies
from lib.report.site import write_site
from lib.storage.ledger import write_atomically
from lib.study.files import ROOT, shown
from lib.study.parameters import Study


def publish(study: Study, figures: Path = ROOT / "figures") -> Path:
    """Copy a finished study's figures, tables and summary to its folder in figures/, and return that folder.

    The archive of finished runs that may lie there stays. Raises InputError where the study is not finished.
    """
    summary, comparing = study.folder / "summary.json", comparison_table(study)
    if not (study.tables / f"{comparing}.parquet" if comparing else summary).exists():
        raise InputError(f"study {study.name} is not finished: run ./run_all.sh {study.name} first")
    folder = figures / study.name
    for old in [*folder.glob("*.png"), *(folder / "tables").glob("*")]:
        old.unlink()
    for source, pattern, target in ((study.figures, "*.png", folder), (study.tables, "*.parquet", folder / "tables")):
        for path in sorted(source.glob(pattern)):
            write_atomically(target / path.name, path.read_bytes())
    if not comparing:
        shutil.copy(summary, folder / "summary.json")
    return folder


def comparison_table(study: Study) -> str | None:
    """The last table of a study that compares recipes, sizes or regimes of tasks of several types; None for a study that
    trains a grid."""
    last = {"recipes": "recipe_scores", "target_sizes": "target_size_gains", "regimes": "type_selector_ranks"}
    return next((table for key, table in last.items() if getattr(study, key)), None)


def write_documents(root: Path = ROOT, figures: Path = ROOT / "figures") -> list[Path]:
    """Write every document below the folder root from the studies in figures/, and return what was written.

    A page of which no study is published any more is deleted.
    """
    written, published = [], published_studies(figures)
    for name, text in documents(published).items():
        if text is None:
            (root / name).unlink(missing_ok=True)
        else:
            write_atomically(root / name, text.encode())
            written.append(root / name)
    return [*written, *write_pictures(published, root / "figures")]


def main(arguments: list[str]) -> None:
    if len(arguments) > 1:
        raise InputError("usage: python -m lib.report.publish [STUDY]")
    studies = [Study.load(name) for name in arguments]
    for study in studies:
        print(f"published in {shown(publish(study))}")
    for path in write_documents():
        print(f"written: {shown(path)}")
    for study in studies:
        print(f"written: {shown(write_site(study.folder, study.name))}")


if __name__ == "__main__":
    run_command(main)
