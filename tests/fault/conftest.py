"""What the tests of faults share: a lab to break, made to the test's measure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.fault.lab import Lab, Setup, a_lab

MakeLab = Callable[..., Lab]


@pytest.fixture
def make_lab(tmp_path: Path, redis_url: str) -> Iterator[MakeLab]:
    """`make_lab(values=80, proxied=True)`: the fields of `Setup`. It ends with the test."""
    with ExitStack() as stack:

        def make(**fields: object) -> Lab:
            setup = Setup(**fields)  # type: ignore[arg-type]  # the test names them
            return stack.enter_context(a_lab(tmp_path, redis_url, setup))

        yield make
