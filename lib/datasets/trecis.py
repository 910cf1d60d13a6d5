"""Tweets of TREC Incident Streams (TREC-IS), from the files that the track's organisers hand out.

The user's folder may hold any of three layouts, side by side and at any depth; labels and tweets are joined by id:

- ``<edition>.<event>.json.gz``: tweets, one JSON object a line with ``allProperties`` (docno or id, text or content)
- ``TRECIS*labels*.json``: labels; a list of records (eventID, postID, postCategories), or an object with ``events``,
  each with ``eventid`` and ``tweets`` (postID, postCategories)
- ``TRECIS*.json.gz``: the later single file: labels as in the second form, with the tweets' ``postText`` and the events'
  numbers (``trecisid``), which tell their edition; ``fetch: true`` downloads it from the organisers

No tweet is part of this repository.
"""

import gzip
import hashlib
import json
import os
import re
import urllib.request
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from lib.errors import InputError
from lib.storage.ledger import write_atomically
from lib.study.corpora import Trecis
from lib.study.files import ROOT

# The task of 2020-A with 12 classes: these, and Other-Any for all other types.
ACTIONABLE = ("GoodsServices", "SearchAndRescue", "MovePeople", "EmergingThreats", "NewSubEvent", "ServiceAvailable")
KEPT = (*ACTIONABLE, "InformationWanted", "Volunteer", "FirstPartyObservation", "Location", "MultimediaShare")
OTHER = "Other-Any"
RENAMED = {  # of 2018, as the organisers renamed them in 2019
    "ContinuingNews": "News", "PastNews": "ContextualInformation", "KnownAlready": "OriginalEvent",
    "SignificantEventChange": "NewSubEvent",
}  # fmt: skip
ADDRESS = "https://www.dcs.gla.ac.uk/~richardm/TREC_IS/2021/TRECIS-2018-2020B.json.gz"
FIRST_EVENTS = {  # the number of each edition's first event
    1: "trecis2018-train", 8: "trecis2018-test", 22: "trecis2019-A-test", 29: "trecis2019-B-test", 35: "trecis2020-A-test",
    50: "trecis2020-B-test", 76: "trecis2021-A-test",
}  # fmt: skip
_EDITION = re.compile(r"trecis(\d{4})(?:-([A-Z]))?(?:-(train|test))?", re.IGNORECASE)
_TWEETS = re.compile(r"(trecis[\w-]*)\.(\w[\w.-]*?)\.jsonl?(?:\.gz)?", re.IGNORECASE)
_LABELS = re.compile(r"TRECIS.*\.json(?:\.gz)?")


@dataclass
class Tweet:
    """What the assessors of one tweet said: all its types, and the event of the first of them."""

    event: str
    types: set[str] = field(default_factory=set)


def load(config: Trecis, cache: Path) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """Messages, labels (every type, and Other-Any) and repairs; ``cache`` is not used. InputError names the file."""
    folder = ROOT / config.path
    if config.fetch:
        fetch(folder / ADDRESS.rsplit("/", 1)[1], config.sha256)
    if not folder.is_dir():
        raise InputError(f"{config.path}: no such folder (looked at {folder}); put the TREC-IS downloads there")
    labelled, texts, editions, repairs = _read_folder(folder, config.path)
    untyped = [id for id, tweet in labelled.items() if not tweet.types]
    unread = [id for id, tweet in labelled.items() if tweet.types and not texts.get(id, "").strip()]
    repairs |= {"labelled tweets without a type left out": len(untyped)}
    repairs |= {"labelled tweets without a text left out": len(unread)}
    kept = {id: tweet for id, tweet in labelled.items() if id not in {*untyped, *unread}}
    if not kept:
        raise InputError(f"{config.path}: no labelled tweet is in a file of tweets; add the tweets of these editions")
    events = [tweet.event for tweet in kept.values()]
    messages = pd.DataFrame({"id": list(kept), "text": [texts[id] for id in kept], "group": events})
    messages["split"] = messages["group"].map(split_events(config, dict.fromkeys(events), editions))
    return messages, _labels(kept), {name: count for name, count in repairs.items() if count}


