"""The command line of predictions: a table of texts in, a CSV of probabilities and decisions out."""

import argparse
import signal
import sys
from pathlib import Path

from lib.datasets.streaming import column_names
from lib.errors import InputError
from lib.predict.folder import FOLDER, Classifier, exported_models
from lib.predict.table import predict_table
from lib.study.corpora import Table
from lib.study.files import ROOT


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns 0, 2 (bad input) or 130 (interrupted: nothing is written)."""
    parser = argparse.ArgumentParser(prog="python -m lib.predict", description="Predict texts with exported models.")
    parser.add_argument("study", type=Path, help="results folder of a study, with its exported models")
    parser.add_argument("table", type=Path, help="CSV, TSV, Parquet or JSON lines with a column of texts")
    parser.add_argument(
        "output", type=Path, nargs="?", help="CSV to write; default: TABLE_predictions.csv beside the table"
    )
    parser.add_argument("--text", metavar="NAME", help="column with the texts; default: the study's")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stopped call leaves no temporary file
    try:
        output = given.output or given.table.with_name(f"{given.table.stem}_predictions.csv")
        folder = given.study if given.study.is_dir() else ROOT / given.study
        models = exported_models(folder / FOLDER)
        check_paths(given.table, output)
        predict_table(models, table_of(given.table, given.text, next(iter(models.values()))), output)
        print(f"written: {output}")
        return 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; nothing is written", file=sys.stderr)
        return 130


def check_paths(table: Path, output: Path) -> None:
    """Refuse a table that is not there, and an output that is no CSV or is the table itself."""
    if not table.is_file():
        raise InputError(f"{table}: no such file; give a table with a column of texts")
    if output.suffix.lower() != ".csv":
        raise InputError(f"{output}: predictions are written as CSV; give a name that ends in .csv")
    if output.resolve() == table.resolve():
        raise InputError(f"{output}: the predictions would replace the texts; give another name")


def table_of(path: Path, text: str | None, classifier: Classifier) -> Table:
    """The table with its columns: texts as asked for, else as in the study; the study's ids, where it has them."""
    text = text or classifier.text or "text"
    table = Table(loader="table", path=str(path.resolve()), text=text)
    names = column_names(table)
    return table.model_copy(update={"id": classifier.id}) if classifier.id in names else table
