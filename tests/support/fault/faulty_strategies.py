"""Strategies that each break one promise, and two that keep all: what `check_strategy` is tested on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Columns = Mapping[str, Any]


@dataclass(frozen=True)
class Params:
    window: int = field(default=5, metadata={"min": 1, "max": 50})
    edge: float = 0.001


class Sound:
    """Buys after a bar that rose by more than `edge`, sells `window` bars later."""

    name, data, params = "sound", "bars", Params
    metrics = ("trades", "total")
    whole_numbers = ("trades",)
    traces = {  # noqa: RUF012  # as an author writes it
        "trades": {"entry_bar": "int64", "entry_time": "timestamp[ns]", "exit_bar": "int64", "pnl": "double"}
    }

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        found = [
            self.trades(data, w, e) for w, e in zip(combinations["window"], combinations["edge"], strict=True)
        ]
        return {
            "trades": np.array([len(pnl) for _, _, pnl in found]),
            "total": np.array([pnl.sum() for _, _, pnl in found]),
        }

    def trace(self, data: Columns, combination: Columns) -> Mapping[str, Columns]:
        entry, exit_, pnl = self.trades(data, combination["window"], combination["edge"])
        return {
            "trades": {
                "entry_bar": entry,
                "entry_time": data["timestamp"][entry],
                "exit_bar": exit_,
                "pnl": pnl,
            }
        }

    def signal(self, close: Any) -> Any:
        rise = np.zeros(len(close))
        rise[1:] = close[1:] / close[:-1] - 1.0
        return rise

    def trades(self, data: Columns, window: int, edge: float) -> Any:
        close = data["close"]
        entry = np.flatnonzero(self.signal(close)[: max(0, len(close) - window)] > edge)
        return entry, entry + window, close[entry + window] - close[entry]


class Minimal:
    """The least there can be: no trace, no prepare."""

    name, data, params, metrics = "minimal", "bars", Params, ("range",)

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        return {"range": combinations["edge"] * (data["high"] - data["low"]).mean()}


class Peeking(Sound):
    """Leaks: enters before a rise, which only tomorrow shows."""

    def signal(self, close: Any) -> Any:
        rise = np.zeros(len(close))
        rise[:-1] = close[1:] / close[:-1] - 1.0
        return rise


class PeekingInPrepare(Sound):
    """Leaks by a mean over all bars."""

    def prepare(self, data: Columns) -> Columns:
        return {**data, "close": np.asarray(data["close"]) / np.mean(data["close"])}


class Remembering(Minimal):
    """Adds up over calls."""

    def __init__(self) -> None:
        self.calls = 0

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        self.calls += 1
        return {"range": combinations["edge"] + self.calls}


class Caching(Minimal):
    """Measures a security by the one that came before."""

    def __init__(self) -> None:
        self.means = [0.0, 0.0]

    def prepare(self, data: Columns) -> Columns:
        if (mean := float(np.mean(data["close"]))) != self.means[-1]:
            self.means.append(mean)
        return data

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        return {"range": combinations["edge"] * self.means[-2]}


class Relative(Minimal):
    """Measures a row by the others of its chunk."""

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        return {"range": combinations["edge"] / combinations["edge"].mean()}


class Sorted(Minimal):
    """Returns rows in an order of its own."""

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        return {"range": np.sort(combinations["edge"])[::-1]}


class Writing(Minimal):
    """Fills gaps in the data that it was given."""

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        data["close"][0] = 1.0
        return {"range": combinations["edge"]}


class Unlocking(Minimal):
    """Writes although it may not."""

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        data["close"].flags.writeable = True
        data["close"][0] += 1.0
        return {"range": combinations["edge"]}


class Spoiling(Minimal):
    """Uses up what prepare made."""

    def prepare(self, data: Columns) -> Columns:
        return {"close": np.array(data["close"])}

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        data["close"][:] = 0.0
        return {"range": combinations["edge"]}


class OneNumber(Minimal):
    """Returns one number for all combinations."""

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        return {"range": 1.0}


class Forgetful(Minimal):
    """Returns another metric than it names."""

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        return {"rnge": combinations["edge"]}


class Failing(Minimal):
    """Has a typing error."""

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        return {"range": combinations["egde"]}


class HalfTraced(Sound):
    """Declares a column that it does not return."""

    traces = {"trades": {**Sound.traces["trades"], "size": "int64"}}  # noqa: RUF012  # as an author writes it
