"""How much memory one process of a node may take: an allocation beyond it fails there, as a failed backtest.

Without a limit the system ends some process when memory has run out, and seldom the one that took it.
"""

from __future__ import annotations

import contextlib
import os
import resource
from pathlib import Path
from typing import Final

from billiard import pool

from workers import pinning

OVER_SHARE: Final = 1.5  # of an equal share: processes seldom all need their most at the same time
LEAST_BYTES: Final = 2**30
RECYCLED_AT: Final = 0.5  # of the share: what a process may keep between chunks; all leak alike
VARIABLE: Final = "SWEEPFLEET_PROCESS_MEMORY"  # from the node's main process to its children
_OWN_SIZE: Final = Path("/proc/self/statm")
_OWN_CHOICE: Final = Path("/proc/self/oom_score_adj")
FIRST_CHOICE: Final = 500  # of 1000: before the node's main process and Redis, after a single combination's


def share(processes: int) -> int:
    """Bytes that each of so many processes of this node may have for itself."""
    total = pinning.memory_bytes()
    return min(total, max(LEAST_BYTES, int(OVER_SHARE * total / processes)))


def remember(processes: int) -> None:
    os.environ[VARIABLE] = str(share(processes))


def most_kept_kib(processes: int) -> int:
    """A process that keeps more than this between chunks leaks, and is replaced."""
    return int(RECYCLED_AT * share(processes)) // 1024


def own_kib() -> int:
    """What this process holds for itself now, without the mapped data that a node holds once."""
    resident, shared = _OWN_SIZE.read_text().split()[1:3]
    return (int(resident) - int(shared)) * resource.getpagesize() // 1024


def count_own_alone() -> None:
    """In each worker process: billiard would compare the most that was ever resident, mapped data included,
    and give every chunk of a large security a new process.
    """
    if _OWN_SIZE.exists():
        pool.mem_rss = own_kib


def limit() -> None:
    """In each worker process. Its children have the same limits.

    What it has for itself is limited by its share. The mapped data of a slice is not counted there, for a
    node holds it once; it counts only in the whole address space, which may grow by all the memory there is.
    """
    if given := os.environ.get(VARIABLE):
        _lower(resource.RLIMIT_DATA, int(given))
        _lower(resource.RLIMIT_AS, _address_space() + pinning.memory_bytes())
    with contextlib.suppress(OSError):
        _OWN_CHOICE.write_text(str(max(FIRST_CHOICE, int(_OWN_CHOICE.read_text()))))


def _lower(which: int, most: int) -> None:
    soft, hard = resource.getrlimit(which)
    below = [most, *(n for n in (soft, hard) if n != resource.RLIM_INFINITY)]
    with contextlib.suppress(ValueError, OSError):  # a system that does not have it
        resource.setrlimit(which, (min(below), hard))


def _address_space() -> int:
    with contextlib.suppress(OSError):
        return int(_OWN_SIZE.read_text().split()[0]) * resource.getpagesize()
    return 0
