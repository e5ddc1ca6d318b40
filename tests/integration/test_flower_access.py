"""Flower's page beyond this machine: nothing without a login, and with one it looks on and never touches."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import flower
from tests.support.broker import Broker
from tests.support.cli import Desk, a_desk
from tests.support.flower import Page

LOGIN = "ann:correct horse"
POSTS = (
    "api/task/async-apply/sweepfleet.evaluate_chunk",
    "api/task/revoke/some-id",
    "api/worker/shutdown/sweepfleet@desk",
    "api/worker/pool/grow/sweepfleet@desk",
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with a_desk(tmp_path_factory.mktemp("page") / "desk") as desk:
        yield desk


@pytest.fixture(scope="module")
def page(desk: Desk, valkey: Broker) -> Page:
    """Open to all addresses of this machine."""
    return flower.start(desk, valkey.fresh_url(), "0.0.0.0", FLOWER_BASIC_AUTH=LOGIN)


@pytest.mark.parametrize("login", [None, "ann:wrong", "ann:", "bob:correct horse"])
@pytest.mark.parametrize("path", ["tasks", "workers", "broker", "api/tasks", "api/workers"])
def test_nothing_is_shown_without_the_login(page: Page, path: str, login: str | None) -> None:
    assert page.ask(path, login)[0] == 401


@pytest.mark.parametrize("path", ["tasks", "workers", "api/tasks", "api/workers"])
def test_all_is_shown_with_it(page: Page, path: str) -> None:
    assert page.ask(path, LOGIN)[0] == 200


@pytest.mark.parametrize("path", POSTS)
def test_who_signed_in_can_look_and_not_touch(page: Page, path: str) -> None:
    assert page.ask(path, LOGIN, post=True)[0] == 403
    assert page.ask(path, post=True)[0] in (401, 403)


def test_health_and_metrics_are_open_which_is_why_the_proxy_blocks_them(page: Page) -> None:
    assert page.ask("healthcheck") == (200, "OK")
    assert page.ask("metrics")[0] == 200


def test_the_configured_password_is_on_no_screen_and_in_no_process_list(page: Page) -> None:
    command_line = Path(f"/proc/{page.call.pid}/cmdline")
    listed = command_line.read_bytes().decode() if command_line.exists() else ""

    assert "correct horse" not in page.call.text() + listed


def test_without_a_configured_login_one_is_made_and_said_once(desk: Desk, redis_url: str) -> None:
    page = flower.start(desk, redis_url, "0.0.0.0")
    (password,) = re.findall(
        r"^sign in as sweepfleet with the password (\S+), made for this run$", page.call.text(), re.MULTILINE
    )
    stranger, known = page.ask("tasks")[0], page.ask("tasks", f"sweepfleet:{password}")[0]
    page.end()

    assert (stranger, known) == (401, 200)


def test_a_configuration_that_lies_in_the_folder_is_not_run(desk: Desk, redis_url: str) -> None:
    ran = desk.folder / "ran"
    config = desk.folder / "flowerconfig.py"
    config.write_text(f"open({str(ran)!r}, 'w')\nread_only = False\n")

    page = flower.start(desk, redis_url, FLOWER_UNAUTHENTICATED_API="true", FLOWER_READ_ONLY="False")
    posted = page.ask(POSTS[1], post=True)[0]
    page.end()
    config.unlink()

    assert not ran.exists()
    assert posted == 403


def test_a_port_that_is_taken_is_said_in_one_line(desk: Desk, redis_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = desk.run("flower", "--redis", redis_url, "--port", port)

    assert answer.code == 2
    assert f"error: cannot listen on 127.0.0.1 port {port}: Address already in use" in answer.err
