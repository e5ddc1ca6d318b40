"""What a strategy lets a sweep vary: parameters, read from its `params` dataclass, and values that fit them.

The dataclass is the author's own; here its fields become `Parameter`s, written values become values of the
declared type, and columns of values become the arrays that `evaluate` is given.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, cast

import numpy as np

from tasks.contract import Columns
from tasks.errors import StrategyError

ParameterType = Literal["int", "float", "str", "bool", "list", "map"]
Value = Any
"""None, bool, int, float, str, or a list or map of these: what JSON can hold."""

MIN_INT: Final = -(2**63)
MAX_INT: Final = 2**63 - 1  # an int parameter becomes an int64 column
WORDS: Final[Mapping[ParameterType, str]] = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "list": "a list",
    "map": "a map",
}


class Required:
    """The default of a parameter that has none."""

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Final = Required()


class ValueRefused(ValueError):
    """A value that a parameter cannot take; `message` says what was found, `hint` what would do."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(f"{message}; {hint}" if hint else message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One field of a strategy's `params`."""

    name: str
    type: ParameterType
    nullable: bool = False
    default: Value = REQUIRED
    min: float | None = None
    max: float | None = None
    choices: tuple[Value, ...] = ()
    unit: str = ""
    doc: str = ""
    one: bool = False
    """A list that is also given as one value: 5 means [5]."""
    check: Callable[[Value], object] | None = None
    """The author's own test of a value; it raises ValueError to refuse one."""

    @property
    def is_required(self) -> bool:
        return self.default is REQUIRED


def declared(params_class: type[Any]) -> tuple[Parameter, ...]:
    """The parameters of a strategy in the order of its dataclass."""
    return _declared(cast(Hashable, params_class))  # what a class is to `cache`; mypy doubts it


@cache
def _declared(params_class: type[Any]) -> tuple[Parameter, ...]:
    if not dataclasses.is_dataclass(params_class):
        raise StrategyError(f"params {params_class.__qualname__} is not a dataclass")
    hints = typing.get_type_hints(params_class)
    return tuple(_parameter(f, hints[f.name], params_class) for f in dataclasses.fields(params_class))


def coerce(parameter: Parameter, value: Value) -> Value:
    """`value` as the parameter's type, for instance 10 as 10.0; `ValueRefused` where it does not fit."""
    if value is None:
        if parameter.nullable:
            return None
        raise ValueRefused(f"{parameter.name} is {WORDS[parameter.type]}, was null")
    fitted = _of_type(parameter, _listed(parameter, value))
    if parameter.choices and fitted not in parameter.choices:
        raise ValueRefused(
            f"{parameter.name} has no value {shown(fitted)}", nearest(fitted, parameter.choices)
        )
    if parameter.min is not None and fitted < parameter.min:
        raise ValueRefused(f"{parameter.name} is at least {parameter.min}, was {shown(value)}")
    if parameter.max is not None and fitted > parameter.max:
        raise ValueRefused(f"{parameter.name} is at most {parameter.max}, was {shown(value)}")
    if parameter.check is not None:
        try:
            parameter.check(fitted)
        except ValueError as e:
            raise ValueRefused(f"{parameter.name} = {shown(value)}: {e}") from e
    return fitted


def as_arrays(parameters: Iterable[Parameter], columns: Mapping[str, Sequence[Value]], rows: int) -> Columns:
    """One read-only array of length `rows` per parameter; one that has no column is filled with its default.

    The type depends on the declaration alone, never on the values: two chunks of one sweep look the same.
    """
    return {p.name: _array(p, columns.get(p.name), rows) for p in parameters}


