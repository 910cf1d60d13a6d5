"""Classification: one of two or more classes a text; several binary labels are as many heads."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast

from lib.datasets.examples import Examples
from lib.models.encoders import tokenise_with
from lib.models.types.base import MASKED, Encoded
from lib.models.types.probe import HALVES, INVERSE_PENALTY, probe, standardised
from lib.stats.metrics import collapsed


@dataclass(frozen=True)
class Classification:
    """classes: how many. heads: with two classes, how many labels are learnt at once; the first one predicts."""

    classes: int = 2
    heads: int = 1
    has_units: ClassVar[bool] = True
    classifies: ClassVar[bool] = True
    reads: ClassVar[str] = "mean"

    @property
    def outputs(self) -> int:
        return self.classes * self.heads

    @property
    def record(self) -> dict:
        return {} if self.classes == 2 else {"classes": self.classes}

    def encode(self, tokenizer: PreTrainedTokenizerFast, examples: Examples, max_length: int) -> Encoded:
        return encoded_texts(tokenizer, examples, max_length, np.asarray(examples.targets, dtype=np.int16))

    def tensor(self, targets: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(targets, dtype=torch.long)

    def amount(self, targets: torch.Tensor, positive_weight: float) -> torch.Tensor:
        return class_weights(self.classes, positive_weight, targets.device)[targets].sum()

    def loss(self, logits: torch.Tensor, targets: torch.Tensor, positive_weight: float) -> torch.Tensor:
        weights = class_weights(self.classes, positive_weight, logits.device)[:-1]
        return cross_entropy(logits.reshape(-1, self.classes), targets.flatten(), weights, ignore_index=MASKED)

    def text_losses(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return cross_entropy(logits, targets, reduction="sum")

    def fitted(
        self, features: Callable, places: np.ndarray, targets: np.ndarray, positive_weight: float
    ) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """A logistic regression a head.

        A head is fitted to the texts whose label it knows; a text that is there several times counts once. A head whose
        texts all have one label stays as it is.
        """
        for head, own in enumerate(targets.reshape(len(places), -1).T):
            known = np.flatnonzero(own >= 0)
            texts, first = np.unique(places[known], return_index=True)
            labels = own[known][first]
            if len(np.unique(labels)) < 2:
                continue
            if self.classes == 2:
                weights, bias = probe(features()[texts], labels, positive_weight)
                yield slice(2 * head, 2 * head + 2), np.outer(HALVES, weights), np.multiply(HALVES, bias)
            else:
                yield slice(0, self.classes), *multinomial(features()[texts], labels, self.classes)

    def units(self, features: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return features, targets

    def decode(self, logits: torch.Tensor, words: np.ndarray) -> np.ndarray:
        """Probabilities: of the second of two classes, (rows,), or of all, (rows, classes); float32."""
        probabilities = logits[:, : self.classes].softmax(1).numpy()
        return probabilities[:, 1].copy() if self.classes == 2 else probabilities

    def collapsed(self, predicted: np.ndarray) -> bool:
        return collapsed(predicted) if self.classes == 2 else len(np.unique(predicted.argmax(axis=1))) == 1

    def scores(self, predicted: np.ndarray, examples: Examples, encoded: Encoded, rows: np.ndarray) -> dict[str, float]:
        found = predicted >= 0.5 if self.classes == 2 else predicted.argmax(axis=1)
        found, true = found.astype(int), encoded.targets[rows]
        values = {"accuracy": accuracy_score(true, found), "matthews": matthews_corrcoef(true, found)}
        values["macro_f1"] = f1_score(true, found, average="macro", zero_division=0)
        if self.classes == 2:
            values["f1"] = f1_score(true, found, zero_division=0)
        return {name: float(value) for name, value in values.items()}


@lru_cache
def class_weights(classes: int, positive_weight: float, device: torch.device) -> torch.Tensor:
    """Of the classes in the loss, and 0 for the label MASKED; made once, since every step needs them where it runs."""
    own = [1.0, positive_weight] if classes == 2 else [1.0] * classes
    return torch.tensor([*own, 0.0], device=device)


BINARY = Classification()


def binary(labels: np.ndarray) -> Classification:
    """The type of models of binary labels: (n,), or (n, heads)."""
    return Classification(heads=1 if labels.ndim == 1 else labels.shape[1])


def encoded_texts(
    tokenizer: PreTrainedTokenizerFast, examples: Examples, max_length: int, targets: np.ndarray
) -> Encoded:
    """Texts, or pairs of texts, one row each, cut at their end."""
    tokens = tokenise_with(tokenizer, examples.inputs, max_length)
    cut = int((tokens.lengths >= max_length).sum())
    return Encoded(tokens, targets, np.arange(len(targets)), {"texts that reach max_length": cut} if cut else {})


def multinomial(features: np.ndarray, labels: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (classes, d) and biases (classes,) of a logistic regression of labels (n,) on features (n, d), standardised
    inside. A class that no text has keeps weights of 0 and the smallest of the biases."""
    values, mean, spread, varies = standardised(features)
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=200).fit(values, labels)
    weights, biases = np.zeros((classes, len(mean))), np.zeros(classes)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn then has one row
        coefficients, intercepts = np.outer(HALVES, coefficients), np.multiply(HALVES, intercepts)
    weights[np.ix_(model.classes_, np.flatnonzero(varies))] = coefficients / spread[varies]
    biases[:] = intercepts.min()
    biases[model.classes_] = intercepts - weights[model.classes_] @ mean
    return weights, biases
