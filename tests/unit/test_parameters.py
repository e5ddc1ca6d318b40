"""What a strategy's dataclass says about its parameters, and which values they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pytest

from tasks.errors import StrategyError
from tasks.grid.parameters import REQUIRED, Parameter, ValueRefused, as_arrays, coerce, declared, shown


@dataclass(frozen=True)
class Quoting:
    size: int = field(default=50_000, metadata={"min": 1, "max": 10**6, "unit": "shares", "doc": "A quote."})
    threshold: float = field(default=2, metadata={"min": 0})
    cap: float | None = None
    lot: int | None = None
    variant: str = field(default="v1", metadata={"choices": ("v1", "v2_stop")})
    side: Literal["buy", "sell"] = "buy"
    enabled: bool = True
    days: list[int] = field(default_factory=lambda: [0, 2])
    slots: Mapping[str, str] = field(default_factory=dict)


PARAMETERS = {p.name: p for p in declared(Quoting)}


def test_a_dataclass_tells_names_types_bounds_and_help() -> None:
    assert list(PARAMETERS) == [
        "size", "threshold", "cap", "lot", "variant", "side", "enabled", "days", "slots",
    ]  # fmt: skip
    assert PARAMETERS["size"] == Parameter(
        name="size", type="int", default=50_000, min=1, max=10**6, unit="shares", doc="A quote."
    )
    assert [p.type for p in PARAMETERS.values()] == [
        "int", "float", "float", "int", "str", "str", "bool", "list", "map",
    ]  # fmt: skip
    assert [p.name for p in PARAMETERS.values() if p.nullable] == ["cap", "lot"]
    assert PARAMETERS["side"].choices == ("buy", "sell")
    assert repr(PARAMETERS["threshold"].default) == "2.0"


def test_a_parameter_without_default_is_required() -> None:
    @dataclass(frozen=True)
    class Params:
        window: int

    assert declared(Params)[0].default is REQUIRED
    with pytest.raises(ValueError, match="window has no default and no value"):
        as_arrays(declared(Params), {}, 1)


def test_a_type_that_no_sweep_can_vary_is_refused() -> None:
    @dataclass(frozen=True)
    class Params:
        when: complex = 1j

    with pytest.raises(StrategyError, match=r"Params\.when is declared as"):
        declared(Params)


def test_a_default_outside_its_own_bounds_is_refused() -> None:
    @dataclass(frozen=True)
    class Params:
        window: int = field(default=0, metadata={"min": 1})

    with pytest.raises(StrategyError, match="window is at least 1, was 0"):
        declared(Params)


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("size", 10, 10),
        ("size", 10.0, 10),
        ("threshold", 10, 10.0),
        ("threshold", -0.0, 0.0),
        ("cap", None, None),
        ("variant", "v2_stop", "v2_stop"),
        ("enabled", False, False),
        ("days", (1, 2), [1, 2]),
        ("slots", {"S1": "02:00"}, {"S1": "02:00"}),
    ],
)
def test_a_value_takes_the_declared_type(name: str, written: Any, meant: Any) -> None:
    fitted = coerce(PARAMETERS[name], written)

    assert repr(fitted) == repr(meant)


@pytest.mark.parametrize(
    ("name", "written", "message"),
    [
        ("size", 2.5, "size is a whole number, was 2.5"),
        ("size", True, "size is a whole number, was true"),
        ("size", "10", "size is a whole number, was '10'"),
        ("size", None, "size is a whole number, was null"),
        ("size", 0, "size is at least 1, was 0"),
        ("size", 2_000_000, "size is at most 1000000, was 2000000"),
        ("lot", 2**63, "lot is too large for a whole number of 64 bits"),
        ("lot", float("inf"), "lot is a whole number, was inf"),
        ("threshold", float("nan"), "threshold is a finite number, was nan"),
        pytest.param("threshold", 10**400, "threshold is a finite number, was inf", id="huge"),
        ("variant", "v2_stopp", "variant has no value 'v2_stopp'; did you mean 'v2_stop'?"),
        ("variant", "x", "variant has no value 'x'; there is v1, v2_stop"),
        ("variant", 7, "variant is text, was 7; put it in quotes"),
        ("enabled", 1, "enabled is true or false, was 1"),
        ("days", 3, "days is a list, was 3"),
        ("slots", [1], "slots is a map, was [1]"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_plain_words(name: str, written: Any, message: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        coerce(PARAMETERS[name], written)

    assert str(refused.value) == message


def test_every_declared_parameter_becomes_an_array_with_defaults_filled_in() -> None:
    columns: dict[str, list[Any]] = {
        "size": [1, 2],
        "cap": [None, 1.5],
        "lot": [None, 7],
        "days": [[1], [2, 3]],
    }

    arrays = as_arrays(declared(Quoting), columns, 2)

    assert list(arrays) == list(PARAMETERS)
    assert {n: a.dtype.kind for n, a in arrays.items()} == {
        "size": "i", "threshold": "f", "cap": "f", "lot": "O", "variant": "O", "side": "O", "enabled": "b",
        "days": "O", "slots": "O",
    }  # fmt: skip
    np.testing.assert_array_equal(arrays["cap"], [np.nan, 1.5])
    assert arrays["lot"].tolist() == [None, 7]
    assert arrays["days"].tolist() == [[1], [2, 3]]
    assert arrays["slots"].tolist() == [{}, {}]
    assert arrays["threshold"].tolist() == [2.0, 2.0]
    assert not any(a.flags.writeable for a in arrays.values())


def test_a_nullable_whole_number_is_the_same_kind_of_column_with_and_without_nulls() -> None:
    with_null = as_arrays(declared(Quoting), {"lot": [None]}, 1)
    without = as_arrays(declared(Quoting), {"lot": [7]}, 1)

    assert with_null["lot"].dtype == without["lot"].dtype == np.object_


def test_a_column_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="size has 1 values for 2 combinations"):
        as_arrays(declared(Quoting), {"size": [1]}, 2)


def test_values_are_shown_as_one_writes_them() -> None:
    assert shown([None, True, 1.5, "a", {"b": [1]}]) == "[null, true, 1.5, 'a', {b: [1]}]"


def odd(value: object) -> None:
    if not isinstance(value, int) or value % 2 == 0:
        raise ValueError("an odd number is wanted")


def test_the_author_s_own_test_of_a_value_refuses_it_in_the_author_s_words() -> None:
    @dataclass(frozen=True)
    class Params:
        window: int = field(default=3, metadata={"check": odd})

    (window,) = declared(Params)
    assert coerce(window, 5) == 5
    with pytest.raises(ValueRefused, match="window = 4: an odd number is wanted"):
        coerce(window, 4)


def test_a_list_that_may_be_one_value_takes_it_alone() -> None:
    @dataclass(frozen=True)
    class Params:
        as_of: list[str] | None = field(default=None, metadata={"one": True})

    (as_of,) = declared(Params)
    assert coerce(as_of, "2018-02-07") == ["2018-02-07"]
    assert coerce(as_of, ["2018-02-07"]) == ["2018-02-07"]
    assert coerce(as_of, None) is None
