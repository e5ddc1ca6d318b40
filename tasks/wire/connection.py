"""One way to reach Redis or Valkey, whatever the URL's form, with foreign errors translated at the door."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import redis
from kombu.exceptions import OperationalError
from redis._parsers.base import BaseParser
from redis.backoff import ExponentialBackoff
from redis.exceptions import BusyLoadingError, OutOfMemoryError
from redis.retry import Retry

from tasks.errors import ClusterUnavailable, StoreUnavailable, UsageError

SOCKET_SCHEME: Final = "redis+socket"  # what Celery calls a Unix socket; redis-py says "unix"
OLDEST_SERVER: Final = (6, 2)  # kombu 5.7 uses ZRANGE … BYSCORE and ZADD GT


class LogNotKept(redis.ConnectionError):  # type: ignore[misc]  # redis-py is not looked into
    """Redis refuses whatever writes, for its own disk is full: to a node that is as if it were away."""


# redis-py has no name for it and would raise what it raises for a wrong command, over which a node ends
BaseParser.EXCEPTION_CLASSES.setdefault("MISCONF", LogNotKept)

TRANSIENT: Final = (
    redis.ConnectionError,
    redis.TimeoutError,
    BusyLoadingError,
    OutOfMemoryError,  # until a merge frees some
    OperationalError,
)


WRITTEN_SO: Final = "write it into --redis or PRODUCER_REDIS_URL, as in redis://USER:***@HOST:6379/0"

_PASSWORD: Final = re.compile(r"(//[^:/?#]*:)[^/?#]*(?=@)|([?&]password=)[^&#]*")


def is_socket(url: str) -> bool:
    return url.partition(":")[0] in ("unix", SOCKET_SCHEME)


def broker_url(url: str) -> str:
    """The URL as Celery wants it: the files of TLS go another way, see `tls`."""
    if url.startswith("unix:"):
        return f"{SOCKET_SCHEME}{url[4:]}"
    return urlsplit(url)._replace(query="").geturl() if url.startswith("rediss:") else url


def tls(url: str) -> dict[str, str] | None:
    """What kombu and Celery's backend want to know of a `rediss://` URL; None for others.

    Raises UsageError where the URL asks not to look at the server's certificate.
    """
    if not url.startswith("rediss:"):
        return None
    query = dict(parse_qsl(urlsplit(url).query))
    asked = {**{"ssl_cert_reqs": "required"}, **{k: v for k, v in query.items() if k.startswith("ssl_")}}
    lax = asked["ssl_cert_reqs"].lower() not in ("required", "cert_required")
    if lax or asked.get("ssl_check_hostname", "true").lower() in ("false", "no", "0"):
        raise UsageError(
            f"'{masked(url)}' would not look at the server's certificate",
            hint="give the one that signed it: PRODUCER_REDIS_CA=/path/ca.pem",
        )
    asked.pop("ssl_check_hostname", None)  # on by default
    return {**asked, "ssl_cert_reqs": "required"}


def masked(url: str) -> str:
    """The URL without its password, for screens and logs; whatever it is, nothing is raised."""
    return _PASSWORD.sub(r"\1\2***", url)


def connect(url: str, *, retries: int = 3) -> redis.Redis:
    """A client; nothing is sent yet. Raises UsageError for a URL of another kind."""
    tls(url)
    plain = f"unix{url[len(SOCKET_SCHEME) :]}" if url.startswith(SOCKET_SCHEME) else url
    options: dict[str, Any] = {} if is_socket(url) else {"socket_keepalive": True}
    try:
        return redis.Redis.from_url(
            plain,
            socket_timeout=30,
            socket_connect_timeout=5,
            health_check_interval=10,
            retry=Retry(ExponentialBackoff(cap=2, base=0.1), retries),
            retry_on_error=[redis.ConnectionError, redis.TimeoutError, BusyLoadingError],
            **options,
        )
    except ValueError as e:
        raise UsageError(
            f"'{masked(url)}' is not a Redis address",
            hint="write redis://HOST:6379/0, rediss://… or unix:///PATH",
        ) from e


@contextmanager
def translated(url: str = "") -> Iterator[None]:
    """Redis errors become ours: what is away may come back, what refuses will not."""
    where = f" at {masked(url)}" if url else ""
    try:
        yield
    except TRANSIENT as e:
        if isinstance(e, redis.AuthenticationError):
            said = "refuses the password" if masked(url) != url else "wants a password"
            raise ClusterUnavailable(f"Redis{where} {said}", hint=WRITTEN_SO) from e
        raise StoreUnavailable(
            f"Redis{where} does not answer: {e}", hint="is it running? producer doctor"
        ) from e
    except redis.RedisError as e:
        raise ClusterUnavailable(f"Redis{where} refuses: {e}", hint="producer doctor says more") from e


def in_short(error: BaseException | None) -> str:
    """What is the matter with Redis, for a line of a screen; `error` as redis-py has it."""
    if isinstance(error, OutOfMemoryError):
        return "Redis is full"
    return "Redis cannot write to its disk" if isinstance(error, LogNotKept) else "Redis unreachable"


def check_server(client: redis.Redis, url: str) -> None:
    """Raises ClusterUnavailable for a server that is away, too old, or allowed to forget."""
    with translated(url):
        info = client.info()
    version = str(info.get("redis_version", "0"))
    if tuple(int(p) for p in version.split(".")[:2]) < OLDEST_SERVER:
        raise ClusterUnavailable(f"Redis {version} is too old", hint="Redis or Valkey 6.2 or newer is needed")
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise ClusterUnavailable(
            f"Redis may evict keys (maxmemory-policy {policy}): work and results would vanish silently",
            hint="set maxmemory-policy noeviction, as deploy/redis.conf does",
        )
