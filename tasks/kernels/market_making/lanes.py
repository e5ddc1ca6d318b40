"""Many combinations at once: sixteen to a group, their quotes side by side in one row of numbers each.

The book is the same for all, so an event asks one question of each side, and sixteen combinations answer it
with a few instructions of the processor. Only what is rare is done for a single one: a fill, a stop-loss. The
result is that of the plain rules, bit for bit: a combination's numbers are its own, no sum runs across lanes.

Whole numbers are kept as float64 here, exactly: shares and the nanoseconds of a day are far below 2**53.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.contract import ASK, BID
from tasks.kernels.jit import kernel, part
from tasks.kernels.market_making.fills import record_fill
from tasks.kernels.market_making.play import is_busy_liquidating
from tasks.kernels.market_making.state import NO_SIDE, V2_1

LANES: Final = 16  # twice the float64 numbers of the widest register there is
INF: Final = float("inf")

# Rows of a group; a pair is bid and ask.
TIMER: Final = 0 * LANES  # ns since midnight; negative: of an earlier day
QUOTE: Final = 2 * LANES  # -inf and inf: not live
AHEAD: Final = 4 * LANES
REMAINING: Final = 6 * LANES
SIZE: Final = 8 * LANES
ROOM: Final = 10 * LANES  # shares until the largest position
PRICE: Final = 12 * LANES  # of the order record
LEFT: Final = 14 * LANES  # of the print in hand, behind the queue
MIN_VALUE: Final = 16 * LANES
INTERVAL: Final = 17 * LANES
STOP_BELOW: Final = 18 * LANES  # middle at or below which the stop-loss is worth a look
STOP_ABOVE: Final = 19 * LANES
ROWS: Final = 20
STATE_ROWS: Final = 17  # those that a combination set aside gets back

SLACK: Final = 1e-9  # relative: a look too many costs little, and rounding must not cost one


def blank_lanes(combinations: int) -> NDArray[np.float64]:
    return np.zeros((-(-combinations // LANES), ROWS * LANES))


@kernel
def load_lane(lanes: Any, lane: int, midnight: int, g: Any, s: Any) -> None:
    for side in range(2):
        row = lane + side * LANES
        lanes[TIMER + row] = s.timer[side] - midnight
        lanes[QUOTE + row] = s.quote[side] if s.is_live[side] else (-INF if side == BID else INF)
        lanes[AHEAD + row] = s.ahead[side]
        lanes[REMAINING + row] = s.remaining[side]
        lanes[SIZE + row] = g.quote_size[side]
        lanes[PRICE + row] = s.order_price[side]
    lanes[MIN_VALUE + lane] = g.min_value
    lanes[INTERVAL + lane] = g.interval_ns
    _follow_position(lanes, lane, g, s)


@kernel
def rest_lane(lanes: Any, lane: int) -> None:
    """A lane that no quote and no print can touch."""
    for row in range(ROWS):
        lanes[row * LANES + lane] = 0.0
    _silence(lanes, lane)
    lanes[STOP_BELOW + lane] = -INF
    lanes[STOP_ABOVE + lane] = INF


@kernel
def _silence(lanes: Any, lane: int) -> None:
    lanes[QUOTE + lane] = -INF
    lanes[QUOTE + LANES + lane] = INF
    lanes[MIN_VALUE + lane] = INF


@kernel
def store_lane(lanes: Any, lane: int, midnight: int, s: Any) -> None:
    for side in range(2):
        row = lane + side * LANES
        if lanes[TIMER + row] >= 0.0:
            s.timer[side] = midnight + int(lanes[TIMER + row])
        s.is_live[side] = 1 if abs(lanes[QUOTE + row]) < INF else 0
        s.quote[side] = lanes[QUOTE + row]
        s.ahead[side] = int(lanes[AHEAD + row])
        s.remaining[side] = int(lanes[REMAINING + row])
        s.order_price[side] = lanes[PRICE + row]


@kernel
def _follow_position(lanes: Any, lane: int, g: Any, s: Any) -> None:
    lanes[ROOM + lane] = g.max_position - s.position
    lanes[ROOM + LANES + lane] = g.max_position + s.position
    below = -INF
    above = INF
    if s.liquidating != NO_SIDE:
        below = INF
    elif g.variant == V2_1 and s.position != 0:
        average = s.basis / abs(s.position)
        if s.position > 0:
            below = average * (1.0 - g.stop_loss_pct / 100.0 + SLACK)
        else:
            above = average * (1.0 + g.stop_loss_pct / 100.0 - SLACK)
    lanes[STOP_BELOW + lane] = below
    lanes[STOP_ABOVE + lane] = above


@part
def count_due(lanes: Any, side: int, now: float, width: int) -> int:
    """v1: in how many lanes may the side's quote be replaced?"""
    due = 0
    for lane in range(width):
        due += now - lanes[TIMER + side + lane] >= lanes[INTERVAL + lane]
    return due


