"""The sources of texts that a study can use, one class of parameters each."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from lib.study.files import ROOT
from lib.study.sections import Parameters


class CorpusParameters(Parameters):
    """Where the texts and their labels come from."""

    @property
    def origin(self) -> str:
        """What messages call the corpus: its path, else its loader."""
        return getattr(self, "path", self.loader)

    @property
    def dataset(self) -> str:
        """The corpus's name: that of its file without the ending, else that of its loader."""
        return Path(self.origin).stem

    @property
    def texts_of(self) -> dict:
        """The parameters that decide which texts there are; corpora that agree in them have the same texts.

        How texts were downloaded, and which of their labels and splits are used, is left out.
        """
        keys = {"loader", "path", "subset", "collection", "texts", "tasks", "seed", "null"}
        values = self.model_dump(include=keys)
        return values | ({"path": (ROOT / self.path).resolve()} if "path" in values else {})


class DisasterResponse(CorpusParameters):
    """26,248 real disaster messages with 36 labels. Downloaded once and checked by SHA-256."""

    loader: Literal["disaster_response"]


class Hub(CorpusParameters):
    """A data set of the Hugging Face hub, pinned by its commit, or a folder with such files. Its code is never run."""

    loader: Literal["hub"]
    path: str = Field(min_length=1, description="owner/name on the hub, or the path of a folder")
    revision: str | None = Field(
        None, pattern=r"^[0-9a-f]{40}$", description="commit of the data set on the hub; null: the path is a folder"
    )
    subset: str | None = Field(None, description="configuration of the data set; null: the default one")
    text: str = Field("text", description="column with the texts")
    labels: list[str] | None = Field(
        None, min_length=2, description="0/1 columns, each a task; null: tasks come from 'classes'"
    )
    classes: str | None = Field(
        None, description="column with a text's class or list of classes, each class a task; null: see 'labels'"
    )

    @model_validator(mode="after")
    def _labels_or_classes(self):
        if (self.labels is None) == (self.classes is None):
            raise ValueError("give either 'labels', the 0/1 columns, or 'classes', the column with the classes")
        return self


class OrangeText(CorpusParameters):
    """20 Newsgroups or Reuters R52; each task is one topic against the rest. Downloaded once and checked by SHA-256."""

    loader: Literal["orange_text"]
    collection: Literal["newsgroups", "reuters"] = Field(description="which of the two corpora")

    @property
    def origin(self) -> str:
        return self.collection


class Synthetic(CorpusParameters):
    """Generated texts whose tasks are related in a known way: related tasks share a known part of their words."""

    loader: Literal["synthetic"]
    texts: int = Field(1200, ge=60, le=200_000, description="number of texts")
    tasks: int = Field(5, ge=2, le=100, description="number of tasks")
    seed: int = Field(0, ge=0, description="seed of the generator")
    null: bool = Field(False, description="shuffle the labels of every task, so that nothing can be predicted")


class Table(CorpusParameters):
    """A user's own CSV, TSV, Parquet or JSON-lines file."""

    loader: Literal["table"]
    path: str = Field(description="path of the file, absolute or relative to the project's folder")
    text: str = Field("text", description="column with the texts")
    labels: list[str] | None = Field(
        None,
        min_length=2,
        description="0/1 columns, each a task; null: tasks come from 'classes', else from all columns not named here",
    )
    classes: str | None = Field(
        None,
        description="column with a text's class or classes, each class a task; an empty cell is no class, and Parquet and "
        "JSON lines may hold lists; null: see 'labels'",
    )
    separator: str | None = Field(
        None,
        min_length=1,
        description="what separates several classes in a cell, such as ';'; null: a cell is one class",
    )
    id: str | None = Field(None, description="column with a unique id; null: row numbers")
    group: str | None = Field(
        None, description="column with each text's group (an event, a thread); a drawn split keeps groups together"
    )
    split: str | None = Field(None, description="column with train, validation or test; null: the split is drawn")

    @model_validator(mode="after")
    def _one_kind_of_labels(self):
        if self.labels is not None and self.classes is not None:
            raise ValueError(
                "give either 'labels', the 0/1 columns, or 'classes', the column with the classes, not both"
            )
        if self.separator is not None and self.classes is None:
            raise ValueError(
                "'separator' separates the classes in a cell; give 'classes', the column with them, as well"
            )
        return self


class Trecis(CorpusParameters):
    """Labelled tweets of TREC Incident Streams, from a folder with the organisers' files. They are split by event."""

    loader: Literal["trecis"]
    path: str = Field(description="folder with the files, absolute or relative to the project's folder")
    fetch: bool = Field(False, description="download the organisers' single file into this folder, unless it is there")
    sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="checksum of that file; null: the one of the first download"
    )
    test_events: list[str] | None = Field(
        None, min_length=1, description="test events; null: those of the latest edition"
    )
    validation_events: list[str] | None = Field(
        None,
        min_length=1,
        description="validation events; null: every second one, by name, of the edition before the test's",
    )
