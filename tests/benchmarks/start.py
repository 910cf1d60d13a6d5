"""Seconds until run_all.sh prints its first line, beside those of importing torch, which it must not wait for.

WHENCE_PYTHON=$(command -v python) python tests/benchmarks/start.py
"""

import os
import subprocess
import sys

from common import in_turn, parser, report

from lib.study.files import ROOT


def main() -> None:
    given = parser(__doc__.splitlines()[0], repeats=5).parse_args()
    environment = {**os.environ, "WHENCE_PYTHON": os.environ.get("WHENCE_PYTHON", sys.executable)}

    def ours() -> str:
        call = ["./run_all.sh", "no-such-study"]
        return subprocess.run(call, cwd=ROOT, env=environment, capture_output=True, text=True).stderr.strip()

    def theirs() -> str:
        return subprocess.run([sys.executable, "-c", "import torch"], capture_output=True, text=True).stderr.strip()

    mine, other = in_turn(ours, theirs, given.repeats)
    report("start", (mine, other), f"it said: {mine[0][1][:60]}")


if __name__ == "__main__":
    main()
