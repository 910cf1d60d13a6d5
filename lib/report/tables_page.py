"""What the published tables hold: every table's rows and every column's meaning, as a page for those who use them.

``python -m lib.report.tables_page > figures/README.md``.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq

from lib.study.files import ROOT

TABLES = {  # what a row is
    "tasks": "a task (one label of the corpus)",
    "cooccurrence": "an ordered pair of tasks: how their labels occur together in the training texts",
    "runs": "a trained model of any kind: those of `singles`, `pairs`, `step_matched` and `reseeded`",
    "singles": "a single-task model: every task, setting and seed, as a source and as a target (once where both are alike)",
    "pairs": "a transfer model: fine-tuned on the source, then on the target",
    "step_matched": "a target's single-task model that was trained for as many steps as source and target take together",
    "reseeded": "a target's single-task model from another seed, as many as a seed has pairs into the target",
    "choices": "what validation F1 chooses for a target and seed: without transfer, among pairs, among reseeded",
    "checkpoints": "a transfer model under way: its validation scores after a part of its training",
    "transfer_matrix": "an ordered pair of tasks, mean over seeds, at the pair's validation-best setting",
    "repeatability": "a way of ranking sources by one seed's F1, and a metric of it with the same or another seed",
    "conductance": "an attributed model",
    "tradeoff": "a number of steps and probe texts: what they cost, and how well sources keep their order by ANSAT",
    "ansat": "a pair of tasks, a layer, a threshold and a set of probe texts",
    "signed_similarity": "a pair of tasks, a layer and a set of probe texts",
    "feature_extraction": "a model that has read texts for the field's selectors",
    "selectors": "a pair of tasks and a selector: its score",
    "selector_costs": "a selector: its price",
    "selector_metrics": "a selector and a metric of the order in which it puts a target's sources, mean over targets",
    "predictions": "a pair and a protocol: F1 predicted by a regression that was not fitted on it",
    "regression_scores": "a regression, a protocol and a score",
    "ablations": "as `regression_scores`, for regressions that lack some features",
    "importance": "a feature, or a family, layer or threshold of features, of the regression",
    "regimes": "a study and a quantity, mean over targets: data regimes side by side",
    "generalisation": "a study as the new one, a way of ranking its pairs, and a metric",
    "carried_anytime": "a study as the new one, an order of its pairs and a moment, all-inclusive",
    "anytime": "an order, an accounting and a moment: what has been reached by then",
    "estimate": "a phase of the study: what was expected of it before it began",
    "recommendations": "a target and a source, or no transfer: what to expect of it",
}

COLUMNS = {
    "task": "name of the label",
    "source": "the task that a pair starts from; in tables of models empty for a single-task model",
    "target": "the task that is wanted; for a single-task model its task",
    "setting": "number of the hyperparameter setting in the study's `settings`, from 0",
    "seed": "seed of the model",
    "run": "id of the model: a hash of all that decides its result",
    "source_run": "id of the model whose encoder it started from",
    "kind": "single, transfer, step_matched or reseeded",
    "side": "whose number of training texts: source, target, or both where they are alike",
    "texts": "training texts",
    "positives": "positives among them",
    "steps": "optimiser steps",
    "seen": "training texts seen, each as often as it was seen",
    "train_seconds": "seconds of training, of one worker",
    "predict_seconds": "seconds of predicting validation and test, of one worker",
    "failed_seconds": "seconds of tries that were lost or collapsed",
    "other_seconds": "seconds of loading and saving",
    "total_seconds": "all seconds of the model, lost tries among them",
    "tries": "trainings from another seed until the model did not collapse",
    "collapsed": "whether it predicts no positive on validation",
    "selected": "whether its setting is the validation-best of its task, side and seed",
    "device": "where it was trained",
    "precision": "of training and predicting",
    "threads": "of the worker",
    "peak_memory_mb": "largest resident memory of the worker so far (MB)",
    "checkpoint": "share of the pair's steps (below 1), or steps (from 1 on)",
    "n_train": "texts to train on",
    "n_validation": "texts to validate on",
    "n_test": "texts to test on",
    "train_positives": "positives among the texts to train on",
    "validation_positives": "positives among the texts to validate on",
    "test_positives": "positives among the texts to test on",
    "prevalence": "share of positives in the texts to train on",
    "source_texts": "training texts of the task as a source",
    "source_positives": "positives among them",
    "target_texts": "training texts of the task as a target",
    "target_positives": "positives among them",
    "phi": "correlation of the two labels over all training texts",
    "single_test_f1": "test F1 of the target's selected single-task model",
    "single_validation_f1": "its validation F1",
    "step_matched_test_f1": "test F1 of the target's step-matched single-task models",
    "gain": "the pair's test F1 less the single-task model's",
    "relative_gain": "the same as a share of the single-task model's; empty where that is 0",
    "gain_over_step_matched": "the pair's test F1 less the step-matched single-task models's",
    "ranked_by": "whose F1 ranks the sources",
    "other_seed": "whether they are judged by models of another seed",
    "among": "what there is to choose from, beside no transfer",
    "helps": "whether the gain is above 0 and a discovery among all pairs",
    "hurts": "whether it is below 0 and a discovery",
    "chosen": "whether validation chooses this source for the target",
    "probe_texts": "texts that were attributed",
    "seconds": "seconds of one worker",
    "completeness_error_absolute": "median over texts of what the conductances miss of the change of the logit",
    "completeness_error_relative": "the same as a share of that change",
    "resampled": "whether probe texts were drawn with replacement",
    "agreement": "mean rank correlation of the sources' order with that by the most steps on all probe texts",
    "layer": "0: the embeddings' output; 1 and up: the encoder's layers",
    "threshold": "activity from which a term counts as active",
    "probe": "all probe texts, or the target's positives among them",
    "ansat": "average number of shared active terms",
    "jaccard": "mean over texts of the active terms of both over those of either",
    "cosine": "mean over texts of the cosine of the two models' signed conductances",
    "spearman": "mean over texts of their rank correlation",
    "selector": "name of the way of ranking sources",
    "score": "larger for a better source",
    "title": "as figures name it",
    "sees_target_labels": "whether it looks at the target's labels, training or validation",
    "caveat": "why it means little on tasks of one corpus, where it does",
    "extraction_seconds": "seconds of the extractions it rests on, as if it stood alone",
    "scoring_seconds": "seconds of scoring all pairs",
    "metric": "as docs/method.md says",
    "value": "mean over targets",
    "random": "its expectation for random order",
    "over_random_p": "p-value against random orders of the same sources, two-sided",
    "over_static_mean_p": "p-value of the paired difference from `static_mean`, two-sided",
    "protocol": "what the regression was fitted without",
    "model": "the regression, or a control or ablation of it",
    "judged_against": "validation or test F1",
    "fold": "name of the part that was left out",
    "predicted": "predicted validation F1",
    "view": "how features are grouped",
    "name": "of the group",
    "share": "of the boosted trees' gain",
    "study": "name of the study",
    "quantity": "what is compared between regimes",
    "difference": "from the first study's, paired by target",
    "difference_p": "p-value of that, by flipping signs of targets",
    "order": "name of the order of training pairs",
    "accounting": "paper: the pairs' training alone; all_inclusive: everything",
    "share_of_time": "share of the accounting's time for the whole grid",
    "f1": "mean over targets of the test F1 of the validation-best model so far",
    "loss": "share of the grid's F1 that is missing",
    "phase": "of the study's time",
    "models": "models it handles",
    "disk_mb": "disk it fills (MB)",
    "rank": "place among the target's sources by what to expect, 1 the best",
    "recommended": "whether it is the validation-best of what was trained, no transfer included",
    "predicted_f1": "predicted validation F1",
    "predicted_low": "lower end of its 90 % interval",
    "predicted_high": "upper end of its 90 % interval",
}
SPECIAL = {
    (
        "feature_extraction",
        "kind",
    ): "features, validation (features of the validation texts), or fisher (squared gradients)",
    ("feature_extraction", "texts"): "texts that were read",
    ("conductance", "steps"): "points of the path, less one",
    ("tradeoff", "steps"): "points of the path, less one",
    ("tradeoff", "seconds"): "seconds of one worker for one model",
    ("selector_costs", "peak_memory_mb"): "what scoring a pair allocates at most (MB)",
    ("regression_scores", "score"): "mae, r2 (pooled) or spearman (mean within targets)",
    ("ablations", "score"): "mae, r2 (pooled) or spearman (mean within targets)",
    ("regression_scores", "value"): "of the score",
    ("ablations", "value"): "of the score",
    ("regimes", "source_texts"): "training texts of a source",
    ("regimes", "target_texts"): "training texts of a target",
    ("repeatability", "metric"): "spearman, or gain: test F1 of the first choice less that of no transfer",
    ("checkpoints", "predict_seconds"): "seconds of predicting validation there",
    ("checkpoints", "train_seconds"): "seconds of training until there",
    ("recommendations", "source"): "empty: no transfer",
    ("recommendations", "gain"): "test F1 less that of no transfer",
}
SCORES = {
    "f1": "F1 at probability 0.5",
    "average_precision": "average precision",
    "precision": "precision at probability 0.5",
    "recall": "recall at probability 0.5",
}
ENDS = {
    "low": "lower end of the 95 % interval of",
    "high": "upper end of the 95 % interval of",
    "p": "p-value (two-sided) of",
}

USE = """```python
from lib.selection.comparison import selector_metrics
from lib.storage.tables import read_table
from lib.transfer.pairs import CONFIGURATION, pair_configurations

pairs = read_table("figures/demo/tables", "pairs")
configurations = pair_configurations(pairs)
mine = configurations[CONFIGURATION].assign(score=configurations["source"].str.len())  # your selector's score of every pair
print(selector_metrics(mine, configurations).groupby("metric").mean(numeric_only=True))
```"""


def meaning(table: str, column: str) -> str:
    """What a column of a table says; KeyError for one that nobody has described."""
    if (table, column) in SPECIAL:
        return SPECIAL[table, column]
    if column in COLUMNS:
        return COLUMNS[column]
    if layer := re.fullmatch(r"cls_share_l(\d+)", column):
        return f"[CLS]'s share of the absolute conductance at layer {layer[1]}"
    if found := re.fullmatch(r"(validation|test)_(\w+)", column):
        return f"{SCORES[found[2]]} on {found[1]}"
    if found := re.fullmatch(r"(?:(\w+)_)?(low|high|p)", column):
        return f"{ENDS[found[2]]} {f'`{found[1]}`' if found[1] else '`value`'}"
    raise KeyError(f"column '{column}' of table '{table}' has no meaning in lib/report/tables_page.py")


def published_columns(folder: Path) -> Mapping[str, list[str]]:
    """Columns of every table that a study in this folder has published, in the order of TABLES."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*/tables/*.parquet")):
        columns = found.setdefault(path.stem, [])
        columns += [name for name in pq.read_schema(path).names if name not in columns]
    return {table: found[table] for table in TABLES if table in found}