def shown(value: Value) -> str:
    """A value as a person would write it in sweep.yaml."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(shown(v) for v in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {shown(v)}" for k, v in value.items()) + "}"
    return repr(value)


def nearest(word: Value, allowed: Iterable[Value], most: int = 20) -> str:
    """A hint for a word that is not allowed: the nearest one that is, else what there is."""
    words = [str(a) for a in allowed]
    if close := difflib.get_close_matches(str(word), words, n=1, cutoff=0.6):
        return f"did you mean '{close[0]}'?"
    more = f" … {len(words) - most:,} more" if len(words) > most else ""
    return "there is " + ", ".join(words[:most]) + more if words else "there is none"


def _parameter(field: dataclasses.Field[Any], hint: Any, owner: type[Any]) -> Parameter:
    kind, nullable, choices = _declared_type(hint)
    if kind is None:
        raise StrategyError(
            f"{owner.__qualname__}.{field.name} is declared as {hint}, which no sweep can vary",
            hint="use int, float, str, bool, list or dict, each also with | None",
        )
    default: Value = REQUIRED
    if field.default is not dataclasses.MISSING:
        default = field.default
    elif field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    meta = field.metadata
    parameter = Parameter(
        name=field.name,
        type=kind,
        nullable=nullable,
        min=meta.get("min"),
        max=meta.get("max"),
        choices=tuple(meta.get("choices") or choices),
        unit=meta.get("unit", ""),
        doc=meta.get("doc", ""),
        one=meta.get("one", False),
        check=meta.get("check"),
    )
    if default is REQUIRED:
        return parameter
    try:
        return dataclasses.replace(parameter, default=coerce(parameter, default))
    except ValueRefused as e:
        raise StrategyError(f"default of {owner.__qualname__}: {e.message}") from e


def _declared_type(hint: Any) -> tuple[ParameterType | None, bool, tuple[Value, ...]]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        rest = [a for a in arguments if a is not type(None)]
        if len(rest) != 1:
            return None, False, ()
        kind, _, choices = _declared_type(rest[0])
        return kind, len(rest) < len(arguments), choices
    if origin is Literal:
        return ("str" if all(isinstance(a, str) for a in arguments) else None), False, arguments
    plain = origin or hint
    simple: dict[Any, ParameterType] = {int: "int", float: "float", str: "str", bool: "bool"}
    if plain in simple:
        return simple[plain], False, ()
    if isinstance(plain, type) and issubclass(plain, Mapping):
        return "map", False, ()
    if isinstance(plain, type) and issubclass(plain, Sequence):
        return "list", False, ()
    return None, False, ()


def _listed(parameter: Parameter, value: Value) -> Value:
    is_alone = parameter.one and not isinstance(value, list | tuple | Mapping)
    return [value] if is_alone else value


def _of_type(parameter: Parameter, value: Value) -> Value:
    match parameter.type:
        case "int" if isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
            if MIN_INT <= value <= MAX_INT:
                return int(value)
            raise ValueRefused(f"{parameter.name} is too large for a whole number of 64 bits")
        case "float" if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                number = float(value) + 0.0  # -0.0 becomes 0.0: equal values, equal ids
            except OverflowError:
                number = math.inf
            if math.isfinite(number):
                return number
            raise ValueRefused(f"{parameter.name} is a finite number, was {number}")
        case "str" if isinstance(value, str):
            return value
        case "bool" if isinstance(value, bool):
            return value
        case "list" if isinstance(value, list | tuple):
            return [*value]
        case "map" if isinstance(value, Mapping):
            return dict(value)
    is_word = not isinstance(value, list | tuple | Mapping)
    hint = "put it in quotes" if parameter.type == "str" and is_word else None
    raise ValueRefused(f"{parameter.name} is {WORDS[parameter.type]}, was {shown(value)}", hint)


def _array(parameter: Parameter, column: Sequence[Value] | None, rows: int) -> np.ndarray[Any, Any]:
    if column is None and parameter.is_required:
        raise ValueError(f"{parameter.name} has no default and no value")
    if column is not None and len(column) != rows:
        raise ValueError(f"{parameter.name} has {len(column)} values for {rows} combinations")
    plain: dict[str, type[np.generic]] = {"int": np.int64, "bool": np.bool_} if not parameter.nullable else {}
    dtype: type[np.generic] = (
        np.float64 if parameter.type == "float" else plain.get(parameter.type, np.object_)
    )
    array: np.ndarray[Any, Any] = np.empty(rows, dtype)
    if column is None and not isinstance(parameter.default, list | Mapping):
        array[:] = parameter.default  # None becomes NaN where the column is float64
    elif column is None:
        for i in range(rows):  # numpy would spread a list over the rows
            array[i] = parameter.default
    elif dtype is np.object_ and parameter.type == "list":
        for i, value in enumerate(column):
            array[i] = value
    else:
        array[:] = column
    array.flags.writeable = False
    return array
