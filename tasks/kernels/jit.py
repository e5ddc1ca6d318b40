"""The one place with compiler flags: every kernel of this project is compiled alike, or not at all.

`fastmath` stays off, so that sums are made in the order written and every machine gives the same bits.
Compiled code is kept on disk (below `NUMBA_CACHE_DIR` where that is set), so that a second process only loads
it. With `NUMBA_DISABLE_JIT=1` the same functions run as plain Python: slow, and can be stepped through.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

import numba
import numpy as np
from numba.core.errors import NumbaExperimentalFeatureWarning
from numpy.typing import NDArray

from tasks.plugins import sources

Function = TypeVar("Function", bound=Callable[..., Any])

# error_model: a division by zero gives inf or NaN as in NumPy, instead of a test before each division
_FLAGS = {"cache": True, "fastmath": False, "nogil": True, "error_model": "numpy", "boundscheck": False}
# a kernel for records takes longer ones that begin alike: `vcp_screen` gives such to the stages of `vcp`
warnings.filterwarnings("ignore", ".*considered a subtype", NumbaExperimentalFeatureWarning)
_CACHE: Final = Path(numba.config.CACHE_DIR or Path(__file__).parent / "__pycache__")


def kernel(function: Function) -> Function:
    """Compile at the first call, for the types of that call."""
    return _compiled(function)


def part(function: Function) -> Function:
    """A piece of a hot loop: always copied into the kernel that calls it, where its constants are known."""
    return _compiled(function, forceinline=True)


def as_kernel_column(values: NDArray[Any], kind: type[Any]) -> NDArray[Any]:
    """Aligned, contiguous, read-only: one kind of array, so that each kernel is compiled once."""
    view = np.require(values, kind, ["C", "A"]).view()
    view.flags.writeable = False
    return view


def _compiled(function: Function, **more: Any) -> Function:
    """Numba looks at a function's own file, and would keep a caller whose callee, elsewhere, was changed.

    So each module has a folder of its own in the cache, named by the sources that it is made of.
    """
    numba.config.CACHE_DIR = str(_CACHE / _digest(inspect.getfile(function)))
    compiled: Function = numba.njit(**_FLAGS, **more)(function)
    return compiled


@lru_cache(maxsize=128)
def _digest(file: str) -> str:
    return sources.digest(sources.labelled(sources.closure(Path(file))))[:16]
