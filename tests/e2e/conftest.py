"""What every end-to-end test starts from: a user's own folder, tick files, and a fleet on a shared server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from tasks.data.synth import write_ticks
from tasks.wire.connection import connect
from tests.support.broker import Broker
from tests.support.cli import Desk, Running, a_desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """One node of two cores on a server that others reach too."""

    url: str
    node: Running
    client: redis.Redis


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_desk(tmp_path / "desk") as desk:
        yield desk


@pytest.fixture(scope="session")
def ticks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three invented securities, three days each."""
    folder = tmp_path_factory.mktemp("data") / "ticks"
    write_ticks(folder, 3, days=3, seed=5)
    return folder


@pytest.fixture(scope="module")
def fleet(valkey: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    url = valkey.fresh_url()
    with a_desk(tmp_path_factory.mktemp("fleet") / "desk") as desk, connect(url) as client:
        yield Fleet(url=url, node=desk.start_node(url), client=client)
