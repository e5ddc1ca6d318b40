"""The closing auction as a slow, obvious definition: market_making.md section 8 in plain Python."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from tests.support.reference.market_making import Event

OPEN, PRE_CLOSE, AUCTION = dt.time(10), dt.time(14, 45), dt.time(14, 55)
STOP_FIRST, STOP_LAST = dt.time(10, 10), dt.time(14, 44)


@dataclass
class ClosingBacktest:
    """One combination on one security; `parameters` by the names of the spec, `exchange` among them."""

    parameters: dict[str, Any]
    position: int = 0
    entry: float = 0.0
    bid: float = 0.0
    ask: float = 0.0
    exit: dict[str, Any] | None = None
    filtered: dict[str, int] = field(default_factory=lambda: {"buy": 0, "sell": 0})
    trades: list[tuple[dt.datetime, str, float, int, float, str, float]] = field(default_factory=list)

    def run(self, rows: list[Event]) -> ClosingBacktest:
        """`rows` are sorted by time already."""
        today: dt.date | None = None
        for row in rows:
            if row.time.date() != today:
                if today is not None:
                    self.settle(today)
                today = row.time.date()
                self.new_day()
            self.on_row(row, is_last_date=today == rows[-1].time.date())
        if today is not None:
            self.settle(today)
        return self

    def new_day(self) -> None:
        self.value, self.volume, self.auction_volume = 0.0, 0, 0
        self.orders: dict[str, tuple[float, int]] = {}
        self.placed = False
        self.points: list[tuple[float, float]] = []
        self.print: tuple[float, dt.datetime] | None = None

    def on_row(self, row: Event, is_last_date: bool) -> None:  # noqa: C901 - the eight steps of the spec
        time = row.time.time()
        in_session = OPEN <= time < PRE_CLOSE
        if row.kind == "bid" and row.price > 0:
            self.bid = row.price
        if row.kind == "ask" and row.price > 0:
            self.ask = row.price
        if row.kind == "trade" and in_session:
            self.points.append(((time.hour - 10) + time.minute / 60 + time.second / 3600, row.price))
        if STOP_FIRST <= time < STOP_LAST and self.position != 0 and self.entry > 0:
            self.stop_loss(row)
        if row.kind == "trade" and in_session and self.exit and self.exit["target"] <= row.time.date():
            order = self.exit
            hit = row.price >= order["price"] if order["side"] == "sell" else row.price <= order["price"]
            if hit and min(order["left"], row.volume) > 0:
                self.close(row.price, min(order["left"], row.volume), row.time, "vwap_exit")
        period = dt.timedelta(minutes=self.parameters["vwap_preclose_period_min"])
        start = dt.datetime.combine(row.time.date(), PRE_CLOSE) - period
        if (
            row.kind == "trade"
            and start <= row.time
            and time < PRE_CLOSE
            and row.volume > 0
            and row.price > 0
        ):
            self.value += row.price * row.volume
            self.volume += row.volume
        may_place = not self.placed and not is_last_date and self.exit is None
        if PRE_CLOSE <= time < AUCTION and may_place and self.volume:
            self.place(self.value / self.volume)
        if row.kind == "trade" and time >= AUCTION:
            self.auction_volume += row.volume
            if self.print is None:
                self.print = row.price, row.time

    def stop_loss(self, row: Event) -> None:
        mark = self.bid if self.position > 0 else self.ask
        gain = mark - self.entry if self.position > 0 else self.entry - mark
        if mark == 0 or not (gain / self.entry) * 100 < -self.parameters["stop_loss_threshold_pct"]:
            return
        side, quantity = ("sell" if self.position > 0 else "buy"), abs(self.position)
        self.trades.append((row.time, side, mark, quantity, gain * quantity, "stop_loss", self.entry))
        self.position, self.entry, self.exit = 0, 0.0, None

    def close(self, price: float, quantity: int, now: dt.datetime, kind: str) -> None:
        order = self.exit
        assert order is not None
        gain = price - order["entry"] if order["side"] == "sell" else order["entry"] - price
        self.position += -quantity if order["side"] == "sell" else quantity
        self.trades.append((now, order["side"], price, quantity, gain * quantity, kind, order["price"]))
        order["left"] -= quantity
        if order["left"] == 0:
            self.exit = None

    def slope(self) -> float:
        n = len(self.points)
        if n < 10:
            return 0.0
        sx = sy = sxy = sxx = 0.0
        for x, y in self.points:
            sx, sy, sxy, sxx = sx + x, sy + y, sxy + x * y, sxx + x * x
        below, mean = n * sxx - sx * sx, sy / n
        return (n * sxy - sx * sy) / below / mean * 10_000 if below and mean else 0.0

    def tick(self, price: float) -> float:
        ladder = {"ADX": ((1, 0.001), (10, 0.01), (50, 0.02), (100, 0.05)), "DFM": ((1, 0.001), (10, 0.01))}
        otherwise = {"ADX": 0.1, "DFM": 0.05}
        exchange = self.parameters["exchange"]
        tick = next((tick for below, tick in ladder[exchange] if price < below), otherwise[exchange])
        if self.parameters["rules"] == "fixed":  # Q17
            return round(price / tick) * round(tick * 1000) / 1000
        return round(price / tick) * tick

    def place(self, average: float) -> None:
        self.placed = True
        self.average = average
        quantity = round(self.parameters["order_notional"] / average)
        spread = self.parameters["spread_vwap_pct"] / 100
        self.orders = {
            "buy": (self.tick(average * (1 - spread)), quantity),
            "sell": (self.tick(average * (1 + spread)), quantity),
        }
        slope = self.slope()
        for side, sign in (("sell", 1), ("buy", -1)):
            limit = self.parameters[f"trend_filter_{side}_threshold_bps_hr"]
            if self.parameters[f"trend_filter_{side}_enabled"] and slope * sign > limit:
                self.filtered[side] += 1
                del self.orders[side]

    def settle(self, today: dt.date) -> None:
        if self.print is None:
            return
        price, now = self.print
        cap = int(self.auction_volume * (self.parameters["auction_fill_pct"] / 100))
        for side in ("buy", "sell"):
            limit, ordered = self.orders.get(side, (0.0, 0))
            quantity = min(ordered, cap)
            if quantity <= 0 or not (price <= limit if side == "buy" else price >= limit):
                continue
            self.position += quantity if side == "buy" else -quantity
            self.entry = price
            self.trades.append((now, side, price, quantity, 0.0, "auction_entry", self.average))
            self.exit = {
                "side": "sell" if side == "buy" else "buy",
                "price": self.tick(self.average),
                "left": quantity,
                "entry": price,
                "target": today + dt.timedelta(days=1),
            }
        if self.exit is not None and self.exit["target"] <= today:
            self.close(price, self.exit["left"], now, "eod_flatten")
