"""Data size: larger sources first (a baseline of Vu et al., EMNLP 2020)."""

from lib.selectors.registry import selector


@selector("texts of the source", caveat="the same for all sources where a regime draws a fixed number")
def source_texts(source_labels):
    """Number of the source's training texts."""
    return float(len(source_labels))


@selector("positives of the source")
def source_positives(source_labels):
    """Number of positives among the source's training texts."""
    return float(source_labels.sum())
