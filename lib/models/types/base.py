"""What every type of task answers, so that training, the ledger and the selectors never ask which type it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from lib.datasets.examples import Examples
from lib.models.encoders import Tokens

MASKED = -1  # a target that has no part in the loss


@dataclass(frozen=True, eq=False)
class Encoded:
    """The examples of a task as rows that a network reads.

    tokens: the rows. targets: (rows, ...), MASKED where there is none. owners: (rows,) the example that a row is of,
    sorted; long contexts have several rows. spans: (positions, 2) first and last character in the context, flat over all
    rows, where the type needs them. findings: what was cut, with counts.
    """

    tokens: Tokens
    targets: np.ndarray
    owners: np.ndarray
    findings: dict[str, int]
    spans: np.ndarray | None = None


class TaskType(Protocol):
    """A type of task; its objects are small, frozen and picklable.

    reads: what the last linear map reads, the mean of a text's tokens or every token. has_units: whether single texts or
    words have targets of their own, to which a linear model can be fitted. classifies: whether these are numbers of classes.
    outputs: of the last linear map. record: what of the type decides a run's result, for its id; empty for binary tasks.
    """

    reads: Literal["mean", "positions"]
    has_units: bool
    classifies: bool

    @property
    def outputs(self) -> int: ...

    @property
    def record(self) -> dict: ...

    def encode(self, tokenizer: PreTrainedTokenizerFast, examples: Examples, max_length: int) -> Encoded:
        """All examples as rows of at most ``max_length`` wordpieces."""

    def tensor(self, targets: np.ndarray) -> torch.Tensor:
        """Targets (rows, ...) as the loss takes them."""

    def amount(self, targets: torch.Tensor, positive_weight: float) -> torch.Tensor:
        """How much some rows count in a batch's loss: a number. Targets: from ``tensor``."""

    def loss(self, logits: torch.Tensor, targets: torch.Tensor, positive_weight: float) -> torch.Tensor:
        """The mean loss of some rows. logits: (rows, outputs) or (rows, positions, outputs); targets: from ``tensor``."""

    def text_losses(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The sum over rows of each row's own loss, unweighted: what TaskEmb differentiates."""

    def fitted(
        self, features: Callable, places: np.ndarray, targets: np.ndarray, positive_weight: float
    ) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """How outputs start that a linear model of the features can start (LP-FT): outputs, weights (outputs, d), biases.

        Args:
            features: gives what the last linear map reads of different texts: (texts, d), or a list of (positions, d).
            places: (rows,) which of the texts each row is.
            targets: (rows, ...).
            positive_weight: of the second of two classes.
        """

    def units(self, features: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What is classified or predicted, one by one, where the type ``has_units``: features (n, d) and targets (n,).

        features: what the last linear map reads of the rows. targets: (rows, ...).
        """

    def decode(self, logits: torch.Tensor, words: np.ndarray) -> np.ndarray:
        """What is kept of a batch's predictions: (rows, ...).

        logits: float32, on the CPU. words: (rows, positions) the word each position belongs to, -1 for others.
        """

    def collapsed(self, predicted: np.ndarray) -> bool:
        """Whether a model tells no validation example from another. predicted: from ``decode``."""

    def scores(self, predicted: np.ndarray, examples: Examples, encoded: Encoded, rows: np.ndarray) -> dict[str, float]:
        """Every metric of the type. predicted: of these rows, all rows of their examples."""
