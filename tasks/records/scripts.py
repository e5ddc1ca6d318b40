"""The steps of the ledger that must be one step, as Lua: Redis runs each as a whole or not at all.

A full Redis refuses a script at the first write that needs memory, and lets through what follows a write that
needs none. Small steps therefore begin with a deletion: with them the sweep goes on to the merge that frees
memory. A part is large, and is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

import redis
from redis.exceptions import NoScriptError

# A sweep that runs keeps its spec, with its results folder: a second producer of the same sweep follows.
# KEYS: spec, meta, open   ARGV: packed spec, ttl, sweep, identity, stamp, retries, other fields of meta
CREATE: Final = """
local state = redis.call('HGET', KEYS[2], 'state')
local same = redis.call('HGET', KEYS[2], 'identity') == ARGV[4] and redis.call('EXISTS', KEYS[1]) == 1
if same and (state == 'open' or state == 'cancelling') then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('HSET', KEYS[2], 'identity', ARGV[4], 'stamp', ARGV[5], 'retries', ARGV[6])
if not state then
  redis.call('HSET', KEYS[2], unpack(ARGV, 7))
  redis.call('SADD', KEYS[3], ARGV[3])
end
redis.call('EXPIRE', KEYS[2], ARGV[2])
return state and 0 or 1
"""

# Earlier starts have not come back. Three that ended with their node use up one chance, as one does whose
# process alone was lost: nodes end for many reasons, and are seldom ended by what they compute. When the
# chances are used up, combinations run in processes of their own, which a message must allow the time for:
# else `alone`, and nothing begins. Such starts are counted by themselves, for copies of a message that die
# together must leave a chance, and three of them are one: what they run cannot reach the process above it.
# KEYS: done, meta, att, hand, lost
# ARGV: chunk, now and node, ttl, whether the message allows no more time than others ('1')
START: Final = """
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old then return {'done', old, 0, 0, ''} end
local state = redis.call('HGET', KEYS[2], 'state')
if state ~= 'open' then return {'closed', '', 0, 0, ''} end
local stamp = redis.call('HGET', KEYS[2], 'stamp') or ''
local retries = tonumber(redis.call('HGET', KEYS[2], 'retries') or 2)
local apart = ARGV[1] .. ' apart'
local together = tonumber(redis.call('HGET', KEYS[3], ARGV[1]) or 0)
local alone = tonumber(redis.call('HGET', KEYS[3], apart) or 0)
local lost = math.min(tonumber(redis.call('HGET', KEYS[5], ARGV[1]) or 0), together)
local chances, counted = retries - math.floor((together + 2 * lost) / 3), ARGV[1]
if retries > 0 and chances <= 0 then chances, counted = -math.floor(alone / 3), apart end
if ARGV[4] == '1' and counted == apart and chances == 0 then
  return {'alone', stamp, together + alone, 0, counted}
end
redis.call('HDEL', KEYS[4], ARGV[1])
redis.call('HSET', KEYS[4], ARGV[1], ARGV[2])
redis.call('HINCRBY', KEYS[3], counted, 1)
redis.call('EXPIRE', KEYS[3], ARGV[3])
redis.call('EXPIRE', KEYS[4], ARGV[3])
return {'start', stamp, together + alone + 1, chances, counted}
"""

# Two results of one chunk must be the same; where one of them failed (out of time, of memory), they need not.
# KEYS: part, done, meta, totals, hand, failing, node
# ARGV: chunk, blob, receipt, ttl, sha, how many fail, that many (security, failed), then (counter, number)
COMMIT: Final = """
local state = redis.call('HGET', KEYS[3], 'state')
local old = redis.call('HGET', KEYS[2], ARGV[1])
if not state or state == 'cancelled' or old then
  redis.call('HDEL', KEYS[5], ARGV[1])
  if not state or state == 'cancelled' then return {-1, ''} end
  local sound = '"failed":0,'
  local both = string.find(old, sound, 1, true) and string.find(ARGV[3], sound, 1, true)
  if both and not string.find(old, ARGV[5], 1, true) then redis.call('HINCRBY', KEYS[3], 'mismatch', 1) end
  return {0, old}
