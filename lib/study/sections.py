"""The sections of a study's parameters: each key with its limits, its default and its meaning."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(gt=0, lt=1)]
SEEDS = 1_000_000  # a study's seeds are below it; seeds above belong to the later tries of a model


class Parameters(BaseModel):
    """Strict, frozen, and without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Split(Parameters):
    """How the corpus is split into training, validation and test texts. All tasks share one split."""

    use_official: bool = Field(True, description="keep the corpus's own split, if it has one")
    validation: Share = Field(0.1, description="share of validation texts in a drawn split")
    test: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="share of test texts in a drawn split; 0: none, for a study with budget_minutes, which then reports "
        "validation only",
    )
    clean: bool = Field(
        False,
        description="drop validation and test texts that nearly repeat a training text. A drawn split of texts with groups "
        "then keeps groups in one part, but not near-duplicates",
    )
    max_validation: int | None = Field(None, ge=20, description="use at most this many validation texts; null: all")
    max_test: int | None = Field(None, ge=20, description="use at most this many test texts; null: all")
    min_positives: int | None = Field(
        None,
        ge=1,
        description="where max_validation or max_test leaves texts out, keep this many positives of every task, if there "
        "are as many and they fit. Weights then make the scores estimate those of all texts. null: leave out at random",
    )
    seed: int = Field(0, ge=0, description="seed of the drawn split and of max_validation and max_test")


class Regime(Parameters):
    """How much training data one side of a pair gets, and the settings that it is trained with."""

    n: int | None = Field(
        None,
        ge=8,
        description="largest number of training texts to draw; null: all, with budget_minutes as many as it pays for",
    )
    positives: Share | None = Field(
        None, description="share of positives to draw, if there are enough; null: the share in the data"
    )
    epochs: float | None = Field(
        None, gt=0, le=100, description="passes over the training texts of this side; null: those of the setting"
    )
    settings: "list[Setting] | None" = Field(
        None,
        min_length=1,
        description="hyperparameter settings of this side; null: those of the study, else the default of its encoder",
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
        "minilm",
        min_length=1,
        description="'minilm' (comes with a package), 'tiny' (random weights), the id of a hub model, or a folder",
    )
    revision: str | None = Field(None, description="commit of a hub model; null: its default branch")
    max_length: int = Field(64, ge=8, le=512, description="longer texts are cut to this many wordpieces")
    pooling: Literal["cls", "mean"] = Field(
        "mean",
        description="what the head reads: mean: the mean of the tokens; cls: the token [CLS], in BERT through its pooler",
    )


class Setting(Parameters):
    """One hyperparameter setting of fine-tuning."""

    learning_rate: float = Field(gt=0, le=0.1, description="highest learning rate of AdamW")
    epochs: float | None = Field(
        None, gt=0, le=1000, description="passes over the training texts, such as 2 or 0.5; give epochs or steps"
    )
    steps: int | None = Field(None, ge=1, le=1_000_000, description="steps of the optimiser, in place of epochs")
    min_steps: int | None = Field(
        None, ge=1, le=1_000_000, description="with epochs: at least this many steps; null: no limit"
    )
    max_steps: int | None = Field(
        None, ge=1, le=1_000_000, description="with epochs: at most this many steps; null: no limit"
    )
    batch_size: int = Field(16, ge=1, le=1024, description="texts per step")
    warmup: float = Field(0.1, ge=0, le=1, description="share of the steps in which the learning rate rises")
    weight_decay: float = Field(
        0.01, ge=0, le=1, description="decoupled weight decay; none on biases, layer norms and embeddings"
    )
    positive_weight: float = Field(1.0, gt=0, le=1000, description="weight of positive texts in the loss")
    early_stopping: int | None = Field(
        None,
        ge=2,
        le=100,
        description="score validation this many times, evenly spaced, and keep the model with the best average precision; "
        "null: keep the last model",
    )

    @model_validator(mode="after")
    def _epochs_or_steps(self):
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give either epochs or steps")
        if self.steps is not None and (self.min_steps, self.max_steps) != (None, None):
            raise ValueError("min_steps and max_steps bound epochs; with steps, leave them out")
        if self.min_steps is not None and self.max_steps is not None and self.min_steps > self.max_steps:
            raise ValueError("min_steps is larger than max_steps")
        return self

    def record(self, epochs: float) -> dict:
        """What of a setting decides a run's result, with its length in epochs; keys without a say are left out."""
        lengths = {"steps", "min_steps", "max_steps"}
        values = self.model_dump(exclude=lengths | ({"early_stopping"} if self.early_stopping is None else set()))
        return values | {"epochs": epochs}


