"""A23: nobody gets in without a role and a certificate; with them everything works and nothing is refused."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks.data.synth import write_ticks
from tasks.wire.connection import connect
from tests.support import flower, plugin
from tests.support.broker import debian_redis_program, valkey_program
from tests.support.checkout import ROOT
from tests.support.cli import Desk, a_desk, done_in, the_open_sweep
from tests.support.cluster import wait_until
from tests.support.fault import fault_strategy
from tests.support.fault.lab import SOURCE, STRATEGIES
from tests.support.secured import SecuredServer, secured_server

pytestmark = pytest.mark.timeout(300)  # many short commands, each a process of its own
LOGIN = "ann:correct horse"
SIGNING_KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    installed = plugin.install(tmp_path / "plugin", SOURCE, STRATEGIES)
    told = {
        "PYTHONPATH": str(installed),
        "PRODUCER_WARM": "tallied",
        "PRODUCER_LEASE_SECONDS": "4",
        "PRODUCER_BEAT_SECONDS": "1",
        "PRODUCER_RESTORE_SECONDS": "1",
        "PRODUCER_SIGNING_KEY": SIGNING_KEY,
        fault_strategy.LOG: str(tmp_path / "log"),
        fault_strategy.PAUSE_MS: "100",
    }
    write_ticks(tmp_path / "ticks", 2, days=1, seed=1, events_per_day=100)
    with a_desk(tmp_path / "desk", **told) as desk:
        yield desk


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """Of the roles, made by the script of `deploy/`."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed (apt-get install openssl)")
    return made(tmp_path / "tls")


def made(folder: Path, *clients: str) -> Path:
    script = ROOT / "deploy" / "tls" / "certificates.sh"
    subprocess.run([script, folder, "127.0.0.1", *(clients or ("worker", "producer"))], check=True)
    return folder


def debian() -> Path:
    program = debian_redis_program()
    if program is None:
        pytest.skip("redis-server is not installed (apt-get install redis-server)")
    return program


@pytest.fixture
def encrypted(tmp_path: Path, certificates: Path) -> Iterator[SecuredServer]:
    """TLS only, with the lines of `deploy/redis.conf`."""
    conf = (ROOT / "deploy" / "redis.conf").read_text(encoding="utf-8")
    lines = [line.removeprefix("# ") for line in conf.splitlines() if line.startswith("# tls-")]
    ours = [line for line in lines if not line.startswith("tls-port")]
    options = [
        word for line in ours for word in as_options(line.replace("/etc/sweepfleet/tls", str(certificates)))
    ]
    with secured_server(debian(), tmp_path, options=tuple(options), tls=client_files(certificates)) as server:
        yield server


def as_options(line: str) -> tuple[str, str]:
    name, _, value = line.partition(" ")
    return f"--{name}", value.strip('"')


def client_files(folder: Path, client: str = "worker") -> dict[str, str]:
    return {
        "ssl_ca_certs": str(folder / "ca.pem"),
        "ssl_certfile": str(folder / f"{client}.pem"),
        "ssl_keyfile": str(folder / f"{client}.key"),
    }


# With the right keys ------------------------------------------------------------------------------------


def test_a23_the_roles_suffice_on_valkey(desk: Desk, tmp_path: Path) -> None:
    with secured_server(valkey_program(), tmp_path) as server:
        assert_that_all_of_it_works(desk, server)


@pytest.mark.fault
def test_a23_the_roles_suffice_on_redis(desk: Desk, tmp_path: Path) -> None:
    with secured_server(debian(), tmp_path) as server:
        assert_that_all_of_it_works(desk, server)


@pytest.mark.fault
def test_a23_the_roles_suffice_with_tls_and_certificates(desk: Desk, encrypted: SecuredServer) -> None:
    assert_that_all_of_it_works(desk, encrypted)


