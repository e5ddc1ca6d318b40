"""`~` in paths: what shells make of it, and a clear word where they would make nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from producer.run import prepare
from tasks.errors import UsageError
from tasks.home import expanded
from tests.support.builders import a_spec


def test_a_path_that_begins_with_a_tilde_is_below_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert expanded("~/ticks") == tmp_path / "ticks"
    assert expanded("a/~b") == Path("a/~b")
    assert prepare.placed(a_spec(), "~/{name}").results == str(tmp_path / "try")


def test_the_home_of_nobody_is_refused_with_what_to_write_instead() -> None:
    with pytest.raises(UsageError, match="no home folder of a user 'no-such-user'") as refused:
        expanded("~no-such-user/ticks")

    assert refused.value.hint == "write ./~no-such-user/ticks for a file or folder of that name"
