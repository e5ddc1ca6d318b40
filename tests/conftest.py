"""What every test may ask for, and the words of a skip where something outside the repository is missing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.broker import Broker, debian_redis_program, running_broker, valkey_program

ROOT = Path(__file__).resolve().parents[1]

# The same examples on every run: a red build must be red on the next desk too. `--hypothesis-profile search`
# looks for new ones.
settings.register_profile("steady", deadline=None, derandomize=True, max_examples=100, database=None)
settings.register_profile("search", deadline=None, max_examples=2000)
settings.load_profile("steady")

# Compiling a kernel takes seconds: tests, and the processes they start, share what was compiled before.
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".pytest_cache" / "numba"))

# A shell lets what it starts in the background ignore Ctrl-C, which tests press.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with reference data and expected results: `SWEEPFLEET_SHARED`, or beside the checkout."""
    named = os.environ.get("SWEEPFLEET_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    if not (folder / "expected").is_dir():
        pytest.skip(f"no reference data in {folder} (SWEEPFLEET_SHARED says where it is)")
    return folder


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with running_broker(valkey_program(), tmp_path_factory.mktemp("valkey")) as broker:
        yield broker


@pytest.fixture(scope="session")
def debian_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    program = debian_redis_program()
    if program is None:
        pytest.skip("redis-server is not installed (apt-get install redis-server)")
    with running_broker(program, tmp_path_factory.mktemp("redis")) as broker:
        yield broker


@pytest.fixture
def redis_url(valkey: Broker) -> str:
    """An empty database of the wheel's Valkey, of this test alone."""
    return valkey.fresh_url()


@pytest.fixture
def redis_server(debian_redis: Broker) -> str:
    """The same on Debian's `redis-server`; skips where that is not installed."""
    return debian_redis.fresh_url()
