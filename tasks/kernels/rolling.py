"""The mean of the last so many prices, to the last bit as pandas has it.

Two averages of different lengths may tie in exact arithmetic; which of them is above is then decided by the
last bit, and with it a trade. So the sum is carried along as pandas does: with one compensation for what
enters and another for what leaves, from the first price on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.kernels.jit import kernel, part


@kernel
def rolling_mean(price: Any, window: Any) -> Any:
    """The mean of each price and the `window - 1` before it; NaN while there are fewer.

    A missing price (NaN or infinite) is passed over, and the mean is NaN as long as the window holds one.
    """
    mean = np.empty(price.size)
    fill_rolling_mean(price, window, mean)
    return mean


@part
def fill_rolling_mean(price: Any, window: Any, mean: Any) -> None:
    """`rolling_mean` into an array that the caller has."""
    total = 0.0
    lost_by_adding = 0.0
    lost_by_removing = 0.0
    held = 0
    negative = 0
    alike = 0  # how many prices in a row were the same: their mean is that price, whatever was rounded
    last = np.nan
    for i in range(price.size):
        if i >= window and np.isfinite(price[i - window]):
            value = price[i - window]
            change = -value - lost_by_removing
            after = total + change
            lost_by_removing = (after - total) - change
            total = after
            held -= 1
            negative -= np.signbit(value)
        if np.isfinite(price[i]):
            value = price[i]
            change = value - lost_by_adding
            after = total + change
            lost_by_adding = (after - total) - change
            total = after
            held += 1
            negative += np.signbit(value)
            alike = alike + 1 if value == last else 1
            last = value
        if held < window:
            mean[i] = np.nan
            continue
        result = total / window
        if alike >= held:
            result = last
        elif (negative == 0 and result < 0.0) or (negative == held and result > 0.0):
            result = 0.0
        mean[i] = result
