"""Predicts the texts of a table with a study's exported models, a few rows at a time: a million rows fit any machine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from transformers import PreTrainedTokenizerFast

from lib.datasets.streaming import survey, text_chunks
from lib.models.encoders import Tokens, load_tokenizer, tokenise_with
from lib.models.training import predict
from lib.predict.folder import Classifier, load_network
from lib.runs.engine import progress_bar
from lib.stats.metrics import predicted_positive
from lib.storage.ledger import fingerprint
from lib.storage.replacing import replacing_file
from lib.storage.tables import as_texts
from lib.study.corpora import Table
from lib.study.sections import Encoder

IN_MEMORY = 4  # models that are kept between two chunks of rows


@dataclass(frozen=True)
class Tokenizers:
    """The tokenizers of exported models, each loaded once: most models of a study share one."""

    by_model: dict[Path, tuple[str, int]]
    loaded: dict[str, PreTrainedTokenizerFast]

    @classmethod
    def of(cls, models: Mapping[Path, Classifier]) -> "Tokenizers":
        by_model, loaded = {}, {}
        for folder, classifier in models.items():
            key = fingerprint((folder / "tokenizer.json").read_bytes())
            by_model[folder] = key, classifier.max_length
            if key not in loaded:
                loaded[key] = load_tokenizer(Encoder(name=str(folder.resolve())))
        return cls(by_model, loaded)

    def tokenise(self, texts: list[str]) -> dict[tuple[str, int], Tokens]:
        """The texts as the models read them; ``by_model`` has their keys."""
        return {key: tokenise_with(self.loaded[key[0]], texts, key[1]) for key in dict.fromkeys(self.by_model.values())}


def predict_table(
    models: Mapping[Path, Classifier], config: Table, output: Path, say: Callable[[str], None] = print
) -> None:
    """Write a CSV with an id, or a row number, and for every task a probability and yes or no; whole or not at all.

    The whole table is read and checked before the first text is predicted. Up to IN_MEMORY models are loaded once; of more,
    each is loaded again for every few rows, so that memory stays bounded.

    Args:
        models: from ``exported_models``.
        config: the table: its path and its columns of texts and, where it has one, of ids.
        output: the file to write.
        say: receives what the user should know, line by line.

    Raises:
        InputError: the table has a fault, or the file cannot be written.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    found, tokenizers, cut = survey(config), Tokenizers.of(models), 0
    network_of = lru_cache(maxsize=IN_MEMORY if len(models) <= IN_MEMORY else 1)(load_network)
    for repair, number in found.repairs.items():
        say(f"{number:,} {repair}")
    with replacing_file(output) as file, progress_bar("predicting", found.rows, 0, "row") as bar:
        for ids, texts in text_chunks(config):
            tokens = tokenizers.tokenise(texts)
            columns = {config.id or "row": ids}
            for folder, classifier in models.items():
                own = tokens[tokenizers.by_model[folder]]
                columns |= _columns(classifier, network_of(folder, classifier, device), own)
            cut += int(np.any([each.lengths >= limit for (_, limit), each in tokens.items()], axis=0).sum())
            frame = as_texts(pd.DataFrame(columns))
            text = frame.to_csv(index=False, header=bar.n == 0, float_format="%.6f", lineterminator="\n")
            file.write(text.encode())
            bar.update(len(texts))
    if cut:
        limits = sorted({limit for _, limit in tokenizers.by_model.values()})
        say(
            f"warning: {cut:,} of {found.rows:,} texts reach the models' limit of {' and '.join(map(str, limits))} "
            "wordpieces and may have lost their end"
        )


def _columns(classifier: Classifier, network: torch.nn.Module, tokens: Tokens) -> dict[str, np.ndarray]:
    """What one model says of some texts, in the arithmetic in which its validation texts were predicted."""
    probabilities = predict(network, tokens, np.arange(len(tokens.lengths)), classifier.precision)
    positive = predicted_positive(probabilities, classifier.threshold)
    return {
        f"{classifier.task}_probability": probabilities,
        f"{classifier.task}_predicted": np.where(positive, "yes", "no"),
    }
