"""`deploy/nginx.conf` in front of Flower: TLS, the page with its login, and nothing that asks for none."""

from __future__ import annotations

import http.client
import os
import shutil
import ssl
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.support import flower
from tests.support.broker import Broker, free_port
from tests.support.checkout import ROOT
from tests.support.cli import a_desk
from tests.support.cluster import wait_until

LOGIN: Final = "ann:correct horse"
WHOLE: Final = """daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {ours}
}}
"""


@pytest.fixture(scope="module")
def proxy(valkey: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an nginx with our file, in front of a Flower with a login."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed (apt-get install nginx-light)")
    with a_desk(tmp_path_factory.mktemp("proxied") / "desk") as desk:
        page = flower.start(desk, valkey.fresh_url(), FLOWER_BASIC_AUTH=LOGIN, FLOWER_XHEADERS="True")
        with running(nginx, page.port) as port:
            yield port


@contextmanager
def running(nginx: str, flower_port: int) -> Iterator[int]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="nginx-") as made:
        folder = Path(made)
        script = ROOT / "deploy" / "tls" / "certificates.sh"
        subprocess.run([script, folder, "127.0.0.1"], check=True)
        ours = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
        changes = {
            "listen 443": f"listen 127.0.0.1:{port}",
            "127.0.0.1:5555": f"127.0.0.1:{flower_port}",
            "/etc/sweepfleet/tls/flower-page": f"{folder}/redis",
        }
        for old, new in changes.items():
            assert old in ours
            ours = ours.replace(old, new)
        conf = folder / "nginx.conf"
        user = "user root;\n" if os.getuid() == 0 else ""
        conf.write_text(user + WHOLE.format(folder=folder, ours=ours), encoding="utf-8")
        process = subprocess.Popen([nginx, "-p", str(folder), "-c", str(conf)], stdin=subprocess.DEVNULL)
        try:
            wait_until(lambda: process.poll() is None and status(port, "/tasks"), 20, "nginx to answer")
            yield port
        finally:
            process.terminate()
            process.wait(10)


def status(port: int, path: str, login: str | None = None) -> int:
    """Of an answer to that very path, not put straight by the client; 0 where nobody answers."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
    headers = {"Authorization": f"Basic {b64encode(login.encode()).decode()}"} if login else {}
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def test_the_page_is_there_for_those_who_sign_in(proxy: int) -> None:
    assert status(proxy, "/tasks") == 401
    assert status(proxy, "/tasks", LOGIN) == 200
    assert status(proxy, "/static/css/flower.css", LOGIN) == 200


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/metrics/",
        "/metrics?x=1",
        "//metrics",
        "/%6detrics",
        "/tasks/../metrics",
        "/tasks/%2e%2e/metrics",
        "/metrics;x",
        "/healthcheck",
        "//healthcheck",
    ],
)
@pytest.mark.parametrize("login", [None, LOGIN])
def test_what_asks_for_no_login_is_closed(proxy: int, path: str, login: str | None) -> None:
    assert status(proxy, path, login) == 404
