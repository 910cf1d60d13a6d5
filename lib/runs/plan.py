"""Which runs a study needs: single-task models, transfer models, and the baselines beside them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count, islice

import pandas as pd

from lib.errors import InputError
from lib.models.training import epochs_of, epochs_of_steps
from lib.runs.records import Model, Run, checkpoint_entry, next_try
from lib.runs.workbench import Workbench
from lib.storage.ledger import fingerprint
from lib.study.parameters import Study
from lib.transfer.pairs import of_side, selected_singles


def single_models(bench: Workbench) -> list[Model]:
    """All single-task models: every task, setting and seed, as a source and as a target (once where both are alike)."""
    study = bench.study
    models = [
        _model(bench, "single", side, target=task, setting=setting, seed=seed)
        for side in ("both", "source", "target")
        for task in bench.tasks.names
        if side in bench.sides(task)
        for setting in range(len(study.settings_of(drawn_as(side))))
        for seed in study.seeds
    ]
    known: dict[str, Model] = {}
    for model in models:
        if (other := known.setdefault(model.run.id, model)) is not model:
            raise InputError(
                f"{model.target} would be trained twice alike, with settings {other.setting} ({other.side}) and "
                f"{model.setting} ({model.side}), counted from 0: source.epochs and target.epochs replace a setting's "
                "epochs; change or drop one"
            )
    return models


def transfer_models(bench: Workbench, singles: pd.DataFrame) -> list[Model]:
    """All ordered pairs, from each source's validation-best model or from all, with the target's best setting or all.

    singles: the table of the single-task models, with ``selected``. Where pairs start from all models of a source, a
    pair's setting is numbered source's setting x number of the target's settings + target's setting.
    """
    study, starts = bench.study, pair_starts(bench.study, singles)
    settings = selected_singles(singles, "target").set_index(["target", "seed"])["setting"]
    every = range(len(study.settings_of("target")))
    return [
        _model(bench, "transfer", "target", target, int(setting), seed, source, start, source_setting=first)
        for target in bench.tasks.names
        for source in bench.tasks.names
        if source != target
        for seed in study.seeds
        for first, start in starts[source, seed]
        for setting in (every if study.target_setting == "all" else [settings[target, seed]])
    ]


def pair_starts(study: Study, singles: pd.DataFrame) -> dict[tuple[str, int], list[tuple[int, str]]]:
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


def step_matched_models(bench: Workbench, singles: pd.DataFrame) -> list[Model]:
    """The second baseline: every target's selected setting, trained for the steps of a pair's two models together.

    Steps differ where settings or sizes do: those of the longest pair into the target count.
    """
    sources, targets = (_used_singles(bench.study, singles, side) for side in ("source", "target"))
    first, second = sources.groupby("seed")["steps"].max(), targets.groupby(["target", "seed"])["steps"].max()
    models = []
    for single in selected_singles(singles, "target").itertuples():
        steps = int(first[single.seed] + second[single.target, single.seed])
        epochs = epochs_of_steps(steps, single.texts, bench.study.settings_of("target")[single.setting].batch_size)
        models.append(
            _model(bench, "step_matched", "target", single.target, single.setting, single.seed, epochs=epochs)
        )
    return models


def reseeded_models(bench: Workbench, singles: pd.DataFrame) -> list[Model]:
    """The third baseline: every target's selected setting from other seeds, as many as a seed of it has pairs.

    So a choice among them is as large as one among the pairs. None where the study does not ask for them.
    """
    study = bench.study
    n = (len(bench.tasks.names) - 1) * study.models_per_pair if study.reseeded else 0
    seeds = list(islice(other_seeds(study.seeds), n))
    selected = selected_singles(singles, "target").drop_duplicates("target")  # of all seeds the same setting
    return [
        _model(bench, "reseeded", "target", single.target, single.setting, seed)
        for single in selected.itertuples()
        for seed in seeds
    ]


def other_seeds(seeds: Sequence[int]) -> Iterator[int]:
    """Seeds that are none of these, from the lowest."""
    return (seed for seed in count() if seed not in seeds)


def source_tasks(bench: Workbench, model: Model) -> list[str]:
    """The tasks of the finished runs that a model starts from; none for the pretrained encoder."""
    return [bench.ledger.entry(run)["record"]["task"] for run in model.run.starts]


def fused_models(bench: Workbench, singles: pd.DataFrame) -> list[Model]:
    """Every target from the mean of all other tasks' selected source encoders (Choshen et al. 2022, arXiv 2204.03044)."""
    sources = selected_singles(singles, "source").set_index(["target", "seed"])["run"]
    settings = selected_singles(singles, "target").set_index(["target", "seed"])["setting"]
    models = []
    for (target, seed), setting in settings.items():
        runs = tuple(run for (task, other), run in sources.items() if task != target and other == seed)
        models.append(_model(bench, "fused", "target", target, int(setting), seed, source_runs=runs))
    return models


