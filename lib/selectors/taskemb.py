"""TaskEmb (Vu et al., EMNLP 2020, arXiv 2005.00770; after Task2Vec, Achille et al., ICCV 2019)."""

import numpy as np

from lib.selectors.registry import selector
from lib.selectors.textemb import cosine


@selector("TaskEmb")
def taskemb(source_fisher, target_fisher):
    """Cosine of the two tasks' diagonal Fisher information, one per component; their rankings are fused."""
    return np.array([cosine(source_fisher[name], target_fisher[name]) for name in sorted(source_fisher)])
