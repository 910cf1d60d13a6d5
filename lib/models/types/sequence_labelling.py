"""Sequence labelling: a tag a word, read at the word's first wordpiece (Devlin et al. 2019)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from seqeval.metrics import f1_score
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast

from lib.datasets.examples import Examples
from lib.models.encoders import as_tokens
from lib.models.types.base import MASKED, Encoded
from lib.models.types.classification import multinomial

PROBED = 4000  # words that the start of a head is fitted to; more take longer than they help


@dataclass(frozen=True)
class SequenceLabelling:
    """tags: how many. spans: whether they mark spans, in BIO."""

    tags: int
    spans: bool
    has_units: ClassVar[bool] = True
    classifies: ClassVar[bool] = True
    reads: ClassVar[str] = "positions"

    @property
    def outputs(self) -> int:
        return self.tags

    @property
    def record(self) -> dict:
        return {"tags": self.tags, "spans": self.spans}

    def encode(self, tokenizer: PreTrainedTokenizerFast, examples: Examples, max_length: int) -> Encoded:
        """A sentence a row. Words of which no wordpiece fits have no target and are predicted as the first tag."""
        encoded = tokenizer(examples.inputs, is_split_into_words=True, truncation=True, max_length=max_length)
        tokens = as_tokens(encoded, tokenizer.pad_token_id)
        targets = np.full((len(examples.inputs), int(tokens.lengths.max())), MASKED, dtype=np.int16)
        for row, tags in enumerate(examples.targets):
            for word, place in first_wordpieces(tokens.words_of(row)):
                targets[row, place] = tags[word]
        missing = sum(map(len, examples.inputs)) - int((targets != MASKED).sum())
        found = {"words beyond max_length, or without a wordpiece": missing} if missing else {}
        return Encoded(tokens, targets, np.arange(len(targets)), found)

    def tensor(self, targets: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(targets, dtype=torch.long)

    def amount(self, targets: torch.Tensor, positive_weight: float) -> torch.Tensor:
        return (targets != MASKED).sum().float()

    def loss(self, logits: torch.Tensor, targets: torch.Tensor, positive_weight: float) -> torch.Tensor:
        kept = targets[:, : logits.shape[1]]
        return cross_entropy(logits.reshape(-1, self.tags), kept.flatten(), ignore_index=MASKED)

    def text_losses(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """A sentence's loss is the mean over its words."""
        kept = targets[:, : logits.shape[1]]
        losses = cross_entropy(logits.transpose(1, 2), kept, ignore_index=MASKED, reduction="none")
        return (losses.sum(dim=1) / (kept != MASKED).sum(dim=1).clamp(min=1)).sum()

    def fitted(
        self, features: Callable, places: np.ndarray, targets: np.ndarray, positive_weight: float
    ) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """A logistic regression on the first wordpieces of at most PROBED words."""
        first = np.unique(places, return_index=True)[1]
        values, labels = self.units(features(), targets[first])
        if len(np.unique(labels[:PROBED])) > 1:
            yield slice(0, self.tags), *multinomial(values[:PROBED], labels[:PROBED], self.tags)

    def units(self, features: list[np.ndarray], targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The first wordpieces, and their tags."""
        kept = [own[: len(read)] for own, read in zip(targets, features, strict=True)]
        values = np.concatenate([read[own != MASKED] for own, read in zip(kept, features, strict=True)])
        return values, np.concatenate([own[own != MASKED] for own in kept])

    def decode(self, logits: torch.Tensor, words: np.ndarray) -> np.ndarray:
        """The tag at every wordpiece of a word, (rows, positions) int16; MASKED at all other positions."""
        return np.where(words >= 0, logits.argmax(dim=2).numpy(), MASKED).astype(np.int16)

    def collapsed(self, predicted: np.ndarray) -> bool:
        return len(np.unique(predicted[predicted != MASKED])) == 1

    def scores(self, predicted: np.ndarray, examples: Examples, encoded: Encoded, rows: np.ndarray) -> dict[str, float]:
        """Over all words. span_f1, where tags mark spans: of exact spans with their type, as seqeval counts them."""
        true = [examples.targets[row] for row in rows]
        found = [
            word_tags(predicted[number], encoded.tokens.words_of(row), len(examples.inputs[row]))
            for number, row in enumerate(rows)
        ]
        right = sum(a == b for one, other in zip(true, found, strict=True) for a, b in zip(one, other, strict=True))
        values = {"accuracy": right / sum(map(len, true))}
        if self.spans:
            names = [[[examples.names[tag] for tag in tags] for tags in side] for side in (true, found)]
            values["span_f1"] = float(f1_score(*names, zero_division=0))
        return values


def word_tags(predicted: np.ndarray, words: np.ndarray, n: int) -> list[int]:
    """The predicted tags of a sentence's n words; the first tag for words that have no wordpiece.

    predicted, words: (positions,) the tag at every position, and the word that it belongs to.
    """
    tags = [0] * n
    for word, place in first_wordpieces(words):
        tags[word] = int(predicted[place])
    return tags


def first_wordpieces(words: np.ndarray) -> Iterator[tuple[int, int]]:
    """Every word of a row with the position of its first wordpiece. words: (positions,), -1 for special tokens."""
    begins = np.flatnonzero((words >= 0) & np.r_[True, words[1:] != words[:-1]])
    yield from zip(words[begins].tolist(), begins.tolist(), strict=True)
