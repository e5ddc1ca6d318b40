"""A fleet over TLS, where the server knows each process by its certificate, and each process the server."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tasks.errors import ClusterUnavailable, StoreUnavailable
from tasks.settings import load
from tasks.wire.connection import check_server, connect
from tests.support.broker import debian_redis_program, free_port
from tests.support.cluster import a_cluster, wait_until
from tests.support.sweeps import a_sweep

DAYS: Final = "2"


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def authority(folder: Path, name: str) -> None:
    openssl(
        folder,
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", DAYS),
        *("-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem"),
    )


def certificate(folder: Path, name: str, ca: str) -> None:
    """For this machine, signed by `ca`."""
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    openssl(
        folder,
        *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}"),
        *("-keyout", f"{name}.key", "-out", f"{name}.csr"),
    )
    openssl(
        folder,
        *("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial"),
        *("-days", DAYS, "-extfile", "names", "-out", f"{name}.pem"),
    )


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed (apt-get install openssl)")
    folder = tmp_path_factory.mktemp("pki")
    for ca in ("ca", "stranger"):
        authority(folder, ca)
    certificate(folder, "server", "ca")
    certificate(folder, "client", "ca")
    certificate(folder, "intruder", "stranger")
    return folder


@pytest.fixture(scope="module")
def address(pki: Path) -> Iterator[str]:
    """Of a server that answers nobody without a certificate of ours."""
    program = debian_redis_program()
    if program is None:
        pytest.skip("redis-server is not installed (apt-get install redis-server); the wheel's knows no TLS")
    port = free_port()
    command = [str(program), "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--save", ""]
    command += ["--tls-cert-file", "server.pem", "--tls-key-file", "server.key"]
    command += ["--tls-ca-cert-file", "ca.pem", "--tls-auth-clients", "yes"]
    with (pki / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=pki, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        log_file = pki / "server.log"
        wait_until(lambda: server.poll() is not None or b"Ready" in log_file.read_bytes(), 20, "a server")
        yield f"rediss://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(10)


def url_with(pki: Path, address: str, ca: str = "ca", client: str | None = "client") -> str:
    files = {"redis_ca": pki / f"{ca}.pem"}
    if client:
        files |= {"redis_cert": pki / f"{client}.pem", "redis_key": pki / f"{client}.key"}
    return str(load({"redis_url": address, **files}).redis_url)


def test_a_sweep_completes_over_tls(pki: Path, address: str, tiny: Path, tmp_path: Path) -> None:
    sweep = a_sweep(tmp_path, url_with(pki, address), {"x": range(20)})

    with a_cluster(sweep.settings, tmp_path / "nodes") as cluster:
        cluster.start(PYTHONPATH=str(tiny))
        state = sweep.follow(sweep.lead(), 30)

    assert state == "done"
    assert sweep.ledger.totals().ok == 40


@pytest.mark.parametrize(("ca", "client"), [("ca", None), ("ca", "intruder"), ("stranger", "client")])
def test_who_is_not_known_is_refused_on_either_side(
    pki: Path, address: str, ca: str, client: str | None
) -> None:
    url = url_with(pki, address, ca, client)

    with pytest.raises((ClusterUnavailable, StoreUnavailable)):
        check_server(connect(url, retries=0), url)
