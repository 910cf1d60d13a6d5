"""The precision in which this machine trains faster."""

import time
from functools import cache

import torch

from lib.study.sections import Training

NEEDED = 1.5  # how much faster products must be: the rest of a step gains nothing, and figures near 1 would waver


def resolve_precision(training: Training, device: str) -> str:
    """'bfloat16' or 'float32': what ``precision: auto`` means on this machine: the one in which it trains faster.

    GPUs and CPUs with AMX gain from bfloat16. Of the CPUs with AVX-512's instructions for bfloat16 alone, some train at
    2.7 times float32's speed and some at two thirds of it: there a product of matrices is timed in both, for 0.1 s.
    """
    if training.precision != "auto":
        return training.precision
    if device == "cuda" or torch.cpu._is_amx_tile_supported():
        return "bfloat16"
    timed = torch.cpu._is_avx512_bf16_supported()
    return (
        "bfloat16" if timed and product_seconds(torch.float32) > NEEDED * product_seconds(torch.bfloat16) else "float32"
    )


@cache
def product_seconds(dtype: torch.dtype) -> float:
    """Seconds of the fastest of a dozen products, of the sizes of a small encoder's batch, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows, weight = torch.ones(512, 384, dtype=dtype), torch.ones(1536, 384, dtype=dtype)
    seconds = []
    for _ in range(12):
        started = time.perf_counter()
        torch.nn.functional.linear(rows, weight)
        seconds.append(time.perf_counter() - started)
    torch.set_num_threads(threads)
    return min(seconds)
