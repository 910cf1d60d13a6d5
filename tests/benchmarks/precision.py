"""Fine-tuning in the precision that "auto" chooses on this machine, against the other one.

    python tests/benchmarks/precision.py

MiniLM on real messages, one thread, one epoch, then the prediction of as many texts; both precisions in turn.
"""

import tempfile

import numpy as np
import torch
from common import in_turn, parser, report

from lib.models.cpu import worker_process
from lib.models.encoders import load_model
from lib.models.training import fine_tune, predict
from lib.runs.workbench import Workbench, open_workbench
from lib.study.parameters import Study
from lib.study.sections import Setting, Training

PRECISIONS = ("float32", "bfloat16")


def loss_of_training(bench: Workbench, rows: np.ndarray, precision: str) -> float:
    """Train one model and predict with it; its mean loss over the last ten steps."""
    torch.manual_seed(0)
    model = load_model(bench.study.encoder, None, bench.place.device)
    setting = Setting(learning_rate=1e-4, epochs=1)
    labels = bench.tasks.column("request")[rows]
    fit = fine_tune(model, bench.tokens, rows, labels, setting, Training(), precision)
    predict(model, bench.tokens, rows, precision)
    return float(fit.losses[-10:].mean())


def main() -> None:
    given = parser(__doc__.splitlines()[0], texts=640, repeats=3).parse_args()
    with tempfile.TemporaryDirectory() as folder, worker_process():
        bench = open_workbench(Study.load("demo").model_copy(update={"results": folder}))
        rows = bench.tasks.split["train"][: given.texts]
        chosen = bench.place.precision
        other = next(name for name in PRECISIONS if name != chosen)
        loss_of_training(bench, rows[:64], chosen)  # what only the first training waits for
        sides = [lambda name=name: loss_of_training(bench, rows, name) for name in (chosen, other)]
        found = in_turn(*sides, given.repeats)
    losses = [side[0][1] for side in found]
    agreement = f"ours {chosen}, theirs {other}; mean loss of the last ten steps {losses[0]:.3f} and {losses[1]:.3f}"
    report("precision", found, agreement, texts=2 * given.texts)


if __name__ == "__main__":
    main()