class Transfer(Parameters):
    """What a pair takes over from its source, and how the head of every model starts."""

    carried: Literal["encoder", "encoder_and_pooler"] = Field(
        "encoder", description="the weights to take over; BERT has a pooler only with pooling: cls"
    )
    interpolation: float = Field(
        1.0, gt=0, le=1, description="how much of the source to take over: pretrained + share x (source - pretrained)"
    )
    head: Literal["random", "probe"] = Field(
        "probe",
        description="how the head of every model starts, single-task models too. random: with random weights; probe: as a "
        "logistic regression on the features that fine-tuning starts from",
    )


class Rivals(Parameters):
    """Rivals of a single source: other ways of training every target, which notebook 3 runs."""

    kinds: list[Literal["frozen", "fused", "fused_top", "joint", "joint_pair"]] = Field(
        [],
        description="frozen: logistic regression on the pretrained features; fused: start from the mean of all sources' "
        "encoders; fused_top: of the k most promising sources; joint: start from one model of all other tasks; "
        "joint_pair: train the target together with its most promising source",
    )
    joint_texts: int = Field(
        2048, ge=8, description="largest number of texts that a model of all other tasks is trained on"
    )
    top: list[Annotated[int, Field(ge=2)]] = Field(
        [2, 4], min_length=1, description="numbers k of sources for fused_top; the best one on validation counts"
    )


class Training(Parameters):
    """What all fine-tuning shares."""

    dropout: float | None = Field(None, ge=0, lt=1, description="dropout in the encoder; null: the encoder's own")
    clip: float = Field(1.0, gt=0, description="largest norm of the gradient")
    tries: int = Field(
        2,
        ge=1,
        le=10,
        description="how many times a model is trained at most, each time from another seed, while it predicts no positive "
        "on validation; with budget_minutes once",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="arithmetic of training; auto: the one in which this machine trains faster"
    )


Regime.model_rebuild()


class Conductance(Parameters):
    """How the single-task models' decisions are attributed to terms."""

    probe_texts: int = Field(64, ge=1, description="number of training and validation texts to attribute")
    positives: Share = Field(0.5, description="share of probe texts drawn as positives, evenly over the tasks")
    steps: int = Field(8, ge=2, le=500, description="number of intervals of the path integral")
    compare_steps: list[Annotated[int, Field(ge=2, le=500)]] = Field(
        [], description="numbers of steps to attribute with as well, for a figure of accuracy against cost"
    )
    positions: int = Field(
        2048,
        ge=1,
        description="wordpieces of interpolated texts in one pass. Fewer need less memory; results change by rounding only",
    )
    seed: int = Field(0, ge=0, description="seed of the draw of probe texts")

    @property
    def all_steps(self) -> list[int]:
        """Every number of steps to attribute with, the largest first."""
        return sorted({self.steps, *self.compare_steps}, reverse=True)


class Ansat(Parameters):
    """When a term counts as active in a model's decision."""

    thresholds: list[Share] = Field(
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
        min_length=1,
        description="a term is active if its absolute conductance is at least this share of the largest one in its text; "
        "ANSAT is computed for each threshold",
    )


class Regression(Parameters):
    """The gradient-boosted regression that predicts a pair's F1."""

    candidates: int = Field(12, ge=1, le=500, description="number of XGBoost settings tried inside the training folds")
    folds: int = Field(4, ge=2, le=20, description="number of inner folds; the pairs of a target stay together")
    repeats: int = Field(5, ge=1, le=100, description="number of seeds whose predictions are averaged")
    seed: int = Field(0, ge=0, description="seed of the candidates, the folds and the boosting")


class Ranking(Parameters):
    """How rankings of pairs are judged by the training time they save."""

    batch: int = Field(12, ge=1, description="the sequential procedure fits its regression again after this many pairs")
    bootstrap: int = Field(2000, ge=10, le=20_000, description="number of bootstrap draws behind every interval")
    seed: int = Field(0, ge=0, description="seed of the bootstrap")


class TargetSize(Parameters):
    """A size of the targets' training data: its draws, and the keys that it changes, as in a study that extends this one."""

    model_config = ConfigDict(extra="allow")

    draws: int = Field(
        1, ge=1, le=100, description="how often the targets' texts are drawn, with target.seed 0, 1 and so on"
    )

    @property
    def changes(self) -> dict:
        """The keys that it changes."""
        return self.model_extra


class Engine(Parameters):
    """Where models are trained. It changes the time and, on another device, the rounding; nothing else."""

    workers: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="number of worker processes, each with one thread; 1: the notebook's own; null: one per core",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a GPU, if there is one")
    scheduler: str | None = Field(
        None, pattern=r"^(tcp|tls)://\S+$", description="address of a dask scheduler; null: this machine's cores"
    )
    retries: int = Field(2, ge=0, le=10, description="how often the work of a lost worker is tried again")

    @property
    def processes(self) -> int:
        """Number of worker processes on this machine: ``workers``, else one per core."""
        from joblib import cpu_count  # knows a container's limits; a slow import, needed by few

        return self.workers or cpu_count()
