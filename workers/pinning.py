"""Which cores a node uses: `4` (a count), `0-3,8` (by number) or all that the process may use; a process per
core.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from tasks.errors import UsageError

MEMORY_PER_PROCESS: Final = (
    400 * 2**20
)  # Python, the compiled kernels and a chunk's state; the data is shared
_CGROUP: Final = Path("/sys/fs/cgroup")


Prefer = Callable[[Sequence[int], int], list[int]]
"""The cores in the order in which a node that was given a count should take them."""


def _as_they_come(cores: Sequence[int], _: int) -> list[int]:
    return [*cores]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """The cores of a node, one process each."""

    numbers: tuple[int, ...]
    """Empty where the system cannot pin."""
    count: int
    notes: tuple[str, ...] = ()
    """What was lowered, and why."""

    @property
    def text(self) -> str:
        return ranges(self.numbers) if self.numbers else str(self.count)


def choose(wanted: str | None, prefer: Prefer = _as_they_come) -> Cores:
    """The cores to use. Raises UsageError for a list that does not parse or names a core that is not
    there.
    """
    allowed = _allowed()
    numbers = _numbers(wanted, allowed, prefer)
    notes: list[str] = []
    fits = max(1, memory_bytes() // MEMORY_PER_PROCESS)
    if len(numbers) > fits:
        notes.append(f"{len(numbers)} processes would not fit into memory: {fits} are started")
        numbers = numbers[:fits]
    if not can_pin():
        notes.append("this system cannot pin processes to cores; they run where it puts them")
        return Cores(numbers=(), count=len(numbers), notes=tuple(notes))
    return Cores(numbers=tuple(numbers), count=len(numbers), notes=tuple(notes))


def can_pin() -> bool:
    return hasattr(os, "sched_setaffinity")


def pin(core: int) -> None:
    """This process runs on that core alone."""
    os.sched_setaffinity(0, {core})


def ranges(numbers: tuple[int, ...]) -> str:
    """`0-3,8`"""
    runs: list[list[int]] = []
    for n in sorted(numbers):
        if runs and n == runs[-1][1] + 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    return ",".join(f"{a}-{b}" if b > a else str(a) for a, b in runs)


def _numbers(wanted: str | None, allowed: list[int], prefer: Prefer) -> list[int]:
    if wanted is None:
        return allowed[: _quota(len(allowed))]
    hint = "write a count (4) or cores by number (0-3,8)"
    if wanted.strip().isdecimal():
        count = int(wanted)
        if not 1 <= count <= len(allowed):
            raise UsageError(f"--cores {count}: this process may use {len(allowed)} cores", hint=hint)
        return prefer(allowed, count)[:count]
    numbers: set[int] = set()
    for part in wanted.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise UsageError(f"--cores {wanted}: '{part}' is not a core or a range", hint=hint)
        numbers.update(range(int(first), int(last or first) + 1))
    if missing := sorted(numbers - set(allowed)):
        raise UsageError(
            f"--cores {wanted}: core {missing[0]} is not among {ranges(tuple(allowed))}", hint=hint
        )
    if not numbers:
        raise UsageError(f"--cores {wanted} names no core", hint=hint)
    return sorted(numbers)


def _allowed() -> list[int]:
    if can_pin():
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _quota(cores: int) -> int:
    """A container may be shown all cores and be given the time of two."""
    try:
        limit, period = (_CGROUP / "cpu.max").read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if limit == "max" else max(1, min(cores, int(limit) // int(period)))


def memory_bytes() -> int:
    total: int = psutil.virtual_memory().total
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
    except OSError:
        return total
    return total if limit == "max" else min(total, int(limit))
