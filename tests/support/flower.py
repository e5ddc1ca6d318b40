"""Flower as a user starts it, and its page as a browser asks for it."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from tests.support.broker import free_port
from tests.support.cli import Desk, Running
from tests.support.cluster import wait_until

START_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Page:
    """A running Flower."""

    call: Running
    port: int

    def ask(self, path: str, login: str | None = None, *, post: bool = False) -> tuple[int, str]:
        """The status and the text of an answer; 0 where nobody answers."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", data=b"" if post else None)
        if login is not None:
            request.add_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            with e:
                return e.code, e.read().decode()
        except OSError:
            return 0, ""

    def rows(self, name: str, login: str | None = None) -> list[dict[str, Any]]:
        """The tasks of that name which it shows."""
        status, text = self.ask("api/tasks", login)
        assert status == 200, text
        return [row for row in json.loads(text).values() if row["name"] == name]

    def nodes(self, login: str | None = None) -> list[str]:
        """The nodes that it has heard of."""
        status, text = self.ask("api/workers?refresh=1", login)
        return sorted(json.loads(text)) if status == 200 else []

    def end(self) -> None:
        self.call.kill()


def start(desk: Desk, redis_url: str, host: str = "127.0.0.1", **environment: str) -> Page:
    """`producer flower`, once its page answers."""
    port = free_port()
    call = desk.start("flower", "--redis", redis_url, "--host", host, "--port", port, **environment)
    page = Page(call=call, port=port)

    def answers() -> bool:
        assert call.process.poll() is None, call.text()
        return page.ask("healthcheck")[0] == 200

    wait_until(answers, START_SECONDS, "Flower to answer")
    return page
