"""The servers that tests run against are real, empty and separate."""

from __future__ import annotations

import redis

from tests.support.broker import Broker


def test_each_caller_is_given_a_database_of_its_own(valkey: Broker) -> None:
    first, second = (redis.Redis.from_url(valkey.fresh_url()) for _ in range(2))

    first.set("sweepfleet:key", "1")

    assert second.get("sweepfleet:key") is None
    assert second.dbsize() == 0
    first.close()
    second.close()


def test_the_server_throws_nothing_away_when_it_is_full(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
