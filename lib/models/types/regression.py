"""Regression: a number a text. The network predicts it in units of the training targets' spread around their mean."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from scipy.stats import pearsonr, spearmanr
from sklearn.linear_model import Ridge
from torch.nn.functional import mse_loss
from transformers import PreTrainedTokenizerFast

from lib.datasets.examples import Examples
from lib.models.types.base import Encoded
from lib.models.types.classification import encoded_texts
from lib.models.types.probe import INVERSE_PENALTY, standardised


@dataclass(frozen=True)
class Regression:
    """mean, spread: of the training targets."""

    mean: float
    spread: float
    has_units: ClassVar[bool] = True
    classifies: ClassVar[bool] = False
    reads: ClassVar[str] = "mean"
    outputs: ClassVar[int] = 1

    @property
    def record(self) -> dict:
        return {"mean": self.mean, "spread": self.spread}

    def encode(self, tokenizer: PreTrainedTokenizerFast, examples: Examples, max_length: int) -> Encoded:
        return encoded_texts(tokenizer, examples, max_length, np.asarray(examples.targets, dtype=np.float32))

    def tensor(self, targets: np.ndarray) -> torch.Tensor:
        return torch.as_tensor((targets - self.mean) / self.spread, dtype=torch.float32)

    def amount(self, targets: torch.Tensor, positive_weight: float) -> torch.Tensor:
        return torch.tensor(float(len(targets)))

    def loss(self, logits: torch.Tensor, targets: torch.Tensor, positive_weight: float) -> torch.Tensor:
        return mse_loss(logits[:, 0], targets)

    def text_losses(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return mse_loss(logits[:, 0], targets, reduction="sum")

    def fitted(
        self, features: Callable, places: np.ndarray, targets: np.ndarray, positive_weight: float
    ) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """A ridge regression, with the penalty of the logistic one."""
        texts, first = np.unique(places, return_index=True)
        values, mean, spread, varies = standardised(features()[texts])
        model = Ridge(alpha=1 / INVERSE_PENALTY).fit(values, self.tensor(targets[first]).numpy())
        weights = np.zeros((1, len(mean)))
        weights[0, varies] = model.coef_ / spread[varies]
        yield slice(0, 1), weights, model.intercept_ - weights @ mean

    def units(self, features: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return features, targets

    def decode(self, logits: torch.Tensor, words: np.ndarray) -> np.ndarray:
        """Predicted numbers, (rows,) float32, in the targets' own units."""
        return (logits[:, 0] * self.spread + self.mean).numpy()

    def collapsed(self, predicted: np.ndarray) -> bool:
        return bool(np.ptp(predicted) < 1e-3 * self.spread)

    def scores(self, predicted: np.ndarray, examples: Examples, encoded: Encoded, rows: np.ndarray) -> dict[str, float]:
        """Correlations with the targets; 0 where all predictions are equal."""
        true = encoded.targets[rows]
        if np.ptp(predicted) == 0 or np.ptp(true) == 0:
            return {"pearson": 0.0, "spearman": 0.0}
        return {
            "pearson": float(pearsonr(predicted, true).statistic),
            "spearman": float(spearmanr(predicted, true).statistic),
        }
