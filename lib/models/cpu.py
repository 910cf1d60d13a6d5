"""How a worker process is set up for small models on a CPU: one thread, and memory that is not returned between steps."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

M_MXFAST, M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = 1, -1, -3  # of glibc's mallopt; the last one takes 2**25 at most


@contextmanager
def worker_process() -> Iterator[None]:
    """For small models: one torch thread, and memory that is freed inside is kept and goes back to the system at the end.

    Every step needs the same memory again; getting it back page by page costs about a fifth of a step's time. But what
    one model leaves behind fits the next one badly, so that a process that kept it for good would grow by half. (glibc
    only: elsewhere the allocator's own rules hold.)
    """
    torch.set_num_threads(1)
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if known := hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim"):
        libc.mallopt(M_MXFAST, 0)  # small leftovers are joined at once, or they would keep large pieces apart
        libc.mallopt(M_MMAP_THRESHOLD, 2**25)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    yield
    if known:
        libc.malloc_trim(0)
