"""All parameters of a study in one validated object, so that none is misspelt, guessed or set in two places."""

import math
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from lib.errors import InputError
from lib.study.corpora import DisasterResponse, Hub, OrangeText, Synthetic, Table, Trecis
from lib.study.explain import explain, key_path
from lib.study.extends import Layer, merge, named_in, overlay, read_layers
from lib.study.files import ROOT, find_parameters, read_yaml, shown
from lib.study.mixed import Mixed
from lib.study.recipe import default_settings
from lib.study.sections import (
    SEEDS,
    Ansat,
    Conductance,
    Encoder,
    Engine,
    Parameters,
    Ranking,
    Regime,
    Regression,
    Rivals,
    Setting,
    Split,
    TargetSize,
    Training,
    Transfer,
)

LEAST_MINUTES = 2  # a budget below it is over before a notebook has started and a pair could be trained
RESOLVED = "# All parameters of this study: its own, those it extends, and the default of every other key.\n"


class Study(Parameters):
    """A study: a corpus whose labels become tasks, a grid of models for them, and its analysis."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$",
        description="name of the study and of its results folder: lower-case letters, digits, _ and -",
    )
    corpus: DisasterResponse | Hub | Mixed | OrangeText | Synthetic | Table | Trecis = Field(
        discriminator="loader", description="where texts and labels come from; 'loader' chooses one of the kinds below"
    )
    tasks: list[str] | None = Field(
        None, min_length=2, description="labels that become tasks; null: all that are not too rare"
    )
    min_positives: int = Field(
        8,
        ge=1,
        description="where tasks is null: a label with fewer positive training texts than this is too rare to be a task. "
        "So is a label without a positive or a negative text in validation, or in test if there is one",
    )
    split: Split = Split()
    encoder: Encoder = Encoder()
    source: Regime = Field(Regime(), description="training data and settings of a task as a source")
    target: Regime = Field(Regime(), description="training data and settings of a task as a target")
    settings: list[Setting] | None = Field(
        None,
        min_length=1,
        description="hyperparameter settings; every task is trained alone with each of them. null: those of source and "
        "target, else the default of the encoder",
    )
    transfer: Transfer = Transfer()
    source_setting: Literal["best", "all"] = Field(
        "best",
        description="which of the source's single-task models a pair starts from. best: the one that is best on validation; "
        "all: each of them",
    )
    target_setting: Literal["best", "all"] = Field(
        "best",
        description="the settings that a pair is fine-tuned with. best: the target's best on validation; all: all of them",
    )
    seeds: list[Annotated[int, Field(ge=0, lt=SEEDS)]] = Field(
        [0], min_length=1, description="every model is trained once for each of these seeds"
    )
    reseeded: bool = Field(
        False,
        description="also train every target alone from as many further seeds as it has pairs. The best of these models "
        "shows what choosing among so many gains without transfer",
    )
    rivals: Rivals = Rivals()
    checkpoints: list[Annotated[float, Field(gt=0)]] = Field(
        [],
        description="moments of a pair's training at which its validation predictions are kept, for selectors that train "
        "every pair a little. Below 1: a share of the steps; from 1 on: a number of steps",
    )
    training: Training = Training()
    conductance: Conductance = Conductance()
    ansat: Ansat = Ansat()
    regression: Regression = Regression()
    ranking: Ranking = Ranking()
    engine: Engine = Engine()
    budget_minutes: float | None = Field(
        None,
        ge=LEAST_MINUTES,
        description="null: train and analyse the whole grid. A number: train the single-task models, then every target from "
        "other starts, the most promising first, until this many minutes have passed in all; then decide for every task "
        "what to train it from, and export its model",
    )
    recipes: dict[str, dict] | None = Field(
        None,
        min_length=2,
        description="recipes to compare: for each name the keys that it changes, as in a study that extends this one. Such "
        "a study trains no grid",
    )
    target_sizes: dict[str, TargetSize] | None = Field(
        None,
        min_length=2,
        description="sizes of the targets' training data to compare: for each name the keys that it changes, target.n among "
        "them. Such a study trains no grid",
    )
    regimes: dict[str, dict] | None = Field(
        None,
        min_length=1,
        description="amounts of training data to compare where tasks are of several types (loader: mixed): for each name "
        "the keys that it changes, source.n and target.n among them",
    )
    compare: list[str] = Field(
        [], description="finished or published studies that notebooks 9 and 10 compare with this one"
    )
    results: str = Field("results", description="folder of all results, absolute or relative to the project's folder")
    cache: str = Field(".cache", description="folder of downloads, absolute or relative to the project's folder")

    @field_validator("budget_minutes", mode="before")
    @classmethod
    def _enough_minutes(cls, value: object) -> object:
        if isinstance(value, int | float) and value < LEAST_MINUTES:
            raise ValueError(
                f"starting the notebooks takes longer; give at least {LEAST_MINUTES} minutes, or null to train all pairs"
            )
        return value

    @model_validator(mode="after")
    def _no_repeats(self):
        for key in ("tasks", "seeds", "settings", "checkpoints", "compare"):
            values = getattr(self, key) or []
            if any(value in values[:position] for position, value in enumerate(values)):
                raise ValueError(f"{key} holds the same value twice; give every value once")
        return self

    @model_validator(mode="after")
    def _whole_steps(self):
        broken = [checkpoint for checkpoint in self.checkpoints if checkpoint > 1 and checkpoint != int(checkpoint)]
        if broken:
            raise ValueError(f"checkpoints from 1 on are whole steps, not {broken[0]:g}")
        return self

    @model_validator(mode="after")
    def _regimes_of_types(self):
        if (self.regimes is not None) != (self.corpus.loader == "mixed"):
            raise ValueError(
                "regimes belong to tasks of several types: give them with corpus.loader mixed, and only there"
            )
        return self

    @model_validator(mode="after")
    def _sizes_in_texts(self):
        changed = [size.changes.get("target") for size in (self.target_sizes or {}).values()]
        texts = [target.get("n") if isinstance(target, dict) else None for target in changed]
        if None in texts or len(set(map(str, texts))) < len(texts):
            raise ValueError("target_sizes: give each size a target.n of its own")
        return self

    def settings_of(self, side: str) -> list[Setting]:
        """The settings of a side, "source" or "target"; the side's own epochs take the place of theirs."""
        regime = getattr(self, side)
        settings = regime.settings or self.settings or default_settings(side, self.encoder.name)
        if regime.epochs is None:
            return settings
        return [setting.model_copy(update={"epochs": regime.epochs, "steps": None}) for setting in settings]

    @classmethod
    def load(cls, name_or_path: str | Path) -> "Study":
        """Read and validate a study, given its name or its file; InputError names the file, the key and what is allowed."""
        path = find_parameters(name_or_path)
        return cls._validate(read_layers(read_yaml(path), shown(path), path))

    @classmethod
    def parse(cls, values: object, origin: str = "parameters") -> "Study":
        """Validate parameters that are already a dictionary; origin: what messages call it."""
        return cls._validate(read_layers(values, origin))

    @classmethod
    def _validate(cls, layers: list[Layer]) -> "Study":
        try:
            return cls.model_validate(merge(layers))
        except ValidationError as error:
            faults = [explain(fault, cls) + named_in(layers, key_path(fault)) for fault in error.errors()]
            raise InputError(f"{layers[0].origin}: {'; '.join(faults)}") from None

    def varied(self, key: str, name: str, changes: dict, keep: dict | None = None) -> "Study":
        """One of the studies that this one compares: with some keys changed, under the same name and in the same ledger.

        key: of the comparison, such as "recipes". name: in it, for messages. changes: as a study that extends this one gives
        them. keep: what the study has under the key itself; None: nothing.
        """
        values = self.model_dump(exclude={key}) | ({key: keep} if keep else {})
        return type(self).parse(overlay(values, changes | {"name": self.name}), f"{key}.{name}")

    def as_yaml(self) -> str:
        """All parameters as validated, what is extended and every default among them; a file that loads as this study."""
        return RESOLVED + yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)

    @property
    def folder(self) -> Path:
        """Where this study's tables, figures, executed notebooks and report go."""
        return ROOT / self.results / self.name

    @property
    def tables(self) -> Path:
        return self.folder / "tables"

    @property
    def figures(self) -> Path:
        return self.folder / "figures"

    def compared_tables(self) -> dict[str, Path]:
        """Where the tables of the studies in ``compare`` are: name -> folder.

        InputError for a study without a file of parameters, or one neither finished here nor published in figures/.
        """
        tables = {}
        for name in self.compare:
            find_parameters(name)  # notebook 9 reads its parameters
            folders = [ROOT / self.results / name / "tables", ROOT / "figures" / name / "tables"]
            existing = [folder for folder in folders if (folder / "selector_metrics.parquet").is_file()]
            if not existing:
                raise InputError(
                    f"'compare': study {name} has no tables; run ./run_all.sh {name} first, or leave it out"
                )
            tables[name] = existing[0]
        return tables

    @property
    def models_per_pair(self) -> int:
        """Number of transfer models of an ordered pair and a seed."""
        sides = [side for side in ("source", "target") if getattr(self, f"{side}_setting") == "all"]
        return math.prod(len(self.settings_of(side)) for side in sides)

    @property
    def budget_seconds(self) -> float:
        """Seconds that the study may take in all; infinity without a budget."""
        return math.inf if self.budget_minutes is None else 60 * self.budget_minutes

    @property
    def ledger(self) -> Path:
        """Finished runs, shared by all studies of one results folder."""
        return ROOT / self.results / "ledger"

    @property
    def downloads(self) -> Path:
        return ROOT / self.cache
