"""One validated object holds every parameter of a study, so that nothing is misspelt, guessed or set in two places.

``python -m lib.study`` prints the reference of all keys (committed as params/README.md); ``python -m lib.study FILE``
checks one file.
"""

import difflib
import math
import types
import typing
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticUndefined

from lib.errors import InputError, run_command

ROOT = Path(__file__).resolve().parents[1]
Share = Annotated[float, Field(gt=0, lt=1)]
SEEDS = 1_000_000  # a study's seeds are below it; seeds above belong to the later tries of a model


class Parameters(BaseModel):
    """Strict, frozen, and without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class CorpusParameters(Parameters):
    """Where texts come from."""

    @property
    def origin(self) -> str:
        """What messages about it name: its file, else its loader."""
        return getattr(self, "path", self.loader)

    @property
    def dataset(self) -> str:
        """The corpus's name: its file's without the ending, else its loader's."""
        return Path(self.origin).stem

    @property
    def texts_of(self) -> dict:
        """What tells its texts from another corpus's: not how they came, nor which labels and splits of them are used."""
        told = self.model_dump(include={"loader", "path", "subset", "collection", "texts", "tasks", "seed", "null"})
        return told | ({"path": (ROOT / self.path).resolve()} if "path" in told else {})


class DisasterResponse(CorpusParameters):
    """26,248 real disaster messages with 36 labels; downloaded once and checked by SHA-256."""

    loader: Literal["disaster_response"]


class Hub(CorpusParameters):
    """A data set of the Hugging Face hub, pinned by its commit, or a folder of such files; no code of it is run."""

    loader: Literal["hub"]
    path: str = Field(min_length=1, description="owner/name on the hub, or a folder")
    revision: str | None = Field(
        None, pattern=r"^[0-9a-f]{40}$", description="commit of the hub's data set; a folder has none"
    )
    subset: str | None = Field(None, description="its configuration; null: the default one")
    text: str = Field("text", description="column with the texts")
    labels: list[str] | None = Field(None, min_length=2, description="0/1 columns; or else:")
    classes: str | None = Field(
        None, description="column with one class, or a list of classes, for every text; every class becomes a task"
    )

    @model_validator(mode="after")
    def _labels_or_classes(self):
        if (self.labels is None) == (self.classes is None):
            raise ValueError("name either 'labels', the 0/1 columns, or 'classes', the column that holds them")
        return self


class OrangeText(CorpusParameters):
    """20 Newsgroups or Reuters R52, one topic against the rest; downloaded once and checked by SHA-256."""

    loader: Literal["orange_text"]
    collection: Literal["newsgroups", "reuters"] = Field(description="which of the two")

    @property
    def origin(self) -> str:
        return self.collection


class Synthetic(CorpusParameters):
    """Texts with planted task relations: related tasks share a known part of their lexicon."""

    loader: Literal["synthetic"]
    texts: int = Field(1200, ge=60, le=200_000, description="number of texts")
    tasks: int = Field(5, ge=2, le=100, description="number of tasks")
    seed: int = Field(0, ge=0, description="seed of the generator")
    null: bool = Field(False, description="shuffle every task's labels, so that nothing is predictable")


class Table(CorpusParameters):
    """A user's own CSV, Parquet or JSON-lines file."""

    loader: Literal["table"]
    path: str = Field(description="the file, relative to the project's folder or absolute")
    text: str = Field("text", description="column with the texts")
    labels: list[str] | None = Field(None, min_length=2, description="0/1 columns; null: all columns not named here")
    id: str | None = Field(None, description="column with a unique id; null: the row number")
    group: str | None = Field(None, description="column whose groups must not straddle the split (an event, a thread)")
    split: str | None = Field(None, description="column with train / validation / test; null: drawn here")


