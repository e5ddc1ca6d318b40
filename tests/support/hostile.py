"""What a stranger who can write to Redis may push: messages that are wrong in one way each."""

from __future__ import annotations

import base64
import json
import pickle  # the stranger's own tool
import uuid
import zlib
from pathlib import Path
from typing import Any, Final

from tasks import names
from tasks.messages import ChunkRequest

BOMB_BYTES: Final = 200 * 2**20


class Payload:
    """Runs when somebody unpickles it."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.marker,))


def message(sweep_id: str, queue: str, **changed: Any) -> dict[str, Any]:
    """One that a node would take, but for what is `changed`: headers, properties, body, or the envelope's."""
    identity = str(uuid.uuid4())
    chunk = ChunkRequest(sweep_id=sweep_id, security=0, first=0, last=1)
    headers = {
        "lang": "py",
        "task": names.EVALUATE_CHUNK,
        "id": identity,
        "timelimit": [90.0, 60.0],
        "retries": 0,
        "eta": None,
        "expires": None,
        "root_id": identity,
        "parent_id": None,
        "group": None,
        "ignore_result": True,
    }
    properties = {
        "correlation_id": identity,
        "delivery_mode": 2,
        "delivery_tag": str(uuid.uuid4()),
        "body_encoding": "base64",
        "delivery_info": {"exchange": "", "routing_key": queue},
        "priority": 0,
        "reply_to": "",
    }
    body = changed.pop("body", [[chunk.to_wire()], {}, {"chord": None}])
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    envelope = {
        "body": base64.b64encode(raw).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers | changed.pop("headers", {}),
        "properties": properties | changed.pop("properties", {}),
    }
    return {k: v for k, v in (envelope | changed).items() if v is not ...}


def messages(sweep_id: str, queue: str, marker: Path) -> dict[str, bytes]:
    """By what is wrong with each: the seventeen of the durability notes, and more of their kind."""

    def made(**changed: Any) -> dict[str, Any]:
        return message(sweep_id, queue, **changed)

    chunk = ChunkRequest(sweep_id=sweep_id, security=0, first=0, last=1).to_wire()
    pickled = pickle.dumps(Payload(marker))
    forged_chord = {"task": names.FINISH, "args": [sweep_id], "kwargs": {}, "options": {}, "chord_size": 1}
    bomb = zlib.compress(b" " * BOMB_BYTES, 9)
    wrong: dict[str, Any] = {
        "plain text": b"hello",
        "an empty mapping": {},
        "a number": 5,
        "a list": [1, 2],
        "null": None,
        "a deep nest": b"[" * 100_000,
        "an odd decimal": b'{"__type__": "decimal", "__value__": "x"}',
        "a pickle": made(
            body=pickled, **{"content-type": "application/x-python-serialize", "content-encoding": "binary"}
        ),
        "a body that is not text": made(body=b"\xff\xfe\x00"),
        "a body that is not three things": made(body="hello"),
        "a body without a chord": made(body=[[chunk], {}, None]),
        "an unknown task": made(headers={"task": "os.system"}),
        "a task of Celery's": made(headers={"task": "celery.starmap"}, body=[[], {}, {}]),
        "no task": made(headers={"task": None}),
        "a task that is a list": made(headers={"task": ["x"]}),
        "a bad time": made(headers={"eta": "tomorrow"}),
        "a time that is a number": made(headers={"eta": 5}),
        "an unknown content type": made(**{"content-type": "application/x-nothing"}),
        "an unknown compression": made(headers={"compression": "application/x-nothing"}),
        "a zip bomb": made(body=bomb, headers={"compression": "application/x-gzip"}),
        "too many arguments": made(body=[[chunk, 1, 2], {}, {}]),
        "an unknown argument": made(body=[[chunk], {"shell": "sh"}, {}]),
        "no delivery tag": made(properties={"delivery_tag": None}),
        "a delivery tag that is a mapping": made(properties={"delivery_tag": {}}),
        "no properties": made(properties={}) | {"properties": {}},
        "no headers": made(headers={}) | {"headers": {}},
        "headers that are a list": made() | {"headers": ["task"]},
        "an id that is a list": made(headers={"id": ["x"]}),
        "no id": made(headers={"id": None}),
        "a forged chord": made(body=[[chunk], {}, {"chord": forged_chord}], headers={"group": "g"}),
        "a forged callback": made(body=[[chunk], {}, {"callbacks": [forged_chord]}]),
        "no time limit": made(headers={"timelimit": [None, None]}),
        "time limits the wrong way round": made(headers={"timelimit": [1, 1e99]}),
    }
    return {what: raw if isinstance(raw, bytes) else json.dumps(raw).encode() for what, raw in wrong.items()}
