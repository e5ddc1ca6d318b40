"""What tests on a real server share: the strategy that fails as it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import plugin


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """The strategy `tiny`, installed for this test; its folder is what a worker needs in PYTHONPATH."""
    folder = plugin.install(tmp_path / "plugin")
    with plugin.on_the_path(folder):
        yield folder
