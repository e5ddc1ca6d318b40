"""The signing key is shown nowhere; it reaches children through their environment alone."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Final

import pytest

from tasks.errors import UsageError
from tasks.settings import as_environment, load
from tasks.wire.celery_app import make_app
from tasks.wire.connection import connect, tls

KEY: Final = "a key that only this test's fleet has"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PRODUCER_SIGNING_KEY", KEY)


def test_the_key_is_not_in_what_settings_say_of_themselves() -> None:
    settings = load({"redis_url": "redis://localhost:6379/0"})

    assert settings.signing_key is not None
    shown = f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump(mode='json')}"
    assert KEY not in shown + settings.model_dump_json() + repr(make_app(settings).conf)


def test_children_are_told_the_key() -> None:
    assert as_environment(load())["PRODUCER_SIGNING_KEY"] == KEY


def test_a_key_that_is_too_short_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCER_SIGNING_KEY", "guess me")

    with pytest.raises(UsageError, match="signing_key") as raised:
        load()

    assert "guess me" not in "".join(traceback.format_exception(raised.value))


def test_files_of_tls_travel_in_the_url(tmp_path: Path) -> None:
    files = {}
    for name in ("redis_ca", "redis_cert", "redis_key"):
        files[name] = tmp_path / f"{name}.pem"
        files[name].touch()

    settings = load({"redis_url": "rediss://worker:secret@host:6380/2", **files})

    url = settings.redis_url or ""
    assert tls(url) == {
        "ssl_cert_reqs": "required",
        "ssl_ca_certs": str(files["redis_ca"]),
        "ssl_certfile": str(files["redis_cert"]),
        "ssl_keyfile": str(files["redis_key"]),
    }
    assert load({"redis_url": url, **files}).redis_url == url
    conf = make_app(settings).conf
    assert conf.broker_use_ssl == conf.redis_backend_use_ssl == tls(url)
    assert conf.broker_url == "rediss://worker:secret@host:6380/2"


def test_a_file_of_tls_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"redis_ca.*missing\.pem"):
        load({"redis_url": "rediss://host", "redis_ca": tmp_path / "missing.pem"})


@pytest.mark.parametrize("lax", ["ssl_cert_reqs=none", "ssl_cert_reqs=optional", "ssl_check_hostname=false"])
def test_a_server_whose_certificate_nobody_looks_at_is_refused(lax: str) -> None:
    with pytest.raises(UsageError, match="certificate"):
        connect(f"rediss://host:6380/0?{lax}")
