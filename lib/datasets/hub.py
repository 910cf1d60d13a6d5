"""A data set of the Hugging Face hub, by its id and commit, or a local folder that the package ``datasets`` reads.

Only its data files (Parquet, CSV, JSON lines, ...) are read: no code of a data set is ever run.
"""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from lib.datasets.classes import numbered_classes, one_against_the_rest
from lib.datasets.split import with_validation
from lib.datasets.table import check_columns
from lib.errors import InputError
from lib.study.corpora import Hub
from lib.study.files import ROOT
from lib.study.mixed import HubTask

SPLITS = {"train": "train", "validation": "validation", "valid": "validation", "dev": "validation", "test": "test"}


def load(config: Hub, cache: Path) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """Messages, labels and repairs; downloads are kept in ``cache``. InputError names the data set and what to do.

    Where there is no validation split, every tenth training text becomes it; where training or test is missing, there
    is no official split.
    """
    splits = read_splits(config, cache)
    parts = {split: data for split, data in splits.items() if split in SPLITS}
    if not parts:
        raise InputError(
            f"{config.path}: its splits are {listed(splits)}; none is called {listed(SPLITS)}; choose another data set "
            "or 'subset'"
        )
    first = next(iter(parts.values()))
    wanted = [config.text, *([config.classes] if config.classes else config.labels)]
    check_columns(config.path, first.column_names, wanted)
    frame = pd.concat(
        [data.select_columns(wanted).to_pandas().assign(split=SPLITS[split]) for split, data in parts.items()],
        ignore_index=True,
    )
    if not {"train", "test"} <= set(frame["split"]):
        frame["split"] = None
    elif "validation" not in set(frame["split"]):
        frame["split"] = with_validation(frame["split"])
    ids = [str(row) for row in range(1, len(frame) + 1)]
    messages = pd.DataFrame({"id": ids, "text": frame[config.text], "group": None, "split": frame["split"]})
    labels = _labels_of(frame[config.classes], first.features[config.classes]) if config.classes else None
    left = sum(data.num_rows for split, data in splits.items() if split not in parts)
    repairs = {"texts of other splits left out": left} if left else {}
    return messages, frame[config.labels] if labels is None else labels, repairs


def read_splits(config: Hub | HubTask, cache: Path) -> dict:
    """Split -> data set. A folder's files may change, so that it is read anew; what comes from the hub is kept.

    Args:
        config: path, revision and subset of the data set.
        cache: folder for downloads.

    Raises:
        InputError: there is no such data set, or no network.
    """
    import datasets  # its import takes seconds, and other corpora do without

    folder = ROOT / config.path
    if not folder.is_dir() and config.revision is None:
        raise InputError(f"{config.path}: no such folder; for a data set of the hub give its commit as 'revision'")
    path, revision = (str(folder), None) if folder.is_dir() else (config.path, config.revision)
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    try:
        return datasets.load_dataset(path, config.subset, revision=revision, cache_dir=str(cache / "hub"))
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{config.path} cannot be loaded ({reason:.200}); give the id, 'revision' and 'subset' of a data set of the "
            "hub where there is a network, or a folder of Parquet, CSV or JSON-lines files"
        ) from None


def _labels_of(values: pd.Series, feature: object) -> pd.DataFrame:
    """One 0/1 column per class of a column that holds one class, or a list of classes, for every text."""
    inner = getattr(feature, "feature", feature)  # of a list
    names = getattr(inner, "names", None)  # of a ClassLabel, whose values are numbers
    return one_against_the_rest(numbered_classes(values, names), names)


def listed(names: Iterable[str]) -> str:
    """Names in one line, at most 300 characters."""
    return f"{', '.join(map(str, names)):.300}"
