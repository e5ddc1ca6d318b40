"""One session for many combinations of one variant: each event is read once and put to all groups of lanes.

For regular days under `rules: reference`; what a day's book is does not depend on the combinations then.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.contract import ASK, BID, TRADE
from tasks.kernels.jit import kernel
from tasks.kernels.market_making_lanes import (
    LANES,
    LEFT,
    count_stops,
    fill_lane,
    follow_best_prices,
    follow_whole_levels,
    liquidate_lane,
    load_lane,
    put_back,
    replace_due_quotes,
    rest_lane,
    set_aside,
    store_lane,
    take_queues,
)
from tasks.kernels.market_making_state import V1, V2_1, V3, V3_START_NS


@kernel
def play_session_in_lanes(
    timestamp: Any, kinds: Any, prices: Any, volumes: Any, midnight: int, variant: int, rests: Any, lanes: Any,
    settings: Any, states: Any, log: Any,
) -> None:  # fmt: skip
    """From the first event of the session to the last; `rests` marks combinations that sit this day out."""
    _load(lanes, midnight, rests, settings, states)
    aside = np.zeros(lanes.shape[1])
    levels = np.zeros(4)  # by kind of row: a look-up, not a branch, for what comes next cannot be foreseen
    quantities = np.zeros(4)
    for row in range(timestamp.size):
        now = timestamp[row]
        kind = np.uintp(kinds[row] & 3)
        price = prices[row]
        volume = float(max(0, volumes[row]))
        levels[kind] = price
        quantities[kind] = volume
        since_midnight = float(now - midnight)
        bid = levels[0]
        bid_quantity = quantities[0]
        ask = levels[1]
        ask_quantity = quantities[1]
        for group in range(lanes.shape[0]):
            lane = lanes[group]
            if variant == V1:
                replace_due_quotes(lane, bid, bid_quantity, ask, ask_quantity, since_midnight)
            elif variant == V3:
                has_started = since_midnight >= V3_START_NS
                follow_whole_levels(lane, bid, bid_quantity, ask, ask_quantity, since_midnight, has_started)
            elif variant == V2_1:
                held = _liquidate(
                    lane, group, levels, quantities, now, midnight, settings, states, log, aside
                )
                follow_best_prices(lane, bid, bid_quantity, ask, ask_quantity, since_midnight)
            else:
                follow_best_prices(lane, bid, bid_quantity, ask, ask_quantity, since_midnight)
            if kind == TRADE and take_queues(lane, price, volume) > 0:
                _fill(lane, group, price, now, since_midnight, settings, states, log)
            if variant == V2_1 and held != 0:
                for i in range(LANES):
                    if held >> i & 1:
                        put_back(lane, i, aside)
    for c in range(settings.size):
        if not rests[c]:
            store_lane(lanes[c // LANES], c % LANES, midnight, states[c])


@kernel
def _load(lanes: Any, midnight: int, rests: Any, settings: Any, states: Any) -> None:
    for c in range(lanes.shape[0] * LANES):
        if c < settings.size and not rests[c]:
            load_lane(lanes[c // LANES], c % LANES, midnight, settings[c], states[c])
        else:
            rest_lane(lanes[c // LANES], c % LANES)


@kernel
def _fill(
    lanes: Any, group: int, price: float, now: int, since_midnight: float, settings: Any, states: Any, log: Any
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
    """v2.1, before quoting: which lanes (as bits) a stop-loss keeps busy for the whole event; they are set aside."""
    has_both = quantities[BID] > 0.0 and quantities[ASK] > 0.0
    middle = (levels[BID] + levels[ASK]) / 2.0 if has_both else -np.inf
    if count_stops(lanes, middle) == 0:
        return 0
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
