"""What a run is, which runs a study needs, how one is trained, and the table of what came out.

A run is a frozen record of everything that decides its result; the hash of the record is its id, in the ledger and as
the seed of its random draws. So a run can be trained anywhere, in any order, at any time, with the same result.
"""

import os
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache, partial
from itertools import count, islice, product
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lib.datasets import Corpus, load_corpus
from lib.encoders import Tokens, encoder_fingerprint, fresh_head, load_model, load_tokenizer, tokenise
from lib.errors import InputError
from lib.ledger import Ledger, digest, fingerprint, write_atomically
from lib.metrics import collapsed, scores
from lib.study import SEEDS, Encoder, Setting, Study, Training
from lib.tasks import TaskSet, decompose, draw_training_rows
from lib.training import epochs_of_steps, fine_tune, predict, resolve_precision, worker_process
from lib.transfer import among, of_side, selected_singles

CODE_VERSION = 4  # of everything below that decides a result; raise it when a change to the code changes results
PARTS = ("validation", "test")
RESULTS = ("predictions", "losses")  # files of a finished run


@dataclass(frozen=True)
class Run:
    """Everything that decides the result of one fine-tuning. ``source``: id of the run whose encoder it starts from."""

    task: str
    texts: str
    training_texts: str
    encoder: str
    training: dict
    setting: dict
    source: str
    seed: int
    code: int = CODE_VERSION

    @cached_property
    def id(self) -> str:
        return digest(asdict(self))


