"""Many combinations of the VCP walk over one security's daily bars: settings in, figures or trades out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.contract import Columns, Refuse
from tasks.kernels.daily.frame import COLUMNS, Frame, frame_of
from tasks.kernels.daily.indicators import indicators
from tasks.kernels.vcp.records import (
    CONTINUOUS,
    ENTRIES,
    LEVELS,
    MASK_BITS,
    METRICS,
    PICKS,
    REASONS,
    SIGNAL,
    TRADE,
    TRADING,
)
from tasks.kernels.vcp.settings import STRUCTURE, settings_of
from tasks.kernels.vcp.stages import Bars, bars_of
from tasks.kernels.vcp.walk import walk

F8 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class WalkFrame(Mapping[str, NDArray[Any]]):
    """A frame, and what every walk over it shares, whatever its settings."""

    frame: Frame
    bars: Bars = field(repr=False)
    atr: F8 = field(repr=False)
    trending: NDArray[np.bool_] = field(repr=False)
    """Of each bar whether, as the newest one, it passes the trend template."""

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.frame[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.frame)

    def __len__(self) -> int:
        return len(self.frame)


def prepare(data: Columns, refuse: Refuse) -> WalkFrame:
    if isinstance(data, WalkFrame):
        return data
    frame = frame_of(data, refuse)
    known = indicators(frame)
    bars = bars_of(*(frame[name] for name in COLUMNS))
    rising = (known.sma_50 > known.sma_100) & (known.sma_100 > known.sma_200)
    return WalkFrame(frame, bars, known.atr, rising & (frame["close"] > known.sma_50))


def evaluate(data: WalkFrame, combinations: Columns) -> dict[str, NDArray[Any]]:
    """One row of figures per combination; rows do not depend on which others stand beside them."""
    settings = walk_settings(combinations)
    metrics = np.empty((settings.size, len(METRICS)))
    for chosen in alike(settings):
        those = np.empty((len(chosen), len(METRICS)))
        _walk(data, settings[chosen], those, 0)
        metrics[chosen] = those
    columns = {name: metrics[:, k] for k, name in enumerate(METRICS)}
    return {**columns, "empty": np.full(settings.size, data.frame.bars == 0)}


def trace(data: WalkFrame, combination: Mapping[str, Any]) -> dict[str, Columns]:
    """The signals and the trades of one combination, in the order of dates."""
    settings = walk_settings({name: np.array([value], object) for name, value in combination.items()})
    signals, trades = _walk(data, settings, np.empty((1, len(METRICS))), data.frame.bars)
    return {"signals": _signal_columns(data, settings[0], signals), "trades": _trade_columns(data, trades)}


def walk_settings(combinations: Columns) -> Any:
    """One record per combination."""
    rows = len(combinations["rules"])
    settings = settings_of(combinations, rows, TRADING)
    settings.entry_code = [ENTRIES.index(word) for word in combinations["entry"]]
    settings.pick_code = [PICKS.index(word) for word in combinations["pick"]]
    given = zip(combinations["levels"], combinations["rules"], strict=True)
    settings.is_continuous = [levels_of(levels, rules) == LEVELS[CONTINUOUS] for levels, rules in given]
    return settings


def levels_of(levels: Any, rules: str) -> str:
    if levels is not None:
        return str(levels)
    return LEVELS[CONTINUOUS] if rules == "fixed" else LEVELS[0]


def alike(settings: Any) -> list[list[int]]:
    """Which settings are of one structure, so that one search for bases serves them all."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for i, key in enumerate(zip(*(settings[name].tolist() for name in STRUCTURE), strict=True)):
        found.setdefault(key, []).append(i)
    return list(found.values())


def _walk(data: WalkFrame, settings: Any, metrics: F8, room: int) -> tuple[Any, Any]:
    """Fills `metrics`; signals and trades of the last setting, where there is room for them."""
    signals: Any = np.empty(room, SIGNAL).view(np.recarray)
    trades: Any = np.empty(room, TRADE).view(np.recarray)
    counts = walk(data.bars, data.atr, data.trending, settings, metrics, signals, trades)
    return signals[: counts[0]], trades[: counts[1]]


def _signal_columns(data: WalkFrame, setting: Any, signals: Any) -> Columns:
    lengths = (setting.max_pattern_duration - setting.min_pattern_duration) // setting.base_step + 1
    columns: dict[str, Any] = {name: signals[name].copy() for name in SIGNAL.names or ()}
    if lengths > MASK_BITS:
        columns["mask"] = np.full(signals.size, None)
    columns["date"] = data["date"][signals.bar]
    columns["close"] = data["close"][signals.bar]
    columns["atr"] = data.atr[signals.bar]
    return columns


def _trade_columns(data: WalkFrame, trades: Any) -> Columns:
    columns: dict[str, Any] = {name: trades[name].copy() for name in TRADE.names or ()}
    for name in ("signal", "entry", "exit"):
        columns[f"{name}_date"] = data["date"][trades[f"{name}_bar"]]
    columns["reason"] = np.array(REASONS, object)[trades.reason]
    columns["bars_held"] = trades.exit_bar - trades.entry_bar
    return columns
