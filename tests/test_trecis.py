"""TREC-IS: the three layouts of the organisers' files, the split by event, and the real tweets where they are at hand."""

import gzip
import json

import pytest

from lib.datasets import trecis
from lib.datasets.loading import load_corpus
from lib.errors import InputError
from lib.study.corpora import Trecis
from lib.study.files import ROOT
from lib.study.parameters import Study

SAMPLE = ROOT.parent / "shared" / "data" / "trecis-sample"
ALL = ROOT.parent / "shared" / "data" / "trecis"
EVENTS = {"trecis2018-train": ["a2012"], "trecis2019-A-test": ["b2013", "c2014"], "trecis2019-B-test": ["d2019"]}


def tweet(id: str, text: str, keys=("docno", "text")) -> str:
    return json.dumps({"allProperties": dict(zip(keys, (id, text), strict=True)), "topic": "x"})


def label(event: str, id: str, types: list[str]) -> dict:
    return {"eventID": event, "postID": id, "postCategories": types, "postPriority": "Low"}


def write(path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())


@pytest.fixture
def folder(tmp_path):
    """Four events of three editions, two tweets each; ids are the event's letter and a number."""
    labels = []
    for edition, events in EVENTS.items():
        for event in events:
            ids = [f"{event[0]}1", f"{event[0]}2"]
            write(tmp_path / "tweets" / f"{edition}.{event}.json.gz", "\n".join(tweet(id, f"text {id}") for id in ids))
            labels += [label(event, ids[0], ["News"]), label(event, ids[1], ["Location", "Volunteer"])]
    write(tmp_path / "labels" / "TRECIS_2018_2019-labels.json", json.dumps(labels))
    return tmp_path


def corpus(folder, **more):
    return load_corpus(Trecis(loader="trecis", path=str(folder), **more), folder)


def test_tweets_and_labels_are_joined_by_id_and_split_by_event(folder):
    found = corpus(folder)
    assert found.messages["text"].tolist() == [f"text {letter}{number}" for letter in "abcd" for number in (1, 2)]
    split = dict(zip(found.messages["group"], found.messages["split"], strict=True))
    assert split == {"a2012": "train", "b2013": "validation", "c2014": "train", "d2019": "test"}
    assert list(found.labels.columns) == ["Location", "News", "Volunteer", "Other-Any"]
    assert found.labels["Other-Any"].tolist() == [1, 0] * 4  # News is none of the eleven types


def test_events_of_validation_and_test_can_be_named(folder):
    split = corpus(folder, test_events=["a2012"], validation_events=["d2019"]).messages["split"].tolist()
    assert split == ["test"] * 2 + ["train"] * 4 + ["validation"] * 2
    with pytest.raises(InputError, match="test_events names 'e2020'; its events are a2012, b2013"):
        corpus(folder, test_events=["e2020"])


def test_several_assessments_of_a_tweet_are_united(folder):
    again = {"events": [{"eventid": "c2014", "tweets": [{"postID": "b1", "postCategories": ["Report-Weather"]}]}]}
    write(folder / "TRECIS-2020A.labels.json", json.dumps(again))
    found = corpus(folder)
    row = found.messages["id"].tolist().index("b1")
    assert found.labels.loc[row, ["News", "Weather"]].tolist() == [1, 1] and len(found.messages) == 8
    assert found.repairs == {"further assessments of a tweet, types united": 1, "of these, for another event": 1}


@pytest.fixture
def single_file(tmp_path, monkeypatch):
    """The organisers' single file behind an address: three events of two editions, and a folder to fetch it to."""
    tweets = [{"postID": f"{event}{n}", "postText": f"text {event}{n}", "postCategories": ["Location"]}
              for event in "abc" for n in (1, 2)]  # fmt: skip
    numbers = {"a": "TRECIS-CTIT-H-028", "b": "TRECIS-CTIT-H-029", "c": "TRECIS-CTIT-H-035"}
    events = [
        {"trecisid": number, "eventid": event, "tweets": [each for each in tweets if each["postID"][0] == event]}
        for event, number in numbers.items()
    ]
    served = tmp_path / "served" / "TRECIS-2018-2020B.json.gz"
    write(served, json.dumps({"events": events}))
    monkeypatch.setattr(trecis, "ADDRESS", served.as_uri())
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return served


def test_the_single_file_is_fetched_once_and_numbers_tell_editions(single_file, tmp_path, capsys):
    found = corpus(tmp_path / "new", fetch=True)
    assert dict(zip(found.messages["group"], found.messages["split"], strict=True)) == {
        "a": "train", "b": "validation", "c": "test",
    }  # fmt: skip
    assert "downloaded, sha256 " in capsys.readouterr().out
    single_file.unlink()  # it is not asked for again
    assert len(corpus(tmp_path / "new", fetch=True).messages) == 6


