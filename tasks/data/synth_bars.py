"""What the invented bars have in common: names, seeds, the walk of a price inside bars."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

STEPS_PER_BAR: Final = 6
FREEDOM: Final = 4  # of Student's t: some bars are far wider than the rest
LOWEST_TICKS: Final = 10
PULL: Final = 0.03  # of the way back to the usual price that a day takes on average

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Prices in whole ticks."""

    open: I8
    high: I8
    low: I8
    close: I8

    def columns(self) -> dict[str, I8]:
        return {"open": self.open, "high": self.high, "low": self.low, "close": self.close}


def names_of(securities: Sequence[str] | int) -> list[str]:
    """As they are given; for a number `SYN1`, `SYN2` and so on."""
    return [f"SYN{i + 1}" for i in range(securities)] if isinstance(securities, int) else list(securities)


def identity_of(name: str, seed: int) -> list[int]:
    """What all randomness of a security comes from."""
    return [seed, zlib.crc32(name.upper().encode())]


def walk(last: int, usual: float, ticks_per_bar: F8, rng: np.random.Generator) -> Bars:
    """Bars that begin at `last`, each as far as `ticks_per_bar` says, drifting back to the usual price."""
    count = ticks_per_bar.size
    steps = rng.standard_t(FREEDOM, (count, STEPS_PER_BAR)) / np.sqrt(2.0 * STEPS_PER_BAR)  # t(4): variance 2
    steps *= ticks_per_bar[:, None]
    steps += PULL * (usual - last) / (count * STEPS_PER_BAR)
    path = np.maximum(last + np.cumsum(steps).reshape(steps.shape), LOWEST_TICKS)
    opens = np.concatenate([[max(last, LOWEST_TICKS)], path[:-1, -1]])
    rounded = np.rint(np.column_stack([opens, path])).astype(np.int64)
    return Bars(open=rounded[:, 0], high=rounded.max(axis=1), low=rounded.min(axis=1), close=rounded[:, -1])
