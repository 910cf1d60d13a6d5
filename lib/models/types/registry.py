"""The type of a task's examples."""

import numpy as np

from lib.datasets.examples import Examples
from lib.models.types.base import TaskType
from lib.models.types.classification import Classification
from lib.models.types.question_answering import QuestionAnswering
from lib.models.types.regression import Regression
from lib.models.types.sequence_labelling import SequenceLabelling

TYPES = {
    "classification": lambda examples: Classification(classes=len(examples.names)),
    "regression": lambda examples: _regression(np.array(examples.targets)[examples.split["train"]]),
    "sequence_labelling": lambda examples: SequenceLabelling(len(examples.names), examples.metric == "span_f1"),
    "question_answering": lambda examples: QuestionAnswering(),
}


def type_of(examples: Examples) -> TaskType:
    return TYPES[examples.type](examples)


def _regression(targets: np.ndarray) -> Regression:
    return Regression(float(targets.mean()), float(targets.std()) or 1.0)
