"""The recipe of a study that names no settings: what a first attempt trains with, by encoder.

How long to train comes from the published study of target sizes: 60 steps up to 144 texts, then about four epochs. The
learning rates are those of docs/encoders.md.
"""

from lib.study.sections import Setting

RATES = {  # encoder.name -> highest learning rate of sources, of targets
    "minilm": (5.0e-5, 1.0e-4),
    "tiny": (3.0e-3, 3.0e-3),
    "google-bert/bert-base-uncased": (1.5e-5, 3.0e-5),
    "FacebookAI/roberta-base": (1.0e-5, 2.0e-5),
    "intfloat/multilingual-e5-small": (2.5e-5, 5.0e-5),
    "google-bert/bert-base-multilingual-cased": (1.5e-5, 3.0e-5),
    "answerdotai/ModernBERT-base": (4.0e-5, 8.0e-5),
}
OTHERS = (1.5e-5, 3.0e-5)  # of any other encoder: the middle of what BERT's authors tried
SIDES = ("source", "target")


def default_settings(side: str, encoder: str) -> list[Setting]:
    """The one setting of a side, "source" or "target", where the study names none. encoder: its name."""
    rate = RATES.get(encoder, OTHERS)[SIDES.index(side)]
    lengths = {"source": {"epochs": 2.0}, "target": {"epochs": 4.0, "min_steps": 60, "max_steps": 192}}
    return [Setting(learning_rate=rate, **lengths[side])]