def test_a_fetched_file_is_the_known_one_or_refused(single_file, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="expected sha256 0000"):
        corpus(tmp_path / "pinned", fetch=True, sha256="0" * 64)
    corpus(tmp_path / "new", fetch=True)
    kept = tmp_path / "new" / single_file.name
    content = bytearray(kept.read_bytes())
    content[-3] ^= 1
    kept.write_bytes(content)
    with pytest.raises(InputError, match="delete the file to fetch it again"):
        corpus(tmp_path / "new", fetch=True)
    single_file.write_text("<html>moved</html>")
    with pytest.raises(InputError, match="did not return a gzip file but b'<html>moved</html>'"):
        corpus(tmp_path / "other", fetch=True)
    single_file.unlink()
    with pytest.raises(InputError, match="cannot download .* by hand"):
        corpus(tmp_path / "other", fetch=True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="HF_HUB_OFFLINE forbids"):
        corpus(tmp_path / "other", fetch=True)
    assert not (tmp_path / "other").exists()  # nothing half-written


def test_names_of_2018_are_those_of_today_and_only_whole_names_count(folder):
    records = [label("a2012", "a1", ["PastNews", "KnownAlready"]), label("a2012", "a2", ["NewsOrg"])]
    write(folder / "TRECIS-2018-labels.json", json.dumps(records))
    found = corpus(folder)
    labels = found.labels.set_index(found.messages["id"])
    assert labels.loc["a1", ["ContextualInformation", "OriginalEvent"]].tolist() == [1, 1]
    assert labels.loc["a2", ["NewsOrg", "Other-Any"]].tolist() == [1, 1] and labels.loc["a2", "News"] == 0


def test_the_single_file_brings_its_texts_and_needs_named_events(tmp_path):
    events = [
        {"trecisid": f"T{n}", "eventid": event, "type": "flood", "tweets": [
            {"postID": f"{n}{k}", "postText": f"text {n}{k}", "postPriority": "Low", "postCategories": [kind]}
            for k, kind in enumerate(("Location", "News"))
        ]} for n, event in enumerate(("first", "second", "third"))
    ]  # fmt: skip
    write(tmp_path / "TRECIS-2018-2020B.json.gz", json.dumps({"events": events}))
    with pytest.raises(InputError, match="nothing tells the edition of event 'first'; name test_events"):
        corpus(tmp_path)
    found = corpus(tmp_path, test_events=["third"], validation_events=["second"])
    assert found.messages["split"].tolist() == ["train"] * 2 + ["validation"] * 2 + ["test"] * 2
    assert found.messages["text"][5] == "text 21"


def test_what_has_no_type_or_no_text_is_left_out_and_counted(folder):
    records = [label("a2012", "a3", ["Unknown"]), label("a2012", "gone", ["News"])]
    write(folder / "TRECIS-more.json", json.dumps(records))
    found = corpus(folder)
    assert len(found.messages) == 8
    assert found.repairs == {"labelled tweets without a type left out": 1, "labelled tweets without a text left out": 1}


def test_older_keys_of_tweets_are_read(folder):
    write(folder / "tweets" / "trecis2018-train.a2012.json.gz", tweet("a1", "by id", ("id", "content")))
    assert "by id" in corpus(folder).messages["text"].tolist()


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("tweets/trecis2019-B-test.d2019.json.gz", "{", "line 1 is not a JSON object with 'allProperties'"),
        ("TRECIS-x.json", "[", "TRECIS-x.json: not valid JSON"),
        ("TRECIS-x.json", "3", "neither a list of labels nor an object with 'events'"),
        ("TRECIS-x.json", '[{"eventID": "a2012"}]', "a record has no 'postID'"),
        (
            "TRECIS-x.json",
            '[{"eventID": "a", "postID": "1", "postCategories": "News"}]',
            "postCategories is not a list",
        ),
    ],
)
def test_damaged_files_are_named(folder, name, content, message):
    write(folder / name, content)
    with pytest.raises(InputError, match=message):
        corpus(folder)


def test_a_cut_archive_and_empty_folders_are_named(folder, tmp_path):
    path = folder / "tweets" / "trecis2019-B-test.d2019.json.gz"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(InputError, match=r"d2019.json.gz: cannot be read"):
        corpus(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no file of labels"):
        corpus(tmp_path / "empty")
    with pytest.raises(InputError, match="no such folder"):
        corpus(tmp_path / "absent")


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the sample of TREC-IS tweets is not beside the project")
def test_the_sample_of_real_tweets():
    found = corpus(SAMPLE)
    assert len(found.messages) == 1192 and found.repairs == {"labelled tweets without a type left out": 8}
    assert found.messages["split"].value_counts().to_dict() == {"train": 792, "validation": 200, "test": 200}
    assert found.labels[["GoodsServices", "Volunteer", "News"]].sum().tolist() == [31, 31, 307]


@pytest.mark.skipif(not ALL.is_dir(), reason="the TREC-IS tweets are not beside the project")
def test_the_study_finds_its_twelve_tasks_in_all_real_tweets():
    from lib.datasets.tasks import decompose

    study, found = Study.load("trecis"), corpus(ALL)
    tasks = decompose(found, study.tasks, study.split)
    assert set(tasks.names) == {*trecis.KEPT, trecis.OTHER} and len(found.messages) == 30_246
    assert found.labels["SearchAndRescue"].sum() == 138
