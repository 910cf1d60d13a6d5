"""What a target may start from, as models: which are tries of the same candidate, and which of them is used."""

from collections.abc import Sequence

from lib.recommend.judging import ALONE, Candidate
from lib.runs.records import Model


def candidate_of(model: Model) -> Candidate:
    """What a model starts from; models that differ in the seed only are of one candidate."""
    if model.kind in ("single", "reseeded"):
        return ALONE
    if model.kind == "fused_top":
        return Candidate(model.kind, k=len(model.run.sources))
    return Candidate(model.kind, model.source)


def by_candidate(models: Sequence[Model]) -> dict[str, dict[Candidate, list[Model]]]:
    """Models by target and candidate, in their order."""
    groups: dict[str, dict[Candidate, list[Model]]] = {}
    for model in models:
        groups.setdefault(model.target, {}).setdefault(candidate_of(model), []).append(model)
    return groups
