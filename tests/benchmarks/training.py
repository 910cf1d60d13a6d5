"""Fine-tuning several small models: this engine against the Hugging Face Trainer with its defaults.

    python -m pip install accelerate   # the Trainer needs it, the study does not
    python tests/benchmarks/training.py --folder results/training

The same work on both sides: MiniLM, the same real messages, the same batch size, epochs and schedule of the learning
rate, one model after another for the Trainer on all cores, one worker of one thread per core here; where there is a GPU,
both sides use it. The texts are tokenised before the clock starts; starting workers, building models, copying weights,
and the ledger are on it.

Whether both learn the same is asked at a budget where models learn: more epochs, tasks and seeds (48 minutes of two
cores). What is finished of that is kept in the folder, so that an interrupted call goes on.
"""

import io
import tempfile
from pathlib import Path

import numpy as np
import torch
from common import in_turn, parser, report
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

from lib.models.encoders import load_model, load_tokenizer
from lib.runs.engine import train_models
from lib.runs.plan import single_models
from lib.runs.records import Model
from lib.runs.workbench import PARTS, Workbench, open_workbench
from lib.stats.metrics import scores
from lib.storage.ledger import write_atomically
from lib.study.parameters import Study
from lib.study.sections import Regime, Setting, Training

TASKS = ["request", "food", "water", "shelter", "floods", "death"]


def workbench(folder: str, texts: int, epochs: int, tasks: int, seeds: int) -> Workbench:
    """The demo's messages, with as many models as tasks and seeds; a model that collapses is not trained again."""
    setting = Setting(
        learning_rate=1e-4, epochs=epochs, batch_size=32, warmup=0, weight_decay=0
    )  # the Trainer's defaults
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


def train_with_trainer(bench: Workbench, model: Model, folder: Path) -> np.ndarray:
    """Train one model, predict validation and test; probabilities of the validation texts."""
    setting = model.run.setting
    options = TrainingArguments(
        output_dir=str(folder), learning_rate=setting["learning_rate"], num_train_epochs=setting["epochs"],
        per_device_train_batch_size=setting["batch_size"], seed=model.seed, save_strategy="no", report_to="none",
        logging_strategy="no", disable_tqdm=True, use_cpu=bench.place.device == "cpu",
    )  # fmt: skip
    trainer = Trainer(
        model=load_model(bench.study.encoder, None, bench.place.device), args=options,
        data_collator=DataCollatorWithPadding(load_tokenizer(bench.study.encoder)),
        train_dataset=Texts(bench, model.rows, model.labels),
    )  # fmt: skip
    trainer.train()
    column, split = bench.tasks.column(model.target), bench.tasks.split
    logits = [trainer.predict(Texts(bench, split[part], column[split[part]])) for part in PARTS]
    return torch.as_tensor(logits[0].predictions).softmax(1)[:, 1].numpy()


def with_trainer(bench: Workbench, folder: Path) -> list[np.ndarray]:
    return [train_with_trainer(bench, model, folder) for model in single_models(bench)]


def with_engine(bench: Workbench, folder: Path) -> list[np.ndarray]:
    """Train every model with the engine into an empty ledger that holds only the tokenised texts."""
    models, ledger = single_models(bench), bench.ledger
    for model in models:
        ledger_entry = ledger.path(model.run.id)
        if ledger_entry.exists():
            ledger_entry.rename(folder / f"{model.run.id}.{len(list(folder.iterdir()))}")
    train_models(bench, models, "models")
    return [bench.validation_predictions(model.run.id) for model in models]


def f1_scores(bench: Workbench, found: list[np.ndarray]) -> np.ndarray:
    """Validation F1 of every model, (models,)."""
    pairs = zip(single_models(bench), found, strict=True)
    return np.array([scores(bench.validation_labels(model.target), each)["f1"] for model, each in pairs])


def agreement(folder: Path, texts: int, epochs: int, tasks: int, seeds: int) -> str:
    """Mean validation F1 of both sides, each model trained once; finished models are read from ``folder``."""
    bench = workbench(str(folder), texts, epochs, tasks, seeds)
    models = train_models(bench, single_models(bench), "models to compare")
    theirs = []
    for number, model in enumerate(models, 1):
        path = folder / f"trainer-{model.run.id}.npy"
        if not path.exists():
            write_array(path, train_with_trainer(bench, model, folder))
        theirs.append(np.load(path, allow_pickle=False))
        print(f"Trainer: {number} of {len(models)} models to compare", flush=True)
    sides = [f1_scores(bench, side) for side in ([bench.validation_predictions(m.run.id) for m in models], theirs)]
    apart = sides[0] - sides[1]
    return (
        f"mean validation F1 of {tasks} tasks and {seeds} seeds after {epochs} epochs of {texts} texts: ours "
        f"{sides[0].mean():.3f}, Trainer {sides[1].mean():.3f}, difference {apart.mean():+.3f} (standard error "
        f"{apart.std(ddof=1) / len(apart) ** 0.5:.3f})"
    )


def arithmetic(bench: Workbench, texts: int, seconds: float) -> str:
    """What a GPU was kept busy with: the share of its measured matrix rate, in bfloat16, that training alone used."""
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    ends = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
    for repeat in range(13):
        if repeat == 3:
            ends[0].record()
        product = a @ b
    ends[1].record()
    torch.cuda.synchronize()
    rate = 10 * 2 * len(product) ** 3 / (ends[0].elapsed_time(ends[1]) / 1000)
    network = load_model(bench.study.encoder, None, "cpu")
    weights = sum(value.numel() for value in network.parameters()) - network.get_input_embeddings().weight.numel()
    lengths = np.concatenate([bench.tokens.lengths[model.rows] for model in single_models(bench)])
    used = 6 * weights * lengths.mean() * texts / seconds  # forward and backward, without attention's own products
    return f"; {used / 1e12:.1f} of {rate / 1e12:.0f} TFLOP/s, {used / rate:.1%} of the matrix rate"


def write_array(path: Path, values: np.ndarray) -> None:
    np.save(buffer := io.BytesIO(), values)
    write_atomically(path, buffer.getvalue())


def main() -> None:
    sizes = {"texts": 1024, "epochs": 1, "tasks": 4, "seeds": 1, "repeats": 3}
    sizes |= {"compared_epochs": 3, "compared_tasks": 6, "compared_seeds": 3}
    options = parser(__doc__.splitlines()[0], **sizes)
    options.add_argument("--folder", type=Path, default=Path("results/training"), help="what is kept")
    given = options.parse_args()
    told = agreement(given.folder, given.texts, given.compared_epochs, given.compared_tasks, given.compared_seeds)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as moved:
        bench = workbench(folder, given.texts, given.epochs, given.tasks, given.seeds)
        found = in_turn(
            lambda: with_engine(bench, Path(moved)), lambda: with_trainer(bench, Path(moved)), given.repeats
        )
        seen = sum(int(model.run.setting["epochs"] * len(model.rows)) for model in single_models(bench))
    told += f"; {seen} texts of {given.tasks} models timed, predicting validation and test included"
    if bench.place.device == "cuda":
        ours = float(np.median([seconds for seconds, _ in found[0]]))
        told += f"; {3600 * given.tasks / ours:.0f} models an hour" + arithmetic(bench, seen, ours)
    report(f"training_{'gpu' if bench.place.device == 'cuda' else 'cpu'}", found, told, texts=seen)


if __name__ == "__main__":
    main()
