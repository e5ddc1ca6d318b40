"""A plain function as a strategy: `def backtest(data, fast: int = 10, slow: int = 30) -> dict[str, float]`.

Its first parameter is the data, the others are what a sweep may vary, the numbers it returns are the metrics.
Which those are is found out by running it once, with its defaults, on a few invented bars or ticks; or said:
`backtest.metrics = ("trades", "return_pct")`. It is called once for each combination.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import re
import typing
from collections.abc import Callable, Mapping
from types import FunctionType, SimpleNamespace
from typing import Any, Final

import numpy as np

from tasks.contract import Columns, DataKind
from tasks.data import tiny
from tasks.errors import StrategyError
from tasks.grid.parameters import REQUIRED, Parameter, declared

Function = Callable[..., Mapping[str, Any]]
PASSED_ON: Final = (
    "goal", "groups", "metric", "prepare", "timezone", "trace", "traces", "warm_up", "whole_numbers",
)  # fmt: skip
SEED: Final = "seed"
SIMPLE: Final[Mapping[str, Any]] = {
    "int": 1,
    "float": 1.0,
    "str": "",
    "bool": False,
    "list": [],
    "map": {},
}
ROWS: Final = 300


class FunctionStrategy:
    """What a strategy has, made from the function; attributes set on the function are the strategy's."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.name: str = getattr(function, "__name__", "backtest")
        self.__doc__ = inspect.getdoc(function)
        self.seeded = bool(getattr(function, "seeded", False))
        given = _parameters(function, self.name)
        self.data: DataKind = getattr(function, "data", None) or _kind(given[0])
        self.params: type[Any] = _params(function, self.name, [p for p in given[1:] if not self._is_seed(p)])
        for attribute in PASSED_ON:
            if hasattr(function, attribute):
                setattr(self, attribute, getattr(function, attribute))
        told: tuple[str, ...] | None = getattr(function, "metrics", None)
        self.is_told = told is not None
        self.metrics: tuple[str, ...] = self._metrics_found() if told is None else told

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        names = [f.name for f in dataclasses.fields(self.params)]
        names += [SEED] if self.seeded else []
        rows = len(next(iter(combinations.values()))) if combinations else 1
        found = [self._call(data, {n: _plain(combinations[n][i]) for n in names}) for i in range(rows)]
        return {m: np.array([result[m] for result in found], np.float64) for m in self.metrics}

    def _call(self, data: Columns, values: Mapping[str, Any]) -> dict[str, float]:
        result = _numbers(self.function(data, **values), self.name)
        if missing := [m for m in self.metrics if m not in result]:
            hint = "return float('nan') where there is none"
            raise StrategyError(f"{self.name} returned no {missing[0]!r}, as it did before; {hint}")
        if not self.is_told and len(result) > len(self.metrics):
            more = next(m for m in result if m not in self.metrics)
            hint = f"name all that it may return: {self.name}.metrics = (…)"
            raise StrategyError(f"{self.name} returned {more!r}, which it did not before; {hint}")
        return result

    def _metrics_found(self) -> tuple[str, ...]:
        values = {p.name: _some(p) for p in declared(self.params)} | ({SEED: 0} if self.seeded else {})
        data: Any = tiny.ticks(ROWS) if self.data == "ticks" else tiny.bars(ROWS)
        hint = f"mend it, or name what it returns: {self.name}.metrics = ('trades', …)"
        try:
            prepare = getattr(self, "prepare", None)
            result = self.function(prepare(data) if prepare else data, **values)
        except Exception as e:  # the strategy's code: anything may come out of it
            said = f"{type(e).__name__}: {e}"
            raise StrategyError(f"{self.name} fails on {ROWS} invented {self.data}: {said}", hint=hint) from e
        if not (metrics := tuple(_numbers(result, self.name))):
            raise StrategyError(f"{self.name} returned no metrics for {ROWS} invented {self.data}", hint=hint)
        return metrics

    def _is_seed(self, parameter: inspect.Parameter) -> bool:
        return self.seeded and parameter.name == SEED


