"""The Celery application: one place for every setting that producer, workers and Flower must share.

Why each setting has its value is measured in the durability notes of
`docs/explanation/why-nothing-is-lost.md`.
"""

from __future__ import annotations

from typing import Any, Final

from celery import Celery
from kombu import Exchange, Queue

from tasks import names
from tasks.errors import ClusterUnavailable
from tasks.settings import Settings
from tasks.wire import signing
from tasks.wire.connection import broker_url, is_socket, tls

WEEK_SECONDS: Final = 7 * 86400
NEVER_SECONDS: Final = 10**9  # a consumer that must never take over others' messages (Flower)


def merge_queue(queue: str) -> str:
    """Where merges wait: only nodes that see the results folder listen there."""
    return queue + names.MERGE_QUEUE_SUFFIX


def make_app(settings: Settings, *, watches_only: bool = False) -> Celery:
    """The application for these settings; `watches_only` for Flower, which must not restore others'
    messages.
    """
    if settings.redis_url is None:
        raise ClusterUnavailable(
            "no Redis is configured", hint="give --redis URL, or start one with: producer up"
        )
    url = broker_url(settings.redis_url)
    backend = f"tasks.wire.backend:ChordBackend+{url.removeprefix('redis+')}"
    app = Celery(
        names.DISTRIBUTION,
        broker=url,
        backend=backend,
        include=["tasks.evaluate", "tasks.merge"],
        amqp=signing.Sealing if settings.signing_key else None,
    )
    lease = NEVER_SECONDS if watches_only else settings.lease_seconds
    app.conf.update(_transport(settings, lease, is_socket(settings.redis_url)))
    if encrypted := tls(settings.redis_url):
        app.conf.update(broker_use_ssl=encrypted, redis_backend_use_ssl=encrypted)
    app.conf.update(_DELIVERY)
    app.conf.update(_content(settings))
    app.conf.update(
        task_queues=[_queue(settings.queue), _queue(merge_queue(settings.queue))],
        task_default_queue=settings.queue,
        task_routes={
            names.MERGE_SHARD: {"queue": merge_queue(settings.queue)},
            names.FINISH: {"queue": merge_queue(settings.queue)},
        },
    )
    return app


def _queue(name: str) -> Queue:
    """Each with an exchange and key of its own: two queues on one key would each be given every message."""
    return Queue(name, Exchange(name), routing_key=name)


def _transport(settings: Settings, lease: float, unix: bool) -> dict[str, Any]:
    socket: dict[str, Any] = {"socket_timeout": 30, "socket_connect_timeout": 5, "health_check_interval": 10}
    if not unix:  # on a Unix socket the option is refused when the first chord is published
        socket["socket_keepalive"] = True
    return {
        "broker_transport_options": {
            "global_keyprefix": names.PREFIX,
            "visibility_timeout": lease,
            "unacked_restore_interval": settings.restore_seconds,
            "unacked_restore_throttle": 1,
            "unacked_mutex_expire": 30,
            "priority_steps": [0],
            **socket,
        },
        "visibility_timeout": lease,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_connection_timeout": 5,
        "broker_pool_limit": 10,
        "result_backend_always_retry": True,
        "result_backend_max_sleep_between_retries_ms": 2000,
        "result_backend_transport_options": {
            "global_keyprefix": names.PREFIX,
            "visibility_timeout": lease,
            "retry_policy": {"max_retries": 600, "interval_start": 0, "interval_step": 1, "interval_max": 1},
        },
        "result_expires": WEEK_SECONDS,
        "result_chord_expires": WEEK_SECONDS,
        "result_chord_join_timeout": 60,
        "redis_socket_timeout": 30,
        "redis_socket_connect_timeout": 5,
        "redis_socket_keepalive": not unix,
    }


_DELIVERY: Final[dict[str, Any]] = {
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,  # bounded by the ledger's count of starts
    "worker_lost_wait": 1.0,  # for the last word of a process that died; else its chunk waits 10 s to go back
    "task_acks_on_failure": True,
    "task_acks_on_timeout": False,  # put back; the count of starts decides
    "worker_prefetch_multiplier": 1,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "worker_deduplicate_successful_tasks": False,  # the ledger does it; this would stall chords
    "worker_detect_quorum_queues": False,
    "task_publish_retry": True,
    "task_publish_retry_policy": {
        "max_retries": 10,
        "interval_start": 0.1,
        "interval_step": 0.5,
        "interval_max": 3,
    },
    "task_soft_time_limit": 600,
    "task_time_limit": 630,
    "worker_max_tasks_per_child": 500,
    "worker_soft_shutdown_timeout": 60,
    "worker_enable_soft_shutdown_on_idle": False,
    "task_ignore_result": True,  # receipts go through the chord, results through our own keys
    "worker_send_task_events": True,
    "task_send_sent_event": False,  # Flower learns all of it when a node takes the message
    "task_track_started": False,
    "worker_hijack_root_logger": False,
}


def _content(settings: Settings) -> dict[str, Any]:
    """JSON, signed where there is a key. Events stay plain: they command nothing, and Flower needs no key."""
    serializer = "json"
    if settings.signing_key is not None:
        serializer = signing.SERIALIZER
        signing.register(settings.signing_key.get_secret_value())
    return {
        "task_serializer": serializer,
        "result_serializer": serializer,
        "accept_content": [serializer],
        "result_accept_content": [serializer],
        "event_serializer": "json",
        "timezone": "UTC",
        "enable_utc": True,
    }
