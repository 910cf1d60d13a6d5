"""What one would do instead of choosing a source: further models of every target, beside the pairs.

frozen: a logistic regression on the pretrained features. fused: from the mean of all other tasks' source encoders.
fused_top: of the k sources that a selector ranks first. joint: from one model of all other tasks. joint_pair: trained
together with the source that the selector ranks first. All but the frozen ones have the target's selected setting, and
start a new head as a pair does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from lib.datasets.split import seeded_generator
from lib.models.training import epochs_of, epochs_of_steps
from lib.runs.engine import train_missing, train_models
from lib.runs.plan import (
    finished,
    frozen_models,
    fused_models,
    recipe_of,
    single_models,
    sources_to_train,
    unfinished_starts,
)
from lib.runs.records import Model
from lib.runs.results import run_table
from lib.runs.workbench import Workbench
from lib.storage.ledger import fingerprint
from lib.transfer.pairs import among, selected_singles

JOINT_SOURCE = "joint_source"  # the kind of the models that those of kind "joint" start from
CRITERION = "validation_average_precision"  # chooses k
Ranked = Mapping[str, Sequence[str]]  # every target's sources, the best first by a selector


def train_rivals(bench: Workbench, singles: pd.DataFrame, ranked: Ranked) -> list[Model]:
    """Train the rivals that the study asks for, and first what they start from; weights of joint sources go again.

    singles: the table of this name. Returns all rivals, after the joint sources.
    """
    models = rival_models(bench, singles, ranked)
    joint = list(joint_sources(bench, singles).values()) if "joint" in bench.study.rivals.kinds else []
    train_missing(bench, sources_to_train(bench, models), "sources whose weights are needed", weights=True)
    wanted = unfinished_starts(bench, models)
    unfinished = [source for source in joint if source.run.id in wanted or not finished(bench, source)]
    train_missing(bench, unfinished, "joint sources", weights=True)
    models = train_models(bench, models, "rivals of a single source")
    for source in joint:
        bench.ledger.prune(source.run.id, "weights")
    return [*joint, *models]


def rival_models(bench: Workbench, singles: pd.DataFrame, ranked: Ranked) -> list[Model]:
    """All rivals that the study asks for, without joint sources. singles: the table of this name."""
    planned = {
        "frozen": lambda: frozen_models(bench, singles),
        "fused": lambda: fused_models(bench, singles),
        "fused_top": lambda: fused_top_models(bench, singles, ranked),
        "joint": lambda: joint_models(bench, singles),
        "joint_pair": lambda: joint_pair_models(bench, singles, ranked),
    }
    return [model for kind in bench.study.rivals.kinds for model in planned[kind]()]


def numbers_of_sources(bench: Workbench) -> list[int]:
    """Every k of ``rivals.top`` that leaves a source out."""
    return sorted({k for k in bench.study.rivals.top if k < len(bench.tasks.names) - 1})


def fused_top_models(bench: Workbench, singles: pd.DataFrame, ranked: Ranked) -> list[Model]:
    """Every target from the mean of the k first sources' encoders, for every k. singles: the table of this name."""
    task = selected_singles(singles, "source").set_index("run")["target"]
    models = []
    for k in numbers_of_sources(bench):
        for model in fused_models(bench, singles):
            first = ranked[model.target][:k]
            run = replace(model.run, sources=tuple(run for run in model.run.sources if task[run] in first))
            models.append(replace(model, kind="fused_top", run=run))
    return models


def joint_models(bench: Workbench, singles: pd.DataFrame) -> list[Model]:
    """Every target from the encoder of its joint source. singles: the table of this name."""
    recipe, sources = recipe_of(bench.study, starts_from_source=True), joint_sources(bench, singles)
    return [
        replace(model, kind="joint", run=replace(model.run, source=sources[key].run.id, recipe=recipe))
        for key, model in target_models(bench, singles).items()
    ]