def is_function(found: object) -> bool:
    return isinstance(found, FunctionType)


def _parameters(function: Function, name: str) -> list[inspect.Parameter]:
    given = [*inspect.signature(function).parameters.values()]
    hint = f"write def {name}(data, fast: int = 10, slow: int = 30)"
    if not given or given[0].kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD):
        raise StrategyError(f"{name} takes no data", hint=hint)
    for parameter in given:
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            stars = "*" if parameter.kind is inspect.Parameter.VAR_POSITIONAL else "**"
            raise StrategyError(
                f"{name} takes {stars}{parameter.name}, which names no parameter that a sweep could vary",
                hint=hint,
            )
    if positional := [p.name for p in given[1:] if p.kind is inspect.Parameter.POSITIONAL_ONLY]:
        raise StrategyError(f"{name} takes {positional[0]} by position only", hint="take the / out")
    return given


def _kind(data: inspect.Parameter) -> DataKind:
    """Bars, unless the name or the type of the first parameter is that of ticks."""
    words = [*re.findall(r"\w+", str(data.annotation)), data.name]
    return "ticks" if any(word.lower() == "ticks" for word in words) else "bars"


def _params(function: Function, name: str, parameters: list[inspect.Parameter]) -> type[Any]:
    """A frozen dataclass of them; `Annotated[int, {"min": 1, "doc": "…"}]` gives bounds, unit and help."""
    unwrapped = inspect.unwrap(function)
    written = {p.name: p.annotation for p in parameters if p.annotation is not inspect.Parameter.empty}
    try:
        hints = typing.get_type_hints(
            SimpleNamespace(__annotations__=written), unwrapped.__globals__, include_extras=True
        )
    except NameError as e:
        raise StrategyError(f"a type of {name} cannot be read: {e}", hint="import it, or use int") from e
    fields = []
    for p in parameters:
        hint, meta = _type(hints.get(p.name), p.default)
        if hint is None:
            raise StrategyError(
                f"parameter '{p.name}' of {name} has neither a type nor a default that tells it",
                hint=f"write {p.name}: int = 10, or another of int, float, str, bool, list, dict",
            )
        fields.append((p.name, hint, _field(p.default, meta)))
    made = dataclasses.make_dataclass(f"{name}_params", fields, frozen=True, kw_only=True)
    made.__module__ = unwrapped.__module__
    made.__qualname__ = name
    return made


def _type(hint: Any, default: Any) -> tuple[Any, Mapping[str, Any]]:
    if hint is None:
        known = default is not inspect.Parameter.empty and default is not None
        return (type(default) if known else None), {}
    if typing.get_origin(hint) is typing.Annotated:
        kind, *extras = typing.get_args(hint)
        return kind, next((e for e in extras if isinstance(e, Mapping)), {})
    return hint, {}


def _field(default: Any, meta: Mapping[str, Any]) -> Any:
    if default is inspect.Parameter.empty:
        return dataclasses.field(metadata=meta)
    if isinstance(default, list | dict | set):
        return dataclasses.field(default_factory=lambda: copy.deepcopy(default), metadata=meta)
    return dataclasses.field(default=default, metadata=meta)


def _some(parameter: Parameter) -> Any:
    """The default, or where there is none a simple value that fits."""
    if parameter.default is not REQUIRED:
        return copy.deepcopy(parameter.default)
    if parameter.choices:
        return parameter.choices[0]
    return parameter.min if parameter.min is not None else SIMPLE[parameter.type]


def _plain(value: Any) -> Any:
    """A number of Python's own; None where one is missing."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and value != value else value


def _numbers(result: Any, name: str) -> dict[str, float]:
    if not isinstance(result, Mapping):
        raise StrategyError(f"{name} returned {type(result).__name__}; wanted metrics: {{'trades': 3, …}}")
    numbers = {}
    for metric, value in result.items():
        try:
            numbers[str(metric)] = float(value)
        except (TypeError, ValueError) as e:
            hint = "a metric is a number, float('nan') where there is none"
            raise StrategyError(f"{name} returned {value!r} for {metric!r}; {hint}") from e
    return numbers
