"""Where a VCP position is given up and where it is sold: stop and target from the entry price and the ATR."""

from __future__ import annotations

from tasks.kernels.jit import part


@part
def stop_level(entry: float, atr: float, factor: float, is_continuous: bool) -> float:
    """`factor` ATR below the entry where that is 7 to 10 % of it, with fixed per cents on either side.

    The reference gives 10 % between 6.5 and 7.0 % too; `is_continuous` takes the ATR from 6.5 on. Where the
    ATR is 0 or undefined, 8 %.
    """
    if atr == 0.0 or atr != atr:
        return entry * 0.92
    level = entry - factor * atr
    away = abs(level - entry) / entry * 100.0
    if away <= 6.5:
        return entry * 0.925
    if (is_continuous or away >= 7.0) and away <= 10.0:
        return level
    return entry * 0.90


@part
def target_level(entry: float, atr: float, factor: float) -> float:
    """`factor` ATR above the entry, within 15 and 30 %; 20 % where the ATR is 0 or undefined."""
    if atr == 0.0 or atr != atr:
        return entry * 1.20
    level = entry + factor * atr
    away = abs(level - entry) / entry * 100.0
    if away <= 15.0:
        return entry * 1.15
    return level if away <= 30.0 else entry * 1.30
