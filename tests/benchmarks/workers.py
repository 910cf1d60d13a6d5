"""Throughput of two workers of one thread each against one worker, on fine-tunings of the demo study.

python tests/benchmarks/workers.py
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import in_turn, parser, report
from training import with_engine, workbench

from lib.study.sections import Engine


def main() -> None:
    given = parser(__doc__.splitlines()[0], texts=256, tasks=4, repeats=3).parse_args()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as moved:
        bench = workbench(folder, given.texts, 1, given.tasks, 1)

        def on(workers: int):
            study = bench.study.model_copy(update={"engine": Engine(workers=workers)})
            return with_engine(replace(bench, study=study), Path(moved))

        mine, other = in_turn(lambda: on(2), lambda: on(1), given.repeats)
        same = all(np.array_equal(a, b) for a, b in zip(mine[0][1], other[0][1], strict=True))
    agreement = f"predictions of all {given.tasks} models {'are equal bit by bit' if same else 'DIFFER'}"
    report("workers", (mine, other), agreement, texts=given.tasks * given.texts)


if __name__ == "__main__":
    main()