@part
def replace_due_quotes(
    lanes: Any, side: int, price: float, quantity: float, now: float, silent: float, width: int
) -> None:
    """v1: where the side's timer has run out, place a quote or suppress it."""
    value = price * quantity
    for lane in range(width):
        row = side + lane
        timer = lanes[TIMER + row]
        quote = lanes[QUOTE + row]
        ahead = lanes[AHEAD + row]
        remaining = lanes[REMAINING + row]
        size = min(lanes[SIZE + row], lanes[ROOM + row])
        is_due = now - timer >= lanes[INTERVAL + lane]
        is_placed = is_due & (value >= lanes[MIN_VALUE + lane]) & (size > 0.0)
        quote = silent if is_due else quote
        lanes[QUOTE + row] = price if is_placed else quote
        lanes[AHEAD + row] = quantity if is_placed else ahead
        lanes[REMAINING + row] = size if is_placed else remaining
        lanes[TIMER + row] = now if is_placed else timer


@part
def follow_best_price(
    lanes: Any, side: int, price: float, quantity: float, now: float, silent: float, width: int
) -> None:
    """v2, v2.1: stand at the best price, behind all that is displayed if it is new or nothing stood."""
    value = price * quantity
    for lane in range(width):
        row = side + lane
        ahead = lanes[AHEAD + row]
        remaining = lanes[REMAINING + row]
        whole = lanes[SIZE + row]
        is_cooling = now - lanes[TIMER + row] < lanes[INTERVAL + lane]
        base = remaining if is_cooling else whole
        size = min(base, lanes[ROOM + row])
        is_allowed = (value >= lanes[MIN_VALUE + lane]) & (size > 0.0)
        is_kept = is_allowed & (price == lanes[PRICE + row])
        lanes[AHEAD + row] = ahead if is_kept else quantity
        lanes[REMAINING + row] = size if is_allowed else 0.0
        lanes[QUOTE + row] = price if is_allowed else silent
        lanes[PRICE + row] = price


@part
def follow_whole_level(
    lanes: Any,
    side: int,
    price: float,
    quantity: float,
    now: float,
    silent: float,
    has_started: bool,
    width: int,
) -> None:
    """v3: always behind all that is displayed, and silent until 10:05."""
    value = price * quantity if has_started else -INF
    for lane in range(width):
        row = side + lane
        remaining = lanes[REMAINING + row]
        whole = lanes[SIZE + row]
        is_cooling = now - lanes[TIMER + row] < lanes[INTERVAL + lane]
        base = remaining if is_cooling else whole
        size = min(base, lanes[ROOM + row])
        is_allowed = (value >= lanes[MIN_VALUE + lane]) & (size > 0.0)
        lanes[AHEAD + row] = quantity if is_allowed else 0.0
        lanes[REMAINING + row] = size if is_allowed else 0.0
        lanes[QUOTE + row] = price if is_allowed else silent
        lanes[PRICE + row] = price


@part
def take_queues(lanes: Any, price: float, volume: float, width: int) -> int:
    """A print works through the queues before our quotes; returns how many quotes it then reaches."""
    reached = 0
    for lane in range(width):
        row = LANES + lane
        ahead = lanes[AHEAD + row]
        hit = volume if price >= lanes[QUOTE + row] else 0.0
        queue = min(ahead, hit)
        lanes[AHEAD + row] = ahead - queue
        lanes[LEFT + row] = hit - queue
        reached += hit > queue
    for lane in range(width):
        ahead = lanes[AHEAD + lane]
        hit = volume if price <= lanes[QUOTE + lane] else 0.0
        queue = min(ahead, hit)
        lanes[AHEAD + lane] = ahead - queue
        lanes[LEFT + lane] = hit - queue
        reached += hit > queue
    return reached


@kernel
def fill_lane(
    lanes: Any, lane: int, price: float, now: int, since_midnight: float, g: Any, s: Any, log: Any
) -> None:
    """What the print in hand has left for one combination: first its ask, then its bid."""
    for side in (ASK, BID):
        row = lane + side * LANES
        filled = min(lanes[LEFT + row], lanes[REMAINING + row])
        if filled > 0.0:
            record_fill(s, side, price, int(filled), now, log)
            lanes[REMAINING + row] -= filled
            lanes[TIMER + row] = since_midnight
            if lanes[REMAINING + row] == 0.0:
                lanes[QUOTE + row] = INF if side == ASK else -INF
    _follow_position(lanes, lane, g, s)


@part
def count_stops(lanes: Any, middle: float, width: int) -> int:
    """v2.1: lanes whose stop-loss is worth a look at this middle; those that are liquidating always are."""
    found = 0
    for lane in range(width):
        found += (middle <= lanes[STOP_BELOW + lane]) | (middle >= lanes[STOP_ABOVE + lane])
    return found


@kernel
def liquidate_lane(lanes: Any, lane: int, now: int, midnight: int, g: Any, s: Any, log: Any) -> bool:
    """v2.1: the stop-loss of one combination; True where it takes the whole event."""
    is_busy = is_busy_liquidating(now, g, s, log)
    for side in range(2):
        lanes[TIMER + lane + side * LANES] = s.timer[side] - midnight
    _follow_position(lanes, lane, g, s)
    return is_busy


@kernel
def set_aside(lanes: Any, lane: int, aside: Any) -> None:
    """Take a combination out of one event."""
    for row in range(STATE_ROWS):
        aside[row * LANES + lane] = lanes[row * LANES + lane]
    _silence(lanes, lane)


@kernel
def put_back(lanes: Any, lane: int, aside: Any) -> None:
    for row in range(STATE_ROWS):
        lanes[row * LANES + lane] = aside[row * LANES + lane]