@dataclass(frozen=True, eq=False)
class Model:
    """A run in its place in the study, with the training rows and labels it needs (both (n,)).

    earlier: ids of the same model's tries before this one, all of which collapsed. checkpoints: when its validation
    predictions are kept (see ``training.checkpoint_step``).
    """

    run: Run
    kind: str
    target: str
    source: str
    regime: str
    setting: int
    seed: int
    rows: np.ndarray
    labels: np.ndarray
    earlier: tuple[str, ...] = ()
    checkpoints: tuple[float, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where a worker finds what every run of a study shares; small enough to send with each run."""

    ledger: Path
    materials: str
    encoder: Encoder
    device: str
    precision: str


@dataclass(frozen=True, eq=False)
class Workbench:
    """A study with its corpus cut into tasks and its texts tokenised: what every notebook starts from."""

    study: Study
    corpus: Corpus
    tasks: TaskSet
    tokens: Tokens
    encoder: str
    place: Place

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.place.ledger)

    @cached_property
    def _drawn(self) -> dict[tuple[str, str], np.ndarray]:
        return {}

    def drawn(self, task: str, side: str) -> np.ndarray:
        """Training rows of a task as a source or as a target; drawn once, since every pair asks for them."""
        if (task, side) not in self._drawn:
            self._drawn[task, side] = draw_training_rows(self.tasks, task, getattr(self.study, side))
        return self._drawn[task, side]

    def sides(self, task: str) -> list[str]:
        """The sides for which a task has models of its own: "both" where source and target are trained alike."""
        rows = (self.drawn(task, side) for side in ("source", "target"))
        regimes, settings = (self.study.source, self.study.target), self.study.settings
        source, target = ([regime.epochs or setting.epochs for setting in settings] for regime in regimes)
        return ["both"] if source == target and np.array_equal(*rows) else ["source", "target"]

    def validation_predictions(self, run: str) -> np.ndarray:
        """Positive-class probabilities of a finished run, or of its state at a checkpoint, (validation texts,)."""
        return self.ledger.arrays(run, "predictions")["validation"]

    def losses(self, run: str) -> np.ndarray:
        """Training loss of each step of a finished run, (steps,); InputError for one from before they were kept."""
        found = self.ledger.arrays(run, "losses")
        if found is None:
            raise InputError(f"run {run} has no losses; delete {self.ledger.path(run)} and run 02 again")
        return found["training"]

    def validation_labels(self, task: str) -> np.ndarray:
        return self.tasks.column(task)[self.tasks.split["validation"]]

    def read_test(self, targets: Mapping[str, str]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Test probabilities by run, and test labels by task, (test texts,) each; targets: run id -> its target task.

        The only reader of what models predict for test texts and of the labels that judge it: to report, never to choose.
        """
        labels = {task: self.tasks.column(task)[self.tasks.split["test"]] for task in dict.fromkeys(targets.values())}
        return {run: self.ledger.arrays(run, "predictions")["test"] for run in targets}, labels


def open_workbench(study: Study) -> Workbench:
    """Load the corpus, cut it into tasks, tokenise it once; all from the ledger when it was done before."""
    corpus = load_corpus(study.corpus, study.downloads)
    tasks = decompose(corpus, study.tasks, study.split)
    device = ("cuda" if torch.cuda.is_available() else "cpu") if study.engine.device == "auto" else study.engine.device
    tokens, materials = _materials(study, tasks)
    precision = resolve_precision(study.training, device)
    place = Place(study.ledger, materials, study.encoder, device, precision)
    return Workbench(study, corpus, tasks, tokens, encoder_fingerprint(study.encoder), place)


def _materials(study: Study, tasks: TaskSet) -> tuple[Tokens, str]:
    """The tokenised texts and the rows to predict, and the id under which workers find them."""
    ledger, rows = Ledger(study.ledger), {part: tasks.split[part] for part in PARTS}
    tokenizer = load_tokenizer(study.encoder).backend_tokenizer.to_str()
    parts = [fingerprint(tokenizer.encode()), fingerprint(tasks.texts), *(fingerprint(rows[part]) for part in PARTS)]
    record = {"texts and rows": parts, "max_length": study.encoder.max_length}
    id = digest(record)
    if ledger.arrays(id, "tokens") is None:
        tokens = tokenise(study.encoder, tasks.texts)
        arrays = {"ids": tokens.ids, "words": tokens.words, "offsets": tokens.offsets, "pad": np.array(tokens.pad)}
        ledger.put(id, record, {}, {"tokens": arrays | rows})
    return load_materials(study.ledger, id)[0], id


@lru_cache(maxsize=2)
def load_materials(ledger: Path, id: str) -> tuple[Tokens, dict[str, np.ndarray]]:
    """Tokens and the rows of validation and test, once per process."""
    arrays = Ledger(ledger).arrays(id, "tokens")
    tokens = Tokens(arrays["ids"], arrays["words"], arrays["offsets"], int(arrays["pad"]))
    return tokens, {part: arrays[part] for part in PARTS}


def single_models(bench: Workbench) -> list[Model]:
    """All single-task models: every task, setting and seed, as a source and as a target (once where both are alike)."""
    study = bench.study
    models = [
        _model(bench, "single", side, target=task, setting=setting, seed=seed)
        for side in ("both", "source", "target")
        for task in bench.tasks.names
        if side in bench.sides(task)
        for setting in range(len(study.settings))
        for seed in study.seeds
    ]
    known: dict[str, Model] = {}
    for model in models:
        if (other := known.setdefault(model.run.id, model)) is not model:
            raise InputError(
                f"{model.target} would be trained twice alike, with settings {other.setting} ({other.regime}) and "
                f"{model.setting} ({model.regime}), counted from 0: source.epochs and target.epochs replace a setting's "
                "epochs; change or drop one"
            )
    return models


def transfer_models(bench: Workbench, singles: pd.DataFrame) -> list[Model]:
    """All ordered pairs, from each source's validation-best model or from all, with the target's best setting or all.

    singles: the table of the single-task models, with ``selected``. Where pairs start from all models of a source, a
    pair's setting is numbered source's setting x number of settings + target's setting.
    """
    study, starts = bench.study, _starts(bench.study, singles)
    settings = selected_singles(singles, "target").set_index(["target", "seed"])["setting"]
    every = range(len(study.settings))
    return [
        _model(bench, "transfer", "target", target, int(setting), seed, source, start, source_setting=first)
        for target in bench.tasks.names
        for source in bench.tasks.names
        if source != target
        for seed in study.seeds
        for first, start in starts[source, seed]
        for setting in (every if study.target_setting == "all" else [settings[target, seed]])
    ]


def _starts(study: Study, singles: pd.DataFrame) -> dict[tuple[str, int], list[tuple[int, str]]]:
    """The models that pairs start from, (task, seed) -> [(number of the source's setting, run)]; number 0 for the best."""
    best, chosen = study.source_setting == "best", _used_singles(study, singles, "source")
    return {
        key: [(0 if best else row.setting, row.run) for row in rows.sort_values("setting").itertuples()]
        for key, rows in chosen.groupby(["target", "seed"])
    }


def _used_singles(study: Study, singles: pd.DataFrame, side: str) -> pd.DataFrame:
    """The models of one side whose settings pairs are trained with: the validation-best, or all."""
    if getattr(study, f"{side}_setting") == "best":
        return selected_singles(singles, side)
    return of_side(singles, side)


def longer_models(bench: Workbench, singles: pd.DataFrame) -> list[Model]:
    """The second baseline: every target's selected setting, trained for the steps of a pair's two models together.

    Steps differ where settings or sizes do: those of the longest pair into the target count.
    """
    sources, targets = (_used_singles(bench.study, singles, side) for side in ("source", "target"))
    first, second = sources.groupby("seed")["steps"].max(), targets.groupby(["target", "seed"])["steps"].max()
    models = []
    for single in selected_singles(singles, "target").itertuples():
        steps = int(first[single.seed] + second[single.target, single.seed])
        epochs = epochs_of_steps(steps, single.texts, bench.study.settings[single.setting].batch_size)
        models.append(_model(bench, "longer", "target", single.target, single.setting, single.seed, epochs=epochs))
    return models


def restart_models(bench: Workbench, singles: pd.DataFrame) -> list[Model]:
    """The third baseline: every target's selected setting from other seeds, as many as a seed of it has pairs.

    So a choice among them is as large as one among the pairs. None where the study does not ask for them.
    """
    study = bench.study
    n = (len(bench.tasks.names) - 1) * study.models_per_pair if study.restarts else 0
    seeds = list(islice((seed for seed in count() if seed not in study.seeds), n))
    selected = selected_singles(singles, "target").drop_duplicates("target")  # of all seeds the same setting
    return [
        _model(bench, "restart", "target", single.target, single.setting, seed)
        for single in selected.itertuples()
        for seed in seeds
    ]


def _model(
    bench: Workbench,
    kind: str,
    regime: str,
    target: str,
    setting: int,
    seed: int,
    source: str = "",
    source_run: str = "",
    epochs: float | None = None,
    source_setting: int = 0,
) -> Model:
    study = bench.study
    side = "target" if regime == "both" else regime
    rows = bench.drawn(target, side)
    labels = bench.tasks.column(target)[rows]
    hyperparameters = study.settings[setting].model_dump()
    hyperparameters["epochs"] = epochs or getattr(study, side).epochs or hyperparameters["epochs"]
    training = {"clip": study.training.clip, "dropout": study.training.dropout, "precision": bench.place.precision}
    run = Run(
        task=target, texts=bench.place.materials, training_texts=fingerprint(rows, labels), encoder=bench.encoder,
        training=training, setting=hyperparameters, source=source_run, seed=seed,
    )  # fmt: skip
    checkpoints = tuple(study.checkpoints) if kind == "transfer" else ()
    number = source_setting * len(study.settings) + setting
    return Model(run, kind, target, source, regime, number, seed, rows, labels, checkpoints=checkpoints)


def next_try(model: Model) -> Model:
    """The same model from another seed: the rule for one that collapsed."""
    run = replace(model.run, seed=model.run.seed + SEEDS)
    return replace(model, run=run, earlier=(*model.earlier, model.run.id))


def single_tries(bench: Workbench) -> Iterator[Model]:
    """Every try that any single-task model may have needed."""
    for model in single_models(bench):
        for _ in range(bench.study.training.tries):
            yield model
            model = next_try(model)


def has_collapsed(bench: Workbench, model: Model) -> bool:
    """Whether a finished model predicts no positive on validation."""
    return collapsed(bench.validation_predictions(model.run.id))


def latest_try(bench: Workbench, model: Model) -> Model:
    """The try that the ledger leads to: the first one that is not finished or did not collapse, else the last."""
    while len(model.earlier) + 1 < bench.study.training.tries:
        if not finished(bench, model) or not has_collapsed(bench, model):
            break
        model = next_try(model)
    return model


def finished(bench: Workbench, model: Model, weights: bool = False) -> bool:
    """Whether a model's predictions (and weights, where asked for) are in the ledger, and those at its checkpoints."""
    kept = all(bench.ledger.has(_at_checkpoint(model.run, each)[0], ("predictions",)) for each in model.checkpoints)
    return kept and bench.ledger.has(model.run.id, ("predictions", "weights") if weights else ("predictions",))


def _at_checkpoint(run: Run, checkpoint: float) -> tuple[str, dict]:
    """Id and record of a run's state at a checkpoint; looking at it changes no run, so no run names it."""
    record = {"run": run.id, "texts": run.texts, "after": checkpoint}
    return digest(record), record


@worker_process()
def train(place: Place, model: Model) -> None:
    """Train one model, predict validation and test, and enter it in the ledger; runs in a worker process.

    Where only the weights of a finished model are missing, they alone are added: tables rest on what it predicted then.
    """
    started, ledger, run = time.perf_counter(), Ledger(place.ledger), model.run
    network = worker_network(place.encoder, run.training["dropout"], place.device)
    tokens, rows = load_materials(place.ledger, place.materials)
    with lost_seconds(place.ledger, run.id) as clock:
        load_weights(place, network, run.source)
        torch.manual_seed(int(run.id, 16) >> 1)
        fresh_head(network)
        setting = Setting.model_construct(**run.setting)  # the longer baselines' epochs may pass a user's limit
        training = Training(clip=run.training["clip"])
        visit = partial(keep_checkpoint, place, run, network)
        fit = fine_tune(
            network, tokens, model.rows, model.labels, setting, training, place.precision, clock.beat,
            model.checkpoints, visit,
        )  # fmt: skip
        weights = {"weights": weights_to_keep(network, tokens, model.rows)} if model.kind == "single" else {}
        if ledger.has(run.id, RESULTS):
            files = {name: ledger.arrays(run.id, name) for name in RESULTS}
            ledger.put(run.id, asdict(run), ledger.entry(run.id)["numbers"], files | weights)
            return
        predicting = time.perf_counter()
        files = {"predictions": {part: predict(network, tokens, rows[part], place.precision) for part in PARTS}}
        files["losses"] = {"training": fit.losses}
        ended = time.perf_counter()
        numbers = {
            "steps": fit.steps, "texts": fit.texts, "train_seconds": fit.seconds, "predict_seconds": ended - predicting,
            "total_seconds": ended - started - fit.visits, "failed_seconds": clock.lost,
            "device": device_name(place.device), "threads": torch.get_num_threads(), "peak_memory_mb": peak_memory_mb(),
        }  # fmt: skip
        ledger.put(run.id, asdict(run), numbers, files | weights)


def keep_checkpoint(
    place: Place, run: Run, network: torch.nn.Module, checkpoint: float, step: int, seconds: float
) -> None:
    """Enter the validation predictions of a run that is under way in the ledger, and what they cost."""
    started = time.perf_counter()
    tokens, rows = load_materials(place.ledger, place.materials)
    predictions = {"validation": predict(network, tokens, rows["validation"], place.precision)}
    numbers = {"steps": step, "train_seconds": seconds, "predict_seconds": time.perf_counter() - started}
    Ledger(place.ledger).put(*_at_checkpoint(run, checkpoint), numbers, {"predictions": predictions})


def peak_memory_mb() -> int:
    """The largest resident memory that this process has had, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes that getrusage counts in
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // 2**20


def device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else "cpu"


def weights_to_keep(network: torch.nn.Module, tokens: Tokens, rows: np.ndarray) -> dict[str, np.ndarray]:
    """A trained model in half precision; of the word embeddings only those that its training texts could change."""
    name = _embedding_name(network)
    vocabulary = np.unique(np.concatenate([tokens.text(row) for row in rows]))
    state = {
        key: parameter.detach().half().cpu().numpy() for key, parameter in network.named_parameters() if key != name
    }
    changed = network.get_input_embeddings().weight.detach()[torch.from_numpy(vocabulary).to(network.device)]
    return state | {"vocabulary": vocabulary, name: changed.half().cpu().numpy()}


def load_weights(place: Place, network: torch.nn.Module, run: str) -> None:
    """Set a network to a finished run's weights, or to the pretrained encoder's where ``run`` is empty."""
    stored = Ledger(place.ledger).arrays(run, "weights") if run else {}
    if stored is None:
        raise FileNotFoundError(f"weights of run {run} are missing from the ledger {place.ledger}")
    embedding = _embedding_name(network)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            value = pretrained(place.encoder, place.device)[name]
            parameter.copy_(torch.from_numpy(stored[name]) if name in stored and name != embedding else value)
        if stored:
            rows = torch.from_numpy(stored["vocabulary"]).to(network.device)
            network.get_input_embeddings().weight[rows] = torch.from_numpy(stored[embedding]).float().to(network.device)


worker_network = lru_cache(maxsize=1)(load_model)  # one network per process: every run overwrites its weights


@lru_cache(maxsize=1)
def pretrained(encoder: Encoder, device: str) -> dict[str, torch.Tensor]:
    """The pretrained encoder's parameters, once per process."""
    return {name: parameter.detach() for name, parameter in load_model(encoder, None, device).named_parameters()}


def _embedding_name(network: torch.nn.Module) -> str:
    table = network.get_input_embeddings().weight
    return next(name for name, parameter in network.named_parameters() if parameter is table)


class Heartbeat:
    """Marks a run as under way, so that what a killed worker spent on it is found and counted by the next one.

    The marker holds the seconds lost before and when this try started; its time of change is the last beat.
    """

    def __init__(self, path: Path):
        self.path, self.last = path, time.time()
        self.lost = self._earlier()
        write_atomically(path, f"{self.lost} {self.last}".encode())

    def _earlier(self) -> float:
        try:
            before, started = map(float, self.path.read_text().split())
        except (FileNotFoundError, ValueError):
            return 0.0
        return before + max(0.0, self.path.stat().st_mtime - started)

    def beat(self) -> None:
        if time.time() - self.last > 1:
            self.last = time.time()
            with suppress(FileNotFoundError):  # another process was at the same run, and has finished it
                os.utime(self.path)


@contextmanager
def lost_seconds(ledger: Path, run: str) -> Iterator[Heartbeat]:
    """A heartbeat around one run; its marker goes when the run is in the ledger."""
    heartbeat = Heartbeat(Path(ledger) / "under_way" / run)
    yield heartbeat
    heartbeat.path.unlink(missing_ok=True)


def run_table(bench: Workbench, models: list[Model]) -> pd.DataFrame:
    """Table "runs": what every finished model was and scored."""
    return pd.DataFrame([_row(bench, model) for model in models])


def _row(bench: Workbench, model: Model) -> dict:
    numbers, *before = (bench.ledger.entry(run)["numbers"] for run in (model.run.id, *model.earlier))
    seconds = {name: float(numbers[name]) for name in ("train_seconds", "predict_seconds", "failed_seconds")}
    seconds["failed_seconds"] += sum(each["total_seconds"] + each["failed_seconds"] for each in before)
    seconds["other_seconds"] = numbers["total_seconds"] - numbers["train_seconds"] - numbers["predict_seconds"]
    seconds["total_seconds"] = numbers["total_seconds"] + seconds["failed_seconds"]
    row = {
        "run": model.run.id, "kind": model.kind, "target": model.target, "source": model.source,
        "source_run": model.run.source, "regime": model.regime, "setting": model.setting, "seed": model.seed,
        "texts": len(model.rows), "positives": int(model.labels.sum()), "steps": numbers["steps"], **seconds,
        "tries": len(model.earlier) + 1, "collapsed": has_collapsed(bench, model), "device": numbers["device"],
        "precision": model.run.training["precision"], "threads": numbers["threads"], "seen": numbers["texts"],
        "peak_memory_mb": numbers["peak_memory_mb"],
    }  # fmt: skip
    run, target = model.run.id, model.target
    probabilities, labels = bench.read_test({run: target})
    found = {
        "validation": scores(bench.validation_labels(target), bench.validation_predictions(run)),
        "test": scores(labels[target], probabilities[run]),
    }
    return row | {f"{part}_{name}": value for part in PARTS for name, value in found[part].items()}


def select_settings(runs: pd.DataFrame) -> pd.DataFrame:
    """Table "singles": the single-task runs, ``selected`` where validation F1 (then average precision) is best.

    One setting is selected for each target and regime, by the mean over seeds; test scores play no part.
    """
    singles, key = runs[runs["kind"] == "single"].copy(), ["target", "regime", "setting"]
    criteria = ["validation_f1", "validation_average_precision"]
    means = singles.groupby(key, as_index=False)[criteria].mean()
    ranked = means.sort_values([*criteria, "setting"], ascending=[False, False, True], kind="stable")
    singles["selected"] = among(singles, ranked.drop_duplicates(["target", "regime"]), key)
    return singles


def sources_to_train(bench: Workbench, transfers: list[Model]) -> list[Model]:
    """The single-task models whose weights the unfinished ones among these pairs start from."""
    latest = [latest_try(bench, model) for model in transfers]
    wanted = {model.run.source for model in latest if not finished(bench, model)}
    return [model for model in single_tries(bench) if model.run.id in wanted]


def pair_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Table "pairs": the transfer models among the runs."""
    return runs[runs["kind"] == "transfer"].sort_values(["target", "source", "setting", "seed"]).reset_index(drop=True)


def check_separation(bench: Workbench, models: list[Model]) -> int:
    """How many pairs the ledger shows to have trained, source and target, on training texts only: all of them.

    Raises InputError for a run that is recorded with other texts, or with one that any task is validated or tested on.
    """
    held_out = np.concatenate([bench.tasks.split[part] for part in PARTS])
    drawn = {model.run.id: model for model in [*single_tries(bench), *models]}
    for model in models:
        for id in (model.run.id, model.run.source):
            rows, labels = drawn[id].rows, drawn[id].labels
            recorded = bench.ledger.entry(id)["record"]["training_texts"]
            if recorded != fingerprint(rows, labels) or np.isin(rows, held_out).any():
                raise InputError(
                    f"run {id} was not trained on its task's training texts; delete it from {bench.study.ledger}"
                )
    return len(models)


def checkpoint_table(bench: Workbench, models: list[Model]) -> pd.DataFrame:
    """Table "checkpoints": validation scores of transfer models under way, and the seconds that it took to get there."""
    rows = []
    for model, checkpoint in product(models, bench.study.checkpoints):
        id, _ = _at_checkpoint(model.run, checkpoint)
        found = scores(bench.validation_labels(model.target), bench.validation_predictions(id))
        keys = {"source": model.source, "target": model.target, "setting": model.setting, "seed": model.seed}
        kept = {f"validation_{name}": found[name] for name in ("f1", "average_precision")}
        rows.append(keys | {"checkpoint": checkpoint} | bench.ledger.entry(id)["numbers"] | kept)
    return pd.DataFrame(rows)


def prune_weights(bench: Workbench, singles: pd.DataFrame) -> int:
    """Delete the weights of single-task models that nothing starts from or attributes; returns the bytes set free."""
    starts = {run for models in _starts(bench.study, singles).values() for _, run in models}
    kept = starts | set(singles.loc[singles["selected"], "run"])
    return sum(bench.ledger.prune(m.run.id, "weights") for m in single_tries(bench) if m.run.id not in kept)


def largest_weights(bench: Workbench, singles: pd.DataFrame) -> int:
    """Bytes of the largest stored weights of a selected single-task model; 0 where none are at hand."""
    return max(bench.ledger.size(run, "weights") for run in singles.loc[singles["selected"], "run"])
