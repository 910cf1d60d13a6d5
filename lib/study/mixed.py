"""The tasks of a corpus of mixed types: where each task's examples come from, and by what they are judged."""

import typing
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, model_validator

from lib.study.corpora import CorpusParameters, DisasterResponse, OrangeText, Synthetic, Table
from lib.study.sections import Parameters

TypeName = Literal["classification", "regression", "sequence_labelling", "question_answering"]
FORMAT = "how the examples are stored"
Paths = Annotated[list[str], Field(min_length=1)]


class Files(Parameters):
    """The files of a task's parts, absolute or relative to the project's folder.

    A part without files is drawn from training, with split.validation and split.test as shares; texts that belong together
    (a document, an article) stay together.
    """

    train: Paths = Field(description="files with training examples")
    validation: Paths | None = Field(None, description="files with validation examples; null: drawn from training")
    test: Paths | None = Field(None, description="files with test examples; null: drawn from training")


class CorpusTask(Parameters):
    """Classification of a corpus's texts: one of its labels against the rest, or several labels of which a text has one."""

    format: Literal["corpus"] = Field(description=FORMAT)
    corpus: DisasterResponse | OrangeText | Synthetic | Table = Field(
        discriminator="loader", description="the corpus, as for a study of binary tasks"
    )
    label: str | None = Field(None, description="the label; null: see 'classes'")
    classes: list[str] | None = Field(
        None, min_length=2, description="labels that become classes; texts with none or several of them are left out"
    )
    metric: Literal["f1", "accuracy", "macro_f1", "matthews"] | None = Field(
        None, description="its metric; null: f1 with 'label', accuracy with 'classes'"
    )

    @model_validator(mode="after")
    def _label_or_classes(self):
        if (self.label is None) == (self.classes is None):
            raise ValueError("give either 'label', for a binary task, or 'classes'")
        return self


class TextTask(Parameters):
    """Lines of a text and its label, separated by a tab: classification, or regression where the label is a number."""

    format: Literal["tsv"] = Field(description=FORMAT)
    files: Files
    header: bool = Field(False, description="whether the first line of each file names the columns")
    text: int = Field(0, ge=0, description="number of the text's column, from 0")
    label: int = Field(1, ge=0, description="number of the label's column, from 0")
    regression: bool = Field(False, description="whether the label is a number to predict")
    metric: Literal["f1", "accuracy", "macro_f1", "matthews", "pearson", "spearman"] | None = Field(
        None,
        description="its metric; f1 is that of the second of two classes. null: accuracy, or pearson for regression",
    )

    @model_validator(mode="after")
    def _fitting_metric(self):
        if self.metric and (self.metric in ("pearson", "spearman")) != self.regression:
            raise ValueError(f"metric {self.metric} does not fit 'regression: {str(self.regression).lower()}'")
        return self


class ColumnsTask(Parameters):
    """CoNLL columns: one word with its tag on each line, and an empty line between sentences."""

    format: Literal["conll"] = Field(description=FORMAT)
    files: Files
    word: int = Field(0, ge=0, description="number of the word's column, from 0")
    tag: int = Field(-1, description="number of the tag's column, from 0; -1: the last one")
    spans: bool = Field(
        True, description="whether tags mark spans, as B-person and I-person do; false: every word has a tag of its own"
    )


class TreebankTask(Parameters):
    """Sentences of a treebank in CoNLL-U with one tag for each word."""

    format: Literal["conllu"] = Field(description=FORMAT)
    files: Files
    tags: Literal["upos", "xpos", "relation", "parent_upos", "grandparent_upos"] = Field(
        description="upos, xpos: part of speech; relation: to the parent, without its subtype; parent_upos, "
        "grandparent_upos: the parent's, and its parent's, part of speech"
    )


class AnswersTask(Parameters):
    """Questions whose answers are spans of a context, in SQuAD's format (version 1.1)."""

    format: Literal["squad"] = Field(description=FORMAT)
    files: Files


class HubTask(Parameters):
    """A data set of the Hugging Face hub, pinned by its commit, or a folder with such files."""

    format: Literal["hub"] = Field(description=FORMAT)
    path: str = Field(min_length=1, description="owner/name on the hub, or the path of a folder")
    revision: str | None = Field(
        None, pattern=r"^[0-9a-f]{40}$", description="commit of the data set; null: the path is a folder"
    )
    subset: str | None = Field(None, description="configuration of the data set; null: the default one")
    type: TypeName = Field(description="the task's type")
    text: str = Field("text", description="column with the texts, the lists of words, or the contexts")
    second_text: str | None = Field(None, description="column with a second text, such as a hypothesis; null: none")
    label: str = Field(
        "label",
        description="column with the labels, the lists of tags, or the answers. An answer without a position counts at its "
        "first place in the context",
    )
    question: str = Field("question", description="column with the questions, where questions are answered")
    spans: bool = Field(True, description="whether tags mark spans")
    validation: str | None = Field(
        None, description="split with validation examples; null: those called validation, valid or dev"
    )
    test: str | None = Field(
        None,
        description="split with test examples, such as 'validation' where test has no labels; null: the one called test",
    )
    metric: str | None = Field(None, description="its metric; null: the default of its type")

    @model_validator(mode="after")
    def _own_splits(self):
        given = [split for split in (self.validation, self.test) if split is not None]
        if "train" in given or len(set(given)) < len(given):
            raise ValueError("'validation' and 'test' must be two splits, and neither may be 'train'")
        return self


class PlantedTask(Parameters):
    """Generated texts of made-up words. The same words decide all tasks of one lexicon, whatever their type."""

    format: Literal["planted"] = Field(description=FORMAT)
    type: TypeName = Field(description="the task's type")
    lexicon: int = Field(ge=0, le=9, description="number of the lexicon whose words decide")
    examples: int = Field(400, ge=40, le=100_000, description="number of examples")
    seed: int = Field(0, ge=0, description="seed of the texts, together with the task's name")


TaskSource = Annotated[
    CorpusTask | TextTask | ColumnsTask | TreebankTask | AnswersTask | HubTask | PlantedTask,
    Field(discriminator="format"),
]


class Mixed(CorpusParameters):
    """Tasks of several types (classification, regression, sequence labelling, question answering), each with its texts."""

    loader: Literal["mixed"]
    tasks: dict[str, TaskSource] = Field(min_length=2, description="name of a task -> where its examples come from")

    @property
    def files(self) -> list[str]:
        """The paths of all files that tasks name."""
        given = [task.files for task in self.tasks.values() if hasattr(task, "files")]
        lists = [each for files in given for each in (files.train, files.validation, files.test) if each]
        folders = [task.path for task in self.tasks.values() if task.format == "hub" and task.revision is None]
        return [*dict.fromkeys(path for paths in lists for path in paths), *folders]


def _by_tag(kinds: Iterable[type[Parameters]], key: str) -> dict[str, type[Parameters]]:
    """The classes of parameters by the value of the key that chooses one."""
    return {typing.get_args(kind.model_fields[key].annotation)[0]: kind for kind in kinds}


FORMATS = _by_tag(typing.get_args(typing.get_args(TaskSource)[0]), "format")
LOADERS = _by_tag(CorpusParameters.__subclasses__(), "loader")
