"""Addresses of Redis in all their forms, and its errors as ours."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from kombu.exceptions import OperationalError
from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError

from tasks.errors import ClusterUnavailable, StoreUnavailable, UsageError
from tasks.wire.connection import (
    LogNotKept,
    broker_url,
    check_server,
    connect,
    in_short,
    is_socket,
    masked,
    translated,
)


@pytest.mark.parametrize(
    ("url", "socket", "celerys"),
    [
        ("redis://host:6379/0", False, "redis://host:6379/0"),
        ("rediss://u:p@host:6379/0", False, "rediss://u:p@host:6379/0"),
        ("unix:///run/s", True, "redis+socket:///run/s"),
        ("redis+socket:///run/s", True, "redis+socket:///run/s"),
    ],
)
def test_each_form_of_an_address_is_known_to_redis_and_celery(url: str, socket: bool, celerys: str) -> None:
    client = connect(url)

    assert is_socket(url) is socket
    assert broker_url(url) == celerys
    assert ("path" in client.get_connection_kwargs()) is socket


@pytest.mark.parametrize("url", ["http://host", "host:6379", "redis://host:port/0", "redis://[::1", ""])
def test_what_is_no_address_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        connect(url)

    assert "redis://HOST:6379/0" in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("rediss://me:se@cret@host:6379/0", "rediss://me:***@host:6379/0"),
        ("redis://:secret@[::1]:6379", "redis://:***@[::1]:6379"),
        ("redis+socket://:secret@/run/s", "redis+socket://:***@/run/s"),
        ("unix:///run/s?password=secret&db=1", "unix:///run/s?password=***&db=1"),
    ],
)
def test_a_password_is_never_shown(url: str, shown: str) -> None:
    assert masked(url) == shown


@pytest.mark.parametrize(
    ("error", "ours", "retryable"),
    [
        (redis.ConnectionError("away"), StoreUnavailable, True),
        (redis.TimeoutError("slow"), StoreUnavailable, True),
        (BusyLoadingError("loading"), StoreUnavailable, True),
        (OperationalError("away"), StoreUnavailable, True),
        (redis.AuthenticationError("WRONGPASS"), ClusterUnavailable, False),
        (redis.ResponseError("OOM command not allowed"), ClusterUnavailable, False),
        (ReadOnlyError("replica"), ClusterUnavailable, False),
    ],
)
def test_foreign_errors_become_ours_and_say_whether_to_try_again(
    error: Exception, ours: type[ClusterUnavailable], retryable: bool
) -> None:
    with pytest.raises(ours) as raised, translated("redis://:secret@host/0"):
        raise error

    assert raised.value.retryable is retryable
    assert raised.value.__cause__ is error
    assert "secret" not in raised.value.message
    assert "redis://:***@host/0" in raised.value.message


def test_errors_that_are_not_of_redis_pass_unchanged() -> None:
    with pytest.raises(KeyError), translated():
        raise KeyError


def test_a_server_that_is_away_is_said_to_be_so(tmp_path: Path) -> None:
    url = f"unix://{tmp_path / 'nobody'}"

    with pytest.raises(StoreUnavailable, match="does not answer"):
        check_server(connect(url, retries=0), url)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OutOfMemoryError("command not allowed"), "Redis is full"),
        (LogNotKept("MISCONF errors writing to the AOF file"), "Redis cannot write to its disk"),
        (redis.TimeoutError("timed out"), "Redis unreachable"),
        (None, "Redis unreachable"),
    ],
)
def test_a_screen_says_in_a_few_words_what_is_the_matter(error: Exception | None, said: str) -> None:
    assert in_short(error) == said


class Claims(redis.Redis):  # type: ignore[misc]  # it has no types that we follow
    """A server that says of itself what a test wants."""

    said: dict[str, str]

    def info(self, *_: object, **__: object) -> dict[str, str]:
        return self.said


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({"redis_version": "6.0.16"}, "too old"),
        ({"redis_version": "5.0"}, "too old"),
        ({"redis_version": "7.2.4", "maxmemory_policy": "allkeys-lru"}, "allkeys-lru"),
    ],
)
def test_a_server_that_would_lose_work_is_refused(said: dict[str, str], refusal: str) -> None:
    server = Claims()
    server.said = said

    with pytest.raises(ClusterUnavailable, match=refusal):
        check_server(server, "redis://host/0")


@pytest.mark.parametrize("version", ["6.2.14", "7.0.15", "9.1.2", "10.0"])
def test_a_server_that_is_new_enough_will_do(version: str) -> None:
    server = Claims()
    server.said = {"redis_version": version, "maxmemory_policy": "noeviction"}

    check_server(server, "redis://host/0")
