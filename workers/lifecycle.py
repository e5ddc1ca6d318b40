"""A worker process from fork to end: its core, its memory, one thread for each library."""

from __future__ import annotations

import gc
import os
from typing import Any, Final

from billiard.process import current_process
from celery.signals import worker_process_init

from workers import memory, pinning

THREAD_VARIABLES: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
    "ARROW_IO_THREADS",
)
CORES_VARIABLE: Final = "SWEEPFLEET_NODE_CORES"  # from the node's main process to its children


def cap_threads() -> None:
    """Before any of those libraries is loaded: a process has one core, more threads only get in each other's
    way.
    """
    for name in THREAD_VARIABLES:
        os.environ[name] = "1"


def remember_cores(cores: pinning.Cores) -> None:
    os.environ[CORES_VARIABLE] = ",".join(map(str, cores.numbers))
    memory.remember(cores.count)


def connect() -> None:
    worker_process_init.connect(_begin, weak=False)


def _begin(**_: Any) -> None:
    """In each worker process, after the fork."""
    import pyarrow as pa
    import threadpoolctl

    numbers = [int(n) for n in os.environ.get(CORES_VARIABLE, "").split(",") if n]
    if numbers:
        pinning.pin(numbers[current_process().index % len(numbers)])
    threadpoolctl.threadpool_limits(1)
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    memory.limit()
    memory.count_own_alone()
    gc.freeze()  # all that is loaded stays: looking through it again was a fifth of a short chunk
