"""Which files a module is made of, read from their text."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.plugins import sources

CLOSING = sources.ROOM / "kernels" / "closing" / "play.py"


def names(file: Path) -> set[str]:
    return {path.relative_to(sources.ROOM).as_posix() for path in sources.closure(file)}


def test_a_module_is_made_of_all_that_it_imports_however_far_down() -> None:
    found = names(sources.ROOM / "strategies" / "market_making.py")

    assert {"strategies/market_making.py", "api.py", "contract.py", "kernels/jit.py"} <= found
    # by a kernel that a function of the strategy imports late
    assert "kernels/market_making/order_book.py" in found


def test_what_it_does_not_lead_to_is_no_part_of_it() -> None:
    others = {"kernels/market_making/lanes.py", "wire/celery_app.py", "plugins/registry.py"}
    assert not names(CLOSING) & others


def test_the_digest_changes_with_a_file_and_not_with_its_blanks(tmp_path: Path) -> None:
    file = tmp_path / "one.py"
    file.write_text("x = 1\n")
    before = sources.digest(sources.labelled([file]))

    file.write_text("x = 1   \r\n")
    assert sources.digest(sources.labelled([file])) == before

    file.write_text("x = 2\n")
    assert sources.digest(sources.labelled([file])) != before


def test_a_file_that_is_no_python_says_where(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("def (:\n")

    with pytest.raises(SyntaxError, match="invalid syntax"):
        sources.closure(file)
