"""Fine-tuning in bfloat16 on a processor without instructions for it: products of rounded numbers, against PyTorch's own.

    python tests/benchmarks/bfloat16.py

MiniLM on real messages, one thread, one epoch, then the prediction of as many texts. Where the processor has the
instructions, theirs is what the study uses, and ours shows the price of rounding.
"""

import tempfile
from unittest.mock import patch

from common import in_turn, parser, report
from precision import loss_of_training

from lib.models import steps
from lib.models.cpu import worker_process
from lib.runs.workbench import open_workbench
from lib.study.parameters import Study


def main() -> None:
    given = parser(__doc__.splitlines()[0], texts=96, repeats=3).parse_args()
    with tempfile.TemporaryDirectory() as folder, worker_process():
        bench = open_workbench(Study.load("demo").model_copy(update={"results": folder}))
        rows = bench.tasks.split["train"][: given.texts]

        def loss(rounded: bool) -> float:
            with patch.object(steps, "lacks_products", lambda device: rounded):
                return loss_of_training(bench, rows, "bfloat16")

        loss(rounded=True)  # what only the first training waits for
        found = in_turn(lambda: loss(rounded=True), lambda: loss(rounded=False), given.repeats)
    losses = [side[0][1] for side in found]
    agreement = f"mean loss of the last ten steps {losses[0]:.3f} and {losses[1]:.3f}"
    report("bfloat16", found, agreement, texts=2 * given.texts)


if __name__ == "__main__":
    main()