def fetch(path: Path, sha256: str | None) -> None:
    """Download the organisers' single file to ``path``, if it is not there; whole or not at all.

    The organisers publish no checksum: without ``sha256`` that of the first download is kept beside the file, and from
    then on the file must have it. InputError: no network, no space, or another checksum.
    """
    known = path.with_name(f"{path.name}.sha256")
    try:
        if not path.exists():
            write_atomically(path, _download(path))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if sha256 is None and not known.exists():
            print(f"{path}: downloaded, sha256 {digest}", flush=True)
            write_atomically(known, digest.encode())
        expected = sha256 or known.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; make space or check the folder") from None
    if digest != expected:
        raise InputError(f"{path}: expected sha256 {expected}, found {digest}; delete the file to fetch it again")


def _download(path: Path) -> bytes:
    by_hand = f"connect to the network, or put {ADDRESS} at {path} by hand"
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        raise InputError(f"{path} is missing and HF_HUB_OFFLINE forbids fetching it; {by_hand}")
    try:
        with urllib.request.urlopen(ADDRESS, timeout=60) as answer:
            content = answer.read()
    except OSError as error:
        raise InputError(f"cannot download {ADDRESS} ({error}); {by_hand}") from None
    if not content.startswith(b"\x1f\x8b"):
        raise InputError(f"{ADDRESS} did not return a gzip file but {content[:40]!r}; {by_hand}")
    return content


def _labels(tweets: dict[str, Tweet]) -> pd.DataFrame:
    """One 0/1 column per type, and Other-Any: any type but those of KEPT. Types are matched exactly."""
    types = sorted(set().union(*(tweet.types for tweet in tweets.values())))
    columns = {name: [int(name in tweet.types) for tweet in tweets.values()] for name in types}
    return pd.DataFrame(columns | {OTHER: [int(not tweet.types <= set(KEPT)) for tweet in tweets.values()]})


def split_events(config: Trecis, events: dict[str, None], editions: dict[str, str]) -> dict[str, str]:
    """Event -> "train", "validation" or "test".

    Test: the events of the latest edition. Validation: of the edition before it, every second event by name. Both can
    be named instead. editions: event -> its edition, where a file of tweets told it.
    """
    for key in ("test_events", "validation_events"):
        unknown = sorted(set(getattr(config, key) or []) - set(events))
        if unknown:
            raise InputError(
                f"{config.path}: {key} names '{unknown[0]}'; its events are {', '.join(sorted(events)):.600}"
            )
    named = config.test_events and config.validation_events
    homeless = [event for event in events if event not in editions]
    if homeless and not named:
        raise InputError(
            f"{config.path}: nothing tells the edition of event '{homeless[0]}'; name test_events and validation_events"
        )
    by_edition = defaultdict(list)
    for event in sorted(events):
        by_edition[_age(editions.get(event, ""))].append(event)
    ages = sorted(by_edition)
    test = set(config.test_events or by_edition[ages[-1]])
    earlier = [age for age in ages if set(by_edition[age]) - test]
    if not earlier:
        raise InputError(f"{config.path}: all events are of one edition; name test_events and validation_events")
    before = [event for event in by_edition[earlier[-1]] if event not in test]
    validation = set(config.validation_events or before[::2]) - test
    return {event: "test" if event in test else "validation" if event in validation else "train" for event in events}


def _age(edition: str) -> tuple[int, str, bool]:
    """What editions are sorted by: year, letter, training before test data; one that is not known first."""
    match = _EDITION.fullmatch(edition)
    return (int(match[1]), match[2] or "", match[3] == "test") if match else (0, "", False)


