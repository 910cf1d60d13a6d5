"""A workbench of tasks of several types, each with its own texts: what the binary one is for labels of one corpus."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lib.datasets.draws import draw_examples
from lib.datasets.examples import Examples
from lib.datasets.mixed import load_examples
from lib.errors import InputError
from lib.models.encoders import Tokens, encoder_fingerprint, load_tokenizer
from lib.models.precision import resolve_precision
from lib.models.types.base import Encoded, TaskType
from lib.models.types.registry import type_of
from lib.runs.workbench import PARTS, Place, Workbench, keep_materials, resolve_device
from lib.storage.ledger import fingerprint
from lib.study.parameters import Study


@dataclass(frozen=True, eq=False)
class MixedTasks:
    """Tasks of several types. By name of a task: its type, its examples, these as rows that a network reads, and the number
    of its first row among the rows of all tasks."""

    types: dict[str, TaskType]
    examples: dict[str, Examples]
    encoded: dict[str, Encoded]
    first: dict[str, int]

    @property
    def names(self) -> list[str]:
        return list(self.types)

    def rows_of(self, task: str, examples: np.ndarray) -> np.ndarray:
        """The rows, among those of all tasks, of some of a task's examples: sorted."""
        return self.first[task] + np.flatnonzero(np.isin(self.encoded[task].owners, examples))

    @cached_property
    def held_out(self) -> dict[str, dict[str, np.ndarray]]:
        """The rows that every task is validated and tested on: task -> part -> rows."""
        return {
            task: {part: self.rows_of(task, examples.split[part]) for part in PARTS}
            for task, examples in self.examples.items()
        }

    def weight(self, part: str) -> None:
        """Validation and test examples of a task all count alike."""


@dataclass(frozen=True, eq=False)
class MixedWorkbench(Workbench):
    """A workbench whose tasks are ``MixedTasks``; it has no corpus."""

    tasks: MixedTasks

    criteria = ("validation_score",)

    def _draw(self, task: str, side: str) -> np.ndarray:
        examples = self.tasks.examples[task]
        return self.tasks.rows_of(task, draw_examples(examples, getattr(self.study, side)))

    def targets(self, task: str, rows: np.ndarray) -> np.ndarray:
        return self.tasks.encoded[task].targets[rows - self.tasks.first[task]]

    def type_of(self, task: str) -> TaskType:
        return self.tasks.types[task]

    def held_out(self, task: str) -> dict[str, np.ndarray]:
        return self.tasks.held_out[task]

    def scores_of(self, run: str, target: str) -> dict[str, float]:
        """What a finished run scored: "validation_score" and "test_score" by the task's own metric, and every other metric.

        As ``Workbench.read_test``, the only reader of what models predict for test examples: to report, never to choose.
        """
        examples, encoded, found = self.tasks.examples[target], self.tasks.encoded[target], {}
        for part, rows in self.held_out(target).items():
            predicted = self.ledger.arrays(run, "predictions")[part]
            scores = self.tasks.types[target].scores(predicted, examples, encoded, rows - self.tasks.first[target])
            found |= {f"{part}_{name}": value for name, value in scores.items()}
            found[f"{part}_score"] = scores[examples.metric]
        return found


def open_mixed(study: Study) -> MixedWorkbench:
    """Load all tasks, and tokenise them once. InputError: see ``load_examples``, and for keys that mixed types lack."""
    _check(study)
    examples = load_examples(study.corpus, study.split, study.downloads)
    examples = {task: examples[task] for task in study.tasks or examples}
    tokenizer = load_tokenizer(study.encoder)
    types = {task: type_of(own) for task, own in examples.items()}
    encoded = {task: types[task].encode(tokenizer, own, study.encoder.max_length) for task, own in examples.items()}
    sizes = [len(own.tokens.lengths) for own in encoded.values()]
    first = dict(zip(encoded, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))
    tokens = joined([own.tokens for own in encoded.values()])
    tasks = MixedTasks(types, examples, encoded, first)
    device = resolve_device(study.engine)
    held_out = [np.concatenate([*parts.values()]) for parts in tasks.held_out.values()]
    targets = [fingerprint(own.targets) for own in encoded.values()]
    record = {"rows": [fingerprint(tokens.ids, tokens.offsets), targets, fingerprint(*held_out)]}
    none = {part: np.empty(0, np.int64) for part in PARTS}  # every model knows its own
    materials = keep_materials(study.ledger, record, lambda: tokens, none)
    place = Place(study.ledger, materials, study.encoder, device, resolve_precision(study.training, device))
    return MixedWorkbench(study, None, tasks, tokens, encoder_fingerprint(study.encoder), place)


def joined(parts: list[Tokens]) -> Tokens:
    """The texts of several tasks, one after another."""
    shifts = np.cumsum([0, *(part.offsets[-1] for part in parts[:-1])])
    offsets = [part.offsets[:-1] + shift for part, shift in zip(parts, shifts, strict=True)]
    end = [shifts[-1] + parts[-1].offsets[-1]]
    ids, words = (np.concatenate([getattr(part, name) for part in parts]) for name in ("ids", "words"))
    return replace(parts[0], ids=ids, words=words, offsets=np.concatenate([*offsets, end]).astype(np.int64))


def _check(study: Study) -> None:
    """Refuse what only binary tasks of one corpus have, and tasks that the corpus lacks."""
    for task in study.tasks or ():
        if task not in study.corpus.tasks:
            known = ", ".join(study.corpus.tasks)
            raise InputError(f"tasks: no task {task!r:.60} in corpus.tasks ({known:.300}); correct its name")
    if study.encoder.pooling != "mean":
        raise InputError(
            "encoder.pooling: cls has a head for texts only; tasks of several types need 'mean', which also reads words"
        )
    settings = [setting for side in ("source", "target") for setting in study.settings_of(side)]
    if any(setting.early_stopping for setting in settings):
        raise InputError("early_stopping judges binary tasks only; leave it out where tasks are of several types")
    given = {key: getattr(study, key) for key in ("budget_minutes", "recipes", "target_sizes")}
    for key, value in (given | {"rivals.kinds": study.rivals.kinds or None}).items():
        if value is not None:
            raise InputError(f"{key} needs binary tasks of one corpus; leave it out where tasks are of several types")
    if study.models_per_pair > 1:
        raise InputError(
            "source_setting and target_setting: 'all' is for binary tasks; use 'best' where tasks are of several types"
        )
