"""Question answering: the answer is a span of a context, given by its first and last wordpiece (Devlin et al. 2019).

A context that is longer than a network reads is cut into windows that overlap. Of a question's windows the one whose best
span has the largest sum of logits answers.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast

from lib.datasets.examples import Examples
from lib.models.encoders import as_tokens
from lib.models.types.base import Encoded

LONGEST = 30  # wordpieces of an answer
OVERLAP = 4  # a window shares one in so many of its wordpieces with the next one


@dataclass(frozen=True)
class QuestionAnswering:
    has_units: ClassVar[bool] = False
    classifies: ClassVar[bool] = False
    reads: ClassVar[str] = "positions"
    outputs: ClassVar[int] = 2  # whether the answer starts, and ends, at a position

    @property
    def record(self) -> dict:
        return {"answers": "spans"}

    def encode(self, tokenizer: PreTrainedTokenizerFast, examples: Examples, max_length: int) -> Encoded:
        """A window a row: the question, and a part of the context. Targets: the positions of the first answer's ends, both
        that of the first token where the window does not hold it."""
        questions, contexts = zip(*examples.inputs, strict=True)
        shared = max_length // OVERLAP
        most = max_length - tokenizer.num_special_tokens_to_add(pair=True) - shared - 1
        questions, cut = shortened(tokenizer, questions, most)
        encoded = tokenizer(
            questions, list(contexts), truncation="only_second", max_length=max_length, stride=shared,
            return_overflowing_tokens=True, return_offsets_mapping=True,
        )  # fmt: skip
        tokens, owners = as_tokens(encoded, tokenizer.pad_token_id), np.asarray(encoded["overflow_to_sample_mapping"])
        spans = np.concatenate([np.asarray(each, dtype=np.int32) for each in encoded["offset_mapping"]])
        context = np.concatenate([np.equal(encoded.sequence_ids(row), 1) for row in range(len(owners))])
        tokens = replace(tokens, words=np.where(context, tokens.words, -1))
        targets = np.zeros((len(owners), 2), dtype=np.int16)
        for row, owner in enumerate(owners):
            inside = slice(tokens.offsets[row], tokens.offsets[row + 1])
            first, text = examples.targets[owner][0]
            targets[row] = answer_positions(spans[inside], context[inside], first, first + len(text))
        held = np.bincount(owners, weights=targets[:, 0] > 0, minlength=len(questions)) > 0
        found = {"windows of contexts": len(owners), "answers that no window holds": int((~held).sum())}
        found["questions cut"] = cut
        return Encoded(tokens, targets, owners, {name: n for name, n in found.items() if n}, spans)

    def tensor(self, targets: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(targets, dtype=torch.long)

    def amount(self, targets: torch.Tensor, positive_weight: float) -> torch.Tensor:
        return torch.tensor(float(len(targets)))

    def loss(self, logits: torch.Tensor, targets: torch.Tensor, positive_weight: float) -> torch.Tensor:
        return self._losses(logits, targets).mean()

    def text_losses(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return self._losses(logits, targets).sum()

    def _losses(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The mean of the start's and the end's, (rows,). Padding has no part in it (its logits are PADDED), or a row's loss
        would depend on the rows beside it; transformers' example pads all rows to one length and tells padding apart."""
        return cross_entropy(logits, targets, reduction="none").mean(dim=1)  # (rows, positions, 2), (rows, 2)

    def fitted(
        self, features: Callable, places: np.ndarray, targets: np.ndarray, positive_weight: float
    ) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """None: a linear model of single positions finds no answers, so that the head starts at random."""
        yield from ()

    def decode(self, logits: torch.Tensor, words: np.ndarray) -> np.ndarray:
        """The best span of every window, (rows, 3) float32: first and last position, sum of logits."""
        return np.stack([best_span(*row.T, own >= 0) for row, own in zip(logits.numpy(), words, strict=True)])

    def collapsed(self, predicted: np.ndarray) -> bool:
        return len(np.unique(predicted[:, :2], axis=0)) == 1

    def scores(self, predicted: np.ndarray, examples: Examples, encoded: Encoded, rows: np.ndarray) -> dict[str, float]:
        """SQuAD's exact match and F1 (Rajpurkar et al. 2016): of every question the best over its answers, then the mean."""
        best: dict[int, tuple[float, str]] = {}
        for row, (first, last, score) in zip(rows, predicted, strict=True):
            owner = int(encoded.owners[row])
            if owner not in best or score > best[owner][0]:
                offset = encoded.tokens.offsets[row]
                begin, end = encoded.spans[offset + int(first)][0], encoded.spans[offset + int(last)][1]
                best[owner] = (score, examples.inputs[owner][1][begin:end])
        judged = [
            [max(measure(text, answer) for _, answer in examples.targets[owner]) for measure in (exact_match, token_f1)]
            for owner, (_, text) in best.items()
        ]
        return dict(zip(("exact_match", "f1"), np.mean(judged, axis=0).tolist(), strict=True))


def shortened(tokenizer: PreTrainedTokenizerFast, questions: tuple[str, ...], most: int) -> tuple[list[str], int]:
    """The questions, each cut to so many wordpieces, and how many were: what is left of a window holds more of the context
    than windows share."""
    spans = tokenizer(list(questions), add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    ends = [own[most - 1][1] if len(own) > most else None for own in spans]
    return [question[:end] for question, end in zip(questions, ends, strict=True)], len(ends) - ends.count(None)


def answer_positions(spans: np.ndarray, context: np.ndarray, first: int, last: int) -> tuple[int, int]:
    """The positions of a window at which the answer context[first:last] starts and ends; (0, 0) where it is not whole.

    spans: (positions, 2) first and last character; context: (positions,) which belong to the context.
    """
    inside = np.flatnonzero(context)
    if not len(inside) or spans[inside[0], 0] > first or spans[inside[-1], 1] < last:
        return 0, 0
    begins, ends = spans[inside, 0] <= first, spans[inside, 1] >= last
    return int(inside[begins.nonzero()[0][-1]]), int(inside[ends.argmax()])


def best_span(starts: np.ndarray, ends: np.ndarray, context: np.ndarray) -> tuple[float, float, float]:
    """First and last position, and the sum of logits, of the best span of at most LONGEST positions in the context.

    starts, ends: (positions,) logits; context: (positions,) whether a position belongs to it, one at least.
    """
    n = len(starts)
    allowed = np.tri(n, k=LONGEST - 1, dtype=bool) & ~np.tri(n, k=-1, dtype=bool) & context[:, None] & context
    sums = np.where(allowed, starts[:, None] + ends, -np.inf)
    first, last = np.unravel_index(sums.argmax(), sums.shape)
    return float(first), float(last), float(sums[first, last])


def normalised(answer: str) -> list[str]:
    """An answer's words as SQuAD's script compares them: lower case, no punctuation, no articles."""
    plain = "".join(letter for letter in answer.lower() if letter not in set(string.punctuation))
    return re.sub(r"\b(a|an|the)\b", " ", plain).split()


def exact_match(found: str, answer: str) -> float:
    return float(normalised(found) == normalised(answer))


def token_f1(found: str, answer: str) -> float:
    """F1 of the words that two answers share."""
    ours, theirs = normalised(found), normalised(answer)
    shared = sum((Counter(ours) & Counter(theirs)).values())
    if not ours or not theirs:
        return float(ours == theirs)
    return 2 * shared / (len(ours) + len(theirs))
