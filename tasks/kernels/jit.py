"""The one place with compiler flags: every kernel of this project is compiled alike, or not at all.

`fastmath` stays off, so that sums are made in the order written and every machine gives the same bits.
Compiled code is kept on disk (below `NUMBA_CACHE_DIR` where that is set), so that a second process only loads
it. With `NUMBA_DISABLE_JIT=1` the same functions run as plain Python: slow, and can be stepped through.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

# error_model: a division by zero gives inf or NaN as in NumPy, instead of a test before each division
_FLAGS = {"cache": True, "fastmath": False, "nogil": True, "error_model": "numpy", "boundscheck": False}


def kernel(function: Function) -> Function:
    """Compile at the first call, for the types of that call."""
    compiled: Function = numba.njit(**_FLAGS)(function)
    return compiled


def part(function: Function) -> Function:
    """A piece of a hot loop: always copied into the kernel that calls it, where its constants are known."""
    compiled: Function = numba.njit(**_FLAGS, forceinline=True)(function)
    return compiled


def _digest_of_sources() -> str:
    """Numba looks at a function's own file, and would keep a caller whose callee, elsewhere, was changed."""
    folder = Path(__file__).parent
    digest = hashlib.sha256(
        (folder.parent / "contract.py").read_bytes()
    )  # the kernels take its codes as constants
    for source in sorted(folder.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


numba.config.CACHE_DIR = str(
    Path(numba.config.CACHE_DIR or Path(__file__).parent / "__pycache__") / _digest_of_sources()
)