def assert_that_all_of_it_works(desk: Desk, server: SecuredServer) -> None:
    """A sweep that loses a process and a node, one that is cancelled and resumed, every look, and Flower."""
    worker, redis = server.url("worker"), ("--redis", server.url("producer"))
    node = desk.start_node(worker)
    page = flower.start(desk, server.url("flower"), "0.0.0.0", FLOWER_BASIC_AUTH=LOGIN)
    with connect(server.url("producer")) as client:
        following = desk.start("submit", desk.write(spec("kept", 30)), *redis, "--json")
        wait_until(lambda: done_in(the_open_sweep(client)) >= 4, 60, "a sweep that is on its way")
        os.killpg(node.pid, signal.SIGKILL)
        desk.start_node(worker)
        kept = following.answer(60)
        submitted = desk.run("submit", desk.write(spec("stopped", 200)), *redis, "-d", "-q")
        wait_until(lambda: done_in(the_open_sweep(client)) >= 1, 60, "the second is on its way")
        stopped = submitted.out.strip()
        cancelled = desk.run("cancel", stopped, *redis, "-y", "--now")
    again = desk.run("submit", desk.write(spec("kept", 30)), *redis, "--cache", "refresh", "--json")
    looks = [
        desk.run(*words, *redis)
        for words in (["status", stopped], ["ls"], ["worker", "ls"], ["doctor"], ["results", "--top", "3"])
    ]
    shown = [page.ask(path, LOGIN) for path in pages(page)]
    stranger = page.ask("tasks")[0]

    assert (kept.code, again.code) == (0, 0), kept.err + again.err
    assert cancelled.code == 0, cancelled.err
    assert [look.code for look in looks] == [0] * len(looks), [look.out + look.err for look in looks]
    assert [status for status, _ in shown] == [200] * len(shown)
    assert "task_acks_late" in shown[0][1]  # the node's configuration: what could give a password away
    assert stranger == 401
    assert rows(page, "sweepfleet.evaluate_chunk")
    assert server.refusals() == []
    written = "".join(call.text() for call in desk.calls) + "".join(look.out + look.err for look in looks)
    for secret in (*server.passwords.values(), SIGNING_KEY, "correct horse"):
        assert secret not in written
        assert not any(secret in text for _, text in shown)


def spec(name: str, values: int) -> dict[str, Any]:
    return {
        "name": name,
        "strategy": "tallied",
        "data": {"source": "../../ticks", "kind": "ticks"},
        "parameters": {"x": {"min": 1, "max": values}},
        "execution": {"chunk": 1, "timeout": "60s"},
    }


def pages(page: flower.Page) -> list[str]:
    """Where Flower shows what it knows; a node's own page first, once its configuration is there."""
    nodes: list[str] = []

    def told() -> bool:
        nodes[:] = page.nodes(LOGIN)
        return bool(nodes) and "task_acks_late" in page.ask(f"worker/{nodes[0]}", LOGIN)[1]

    wait_until(told, 30, "a node that tells Flower its configuration")
    return [f"worker/{nodes[0]}", "tasks", "workers", "broker", "api/workers", "api/tasks", "metrics"]


def rows(page: flower.Page, name: str) -> list[dict[str, Any]]:
    return page.rows(name, LOGIN)


# With the wrong ones ------------------------------------------------------------------------------------


@pytest.mark.fault
def test_a23_without_the_right_certificate_nothing_is_said(
    desk: Desk, encrypted: SecuredServer, tmp_path: Path
) -> None:
    good = encrypted.tls
    foreign = client_files(made(tmp_path / "foreign"))
    wrong = {
        "no certificate": {"ssl_ca_certs": good["ssl_ca_certs"]},
        "signed by somebody else": {**foreign, "ssl_ca_certs": good["ssl_ca_certs"]},
        "a server of somebody else": {**good, "ssl_ca_certs": foreign["ssl_ca_certs"]},
    }

    for what, tls in wrong.items():
        answer = desk.run("worker", "ls", "--redis", replace(encrypted, tls=tls).url("producer"))
        assert (answer.code, answer.out) == (7, ""), (what, answer.err)
        assert answer.err.startswith("error: Redis at rediss://producer:***@127.0.0.1:"), (what, answer.err)
    plain = desk.run("worker", "ls", "--redis", replace(encrypted, tls={}).url("producer"))
    assert (plain.code, plain.out) == (7, "")
    assert desk.run("worker", "ls", "--redis", encrypted.url("producer")).code == 0


def test_a23_certificates_may_be_told_by_the_environment(desk: Desk, encrypted: SecuredServer) -> None:
    url = encrypted.url("producer").partition("?")[0]
    files = encrypted.tls

    answer = desk.run(
        "worker",
        "ls",
        PRODUCER_REDIS_URL=url,
        PRODUCER_REDIS_CA=files["ssl_ca_certs"],
        PRODUCER_REDIS_CERT=files["ssl_certfile"],
        PRODUCER_REDIS_KEY=files["ssl_keyfile"],
    )

    assert answer.code == 0, answer.err


def test_a23_a_wrong_password_is_said_in_one_line_without_it(desk: Desk, tmp_path: Path) -> None:
    with secured_server(valkey_program(), tmp_path) as server:
        node = desk.run("worker", "start", "--redis", server.url("worker", "not-it"))
        look = desk.run("worker", "ls", "--redis", server.url("producer", "not-it"))

    for answer in (node, look):
        assert answer.code == 7
        assert "refuses the password" in answer.err
        assert "not-it" not in answer.err