def _read_folder(folder: Path, shown: str) -> tuple[dict[str, Tweet], dict[str, str], dict[str, str], dict[str, int]]:
    """Labelled tweets and texts by id, editions by event, and how many tweets were assessed more than once."""
    labelled, texts, editions, numbered, again, elsewhere = {}, {}, {}, {}, 0, 0
    for path in sorted(folder.rglob("*")):
        name = f"{shown}/{path.relative_to(folder)}"
        if _LABELS.fullmatch(path.name):
            content = _parsed(path, name)
            records = list(_label_records(content, name))  # checks the layout
            numbered |= _numbered_editions(content)
            for event, record in records:
                id = str(_value(record, ("postID",), name))
                again, elsewhere = again + (id in labelled), elsewhere + (labelled.get(id, Tweet(event)).event != event)
                labelled.setdefault(id, Tweet(event)).types.update(_types(record, name))
                if isinstance(record.get("postText"), str):
                    texts.setdefault(id, record["postText"])
        elif match := _TWEETS.fullmatch(path.name):
            editions[match[2]] = match[1]
            for tweet in _tweets(path, name):
                texts.setdefault(str(_value(tweet, ("docno", "id"), name)), _value(tweet, ("text", "content"), name))
    if not labelled:
        raise InputError(f"{shown}: no file of labels (TRECIS*.json) in this folder; add the organisers' label files")
    repairs = {"further assessments of a tweet, types united": again, "of these, for another event": elsewhere}
    return labelled, texts, numbered | editions, repairs


def _content(path: Path, name: str) -> str:
    try:
        content = path.read_bytes()
        return (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"{name}: cannot be read ({str(error):.100}); fetch the file again") from None


def _parsed(path: Path, name: str) -> object:
    try:
        return json.loads(_content(path, name))
    except ValueError as error:
        raise InputError(f"{name}: not valid JSON ({str(error):.100}); fetch the file again") from None


def _tweets(path: Path, name: str) -> Iterator[dict]:
    for number, line in enumerate(_content(path, name).splitlines(), 1):
        if line.strip():
            try:
                yield json.loads(line)["allProperties"]
            except (ValueError, KeyError, TypeError):
                raise InputError(
                    f"{name}: line {number} is not a JSON object with 'allProperties'; fetch it again"
                ) from None


def _label_records(content: object, name: str) -> Iterator[tuple[str, dict]]:
    """(event, record) of every label of either layout."""
    if isinstance(content, dict) and isinstance(content.get("events"), list):
        for event in content["events"]:
            for record in _value(event, ("tweets",), name):
                yield _value(event, ("eventid",), name), record
    elif isinstance(content, list):
        for record in content:
            yield _value(record, ("eventID",), name), record
    else:
        raise InputError(f"{name}: neither a list of labels nor an object with 'events'; move other files elsewhere")


def _numbered_editions(content: object) -> dict[str, str]:
    """Event -> edition, for events whose ``trecisid`` ends in their number."""
    editions = {}
    for event in content["events"] if isinstance(content, dict) else []:
        if number := re.search(r"\d+$", str(event.get("trecisid") or "")):
            first = max((first for first in FIRST_EVENTS if first <= int(number[0])), default=None)
            editions |= {event["eventid"]: FIRST_EVENTS[first]} if first else {}
    return editions


def _types(record: dict, name: str) -> set[str]:
    """Short names of a record's types: "News" also where the file says "Report-News", or the name of 2018."""
    types = _value(record, ("postCategories",), name)
    if not isinstance(types, list) or not all(isinstance(each, str) for each in types):
        raise InputError(
            f"{name}: tweet {record['postID']}: postCategories is not a list of names; fetch the file again"
        )
    short = [each.rsplit("-", 1)[-1] for each in types]
    return {RENAMED.get(each, each) for each in short} - {"Unknown"}


def _value(record: object, keys: tuple[str, ...], name: str) -> object:
    """The first of these keys that a record has."""
    for key in keys:
        if isinstance(record, dict) and record.get(key) is not None:
            return record[key]
    raise InputError(f"{name}: a record has no '{keys[0]}' ({str(record):.60}); fetch the file again")
