"""The sections of a study's parameters: strict, frozen, each key with its limits, its default and its meaning."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(gt=0, lt=1)]
SEEDS = 1_000_000  # a study's seeds are below it; seeds above belong to the later tries of a model


class Parameters(BaseModel):
    """Strict, frozen, and without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Split(Parameters):
    """How the corpus is cut, once for all tasks."""

    use_official: bool = Field(True, description="keep the corpus's own split where it has one")
    validation: Share = Field(0.1, description="share of texts for validation, where the split is drawn")
    test: Share = Field(0.2, description="share of texts for test, where the split is drawn")
    clean: bool = Field(
        False,
        description="drop texts from validation and test that nearly repeat a training text; a drawn split then keeps "
        "only groups together, where there are some",
    )
    max_validation: int | None = Field(None, ge=20, description="use at most this many validation texts; null: all")
    max_test: int | None = Field(None, ge=20, description="use at most this many test texts; null: all")
    min_positives: int | None = Field(
        None,
        ge=1,
        description="positives of every task that a capped part keeps, as far as there are; its texts then carry weights, "
        "so that scores estimate those of the whole part; null: texts at random",
    )
    seed: int = Field(0, ge=0, description="seed of the split and of the two caps")


class Regime(Parameters):
    """How much training data one side of a pair gets."""

    n: int | None = Field(None, ge=8, description="training texts drawn; null: all ('full')")
    positives: Share | None = Field(
        None, description="share of positives drawn, as far as there are; null: as in the data"
    )
    epochs: float | None = Field(None, gt=0, le=100, description="passes over this side's texts; null: the setting's")
    settings: "list[Setting] | None" = Field(
        None, min_length=1, description="hyperparameter settings of this side; null: those of the study"
    )
    seed: int = Field(0, ge=0, description="seed of the draw")

    @model_validator(mode="after")
    def _share_needs_size(self):
        if self.positives is not None and self.n is None:
            raise ValueError("a share of positives needs n, the number of texts to draw")
        return self


class Encoder(Parameters):
    """The pretrained encoder that every model starts from."""

    name: str = Field(
        "minilm", min_length=1, description="'minilm' (packaged), 'tiny' (random weights), a hub id or a folder"
    )
    revision: str | None = Field(None, description="commit of a hub model; null: its default branch")
    max_length: int = Field(64, ge=8, le=512, description="wordpieces a text is cut to")
    pooling: Literal["cls", "mean"] = Field(
        "cls", description="what the head reads: [CLS] (in BERT through its pooler), or the mean of the tokens"
    )


class Setting(Parameters):
    """One hyperparameter setting of fine-tuning."""

    learning_rate: float = Field(gt=0, le=0.1, description="peak learning rate of AdamW")
    epochs: float | None = Field(
        None, gt=0, le=1000, description="passes over the training texts; fractions are allowed"
    )
    steps: int | None = Field(None, ge=1, le=1_000_000, description="optimiser steps, in place of epochs")
    batch_size: int = Field(16, ge=1, le=1024, description="texts per step")
    warmup: float = Field(0.1, ge=0, le=1, description="share of the steps in which the learning rate rises")
    weight_decay: float = Field(
        0.01, ge=0, le=1, description="decoupled weight decay; not on biases, norms, embeddings"
    )
    positive_weight: float = Field(1.0, gt=0, le=1000, description="weight of the positive class in the loss")
    early_stopping: int | None = Field(
        None,
        ge=2,
        le=100,
        description="times that validation is looked at, evenly spaced; the state with the best average "
        "precision is kept; null: the last state",
    )

    @model_validator(mode="after")
    def _epochs_or_steps(self):
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give either epochs or steps")
        return self

    def record(self, epochs: float) -> dict:
        """What of a setting decides a run's result, with its length in epochs; keys that say nothing are left out."""
        values = self.model_dump(exclude={"steps", "early_stopping"} if self.early_stopping is None else {"steps"})
        return values | {"epochs": epochs}


class Transfer(Parameters):
    """What a pair takes over from its source, and how every model's new head starts."""

    carried: Literal["encoder", "encoder_and_pooler"] = Field(
        "encoder_and_pooler", description="what is carried; BERT's pooler is there with pooling cls only"
    )
    interpolation: float = Field(
        1.0, gt=0, le=1, description="how far: pretrained + this share of (source - pretrained)"
    )
    head: Literal["random", "probe"] = Field(
        "random",
        description="how the head of every model starts, single-task models too: random, or as a logistic regression on the "
        "features that fine-tuning starts from",
    )


class Training(Parameters):
    """What all fine-tunings share."""

    dropout: float | None = Field(None, ge=0, lt=1, description="dropout in the encoder; null: as the encoder was made")
    clip: float = Field(1.0, gt=0, description="largest norm of the gradient")
    tries: int = Field(
        2, ge=1, le=10, description="times that a model is trained, each from another seed, while it collapses"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="arithmetic of training; auto: bfloat16 where the hardware multiplies it fast"
    )


Regime.model_rebuild()


class Conductance(Parameters):
    """Attribution of the single-task models."""

    probe_texts: int = Field(64, ge=1, description="training and validation texts that every model is attributed on")
    positives: Share = Field(0.5, description="share of the probe texts drawn as positives, evenly over the tasks")
    steps: int = Field(8, ge=2, le=500, description="intervals of the path integral")
    compare_steps: list[Annotated[int, Field(ge=2, le=500)]] = Field(
        [], description="other steps to attribute with too, for the figure of what steps and probe texts are worth"
    )
    positions: int = Field(
        2048,
        ge=1,
        description="wordpieces of interpolated texts in one pass; bounds memory, changes results by rounding",
    )
    seed: int = Field(0, ge=0, description="seed of the draw of the probe texts")

    @property
    def all_steps(self) -> list[int]:
        """Every number of steps that models are attributed with, the most first."""
        return sorted({self.steps, *self.compare_steps}, reverse=True)


class Ansat(Parameters):
    """When a term counts as active."""

    thresholds: list[Share] = Field(
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], min_length=1, description="activity thresholds"
    )


class Regression(Parameters):
    """The gradient-boosted regression of pair F1."""

    candidates: int = Field(12, ge=1, le=500, description="XGBoost settings tried inside the training folds")
    folds: int = Field(4, ge=2, le=20, description="inner folds, by target")
    repeats: int = Field(5, ge=1, le=100, description="seeds whose predictions are averaged")
    seed: int = Field(0, ge=0, description="seed of candidates, folds and boosting")


class Ranking(Parameters):
    """The analysis of the time that a ranking saves."""

    batch: int = Field(12, ge=1, description="pairs trained between two fits of the sequential procedure")
    bootstrap: int = Field(2000, ge=10, le=20_000, description="bootstrap draws behind every interval")
    seed: int = Field(0, ge=0, description="seed of the bootstrap")


class Engine(Parameters):
    """Where the work runs; nothing here changes a result."""

    workers: int | None = Field(
        None, ge=1, le=1024, description="processes, one thread each; 1: the notebook's own; null: one per core"
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a GPU where there is one")
    scheduler: str | None = Field(
        None, pattern=r"^(tcp|tls)://\S+$", description="address of a dask scheduler; null: this machine's cores"
    )
    retries: int = Field(2, ge=0, le=10, description="times a run is tried again after its worker was lost")

    @property
    def processes(self) -> int:
        """Processes at work on this machine: as the study says, else one per core."""
        from joblib import cpu_count  # it knows a container's limits; not worth its import to who only validates

        return self.workers or cpu_count()
