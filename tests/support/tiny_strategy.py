"""A strategy that does what a test tells it: counts ticks, or fails in one of the ways that code can fail.

Installed from a copy of this file by `tests.support.plugin`, as anybody's strategy would be.
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
import pyarrow as pa

WAYS: Final = ("count", "raise", "memory", "exit", "die", "nan", "trace raises")
PREPARATION: Final = "TINY_PREPARE"  # environment: how `prepare` fails, if it does
PAUSE: Final = "TINY_PAUSE"  # environment: a file; while it is there, evaluate waits
STARTED: Final = "TINY_STARTED"  # environment: a file to which each evaluation adds where it runs
THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class TinyParams:
    x: int = field(default=1, metadata={"min": 0})
    way: str = field(default="count", metadata={"choices": WAYS})
    cap: float | None = None


class Tiny:
    """`y` is x times the number of rows; `n` is that number."""

    name: Final = "tiny"
    data: Final = "ticks"
    params: Final = TinyParams
    metrics: Final = ("y", "n")
    whole_numbers: Final = ("n",)
    metric: Final = "y"
    traces: Final = {
        "trades": {"step": "int64", "x": "int64"},
        "signals": {"word": "string"},
    }

    def prepare(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        way = os.environ.get(PREPARATION)
        if way == "raise":
            raise ArithmeticError("prepare cannot")
        if way == "memory":
            raise MemoryError("prepare needs more")
        return data

    def evaluate(self, data: Mapping[str, Any], combinations: Mapping[str, Any]) -> Mapping[str, Any]:
        _note_start()
        _wait()
        for way in combinations["way"]:
            _fail(str(way))
        rows = len(data["price"])
        y = combinations["x"].astype(np.float64) * rows
        y[combinations["way"] == "nan"] = np.nan
        return {"y": y, "n": np.full(len(y), rows)}

    def trace(self, data: Mapping[str, Any], combination: Mapping[str, Any]) -> Mapping[str, Any]:
        if combination["way"] == "trace raises":
            raise LookupError("no trace")
        x = combination["x"]
        return {
            "trades": {"step": np.arange(x), "x": np.full(x, x)},
            "signals": {"word": [f"x is {x}"]},
        }


def _fail(way: str) -> None:
    if way == "raise":
        raise ZeroDivisionError("x by nothing")
    if way == "memory":
        raise MemoryError
    if way == "exit":
        os._exit(0)
    if way == "die":
        os.kill(os.getpid(), signal.SIGKILL)


def _note_start() -> None:
    if path := os.environ.get(STARTED):
        threads = {name: os.environ.get(name) for name in THREADS} | {"arrow": pa.cpu_count()}
        with Path(path).open("a") as file:
            file.write(json.dumps({"pid": os.getpid(), "threads": threads}) + "\n")


def _wait() -> None:
    path = os.environ.get(PAUSE)
    while path and Path(path).exists():
        time.sleep(0.01)
