"""What the users of `deploy/users.acl` may not do, on both kinds of server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.support.broker import debian_redis_program, valkey_program
from tests.support.secured import ROLES, Role, SecuredServer, printed_users, secured_server

QUEUE = "sweepfleet:sweepfleet"
OF_THE_SERVER = (
    "FLUSHALL",
    "FLUSHDB",
    "CONFIG GET *",
    "CONFIG SET dir /tmp",
    "KEYS *",
    "EVAL return(1) 0",
    "SHUTDOWN NOSAVE",
    "SAVE",
    "MONITOR",
    "ACL LIST",
    "CLIENT LIST",
    "CLIENT KILL TYPE normal",
    "REPLICAOF NO ONE",
    "MODULE LIST",
    "SWAPDB 0 1",
    "SELECT 1",
    "SCRIPT FLUSH",
    "FUNCTION LIST",
)
OF_OTHERS = ("GET other", "SET other 1", "DEL other", "LPUSH celery x", "HGETALL sweepfleet2:x", "TYPE other")


@pytest.fixture(scope="module", params=["valkey", "redis-server"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecuredServer]:
    program = valkey_program() if request.param == "valkey" else debian_redis_program()
    if program is None:
        pytest.skip("redis-server is not installed (apt-get install redis-server)")
    with secured_server(program, tmp_path_factory.mktemp("secured")) as server:
        yield server


def is_refused(client: redis.Redis, command: str) -> bool:
    """NOPERM, and nothing else: a command with a mistake in it would be refused too."""
    try:
        client.execute_command(*command.split())
    except redis.exceptions.NoPermissionError:
        return True
    return False


@pytest.mark.parametrize("role", ["producer", "worker", "flower"])
@pytest.mark.parametrize("command", OF_THE_SERVER)
def test_no_role_of_ours_may_command_the_server(server: SecuredServer, role: Role, command: str) -> None:
    with server.client(role) as client:
        assert is_refused(client, command)


@pytest.mark.parametrize("role", ["producer", "worker", "flower"])
@pytest.mark.parametrize("command", OF_OTHERS)
def test_no_role_of_ours_may_touch_keys_of_others(server: SecuredServer, role: Role, command: str) -> None:
    with server.client(role) as client:
        assert is_refused(client, command)


def test_a_script_may_do_no_more_than_who_loads_it(server: SecuredServer) -> None:
    with server.client("worker") as client:
        digest = client.script_load("return redis.call('GET', 'other')")
        with pytest.raises(redis.ResponseError, match=r"(?i)can't access|no permissions|NOPERM"):
            client.evalsha(digest, 0)


@pytest.mark.parametrize(
    "command",
    [
        f"LPUSH {QUEUE} x",
        f"DEL {QUEUE}",
        "RPOP sweepfleet:sweepfleet",
        "HSET sweepfleet:try-1:meta state cancelled",
        "GET sweepfleet:try-1:spec",
        "HDEL sweepfleet:unacked x",
        "ZADD sweepfleet:unacked_index 1 x",
        "PUBLISH sweepfleet:other x",
    ],
)
def test_flower_looks_at_the_queue_and_cannot_touch_it(server: SecuredServer, command: str) -> None:
    with server.client("flower") as client:
        assert client.llen(QUEUE) == 0
        assert is_refused(client, command)


def test_nobody_comes_in_without_a_role_or_with_a_wrong_password(server: SecuredServer) -> None:
    with redis.Redis(port=server.port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    for role in ROLES:
        for wrong in ("", "wrong", server.passwords["admin" if role != "admin" else "worker"]):
            with server.client(role, wrong) as client, pytest.raises(redis.AuthenticationError):
                client.ping()


def test_every_role_comes_in_with_its_own(server: SecuredServer) -> None:
    for role in ROLES:
        with server.client(role) as client:
            assert client.ping()


def test_the_file_holds_hashes_and_no_password(tmp_path: Path) -> None:
    passwords: dict[Role, str] = dict.fromkeys(ROLES, "")
    passwords.update({role: f"secret of {role}/&\\" for role in ROLES})  # what sed would take for its own

    printed = printed_users(passwords)

    assert "secret" not in printed
    assert "SHA256" not in printed
    assert len(set(word for word in printed.split() if word.startswith("#"))) == len(ROLES)
    assert shutil.which("sha256sum")
