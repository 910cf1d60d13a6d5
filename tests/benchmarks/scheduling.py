"""What 10,000 trivial pieces of work cost the engine and the ledger, against joblib's own loop over the same function.

python tests/benchmarks/scheduling.py
"""

import tempfile
from functools import partial
from pathlib import Path

from common import in_turn, parser, report
from joblib import Parallel, delayed

from lib.engine import compute
from lib.ledger import Ledger
from lib.study import Engine


def enter(folder: Path, piece: int) -> None:
    Ledger(folder).put(f"{piece:016x}", {"piece": piece}, {}, {})


def main() -> None:
    given = parser(__doc__.splitlines()[0], pieces=10_000, repeats=1).parse_args()
    pieces = list(range(given.pieces))
    with tempfile.TemporaryDirectory() as folder:
        folders = iter(Path(folder) / str(number) for number in range(2 * given.repeats))

        def ours():
            at = next(folders)
            compute(
                partial(enter, at), pieces, lambda piece: Ledger(at).has(f"{piece:016x}"), Engine(), "pieces", "piece"
            )
            return len(Ledger(at).ids())

        def theirs():
            at = next(folders)
            Parallel(n_jobs=-1)(delayed(enter)(at, piece) for piece in pieces)
            return len(Ledger(at).ids())

        mine, other = in_turn(ours, theirs, given.repeats)
    agreement = f"{mine[0][1]} and {other[0][1]} entries of {given.pieces}; ours asks the ledger before and after"
    report("scheduling", (mine, other), agreement)


if __name__ == "__main__":
    main()