def reference(folder: Path = ROOT / "figures") -> str:
    """The page: the published studies, how to use their tables, and all columns."""
    lines = [
        "# Published studies", "", "Written by `python -m lib.report.tables_page`; do not edit by hand.", "",
        "Every study's figures, its headline numbers (`summary.json`) and its tables, as Parquet and, where they are short,",
        "as CSV. The tables hold every model that was trained, so that a way of choosing sources can be tested without",
        "training any; `./run_all.sh --from-tables STUDY` runs notebooks 5 to 10 on them. No text of a corpus is in them.",
        "",
        "| study | tasks | pairs | models | worker hours of the grid | device |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for path in sorted(folder.glob("*/summary.json")):
        told = json.loads(path.read_text())
        values = (told["n_tasks"], told["n_pairs"], told["models_trained"], f"{told['grid_seconds'] / 3600:.1f}")
        about = (f"[{path.parent.name}]({path.parent.name})", *values, told["environment"]["device"])
        lines.append("| " + " | ".join(map(str, about)) + " |")
    lines += ["", "## A selector of yours on them", "", "From the project's folder, in its environment:", "", USE]
    for table, columns in published_columns(folder).items():
        lines += ["", f"## `{table}`", "", f"A row: {TABLES[table]}.", "", "| column | meaning |", "|---|---|"]
        lines += [f"| `{column}` | {meaning(table, column)} |" for column in columns]
    return "\n".join(lines)


if __name__ == "__main__":
    print(reference())
