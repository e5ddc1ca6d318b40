"""A strategy whose every call is counted: seeded sums, and combinations that end their process when told to.

Installed from a copy of this file by `tests.support.plugin`. What goes wrong comes from the environment and
not from parameters, so that an undisturbed run of the same sweep, elsewhere, gives the same bytes.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

LOG: Final = "FAULT_LOG"  # a file to which each evaluation adds a line when it starts and one when it ends
PAUSE_MS: Final = "FAULT_PAUSE_MS"  # how long one evaluation takes
POISON: Final = "FAULT_POISON"  # "7:kill,11:exit": what the combinations with these x do
SLOW: Final = "FAULT_SLOW"  # "3:15": seconds that the evaluation of this x takes longer
DRAWS: Final = 1000
WIDTH: Final = 25
DEPTH: Final = 500  # with that many of z a part has 100 KB, of numbers that do not repeat


@dataclass(frozen=True)
class Params:
    x: int = field(default=1, metadata={"min": 0})


@dataclass(frozen=True)
class WideParams(Params):
    z: int = field(default=0, metadata={"min": 0})


class Tallied:
    """`y` is a sum of random numbers seeded by x and the data's length; `n` is that length."""

    name: Final = "tallied"
    data: Final = "ticks"
    params: Final = Params
    metrics: Final[tuple[str, ...]] = ("y", "n")
    whole_numbers: Final[tuple[str, ...]] = ("n",)
    metric: Final = "y"
    traces: Final = {"trades": {"step": "int64", "value": "double"}}

    def evaluate(self, data: Mapping[str, Any], combinations: Mapping[str, Any]) -> Mapping[str, Any]:
        rows = len(data["price"])
        with _Noted(data, combinations["x"]):
            y = [the_sum(int(x), rows) for x in combinations["x"]]
            return {"y": np.array(y), "n": np.full(len(y), rows)}

    def trace(self, data: Mapping[str, Any], combination: Mapping[str, Any]) -> Mapping[str, Any]:
        x = int(combination["x"])
        return {"trades": {"step": np.arange(5), "value": np.random.default_rng(x).standard_normal(5)}}


class Wide(Tallied):
    """The same with so many metrics, drawn so quickly, that parts are large and cost little."""

    name: Final = "wide"  # type: ignore[misc]  # another strategy
    params: Final = WideParams  # type: ignore[misc]
    metrics: Final = tuple(f"m{i:02}" for i in range(WIDTH))  # type: ignore[misc]
    whole_numbers: Final = ()  # type: ignore[misc]
    metric: Final = "m00"  # type: ignore[misc]

    def evaluate(self, data: Mapping[str, Any], combinations: Mapping[str, Any]) -> Mapping[str, Any]:
        with _Noted(data, combinations["x"][:1]):
            seed = [int(combinations["x"][0]), len(data["price"])]
            drawn = np.random.default_rng(seed).random((WIDTH, DEPTH))
            return {name: drawn[i][combinations["z"]] for i, name in enumerate(self.metrics)}


def the_sum(x: int, rows: int) -> float:
    return float(np.random.default_rng([x, rows]).standard_normal(DRAWS).sum())


class _Noted:
    """Says when an evaluation starts and ends, in one write each; between them it does what it was told."""

    def __init__(self, data: Mapping[str, Any], x: Any) -> None:
        self.x = [int(v) for v in x]
        self.what = {"security": getattr(data, "security", "?"), "x": self.x, "pid": os.getpid()}

    def __enter__(self) -> None:
        self._write("start")
        time.sleep(float(os.environ.get(PAUSE_MS, "0")) / 1000)
        slow, poison = _told(SLOW), _told(POISON)
        for x in self.x:
            if x in slow:
                time.sleep(float(slow[x]))
            if x in poison:
                _do(poison[x])

    def __exit__(self, *_: object) -> None:
        self._write("end")

    def _write(self, event: str) -> None:
        if path := os.environ.get(LOG):
            line = json.dumps({"event": event, "at": time.time(), **self.what}) + "\n"
            file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(file, line.encode())
            finally:
                os.close(file)


def _told(variable: str) -> dict[int, str]:
    pairs = (pair.split(":") for pair in os.environ.get(variable, "").split(",") if pair)
    return {int(x): way for x, way in pairs}


def _do(way: str) -> None:
    if way == "raise":
        raise ZeroDivisionError("told to")
    if way == "memory":
        raise MemoryError
    if way == "exit":
        os._exit(0)
    if way == "segv":
        os.kill(os.getpid(), signal.SIGSEGV)
    if way == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if way.startswith("once="):  # dies where nobody has died before: the first start only
        mark = Path(way.removeprefix("once="))
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