class Trecis(CorpusParameters):
    """Labelled tweets of TREC Incident Streams, from a folder with the organisers' files; split by event."""

    loader: Literal["trecis"]
    path: str = Field(description="folder of the downloads, relative to the project's folder or absolute")
    fetch: bool = Field(
        False, description="download the organisers' single file into this folder, if it is not there yet"
    )
    sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="of that file; null: of what came when it was first fetched"
    )
    test_events: list[str] | None = Field(None, min_length=1, description="null: the events of the latest edition")
    validation_events: list[str] | None = Field(
        None, min_length=1, description="null: every second event, by name, of the edition before the test's"
    )


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
    seed: int = Field(0, ge=0, description="seed of the split and of the two caps")


class Regime(Parameters):
    """How much training data one side of a pair gets."""

    n: int | None = Field(None, ge=8, description="training texts drawn; null: all ('full')")
    positives: Share | None = Field(
        None, description="share of positives drawn, as far as there are; null: as in the data"
    )
    epochs: float | None = Field(None, gt=0, le=100, description="passes over this side's texts; null: the setting's")
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


class Setting(Parameters):
    """One hyperparameter setting of fine-tuning."""

    learning_rate: float = Field(gt=0, le=0.1, description="peak learning rate of AdamW")
    epochs: float = Field(gt=0, le=1000, description="passes over the training texts; fractions are allowed")
    batch_size: int = Field(16, ge=1, le=1024, description="texts per step")
    warmup: float = Field(0.1, ge=0, le=1, description="share of the steps in which the learning rate rises")
    weight_decay: float = Field(
        0.01, ge=0, le=1, description="decoupled weight decay; not on biases, norms, embeddings"
    )
    positive_weight: float = Field(1.0, gt=0, le=1000, description="weight of the positive class in the loss")


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
    settings: list[Setting] = Field(min_length=1, description="hyperparameter settings of the single-task models")
    source_setting: Literal["best", "all"] = Field(
        "best",
        description="which of the source's models a pair starts from: the validation-best one, or each setting's",
    )
    target_setting: Literal["best", "all"] = Field(
        "best", description="settings a pair is fine-tuned with: the target's validation-best one, or all"
    )
    seeds: list[Annotated[int, Field(ge=0, lt=SEEDS)]] = Field([0], min_length=1, description="seeds of every model")
    restarts: bool = Field(
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

    @classmethod
    def load(cls, name_or_path: str | Path) -> "Study":
        """Read and validate ``params/<name>.yaml`` or a file; InputError names the file, the key and what is allowed."""
        path = find_parameters(name_or_path)
        return cls.parse(_read_yaml(path), str(name_or_path))

    @classmethod
    def parse(cls, values: object, origin: str = "parameters") -> "Study":
        """Validate parameters that are already a dictionary."""
        if not isinstance(values, dict):
            raise InputError(f"{origin}: expected 'key: value' lines, found {type(values).__name__}")
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise InputError(f"{origin}: " + "; ".join(_explain(item) for item in error.errors())) from None

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
        return len(self.settings) ** [self.source_setting, self.target_setting].count("all")

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


def find_parameters(name_or_path: str | Path) -> Path:
    """The YAML file of a study: a name in params/, or a path (as given, else relative to the project's folder)."""
    given = Path(name_or_path)
    if given.suffix not in (".yaml", ".yml"):
        given = Path("params") / f"{given}.yaml"
    for path in (given, ROOT / given):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in (ROOT / "params").glob("*.yaml")))
    raise InputError(f"no parameters at {given}; the studies here are {known}, or give the path of a YAML file")


def _read_yaml(path: Path) -> object:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from None