end
if ARGV[2] ~= '' then redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[4]) end
redis.call('HDEL', KEYS[5], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
local counters = 7 + 2 * tonumber(ARGV[6])
for i = 7, counters - 1, 2 do redis.call('HINCRBY', KEYS[6], ARGV[i], ARGV[i + 1]) end
for i = counters, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[4], ARGV[i], ARGV[i + 1])
  if ARGV[i] == 'backtests' then redis.call('HINCRBY', KEYS[7], 'backtests', ARGV[i + 1]) end
end
for i = 2, 6 do redis.call('EXPIRE', KEYS[i], ARGV[4]) end
return {1, ARGV[3]}
"""

# The receipt of a chunk whose part is gone is taken back, with its numbers: the chunk runs again. Its starts
# begin anew too, for they count those that never came back, and this one did.
# KEYS: done, totals, failing, att, lost
# ARGV: chunk, receipt, how many fail, as many pairs (security, failed), then pairs (counter, number)
RETRACT: Final = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
for i = 4, 5 do redis.call('HDEL', KEYS[i], ARGV[1], ARGV[1] .. ' apart') end
local counters = 4 + 2 * tonumber(ARGV[3])
for i = 4, counters - 1, 2 do redis.call('HINCRBY', KEYS[3], ARGV[i], -ARGV[i + 1]) end
for i = counters, #ARGV, 2 do redis.call('HINCRBY', KEYS[2], ARGV[i], -ARGV[i + 1]) end
return 1
"""

# The reverse: a receipt that is known from elsewhere, as after a lost Redis.
# KEYS: done, totals, failing   ARGV: as above
ADOPT: Final = """
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
local counters = 4 + 2 * tonumber(ARGV[3])
for i = 4, counters - 1, 2 do redis.call('HINCRBY', KEYS[3], ARGV[i], ARGV[i + 1]) end
for i = counters, #ARGV, 2 do redis.call('HINCRBY', KEYS[2], ARGV[i], ARGV[i + 1]) end
return 1
"""

# KEYS: lease   ARGV: holder, milliseconds, how the holders begin that have to give way ('': none)
HOLD: Final = """
local holder = redis.call('GET', KEYS[1])
local yields = holder and ARGV[3] ~= '' and string.sub(holder, 1, #ARGV[3]) == ARGV[3]
if holder and holder ~= ARGV[1] and not yields then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

# KEYS: lease   ARGV: holder
RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""

# KEYS: meta   ARGV: from (comma-separated), to
MOVE: Final = """
local state = redis.call('HGET', KEYS[1], 'state')
if not state or not string.find(',' .. ARGV[1] .. ',', ',' .. state .. ',', 1, true) then return 0 end
redis.call('HDEL', KEYS[1], 'state')
redis.call('HSET', KEYS[1], 'state', ARGV[2])
return 1
"""

# KEYS: done   ARGV: chunks
MISSING: Final = """
local places = {}
for i = 1, #ARGV do
  if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 0 then places[#places + 1] = i end
end
return places
"""

# KEYS: a hash   ARGV: ttl, then pairs (field, value); a value of '' takes the field out
NOTE: Final = """
for i = 2, #ARGV, 2 do
  redis.call('HDEL', KEYS[1], ARGV[i])
  if ARGV[i + 1] ~= '' then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
"""

# The part of a chunk goes from Redis to a file.
# KEYS: done, part   ARGV: chunk, the receipt that says Redis, the one that names the file
MOVE_PART: Final = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
"""

# KEYS: node, nodes   ARGV: what it says of itself, cores, ttl, name, now
BEAT: Final = """
redis.call('HDEL', KEYS[1], 'beat')
redis.call('HSET', KEYS[1], 'beat', ARGV[1], 'cores', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[4])
"""


def run(client: redis.Redis, script: str, keys: Sequence[str], args: Iterable[Any]) -> Any:
    """Not by redis-py's `Script`, which takes longer to make and to call than the server to answer."""
    name = _name(script)
    try:
        return client.execute_command("EVALSHA", name, len(keys), *keys, *args)
    except NoScriptError:  # a server that was started anew
        client.script_load(script)
        return client.execute_command("EVALSHA", name, len(keys), *keys, *args)


@lru_cache(maxsize=32)
def _name(script: str) -> str:
    """What Redis calls a script that it has."""
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
