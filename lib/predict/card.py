"""The card of an exported model: its data in counts, its recipe, its scores with intervals, its limits and its licence."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import yaml
from huggingface_hub import hf_hub_download
from jinja2 import Environment, PackageLoader, StrictUndefined

from lib.datasets.split import seeded_generator
from lib.models.encoders import encoder_folder
from lib.predict.folder import Classifier
from lib.stats.bootstrap import draw_counts, interval, score_draws
from lib.study.sections import Encoder

DRAWS, AT_ONCE = 1000, 50  # resamples of the texts behind an interval, and how many of them are held at a time
METRICS = {"average_precision": "average precision", "f1": "F1", "precision": "precision", "recall": "recall"}
UNKNOWN = "unknown"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]!|~])")


def model_card(classifier: Classifier, facts: Mapping, scores: Mapping[str, Mapping], differences: Mapping) -> str:
    """The text of README.md.

    Args:
        classifier: what the folder says of the model.
        facts: what the study says of it, from ``export.facts_of``.
        scores: part -> from ``part_scores``.
        differences: what ``export.differences`` measured.

    Returns:
        Markdown that holds no text of the data; names out of it are escaped.
    """
    templates = Environment(
        loader=PackageLoader("lib.predict"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["plain"] = plain
    values = {
        "classifier": classifier,
        "facts": facts,
        "scores": scores,
        "metrics": METRICS,
        "differences": differences,
    }
    return templates.get_template("card.md.j2").render(values).strip() + "\n"


def plain(text: object) -> str:
    """Text in which no character is markup of Markdown; the template escapes what is HTML's."""
    return _MARKDOWN.sub(r"\\\1", " ".join(str(text).split()))


def part_scores(
    labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None, threshold: float, name: str
) -> dict:
    """A model's scores on one part of the split, each with its 95 % bootstrap interval over texts.

    Args:
        labels, probabilities, weights: (texts,) of the part, as for ``metrics.scores``.
        threshold: from which probability on a text is predicted positive.
        name: seeds the bootstrap.

    Returns:
        "texts" and "positives", and for every metric a dictionary of value, low and high.
    """
    stands_for = np.ones(len(labels)) if weights is None else weights
    values = score_draws(stands_for[None], labels, probabilities, threshold)
    draws = [
        score_draws(counts * stands_for, labels, probabilities, threshold) for counts in _resamples(len(labels), name)
    ]
    found = {"texts": len(labels), "positives": int(labels.sum())}
    for metric in METRICS:
        low, high = interval(np.concatenate([each[metric] for each in draws]))
        found[metric] = {"value": float(values[metric][0]), "low": float(low), "high": float(high)}
    return found


def _resamples(texts: int, name: str) -> Iterator[np.ndarray]:
    generator = seeded_generator("card", name, 0)
    return (draw_counts(texts, AT_ONCE, generator) for _ in range(DRAWS // AT_ONCE))


def encoder_licence(encoder: Encoder) -> str:
    """The licence that an encoder's own card states, such as "apache-2.0"; UNKNOWN where it states none or is not there."""
    if encoder.name == "tiny":
        return "none (its weights are random)"
    folder = encoder_folder(encoder.name)
    try:
        card = (
            Path(folder, "README.md")
            if folder
            else hf_hub_download(encoder.name, "README.md", revision=encoder.revision)
        )
        _, front, _ = Path(card).read_text(encoding="utf-8").split("---\n", 2)
        licence = yaml.safe_load(front)["license"]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):  # no card, no front matter, no licence in it
        return UNKNOWN
    return licence if isinstance(licence, str) else UNKNOWN
