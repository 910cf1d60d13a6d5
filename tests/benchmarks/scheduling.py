"""What 10,000 trivial jobs of work cost the engine and the ledger, against joblib's own loop over the same function.

python tests/benchmarks/scheduling.py
"""

import tempfile
from functools import partial
from pathlib import Path

from common import in_turn, parser, report
from joblib import Parallel, delayed

from lib.runs.engine import compute
from lib.storage.ledger import Ledger
from lib.study.sections import Engine


def enter(folder: Path, job: int) -> None:
    Ledger(folder).put(f"{job:016x}", {"job": job}, {}, {})


def main() -> None:
    given = parser(__doc__.splitlines()[0], jobs=10_000, repeats=1).parse_args()
    jobs = list(range(given.jobs))
    with tempfile.TemporaryDirectory() as folder:
        folders = iter(Path(folder) / str(number) for number in range(2 * given.repeats))

        def ours():
            at = next(folders)
            compute(partial(enter, at), jobs, lambda job: Ledger(at).has(f"{job:016x}"), Engine(), "jobs", "job")
            return len(Ledger(at).ids())

        def theirs():
            at = next(folders)
            Parallel(n_jobs=-1)(delayed(enter)(at, job) for job in jobs)
            return len(Ledger(at).ids())

        mine, other = in_turn(ours, theirs, given.repeats)
    agreement = f"{mine[0][1]} and {other[0][1]} entries of {given.jobs}; ours asks the ledger before and after"
    report("scheduling", (mine, other), agreement)


if __name__ == "__main__":
    main()
