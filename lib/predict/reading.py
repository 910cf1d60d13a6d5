"""Reads single texts with exported models: what a model says, and which terms it relies on."""

import html
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from lib.attribution.conductance import layer_conductances
from lib.attribution.shading import GUIDE, shaded_text
from lib.attribution.terms import terms
from lib.errors import InputError
from lib.models.encoders import load_tokenizer, tokenise_with, words_with
from lib.models.training import predict
from lib.predict.folder import Classifier, load_network
from lib.stats.metrics import predicted_positive
from lib.study.sections import Conductance, Encoder

LAYER = 0  # whose conductances are shown: the embeddings' output, where every term has its own


@dataclass(frozen=True)
class Reading:
    """What a model says of one text. words, scores: its terms and their conductances."""

    probability: float
    positive: bool
    words: list[str]
    scores: np.ndarray


@lru_cache(maxsize=2)
def _loaded(folder: Path, classifier: Classifier):
    network = load_network(folder, classifier, "cpu")
    return network.eval(), load_tokenizer(Encoder(name=str(folder.resolve())))


def read_text(folder: Path, classifier: Classifier, text: str) -> Reading:
    """Read one text with an exported model.

    Args:
        folder, classifier: an entry of ``exported_models``.
        text: not blank.

    Raises:
        InputError: the text is blank.
    """
    if not text.strip():
        raise InputError("there is no text to read; type a sentence")
    network, tokenizer = _loaded(folder, classifier)
    tokens = tokenise_with(tokenizer, [text], classifier.max_length)
    probability = float(predict(network, tokens, np.array([0]), "float32")[0])
    path = Conductance()
    found = layer_conductances(network, [tokens.text(0)], tokens.pad, path.steps, path.positions)
    values, _ = terms(found.values, found.offsets, [[None if word < 0 else word for word in tokens.words_of(0)]])
    words = words_with(tokenizer, text, classifier.max_length)
    positive = bool(predicted_positive(probability, classifier.threshold))
    return Reading(probability, positive, words, values[:, LAYER])


def as_html(classifier: Classifier, reading: Reading) -> str:
    """A reading as HTML; names and words from the data are escaped."""
    answer, label = "yes" if reading.positive else "no", html.escape(classifier.task)
    verdict = (
        f"<b>{label}: {answer}</b>, probability {reading.probability:.3f} (yes from {classifier.threshold:.3f} on)"
    )
    text = shaded_text(reading.words, reading.scores)
    return f'<p>{verdict}</p>\n<p style="background:#fff;color:#000;padding:.5em">{text}</p>\n<p>{GUIDE}</p>'
