"""A strategy that does what a test tells it: counts ticks, or fails in one of the ways that code can fail.

Installed from a copy of this file by `tests.support.plugin`, as anybody's strategy would be.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
import pyarrow as pa

PREPARATION: Final = "TINY_PREPARE"  # environment: how `prepare` fails, if it does
PAUSE: Final = "TINY_PAUSE"  # environment: a file; while it is there, evaluate waits
STARTED: Final = "TINY_STARTED"  # environment: a file to which each evaluation adds where it runs
THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


class Odd(Exception):
    """Cannot be made anew from what it says, and says nothing."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first, second)

    def __str__(self) -> str:
        raise LookupError("no words")


def _divide() -> NoReturn:
    raise ZeroDivisionError("x by nothing")


def _speak_long() -> NoReturn:
    raise ValueError("x" * 20_000_000)


def _be_odd() -> NoReturn:
    raise Odd("first", "second")


def _need_memory() -> NoReturn:
    raise MemoryError


def _take_memory() -> None:
    """More than the process may have, and nothing of it is ever touched."""
    most = resource.getrlimit(resource.RLIMIT_DATA)[0]
    np.empty(most if most != resource.RLIM_INFINITY else 1, np.int8)


def _interrupt() -> NoReturn:
    raise KeyboardInterrupt


def _recurse() -> None:
    _recurse()


def _sleep() -> None:
    time.sleep(1_000_000)


def _be_stuck() -> None:
    """As in a call of C that never comes back: no signal handler gets a turn."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})
    time.sleep(1_000_000)


def _crash() -> None:
    faulthandler.disable()  # pytest's own would fill the screen
    ctypes.string_at(0)


def _abort() -> NoReturn:
    faulthandler.disable()
    os.abort()


def _send(number: signal.Signals) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


DEADLY: Final[Mapping[str, Callable[[], object]]] = {
    "die": _send(signal.SIGKILL),
    "exit": lambda: os._exit(0),
    "segfault": _crash,
    "abort": _abort,
}
"""Ways that end the process."""
ENDLESS: Final[Mapping[str, Callable[[], object]]] = {
    "sleep": _sleep,
    "stuck": _be_stuck,
    "stop": _send(signal.SIGSTOP),
}
RAISING: Final[Mapping[str, Callable[[], object]]] = {
    "raise": _divide,
    "long message": _speak_long,
    "odd error": _be_odd,
    "memory": _need_memory,
    "too much memory": _take_memory,
    "sys.exit": lambda: sys.exit(3),
    "interrupt": _interrupt,
    "recursion": _recurse,
}
FAULTS: Final = {**DEADLY, **ENDLESS, **RAISING}
WAYS: Final = ("count", *FAULTS, "nan", "object", "trace raises")


@dataclass(frozen=True)
class TinyParams:
    x: int = field(default=1, metadata={"min": 0})
    way: str = field(default="count", metadata={"choices": WAYS})
    only_x: int | None = None
    """Where given, the way is that of this x alone."""
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
        if way in FAULTS:
            FAULTS[way]()
        return data

    def evaluate(self, data: Mapping[str, Any], combinations: Mapping[str, Any]) -> Mapping[str, Any]:
        _note_start()
        _wait()
        x, only = combinations["x"], combinations["only_x"]
        ways = [
            w if o is None or o == v else "count"
            for w, v, o in zip(combinations["way"], x, only, strict=True)
        ]
        for way in ways:
            if way in FAULTS:
                FAULTS[way]()
        rows = len(data["price"])
        y = x.astype(np.float64) * rows
        y[[way == "nan" for way in ways]] = np.nan
        if "object" in ways:
            return {"y": np.full(len(y), Odd("no", "number"), object), "n": y}
        return {"y": y, "n": np.full(len(y), rows)}

    def trace(self, data: Mapping[str, Any], combination: Mapping[str, Any]) -> Mapping[str, Any]:
        if combination["way"] == "trace raises":
            raise LookupError("no trace")
        x = combination["x"]
        return {
            "trades": {"step": np.arange(x), "x": np.full(x, x)},
            "signals": {"word": [f"x is {x}"]},
        }


def _note_start() -> None:
    if path := os.environ.get(STARTED):
        threads = {name: os.environ.get(name) for name in THREADS} | {"arrow": pa.cpu_count()}
        with Path(path).open("a") as file:
            file.write(json.dumps({"pid": os.getpid(), "threads": threads}) + "\n")


def _wait() -> None:
    path = os.environ.get(PAUSE)
    while path and Path(path).exists():
        time.sleep(0.01)
