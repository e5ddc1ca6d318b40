"""One session for many combinations of one variant: each event is read once and put to all groups of lanes.

For regular days under `rules: reference`; what a day's book is does not depend on the combinations then.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.contract import ASK, BID, TRADE
from tasks.kernels.jit import kernel, part
from tasks.kernels.market_making.lanes import (
    INF,
    LANES,
    LEFT,
    ROWS,
    count_due,
    count_stops,
    fill_lane,
    follow_best_price,
    follow_whole_level,
    liquidate_lane,
    load_lane,
    put_back,
    replace_due_quotes,
    rest_lane,
    set_aside,
    store_lane,
    take_queues,
)
from tasks.kernels.market_making.state import V1, V2_1, V3, V3_START_NS


@kernel
def play_session_in_lanes(
    timestamp: Any, kinds: Any, prices: Any, volumes: Any, midnight: int, variant: int, rests: Any,
    lanes: Any, settings: Any, states: Any, log: Any,
) -> None:  # fmt: skip
    """From the first event of the session to the last; `rests` marks combinations that sit this day out.

    The variants that follow the book are asked again only where the answer can differ: a quote asks its own
    side, a print both, and so does the event after a fill. A cooldown that ends in between is noticed at the
    next of these, with the same result, unless time steps back, a side is emptied or the session ends first:
    the event before such a turn asks both sides too.
    """
    _load(lanes, midnight, rests, settings, states)
    aside = np.zeros(lanes.shape[1])
    asks_both = np.ones(lanes.shape[0], np.bool_)
    # by kind of row: a look-up, not a branch, for what comes next cannot be foreseen
    levels = np.zeros(4)
    quantities = np.zeros(4)
    last = timestamp.size - 1
    for row in range(timestamp.size):
        now = timestamp[row]
        kind = np.uintp(kinds[row] & 3)
        levels[kind] = prices[row]
        quantities[kind] = max(0, volumes[row])
        is_turn = row == last or timestamp[row + 1] < now or volumes[row + 1] <= 0
        if variant == V1:
            _replace_in_groups(kind, now, midnight, levels, quantities, lanes, settings, states, log)
        else:
            _follow_in_groups(
                kind, now, midnight, variant, is_turn, levels, quantities, asks_both, aside, lanes,
                settings, states, log,
            )  # fmt: skip
    for c in range(settings.size):
        if not rests[c]:
            store_lane(lanes[c // LANES], c % LANES, midnight, states[c])


@part
def _replace_in_groups(
    kind: Any, now: int, midnight: int, levels: Any, quantities: Any, lanes: Any, settings: Any, states: Any,
    log: Any,
) -> None:  # fmt: skip
    """One event of v1."""
    width = (
        lanes.shape[1] // ROWS
    )  # LANES; told to the compiler, it would unroll the loops, not vectorise them
    since = float(now - midnight)
    for group in range(lanes.shape[0]):
        lane = lanes[group]
        if quantities[BID] > 0.0 and count_due(lane, 0, since, width) > 0:
            replace_due_quotes(lane, 0, levels[BID], quantities[BID], since, -INF, width)
        if quantities[ASK] > 0.0 and count_due(lane, LANES, since, width) > 0:
            replace_due_quotes(lane, LANES, levels[ASK], quantities[ASK], since, INF, width)
        if kind == TRADE and take_queues(lane, levels[TRADE], quantities[TRADE], width) > 0:
            _fill(lane, group, levels[TRADE], now, since, settings, states, log)


@part
def _follow_in_groups(
    kind: Any, now: int, midnight: int, variant: int, is_turn: bool, levels: Any, quantities: Any,
    asks_both: Any, aside: Any, lanes: Any, settings: Any, states: Any, log: Any,
) -> None:  # fmt: skip
    """One event of v2, v2.1 or v3."""
    width = lanes.shape[1] // ROWS
    since = float(now - midnight)
    has_bid = quantities[BID] > 0.0
    has_ask = quantities[ASK] > 0.0
    middle = (levels[BID] + levels[ASK]) / 2.0 if has_bid and has_ask else -INF
    asks_bid = is_turn or kind in (TRADE, BID)
    asks_ask = is_turn or kind in (TRADE, ASK)
    for group in range(lanes.shape[0]):
        lane = lanes[group]
        held = 0
        both = asks_both[group]
        asks_both[group] = False
        if variant == V2_1 and count_stops(lane, middle, width) > 0:
            held = _liquidate(lane, group, levels, quantities, now, midnight, settings, states, log, aside)
            both = True
            asks_both[group] = True
        if has_bid and (asks_bid or both):
            follow_side(lane, 0, levels[BID], quantities[BID], since, -INF, variant, width)
        if has_ask and (asks_ask or both):
            follow_side(lane, LANES, levels[ASK], quantities[ASK], since, INF, variant, width)
        if kind == TRADE and take_queues(lane, levels[TRADE], quantities[TRADE], width) > 0:
            _fill(lane, group, levels[TRADE], now, since, settings, states, log)
            asks_both[group] = True
        if held != 0:
            _put_back(lane, held, aside)


@kernel
def _put_back(lanes: Any, held: int, aside: Any) -> None:
    for lane in range(LANES):
        if held >> lane & 1:
            put_back(lanes, lane, aside)


@part
def follow_side(
    lanes: Any, side: int, price: float, quantity: float, now: float, silent: float, variant: int, width: int
) -> None:
    """What becomes of all quotes of one side."""
    if variant == V3:
        has_started = now >= V3_START_NS
        follow_whole_level(lanes, side, price, quantity, now, silent, has_started, width)
    else:
        follow_best_price(lanes, side, price, quantity, now, silent, width)


@kernel
def _load(lanes: Any, midnight: int, rests: Any, settings: Any, states: Any) -> None:
    for c in range(lanes.shape[0] * LANES):
        if c < settings.size and not rests[c]:
            load_lane(lanes[c // LANES], c % LANES, midnight, settings[c], states[c])
        else:
            rest_lane(lanes[c // LANES], c % LANES)


@kernel
def _fill(
    lanes: Any,
    group: int,
    price: float,
    now: int,
    since_midnight: float,
    settings: Any,
    states: Any,
    log: Any,
) -> None:
    for lane in range(LANES):
        if lanes[LEFT + lane] > 0.0 or lanes[LEFT + LANES + lane] > 0.0:
            c = group * LANES + lane
            fill_lane(lanes, lane, price, now, since_midnight, settings[c], states[c], log)


@kernel
def _liquidate(
    lanes: Any, group: int, levels: Any, quantities: Any, now: int, midnight: int, settings: Any, states: Any,
    log: Any, aside: Any,
) -> int:  # fmt: skip
    """v2.1, before quoting: which lanes (as bits) a stop-loss keeps busy; they are set aside."""
    held = 0
    for lane in range(min(LANES, settings.size - group * LANES)):
        c = group * LANES + lane
        s = states[c]
        for side in range(2):
            s.level_price[side] = levels[side]
            s.level_quantity[side] = int(quantities[side])
        if liquidate_lane(lanes, lane, now, midnight, settings[c], s, log):
            set_aside(lanes, lane, aside)
            held |= 1 << lane
    return held
