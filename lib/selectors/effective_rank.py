"""Effective rank of the source model's features (Roy & Vetterli, EUSIPCO 2007): what fine-tuning has left of them."""

from lib.selectors.registry import selector
from lib.stats import spectrum


@selector("effective rank")
def effective_rank(validation_features):
    """Effective rank of the features of the validation texts; the same for all targets.

    A source whose features have collapsed to its own label (Papyan et al., PNAS 2020) has little else to give.
    """
    return spectrum.effective_rank(validation_features)
