"""What the benchmarks share: both sides measured in turn in one run, printed, and kept in results.csv."""

import argparse
import os
import platform
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import torch

os.environ.setdefault("WHENCE_HEADLESS", "1")

RESULTS = Path(__file__).with_name("results.csv")


def parser(description: str, **sizes: int) -> argparse.ArgumentParser:
    """An option for every number, with its default."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    for name, default in sizes.items():
        options.add_argument(f"--{name.replace('_', '-')}", type=int, default=default, help=" ")
    return options


def seconds(work: Callable[[], object]) -> tuple[float, object]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def in_turn(ours: Callable[[], object], theirs: Callable[[], object], repeats: int) -> tuple[list, list]:
    """(seconds, result) of each side, ours and theirs in turn, so that both see the same machine."""
    found = [], []
    for repeat in range(repeats):
        for side, work in zip(found, (ours, theirs), strict=True):
            side.append(seconds(work))
        print(f"repeat {repeat + 1}: ours {found[0][-1][0]:.2f} s, theirs {found[1][-1][0]:.2f} s", flush=True)
    return found


def machine() -> str:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{os.cpu_count()} cores, {device}, torch {torch.__version__}, Python {platform.python_version()}"


def report(claim: str, found: tuple[list, list], agreement: str, texts: int | None = None) -> None:
    """Print both sides' medians and their range, and replace the claim's row of results.csv.

    found: what in_turn returned. texts: how many each side worked through; then rates are shown instead of seconds.
    The ratio is theirs to ours in seconds, of medians.
    """
    ours, theirs = times = [[time for time, _ in side] for side in found]
    ratio, unit = np.median(theirs) / np.median(ours), "s" if texts is None else "texts/s"
    if texts is not None:
        ours, theirs = ([texts / time for time in side] for side in times)
    sides = {"ours": ours, "theirs": theirs}
    print(f"{claim} on {machine()}")
    for name, values in sides.items():
        print(f"  {name}: {np.median(values):.4g} {unit} (of {len(values)}: {min(values):.4g} to {max(values):.4g})")
    print(f"  ratio {ratio:.2f}\n  agreement: {agreement}", flush=True)
    row = {"claim": claim, "ours": float(f"{np.median(ours):.4g}"), "theirs": float(f"{np.median(theirs):.4g}"),
           "unit": unit, "ratio": round(ratio, 2), "agreement": agreement, "machine": machine(),
           "date": date.today().isoformat()}  # fmt: skip
    earlier = pd.read_csv(RESULTS) if RESULTS.exists() else pd.DataFrame(columns=list(row))
    rows = [*earlier[earlier["claim"] != claim].to_dict("records"), row]
    pd.DataFrame(rows).sort_values("claim").to_csv(RESULTS, index=False)
