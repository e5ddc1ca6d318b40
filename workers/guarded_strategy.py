"""The door of a node: what a message must look like to become a task of ours.

Celery trusts what it decodes, and some of it only later, where it can no longer refuse: an id that is a list
ends the main process. Here everything is looked at first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from celery.exceptions import InvalidTaskError
from celery.worker.strategy import default
from kombu.exceptions import ContentDisallowed, DecodeError

from tasks import names
from tasks.wire import signing
from workers.drops import MALFORMED

OURS: Final = frozenset({names.EVALUATE_CHUNK, names.MERGE_SHARD, names.FINISH})
UNUSED: Final = ("callbacks", "errbacks", "chain")
LONGEST_NAME: Final = 512


def guarded(task: Any, app: Any, consumer: Any, **options: Any) -> Callable[..., Any]:
    """Celery's own strategy behind the door."""
    inner = default(task, app, consumer, **options)
    is_signed = app.conf.task_serializer == signing.SERIALIZER

    def handle(message: Any, body: Any, ack: Any, reject: Any, callbacks: Any, **more: Any) -> Any:
        try:
            admit(task, message.headers, None if body is not None else message.payload, is_signed)
            return inner(message, body, ack, reject, callbacks, **more)
        except (InvalidTaskError, ContentDisallowed, DecodeError):
            raise
        except MALFORMED as e:
            raise InvalidTaskError(f"{type(e).__name__}: {e}") from e

    return handle


def admit(task: Any, headers: Mapping[str, Any], payload: Any, is_signed: bool) -> None:
    """Raises InvalidTaskError for a message that no process of ours has published."""
    if task.name not in OURS:
        raise InvalidTaskError(f"'{task.name}' is not a task of ours")
    if not isinstance(payload, list | tuple) or len(payload) != 3:
        raise InvalidTaskError("its body is not arguments, named arguments and a chord")
    arguments, named, embedded = payload
    if not isinstance(arguments, list) or not isinstance(named, dict) or not isinstance(embedded, dict):
        raise InvalidTaskError("its arguments are not a list and a mapping")
    if is_signed and embedded.get(signing.SEAL) != signing.seal(headers):
        raise InvalidTaskError("its headers are not those that were signed")
    _headers(headers)
    _limits(task, headers.get("timelimit"))
    _chord(embedded)
    task.__header__(*arguments, **named)  # as many as the task takes, else TypeError


def _headers(headers: Mapping[str, Any]) -> None:
    if not _is_name(headers.get("id")):
        raise InvalidTaskError("its id is not a name")
    for key in ("root_id", "parent_id", "group", "shadow", "eta", "expires"):
        if headers.get(key) is not None and not _is_name(headers[key]):
            raise InvalidTaskError(f"its {key} is not a word")
    if not isinstance(headers.get("retries", 0), int):
        raise InvalidTaskError("its number of retries is not a number")


def _limits(task: Any, limits: Any) -> None:
    """A chunk brings its limits, which outrank the node's: one without them could run for ever."""
    if task.name != names.EVALUATE_CHUNK and limits in (None, [None, None]):
        return
    if not isinstance(limits, list) or len(limits) != 2 or not all(_is_positive(limit) for limit in limits):
        raise InvalidTaskError("it brings no time limits")
    hard, soft = limits
    if hard <= soft:
        raise InvalidTaskError("its time limits leave no time to stop in peace")


def _chord(embedded: Mapping[str, Any]) -> None:
    if any(embedded.get(key) for key in UNUSED):
        raise InvalidTaskError("it asks for tasks to follow")
    chord = embedded.get("chord")
    if chord is not None and (not isinstance(chord, dict) or chord.get("task") != names.MERGE_SHARD):
        raise InvalidTaskError("its chord does not end in a merge")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
