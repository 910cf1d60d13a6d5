"""Tries exported models on sentences in a notebook: what a model says, and which terms it relies on.

In JupyterLab the task and the text can be changed; a headless run shows one text, since nobody is there to type.
"""

import html
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import ipywidgets
import numpy as np
import pandas as pd
from IPython.display import HTML

from lib.attribution.conductance import layer_conductances
from lib.attribution.shading import shaded_text
from lib.attribution.terms import terms
from lib.errors import InputError
from lib.models.encoders import load_tokenizer, tokenise_with, words_with
from lib.models.training import predict
from lib.predict.folder import Classifier, exported_models, load_network
from lib.stats.metrics import predicted_positive
from lib.study.sections import Conductance, Encoder

LAYER = 0  # whose conductances are shown: the embeddings' output, where every term has its own
GUIDE = "Blue terms speak for the label, orange ones against it; the darker, the more."


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


def playground(study: Path, candidates: pd.DataFrame, examples: Mapping[str, str]) -> object:
    """What a notebook shows: a task, what it may start from with the gains, and a text that its model reads.

    Args:
        study: the study's folder, with its exported models.
        candidates: the table of this name.
        examples: task -> a text of it to begin with.

    Returns:
        Widgets in JupyterLab, HTML in a headless run or where no model was exported.
    """
    try:
        models = {
            classifier.task: (folder, classifier) for folder, classifier in exported_models(study / "models").items()
        }
    except InputError:
        return HTML("<p>No model was exported, so there is none to try.</p>")

    def shown(task: str, text: str) -> str:
        folder, classifier = models[task]
        gains = candidates[candidates["target"] == task].drop(columns="target").round(3).to_html(index=False)
        try:
            return gains + as_html(classifier, read_text(folder, classifier, text))
        except InputError as error:
            return f"{gains}<p>{html.escape(str(error))}</p>"

    first = next(iter(models))
    if os.environ.get("WHENCE_HEADLESS") == "1":
        return HTML(f"<h3>{html.escape(first)}</h3>\n{shown(first, examples[first])}")
    task = ipywidgets.Dropdown(options=list(models), description="task")
    text = ipywidgets.Textarea(
        value=examples[first], description="text", layout={"width": "95%"}, continuous_update=False
    )
    page = ipywidgets.HTML(shown(first, text.value))

    def update(change: dict) -> None:
        if change["owner"] is task:
            text.value = examples[task.value]
        page.value = shown(task.value, text.value)

    for widget in (task, text):
        widget.observe(update, "value")
    return ipywidgets.VBox([task, text, page])


def example_texts(names: list[str], labels: np.ndarray, texts: list[str], rows: np.ndarray) -> dict[str, str]:
    """A positive text of every task, the first of these rows that is one, else the first: task -> text.

    Args:
        names: of the tasks.
        labels: (texts, tasks) of 0/1.
        texts: of the corpus.
        rows: from which to choose, such as those of validation.
    """
    first = labels[rows].argmax(axis=0)
    return {name: texts[rows[place]] for name, place in zip(names, first, strict=True)}
