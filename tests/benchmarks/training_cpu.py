"""Fine-tuning several small models: this engine against the Hugging Face Trainer with its defaults.

    python -m pip install accelerate   # the Trainer needs it, the study does not
    python tests/benchmarks/training_cpu.py

The same work on both sides: MiniLM, the same real messages, the same batch size, epochs and learning rate, one model
after another for the Trainer on all cores, one worker of one thread per core here. The texts are
tokenised before the clock starts; starting workers, building models, copying weights, and the ledger are on it.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from common import in_turn, parser, report
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

from lib.encoders import load_model, load_tokenizer
from lib.engine import train_models
from lib.metrics import scores
from lib.runs import PARTS, Workbench, open_workbench, single_models
from lib.study import Regime, Setting, Study, Training

TASKS = ["request", "food", "water", "shelter", "floods", "death"]


def workbench(folder: str, texts: int, epochs: int, tasks: int, seeds: int) -> Workbench:
    """The demo's messages, with as many models as tasks and seeds; a model that collapses is not trained again."""
    setting = Setting(learning_rate=1e-4, epochs=epochs, batch_size=32)
    regime = Regime(n=texts, positives=0.25)
    changes = {"tasks": TASKS[:tasks], "settings": [setting], "seeds": list(range(seeds)), "source": regime}
    changes |= {"target": regime, "results": folder, "training": Training(tries=1)}
    return open_workbench(Study.load("demo").model_copy(update=changes))


class Texts(torch.utils.data.Dataset):
    """Tokenised texts as the Trainer takes them."""

    def __init__(self, bench: Workbench, rows: np.ndarray, labels: np.ndarray):
        self.items = [
            {"input_ids": bench.tokens.text(row).tolist(), "labels": int(label)}
            for row, label in zip(rows, labels, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, number: int) -> dict:
        return self.items[number]


def with_trainer(bench: Workbench, folder: str) -> list[np.ndarray]:
    """Train every model in turn; probabilities of the validation texts."""
    collate, found = DataCollatorWithPadding(load_tokenizer(bench.study.encoder)), []
    for model in single_models(bench):
        setting = model.run.setting
        options = TrainingArguments(
            output_dir=folder, learning_rate=setting["learning_rate"], num_train_epochs=setting["epochs"],
            per_device_train_batch_size=setting["batch_size"], seed=model.seed, save_strategy="no", report_to="none",
            logging_strategy="no", disable_tqdm=True, use_cpu=bench.place.device == "cpu",
        )  # fmt: skip
        trainer = Trainer(
            model=load_model(bench.study.encoder, None, "cpu"), args=options, data_collator=collate,
            train_dataset=Texts(bench, model.rows, model.labels),
        )  # fmt: skip
        trainer.train()
        logits = [
            trainer.predict(Texts(bench, bench.tasks.split[part], bench.labels(model.target, part))) for part in PARTS
        ]
        found.append(torch.as_tensor(logits[0].predictions).softmax(1)[:, 1].numpy())
    return found


def with_engine(bench: Workbench, folder: Path) -> list[np.ndarray]:
    """Train every model with the engine into an empty ledger that holds only the tokenised texts."""
    models, ledger = single_models(bench), bench.ledger
    for model in models:
        ledger_entry = ledger.path(model.run.id)
        if ledger_entry.exists():
            ledger_entry.rename(folder / f"{model.run.id}.{len(list(folder.iterdir()))}")
    train_models(bench, models, "models")
    return [bench.predictions(model.run.id, "validation") for model in models]


def mean_f1(bench: Workbench, found: list[np.ndarray]) -> float:
    models = single_models(bench)
    pairs = zip(models, found, strict=True)
    return float(np.mean([scores(bench.labels(model.target, "validation"), each)["f1"] for model, each in pairs]))


def main() -> None:
    options = parser(__doc__.splitlines()[0], texts=1024, epochs=1, tasks=4, seeds=1, repeats=3)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as moved:
        bench = workbench(folder, given.texts, given.epochs, given.tasks, given.seeds)
        mine, other = in_turn(
            lambda: with_engine(bench, Path(moved)), lambda: with_trainer(bench, moved), given.repeats
        )
        seen = sum(int(model.run.setting["epochs"] * len(model.rows)) for model in single_models(bench))
        f1 = [mean_f1(bench, side[0][1]) for side in (mine, other)]
    agreement = (
        f"mean validation F1 of {given.tasks} tasks and {given.seeds} seeds: ours {f1[0]:.3f}, Trainer {f1[1]:.3f}"
    )
    agreement += f"; {seen} texts, validation and test predicted on the clock"
    report("training_cpu", (mine, other), agreement, texts=seen)


if __name__ == "__main__":
    main()
