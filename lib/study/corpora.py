"""The sources of texts that a study can name, one class of parameters each."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from lib.study.files import ROOT
from lib.study.sections import Parameters


class CorpusParameters(Parameters):
    """Where texts come from."""

    @property
    def origin(self) -> str:
        """What messages about it name: its file, else its loader."""
        return getattr(self, "path", self.loader)

    @property
    def dataset(self) -> str:
        """The corpus's name: its file's without the ending, else its loader's."""
        return Path(self.origin).stem

    @property
    def texts_of(self) -> dict:
        """What tells its texts from another corpus's: not how they came, nor which labels and splits of them are used."""
        told = self.model_dump(include={"loader", "path", "subset", "collection", "texts", "tasks", "seed", "null"})
        return told | ({"path": (ROOT / self.path).resolve()} if "path" in told else {})


class DisasterResponse(CorpusParameters):
    """26,248 real disaster messages with 36 labels; downloaded once and checked by SHA-256."""

    loader: Literal["disaster_response"]


class Hub(CorpusParameters):
    """A data set of the Hugging Face hub, pinned by its commit, or a folder of such files; no code of it is run."""

    loader: Literal["hub"]
    path: str = Field(min_length=1, description="owner/name on the hub, or a folder")
    revision: str | None = Field(
        None, pattern=r"^[0-9a-f]{40}$", description="commit of the hub's data set; a folder has none"
    )
    subset: str | None = Field(None, description="its configuration; null: the default one")
    text: str = Field("text", description="column with the texts")
    labels: list[str] | None = Field(None, min_length=2, description="0/1 columns; or else:")
    classes: str | None = Field(
        None, description="column with one class, or a list of classes, for every text; every class becomes a task"
    )

    @model_validator(mode="after")
    def _labels_or_classes(self):
        if (self.labels is None) == (self.classes is None):
            raise ValueError("name either 'labels', the 0/1 columns, or 'classes', the column that holds them")
        return self


class OrangeText(CorpusParameters):
    """20 Newsgroups or Reuters R52, one topic against the rest; downloaded once and checked by SHA-256."""

    loader: Literal["orange_text"]
    collection: Literal["newsgroups", "reuters"] = Field(description="which of the two")

    @property
    def origin(self) -> str:
        return self.collection


class Synthetic(CorpusParameters):
    """Texts with planted task relations: related tasks share a known part of their lexicon."""

    loader: Literal["synthetic"]
    texts: int = Field(1200, ge=60, le=200_000, description="number of texts")
    tasks: int = Field(5, ge=2, le=100, description="number of tasks")
    seed: int = Field(0, ge=0, description="seed of the generator")
    null: bool = Field(False, description="shuffle every task's labels, so that nothing is predictable")


class Table(CorpusParameters):
    """A user's own CSV, Parquet or JSON-lines file."""

    loader: Literal["table"]
    path: str = Field(description="the file, relative to the project's folder or absolute")
    text: str = Field("text", description="column with the texts")
    labels: list[str] | None = Field(None, min_length=2, description="0/1 columns; null: all columns not named here")
    id: str | None = Field(None, description="column with a unique id; null: the row number")
    group: str | None = Field(None, description="column whose groups must not straddle the split (an event, a thread)")
    split: str | None = Field(None, description="column with train / validation / test; null: drawn here")


class Trecis(CorpusParameters):
    """Labelled tweets of TREC Incident Streams, from a folder with the organisers' files; split by event."""

    loader: Literal["trecis"]
    path: str = Field(description="folder of the downloads, relative to the project's folder or absolute")
    fetch: bool = Field(
        False, description="download the organisers' single file into this folder, if it is not there yet"
    )
    sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="of that file; null: of what came when it was first fetched"
    )
    test_events: list[str] | None = Field(None, min_length=1, description="null: the events of the latest edition")
    validation_events: list[str] | None = Field(
        None, min_length=1, description="null: every second event, by name, of the edition before the test's"
    )


LOADERS = {kind.model_fields["loader"].annotation.__args__[0]: kind for kind in CorpusParameters.__subclasses__()}
