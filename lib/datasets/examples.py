"""One shape for the examples of a task of any type, so that nothing after this package asks where they came from."""

from dataclasses import dataclass

import numpy as np

METRICS = {  # type -> what can judge it, the default first
    "classification": ("accuracy", "f1", "macro_f1", "matthews"),
    "regression": ("pearson", "spearman"),
    "sequence_labelling": ("span_f1", "accuracy"),
    "question_answering": ("f1", "exact_match"),
}


@dataclass(frozen=True, eq=False)
class Examples:
    """The examples of one task, with their split.

    name, type, metric: the task, one of the types below, and one of its METRICS.
    inputs: N examples: a text or a pair of texts (classification, regression); a list of words (sequence labelling);
        question and context (question answering).
    targets: N of: the number of a class; a float; a list with the number of each word's tag; a list of answers, each
        (first character in the context, text).
    names: of the classes or tags, in the order of their numbers; empty for other types.
    split: "train", "validation", "test" -> sorted row numbers, int64.
    findings: what was found and mended, with counts.
    """

    name: str
    type: str
    metric: str
    inputs: list
    targets: list
    names: list[str]
    split: dict[str, np.ndarray]
    findings: dict[str, int]
