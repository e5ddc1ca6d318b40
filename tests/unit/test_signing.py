"""A signed message says what was signed, or it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.wire.signing import SignatureInvalid, key_id, seal, signed, verified

KEY = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"
HEADERS: dict[str, Any] = {"task": "sweepfleet.evaluate_chunk", "id": "a-1", "timelimit": [90.0, 60.0]}


def test_what_was_signed_is_what_comes_out() -> None:
    content = [[{"v": 2, "label": "EMAAR ü"}], {}, {"chord": None}]

    assert verified(KEY, signed(KEY, content)) == content
    assert verified(KEY, signed(KEY, content).encode()) == content


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "0" * 64 + "[]",
        signed(OTHER, []),
        signed(KEY, [])[:-1],
        signed(KEY, [])[:-1] + "1]",
        " " + signed(KEY, []),
        signed(KEY, []).upper(),
        "ü" * 64 + "[]",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(SignatureInvalid):
        verified(KEY, text)


def test_a_seal_stands_for_every_header_but_the_one_that_redelivery_adds() -> None:
    assert seal(HEADERS | {"redelivered": True}) == seal(HEADERS)
    assert seal(dict(reversed(HEADERS.items()))) == seal(HEADERS)
    for key in HEADERS:
        assert seal(HEADERS | {key: "changed"}) != seal(HEADERS)
    assert seal(HEADERS | {"group": "g"}) != seal(HEADERS)


def test_a_keys_id_tells_keys_apart_and_not_what_they_are() -> None:
    assert key_id(KEY) != key_id(OTHER)
    assert len(key_id(KEY)) == 8
    assert key_id(KEY) not in KEY