def frozen_models(bench: Workbench, singles: pd.DataFrame) -> list[Model]:
    """Every target's logistic regression on the pretrained encoder's features: no step of fine-tuning.

    Nothing in it is random, so a target's models of all seeds are one run, which is trained once. (A classifier with a
    layer before its last one, such as RoBERTa's, draws that layer once, from the run's id.)
    """
    models = []
    for single in selected_singles(singles, "target").itertuples():
        model = _model(bench, "frozen", "target", single.target, single.setting, single.seed)
        models.append(replace(model, run=_frozen(model.run), validation_labels=None, validation_weights=None))
    return models


def _frozen(run: Run) -> Run:
    """The run without what decides nothing where no step is taken."""
    setting = {"epochs": 0, "positive_weight": run.setting["positive_weight"]}
    recipe = {key: value for key, value in run.recipe.items() if key in ("pooling", "type")} | {"frozen": True}
    return replace(run, training={"precision": run.training["precision"]}, setting=setting, seed=0, recipe=recipe)


def drawn_as(side: str) -> str:
    """The side whose texts and settings a model of this side has: those that serve as both are drawn as targets."""
    return "target" if side == "both" else side


def _model(
    bench: Workbench,
    kind: str,
    side: str,
    target: str,
    setting: int,
    seed: int,
    source: str = "",
    source_run: str = "",
    epochs: float | None = None,
    source_setting: int = 0,
    source_runs: tuple[str, ...] = (),
) -> Model:
    study, settings = bench.study, bench.study.settings_of(drawn_as(side))
    rows = bench.drawn(target, drawn_as(side))
    labels, type = bench.targets(target, rows), bench.type_of(target)
    training = {"clip": study.training.clip, "dropout": study.training.dropout, "precision": bench.place.precision}
    run = Run(
        task=target, texts=bench.place.materials, training_texts=fingerprint(rows, labels), encoder=bench.encoder,
        training=training, setting=settings[setting].record(epochs or epochs_of(settings[setting], len(rows))),
        source=source_run, seed=seed, sources=source_runs,
        recipe=recipe_of(study, bool(source_run or source_runs)) | ({"type": type.record} if type and type.record else {}),
    )  # fmt: skip
    checkpoints = tuple(study.checkpoints) if kind == "transfer" else ()
    number = source_setting * len(study.settings_of("target")) + setting
    early = settings[setting].early_stopping is not None
    return Model(
        run, kind, target, source, side, number, seed, rows, labels, checkpoints=checkpoints,
        validation_labels=bench.validation_labels(target) if early else None,
        validation_weights=bench.tasks.weight("validation") if early else None,
        own_type=type, held_out=bench.held_out(target),
        for_export=study.budget_minutes is not None and side != "source",
    )  # fmt: skip


def recipe_of(study: Study, starts_from_source: bool) -> dict:
    """What of a study's recipe decides a run's result, less what is as it was before there were recipes."""
    transfer, recipe = study.transfer, {}
    if study.encoder.pooling != "cls":
        recipe["pooling"] = study.encoder.pooling
    if transfer.head != "random":
        recipe["head"] = transfer.head
    if starts_from_source and study.encoder.pooling == "cls" and transfer.carried != "encoder_and_pooler":
        recipe["carried"] = transfer.carried
    if starts_from_source and transfer.interpolation != 1:
        recipe["interpolation"] = transfer.interpolation
    return recipe


def single_tries(bench: Workbench) -> Iterator[Model]:
    """Every try that any single-task model may have needed."""
    for model in single_models(bench):
        for _ in range(bench.study.training.tries):
            yield model
            model = next_try(model)


def has_collapsed(bench: Workbench, model: Model) -> bool:
    """Whether a finished model tells no validation text from another; a binary one: whether it predicts no positive."""
    return model.type.collapsed(bench.validation_predictions(model.run.id))


def latest_try(bench: Workbench, model: Model) -> Model:
    """The try that the ledger leads to: the first one that is not finished or did not collapse, else the last.

    A frozen model has one try: another seed would change nothing.
    """
    while model.kind != "frozen" and len(model.earlier) + 1 < bench.study.training.tries:
        if not finished(bench, model) or not has_collapsed(bench, model):
            break
        model = next_try(model)
    return model


def finished(bench: Workbench, model: Model, weights: bool = False) -> bool:
    """Whether a model's predictions (and weights, where asked for) are in the ledger, and those at its checkpoints."""
    kept = all(bench.ledger.has(checkpoint_entry(model.run, each)[0], ("predictions",)) for each in model.checkpoints)
    return kept and bench.ledger.has(model.run.id, ("predictions", "weights") if weights else ("predictions",))


def sources_to_train(bench: Workbench, models: list[Model]) -> list[Model]:
    """The single-task models whose weights the unfinished ones among these models start from."""
    wanted = unfinished_starts(bench, models)
    return [model for model in single_tries(bench) if model.run.id in wanted]


def unfinished_starts(bench: Workbench, models: list[Model]) -> set[str]:
    """The runs whose weights the unfinished ones among these models start from."""
    latest = [latest_try(bench, model) for model in models]
    return {start for model in latest if not finished(bench, model) for start in model.run.starts}
