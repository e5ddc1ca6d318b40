"""What combinations of BigBar ask for, in groups that share what depends on the slower parameters.

No compiler here: the declaration imports the words and defaults.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

VARIANTS: Final = ("sweep", "latest")
WINDOWS: Final = ("sweep", "single")
SWEEP_WINDOW_START: Final = 99  # bars without the slowest ATR of the sweep, that of 100 bars
DEFAULTS: Final[dict[str, dict[str, float]]] = {
    "sweep": {
        "window": 0,
        "spread": 0.0,
        "atr_period": 20,
        "k_atr_int": 20,
        "uptail_max_ratio_int": 7,
        "previous_weight_int": 1,
        "buffer_ratio_int": 1,
        "n_bar_breakout": 0,  # has no part in it
    },
    "latest": {
        "window": 1,
        "spread": 0.0001,
        "atr_period": 39,
        "k_atr_int": 41,
        "uptail_max_ratio_int": 6,
        "previous_weight_int": 41,
        "buffer_ratio_int": 0,  # has no part in it
        "n_bar_breakout": 16,
    },
}

I8 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What all combinations of a group have in common."""

    is_latest: bool
    start: int
    """The first bar of the file that is left."""
    period: int
    spread: float
    buffer: int
    """Of variant `sweep`, in hundredths."""
    weight: int
    """Of variant `latest`, in hundredths: there it moves the limit of the bar's size."""
    tail: int
    """Of variant `latest`, in tenths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Combinations of one kind, ascending by k, then descending by tail, then ascending by third.

    `third`: the weight in variant `sweep`, the bars to break out of in `latest`. `places`: in the block.
    """

    settings: Settings
    places: I8
    k: I8
    tail: I8
    third: I8


def groups_of(combinations: Mapping[str, NDArray[Any]]) -> Iterator[Group]:
    values = _effective(combinations)
    latest, spread = values["variant"].astype(np.int64), values["spread"]
    whole = {name: column.astype(np.int64) for name, column in values.items() if name != "spread"}
    k, tail, weight = whole["k_atr_int"], whole["uptail_max_ratio_int"], whole["previous_weight_int"]
    period = whole["atr_period"]
    start = np.where(whole["window"] == 0, SWEEP_WINDOW_START, period - 1)
    third = np.where(latest, whole["n_bar_breakout"], weight)
    common: list[NDArray[Any]] = [
        latest,
        start,
        period,
        spread,
        np.where(latest, 0, whole["buffer_ratio_int"]),
        np.where(latest, weight, 0),
        np.where(latest, tail, 0),
    ]
    order = _order([*common, k, -tail, third])
    changes = np.zeros(order.size, np.bool_)
    changes[:1] = True
    for column in common:
        changes[1:] |= column[order[1:]] != column[order[:-1]]
    for places in np.split(order, np.flatnonzero(changes)[1:]):
        if not places.size:
            continue
        is_latest, first, atr_period, cost, buffer, its_weight, its_tail = (c[places[0]] for c in common)
        settings = Settings(
            is_latest=bool(is_latest),
            start=int(first),
            period=int(atr_period),
            spread=float(cost),
            buffer=int(buffer),
            weight=int(its_weight),
            tail=int(its_tail),
        )
        yield Group(settings=settings, places=places, k=k[places], tail=tail[places], third=third[places])


def _effective(combinations: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float64]]:
    """Every parameter as a number, what is null as its variant has it; words by their place in the tuples."""
    latest = combinations["variant"] == VARIANTS[1]
    found = {"variant": latest.astype(np.float64)}
    for name, own in DEFAULTS["latest"].items():
        other = DEFAULTS["sweep"][name]
        column = combinations[name]
        if name == "window":
            column = np.array([np.nan if word is None else WINDOWS.index(word) for word in column])
        number = column.astype(np.float64)  # null becomes NaN
        found[name] = np.where(np.isnan(number), np.where(latest, own, other), number)
    return found


def _order(columns: list[NDArray[Any]]) -> I8:
    """Stable, by the first column first; columns of one value need no sorting."""
    varying = [column for column in columns if column.size and (column != column[0]).any()]
    if not varying:
        return np.arange(columns[0].size)
    return np.lexsort(varying[::-1]).astype(np.int64)
