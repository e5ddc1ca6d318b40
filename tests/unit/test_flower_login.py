"""Who must sign in to Flower: all where others can reach it, nobody on this machine unless it is asked."""

from __future__ import annotations

import pytest

from producer.run.flower import made_login
from tasks.errors import UsageError


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FLOWER_BASIC_AUTH", "FLOWER_AUTH"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_on_this_machine_nobody_must_sign_in(host: str) -> None:
    assert made_login(host) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.1.2.3", "fd00::7", "desk7", "localhost.example"])
def test_where_others_can_reach_it_a_password_is_made(host: str) -> None:
    first, second = made_login(host), made_login(host)

    assert first is not None
    name, _, password = first.partition(":")
    assert name == "sweepfleet"
    assert len(password) >= 24
    assert first != second
    assert not set(password) & set(",:")  # Flower would cut it there


@pytest.mark.parametrize(
    ("variable", "value"), [("FLOWER_BASIC_AUTH", "ann:x,bob:y:z"), ("FLOWER_AUTH", ".*@desk")]
)
def test_a_login_that_is_configured_stands(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)

    assert made_login("0.0.0.0") is None


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
@pytest.mark.parametrize("value", ["secret", "ann:", ":secret", "ann:x,secret", ","])
def test_a_login_that_nobody_could_use_is_refused_without_repeating_it(
    value: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWER_BASIC_AUTH", value)

    with pytest.raises(UsageError, match="FLOWER_BASIC_AUTH is not NAME:PASSWORD") as refused:
        made_login(host)

    assert "secret" not in str(refused.value)
    assert refused.value.hint == "write FLOWER_BASIC_AUTH=NAME:PASSWORD"
