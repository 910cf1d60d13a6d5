"""A selector is a function whose parameters name the inputs of a pair that it needs.

It returns a score of the pair, larger for a better source, or an array of scores, one per component. The rankings of the
components are then fused.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lib.errors import InputError
from lib.storage.sources import code_fingerprint

# Everything that can be seen of a pair without training it. No selector sees a test text or a test label. Pooled outputs are
# those of the last layer at [CLS], or with ``pooling: mean`` their mean over the tokens.
INPUTS = {
    "features": "(n, d) the source model's pooled outputs on the target's training texts",
    "probabilities": "(n,) the source model's positive-class probabilities of the target's training texts",
    "labels": "(n,) the target's 0/1 labels of its training texts",
    "validation_features": "(v, d) the source model's pooled outputs on the validation texts",
    "validation_labels": "(v,) the target's 0/1 labels of the validation texts",
    "validation_weights": "(v,) how many texts each validation text stands for; None: all alike",
    "base_features": "(n, d) the pretrained encoder's pooled outputs on the target's training texts",
    "validation_base_features": "(v, d) the pretrained encoder's pooled outputs on the validation texts",
    "source_features": "(m, d) the source model's pooled outputs on the source's own training texts",
    "source_labels": "(m,) the source's 0/1 labels of its training texts",
    "source_base_features": "(m, d) the pretrained encoder's pooled outputs on the source's training texts",
    "source_embeddings": "(m, d) mean over the tokens of the pretrained encoder's outputs on the source's training texts",
    "target_embeddings": "(n, d) mean over the tokens of the pretrained encoder's outputs on the target's training texts",
    "source_words": "m arrays: the wordpieces of the source's training texts",
    "target_words": "n arrays: the wordpieces of the target's training texts",
    "source_losses": "(steps,) the training loss of the source's model at each step",
    "source_fisher": "component -> (k,) mean squared gradients of the source's model on its training texts",
    "target_fisher": "component -> (k,) mean squared gradients of the target's model on its training texts",
}


@dataclass(frozen=True)
class Selector:
    """A named score of pairs. caveat: why it says little about tasks of one corpus; empty where it does not apply."""

    name: str
    title: str
    score: Callable
    needs: tuple[str, ...]
    caveat: str

    @cached_property
    def formula(self) -> str:
        """A hash of the code of its file: what its scores depend on beside its inputs."""
        return code_fingerprint(Path(inspect.getfile(self.score)).read_text())

    @property
    def sees_target_labels(self) -> bool:
        """Whether it uses labels of the target."""
        return bool({"labels", "validation_labels", "target_fisher"} & set(self.needs))


SELECTORS: dict[str, Selector] = {}


def all_selectors() -> dict[str, Selector]:
    """Every selector of this package by name, in the order of files and functions."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        importlib.import_module(f"lib.selectors.{module.name}")
    return SELECTORS


def selector(title: str, caveat: str = "") -> Callable[[Callable], Callable]:
    """Register a function as a selector. Raises InputError for a parameter that is no input, or a name that is taken."""

    def register(function: Callable) -> Callable:
        name, needs = function.__name__, tuple(inspect.signature(function).parameters)
        unknown = sorted(set(needs) - set(INPUTS))
        if unknown:
            raise InputError(f"selector {name}: no input is called '{unknown[0]}'; there are {', '.join(INPUTS)}")
        if name in SELECTORS:
            raise InputError(f"selector {name}: the name is taken; rename one of the two functions")
        SELECTORS[name] = Selector(name, title, function, needs, caveat)
        return function

    return register
