"""Gap fade: trade against an opening gap, close the position at the end of the bar."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Params:
    """What a sweep may vary, with the defaults."""

    min_gap: float = field(
        default=0.01,
        metadata={"min": 0.0, "max": 0.5, "unit": "fraction", "doc": "smallest gap that is faded"},
    )
    max_gap: float = field(
        default=0.10,
        metadata={"min": 0.0, "max": 1.0, "unit": "fraction", "doc": "a larger one is news, and left alone"},
    )
    side: str = field(
        default="both", metadata={"choices": ("both", "long", "short"), "doc": "which trades are taken"}
    )


TRACES = {"trades": {"bar": "int64", "time": "timestamp[ns]", "size": "int64", "return_pct": "double"}}


class GapFade:
    """Sell a gap up and buy a gap down at the open, close at the close."""

    name, data, params = "gap_fade", "bars", Params
    metrics = ("trades", "win_rate_pct", "mean_return_pct", "return_pct")
    whole_numbers = ("trades",)
    metric = "return_pct"
    traces = TRACES

    def prepare(self, data):
        """What no parameter changes, computed once for each security."""
        gap = np.full(len(data["open"]), np.nan)
        gap[1:] = data["open"][1:] / data["close"][:-1] - 1.0
        return {"gap": gap, "day": data["close"] / data["open"] - 1.0, "timestamp": data["timestamp"]}

    def evaluate(self, data, combinations):
        """One row out per combination in, in the same order."""
        rows = [self._returns(data, *c)[2] for c in zip(*(combinations[n] for n in PARAMETERS), strict=True)]
        return {
            "trades": np.array([r.size for r in rows]),
            "win_rate_pct": np.array([100 * (r > 0).mean() if r.size else np.nan for r in rows]),
            "mean_return_pct": np.array([100 * r.mean() if r.size else np.nan for r in rows]),
            "return_pct": np.array([100 * (np.prod(1 + r) - 1) for r in rows]),
        }

    def trace(self, data, combination):
        """What one combination did: for `output.keep: [trades]`."""
        bar, size, returns = self._returns(data, *(combination[n] for n in PARAMETERS))
        return {
            "trades": {"bar": bar, "time": data["timestamp"][bar], "size": size, "return_pct": 100 * returns}
        }

    def _returns(self, data, min_gap, max_gap, side):
        gap = data["gap"]
        taken = (np.abs(gap) >= min_gap) & (np.abs(gap) <= max_gap)
        taken &= {"both": gap != 0, "long": gap < 0, "short": gap > 0}[side]
        bar = np.flatnonzero(taken)
        size = np.where(gap[bar] > 0, -1, 1)
        return bar, size, size * data["day"][bar]


PARAMETERS = ("min_gap", "max_gap", "side")
