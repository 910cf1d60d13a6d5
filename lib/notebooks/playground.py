"""Tries exported models on sentences in notebook 11: what a task may start from, and what its model makes of a text."""

import html
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import HTML

from lib.errors import InputError
from lib.notebooks.interactive import Control, interactive
from lib.predict.folder import exported_models
from lib.predict.reading import as_html, read_text


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

    def page(task: str, text: str) -> str:
        folder, classifier = models[task]
        gains = candidates[candidates["target"] == task].drop(columns="target").round(3).to_html(index=False)
        try:
            return gains + as_html(classifier, read_text(folder, classifier, text))
        except InputError as error:
            return f"{gains}<p>{html.escape(str(error))}</p>"

    first = next(iter(models))
    task = Control("Dropdown", first, list(models), resets={"text": examples.get})
    return interactive(page, {"task": task, "text": Control("Textarea", examples[first])})


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
