"""One validated object holds every parameter of a study, so that nothing is misspelt, guessed or set in two places."""

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from lib.errors import InputError
from lib.study.corpora import DisasterResponse, Hub, OrangeText, Synthetic, Table, Trecis
from lib.study.explain import explain
from lib.study.files import ROOT, find_parameters, read_yaml
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
    Setting,
    Split,
    Training,
    Transfer,
)


class Study(Parameters):
    """A study: a corpus cut into tasks, a grid of models over them, and its analysis."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$", description="name of the study and of its results folder")
    corpus: DisasterResponse | Hub | OrangeText | Synthetic | Table | Trecis = Field(
        discriminator="loader", description="where texts come from"
    )
    tasks: list[str] | None = Field(None, min_length=2, description="labels to use as tasks; null: all")
    split: Split = Split()
    encoder: Encoder = Encoder()
    source: Regime = Regime()
    target: Regime = Regime()
    settings: list[Setting] | None = Field(
        None,
        min_length=1,
        description="hyperparameter settings of the single-task models, of sources and targets alike",
    )
    transfer: Transfer = Transfer()
    source_setting: Literal["best", "all"] = Field(
        "best",
        description="which of the source's models a pair starts from: the validation-best one, or each setting's",
    )
    target_setting: Literal["best", "all"] = Field(
        "best", description="settings a pair is fine-tuned with: the target's validation-best one, or all"
    )
    seeds: list[Annotated[int, Field(ge=0, lt=SEEDS)]] = Field([0], min_length=1, description="seeds of every model")
    reseeded: bool = Field(
        False,
        description="train every target's selected setting again from as many other seeds as it has pairs: what choosing "
        "among so many models gains without transfer",
    )
    checkpoints: list[Annotated[float, Field(gt=0)]] = Field(
        [],
        description="when a pair's validation predictions are kept, for selectors that train every pair a little: below 1 "
        "a share of its steps, from 1 on a number of steps",
    )
    training: Training = Training()
    conductance: Conductance = Conductance()
    ansat: Ansat = Ansat()
    regression: Regression = Regression()
    ranking: Ranking = Ranking()
    engine: Engine = Engine()
    budget_minutes: float | None = Field(
        None,
        gt=0,
        description="null: train the whole grid and analyse it; a number: train the single-task models and the "
        "most promising pairs, as many as this many minutes in all allow, and recommend sources",
    )
    recipes: dict[str, dict] | None = Field(
        None,
        min_length=2,
        description="variants of this study by name, each with the keys that it changes; such a study trains its "
        "variants, to tell which recipe is sound, and no grid; null: none",
    )
    compare: list[str] = Field(
        [], description="other studies, finished or published, that notebooks 9 and 10 set beside this one"
    )
    results: str = Field("results", description="folder of all results, relative to the project's folder or absolute")
    cache: str = Field(".cache", description="folder of downloads, relative to the project's folder or absolute")

    @model_validator(mode="after")
    def _no_repeats(self):
        for key in ("tasks", "seeds", "settings", "checkpoints", "compare"):
            values = getattr(self, key) or []
            if any(value in values[:position] for position, value in enumerate(values)):
                raise ValueError(f"{key} names something twice")
        return self

    @model_validator(mode="after")
    def _whole_steps(self):
        broken = [checkpoint for checkpoint in self.checkpoints if checkpoint > 1 and checkpoint != int(checkpoint)]
        if broken:
            raise ValueError(f"checkpoints from 1 on are whole steps, not {broken[0]:g}")
        return self

    @model_validator(mode="after")
    def _settings_for_both_sides(self):
        if self.settings is None and not (self.source.settings and self.target.settings):
            raise ValueError("give settings, or source.settings and target.settings")
        return self

    def settings_of(self, side: str) -> list[Setting]:
        """The hyperparameter settings of the "source" or the "target" side, with the side's epochs where it states some."""
        regime = getattr(self, side)
        settings = regime.settings or self.settings
        if regime.epochs is None:
            return settings
        return [setting.model_copy(update={"epochs": regime.epochs, "steps": None}) for setting in settings]

    @classmethod
    def load(cls, name_or_path: str | Path) -> "Study":
        """Read and validate ``params/<name>.yaml`` or a file; InputError names the file, the key and what is allowed."""
        path = find_parameters(name_or_path)
        return cls.parse(read_yaml(path), str(name_or_path))

    @classmethod
    def parse(cls, values: object, origin: str = "parameters") -> "Study":
        """Validate parameters that are already a dictionary."""
        if not isinstance(values, dict):
            raise InputError(f"{origin}: expected 'key: value' lines, found {type(values).__name__}")
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise InputError(f"{origin}: " + "; ".join(explain(item, cls) for item in error.errors())) from None

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
        """Where the tables of the studies in ``compare`` are.

        InputError for a study that has no file in params/, or is neither finished here nor published in figures/.
        """
        found = {}
        for name in self.compare:
            find_parameters(name)  # notebook 9 reads them
            folders = [ROOT / self.results / name / "tables", ROOT / "figures" / name / "tables"]
            existing = [folder for folder in folders if (folder / "selector_metrics.parquet").is_file()]
            if not existing:
                raise InputError(
                    f"'compare': study {name} has no tables; run ./run_all.sh {name} first, or leave it out"
                )
            found[name] = existing[0]
        return found

    @property
    def models_per_pair(self) -> int:
        """Transfer models of an ordered pair and a seed."""
        sides = [side for side in ("source", "target") if getattr(self, f"{side}_setting") == "all"]
        return math.prod(len(self.settings_of(side)) for side in sides)

    @property
    def budget_seconds(self) -> float:
        """Seconds that the study may take; infinity without a budget."""
        return math.inf if self.budget_minutes is None else 60 * self.budget_minutes

    @property
    def ledger(self) -> Path:
        """Finished runs, shared by all studies of one results folder."""
        return ROOT / self.results / "ledger"

    @property
    def downloads(self) -> Path:
        return ROOT / self.cache