def _explain(item: dict) -> str:
    """One validation error as one clause: the key, what is wrong, what is allowed."""
    path = item["loc"]
    key = ".".join(str(part) for part in path if part not in LOADERS) or "parameters"
    if item["type"] == "extra_forbidden":
        allowed = list(_model_at(path[:-1]).model_fields)
        close = difflib.get_close_matches(str(path[-1]), allowed, 1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        return f"unknown key '{key}' ({hint}allowed: {', '.join(allowed)})"
    message = item["msg"].removeprefix("Value error, ")
    given = item["input"]
    if isinstance(given, str) and item["type"] in ("float_type", "int_type"):
        message += " (YAML reads 1e-5 as a text: write 1.0e-5)"
    shown = f", found {given!r}"[:80] if isinstance(given, str | int | float | bool) else ""
    return f"'{key}': {message}{shown}"


def _model_at(path: tuple) -> type[BaseModel]:
    """The parameter class that a path of keys, list positions and loader names leads to."""
    model = Study
    for part in path:
        if part in LOADERS:
            model = LOADERS[part]
        elif not isinstance(part, int):
            leaves = _flatten(model.model_fields[part].annotation)
            model = next(leaf for leaf in leaves if isinstance(leaf, type) and issubclass(leaf, BaseModel))
    return model


def _flatten(annotation: object) -> list:
    """All classes inside an annotation such as ``list[Setting]`` or ``A | B``."""
    arguments = typing.get_args(annotation)
    return [leaf for argument in arguments for leaf in _flatten(argument)] if arguments else [annotation]


LOADERS = {
    kind.model_fields["loader"].annotation.__args__[0]: kind
    for kind in _flatten(Study.model_fields["corpus"].annotation)
}


def reference() -> str:
    """The documentation of all keys as Markdown, written from the classes above."""
    lines = [
        "# Parameters of a study",
        "",
        "Written by `python -m lib.study`; do not edit by hand. One YAML file per study.",
        "",
    ]
    lines += _section("", Study)
    return "\n".join(lines)


def _section(prefix: str, model: type[BaseModel]) -> list[str]:
    title = f"`{prefix}`" if prefix else "Top level"
    lines = [
        f"## {title}",
        "",
        " ".join((model.__doc__ or "").split()),
        "",
        "| key | type and limits | default | meaning |",
        "|---|---|---|---|",
    ]
    inner = []
    for name, field in model.model_fields.items():
        models = [a for a in _flatten(field.annotation) if isinstance(a, type) and issubclass(a, BaseModel)]
        key = f"{prefix}.{name}" if prefix else name
        meaning = field.description or (" ".join((models[0].__doc__ or "").split()) if models else "names the loader")
        lines.append(f"| `{name}` | {_kind(field)} | {_default(field)} | {meaning} |")
        for part in models:
            loader = part.model_fields["loader"].annotation.__args__[0] if "loader" in part.model_fields else None
            inner += _section(f"{key} ({loader})" if loader else key, part)
    return [*lines, "", *inner]


def _kind(field) -> str:
    leaves = [leaf for leaf in _flatten(field.annotation)]
    names = {str: "text", int: "integer", float: "number", bool: "true / false", types.NoneType: "null"}
    if any(isinstance(leaf, type) and issubclass(leaf, BaseModel) for leaf in leaves):
        return "list of sections" if typing.get_origin(field.annotation) is list else "section"
    shown = " or ".join(dict.fromkeys(names.get(leaf, f"`{leaf}`") for leaf in leaves if _shown(leaf)))
    limits = [f"{sign} {getattr(m, name)}" for m in field.metadata for name, sign in _SIGNS.items() if hasattr(m, name)]
    listed = (
        "list of "
        if any(typing.get_origin(a) is list for a in (field.annotation, *typing.get_args(field.annotation)))
        else ""
    )
    return listed + shown + (f" ({', '.join(limits)})" if limits else "")


_SIGNS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤", "min_length": "length ≥"}


def _shown(leaf: object) -> bool:
    """Leaves of an annotation that a reader needs: not pydantic's own metadata."""
    return isinstance(leaf, str) or leaf in (str, int, float, bool, types.NoneType)


def _default(field) -> str:
    if field.default is PydanticUndefined:
        return "required"
    return "see its section" if isinstance(field.default, BaseModel) else f"`{_yaml_value(field.default)}`"


def _yaml_value(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True).strip().removesuffix("...").strip()


def main(arguments: list[str]) -> None:
    print(Study.load(arguments[0]).model_dump_json(indent=1) if arguments else reference())


if __name__ == "__main__":
    run_command(main)