def joint_sources(bench: Workbench, singles: pd.DataFrame) -> dict[tuple[str, int], Model]:
    """One model of all other tasks for every target and seed, with a head for each of these tasks: (target, seed) -> model.

    The target has no head, so its label of a text plays no part; all other labels of every text count. The setting is the
    one that most of these tasks select as sources, the lowest of equals. Its early stopping is left out: it would have to
    weigh the tasks against each other. singles: the table of this name.
    """
    study, selected, models = bench.study, selected_singles(singles, "source"), {}
    planned = {(each.target, each.setting, each.seed): each for each in single_models(bench) if each.side != "target"}
    for target in bench.tasks.names:
        others = selected[selected["target"] != target]
        number, rows = int(others["setting"].mode().min()), joint_rows(bench, target)
        labels = np.delete(bench.tasks.labels[rows], bench.tasks.names.index(target), axis=1)
        setting = study.settings_of("source")[number].model_copy(update={"early_stopping": None})
        first = next(task for task in bench.tasks.names if task != target)  # its head predicts what the ledger keeps
        trained = {
            "training_texts": fingerprint(rows, labels),
            "setting": setting.record(epochs_of(setting, len(rows))),
        }
        for seed in study.seeds:
            like = planned[first, number, seed]
            own = {"rows": rows, "labels": labels, "validation_labels": None, "validation_weights": None}
            models[target, seed] = replace(like, kind=JOINT_SOURCE, run=replace(like.run, **trained), **own)
    return models


def joint_rows(bench: Workbench, target: str) -> np.ndarray:
    """The texts of a target's joint source: at most ``rivals.joint_texts`` of all other tasks' source texts, sorted."""
    others = [bench.drawn(task, "source") for task in bench.tasks.names if task != target]
    order = seeded_generator("joint", target, bench.study.source.seed).permutation(np.unique(np.concatenate(others)))
    return np.sort(order[: bench.study.rivals.joint_texts])


def joint_pair_models(bench: Workbench, singles: pd.DataFrame, ranked: Ranked) -> list[Model]:
    """Every target trained together with its first source, with a head for each (Weller et al. 2022, arXiv 2205.08124).

    Texts of the smaller side are repeated until both sides have equally many, so that a batch holds half of either side on
    average. A text is labelled for the side that it is drawn for; its other label is masked. The target's selected setting
    is used for as many steps as a pair's two models take together. singles: the table of this name.
    """
    steps = {
        side: selected_singles(singles, side).set_index(["target", "seed"])["steps"] for side in ("source", "target")
    }
    models = []
    for (target, seed), model in target_models(bench, singles).items():
        source = ranked[target][0]
        rows, labels = _both_sides(bench, source, target)
        together = int(steps["source"][source, seed] + steps["target"][target, seed])
        epochs = epochs_of_steps(together, len(rows), model.run.setting["batch_size"])
        run = replace(
            model.run, training_texts=fingerprint(rows, labels), setting=model.run.setting | {"epochs": epochs}
        )
        models.append(replace(model, kind="joint_pair", source=source, run=run, rows=rows, labels=labels))
    return models


def _both_sides(bench: Workbench, source: str, target: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows and labels of a joint pair, (2 n,) and (2 n, 2): n of the target, then n of the source."""
    sides = (target, bench.drawn(target, "target")), (source, bench.drawn(source, "source"))
    n = max(len(rows) for _, rows in sides)
    labels = np.full((2, n, 2), -1, dtype=np.int8)
    repeated = [np.resize(rows, n) for _, rows in sides]
    for head, (task, _) in enumerate(sides):
        labels[head, :, head] = bench.tasks.column(task)[repeated[head]]
    return np.concatenate(repeated), labels.reshape(2 * n, 2)


def target_models(bench: Workbench, singles: pd.DataFrame) -> dict[tuple[str, int], Model]:
    """Every target's selected single-task model, as it was planned: (target, seed) -> model."""
    planned = {(each.target, each.side, each.setting, each.seed): each for each in single_models(bench)}
    return {
        (row.target, row.seed): replace(planned[row.target, row.side, row.setting, row.seed], side="target")
        for row in selected_singles(singles, "target").itertuples()
    }


def rival_table(bench: Workbench, singles: pd.DataFrame, models: list[Model]) -> pd.DataFrame:
    """Table "rivals": a row for every rival, but none for joint sources, whose seconds are in ``source_seconds``.

    singles: the table of this name. models: from ``train_rivals``.
    """
    table = run_table(bench, models)
    seconds = pd.concat([singles, table]).drop_duplicates("run").set_index("run")["total_seconds"]
    table["k"] = [len(model.run.sources) if model.kind == "fused_top" else 0 for model in models]
    table["source_seconds"] = [float(seconds.loc[list(model.run.starts)].sum()) for model in models]
    table = table[table["kind"] != JOINT_SOURCE].reset_index(drop=True)
    means = table.groupby(["kind", "target", "k"], as_index=False)[CRITERION].mean()
    best = means.sort_values([CRITERION, "k"], ascending=[False, True]).drop_duplicates(["kind", "target"])
    return table.assign(selected=among(table, best, ["kind", "target", "k"]))
