"""Log lines: a sentence for people, fields for machines."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from tasks import log, names


@pytest.fixture(autouse=True)
def logger() -> Iterator[logging.Logger]:
    """Ours, put back as it was."""
    ours = logging.getLogger(names.LOGGER)
    before = (list(ours.handlers), ours.level, ours.propagate)
    yield ours
    ours.handlers[:], level, ours.propagate = before[0], before[1], before[2]
    ours.setLevel(level)


def written(as_json: bool, monkeypatch: pytest.MonkeyPatch, **options: int) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    log.configure(as_json, **options)
    return stream


def test_a_json_line_has_the_sentence_the_event_and_its_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = written(True, monkeypatch, level=logging.INFO)

    logging.getLogger("sweepfleet.chunk").info(
        "kept %s", "it", extra={"event": "chunk_kept", "chunk": "0:0-8"}
    )

    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "sweepfleet.chunk",
        "message": "kept it",
        "event": "chunk_kept",
        "chunk": "0:0-8",
    }


def test_a_traceback_is_one_field_of_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = written(True, monkeypatch)

    try:
        dict[str, int]()["x"]
    except KeyError:
        logging.getLogger("sweepfleet.chunk").exception("broken")

    (line,) = stream.getvalue().splitlines()
    assert "KeyError: 'x'" in json.loads(line)["traceback"]


def test_a_field_that_json_does_not_know_is_written_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = written(True, monkeypatch)

    logging.getLogger("sweepfleet.chunk").warning("odd", extra={"what": {1, 2} - {2}})

    assert json.loads(stream.getvalue())["what"] == "{1}"


def test_text_is_for_people_and_warnings_only(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = written(False, monkeypatch)

    logging.getLogger("sweepfleet.chunk").info("not shown")
    logging.getLogger("sweepfleet.chunk").warning("shown", extra={"event": "x"})

    (line,) = stream.getvalue().splitlines()
    assert line.endswith(" WARNING shown")


def test_configuring_twice_writes_each_line_once(monkeypatch: pytest.MonkeyPatch) -> None:
    log.configure(False)
    stream = written(False, monkeypatch)

    logging.getLogger("sweepfleet.chunk").warning("once")

    assert len(stream.getvalue().splitlines()) == 1
