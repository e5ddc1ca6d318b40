"""The words and records that the walk's kernels share: how it is traded, what is found, what is reported.

Nothing here loads the compiler.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tasks.kernels.vcp.settings import DETECTION

ENTRIES: Final = ("close", "next_open", "pivot_stop")
NEXT_OPEN: Final = 1
PIVOT_STOP: Final = 2
PICKS: Final = ("longest", "shortest", "best")
SHORTEST: Final = 1
BEST: Final = 2
LEVELS: Final = ("reference", "continuous")
CONTINUOUS: Final = 1
REASONS: Final = ("stop_gap", "stop", "target_gap", "target", "time", "eod")
STOP_GAP: Final = 0
STOP: Final = 1
TARGET_GAP: Final = 2
TARGET: Final = 3
TIME: Final = 4
EOD: Final = 5
MASK_BITS: Final = 63  # a whole number of 64 bits, and none of them the sign

TRADING: Final = (
    ("trend_template", "?"),
    ("entry_code", "i8"),
    ("pick_code", "i8"),
    ("max_hold", "i8"),
    ("is_continuous", "?"),
    ("stop_atr", "f8"),
    ("target_atr", "f8"),
    ("stop_pct", "f8"),  # NaN: by the ATR
    ("target_pct", "f8"),
    ("cost_bps", "f8"),
)
SETTING: Final = np.dtype([*DETECTION, *TRADING], align=True)

CANDIDATE: Final = np.dtype(
    [
        ("bar", "i8"),
        ("length", "i8"),
        ("next_bar", "i8"),  # the first candidate of a later bar
        ("contractions", "i8"),
        ("quality", "i8"),
        ("gain", "f8"),
        ("pivot", "f8"),
        ("compression", "f8"),
        ("volume_ratio", "f8"),
    ],
    align=True,
)

SIGNAL: Final = np.dtype(
    [
        ("bar", "i8"),
        ("mask", "i8"),
        ("longest", "i8"),
        ("shortest", "i8"),
        ("best", "i8"),
        ("pivot", "f8"),
        ("n_contractions", "i8"),
        ("compression_ratio", "f8"),
        ("volume_ratio", "f8"),
        ("gain", "f8"),
        ("quality", "i8"),
    ],
    align=True,
)

TRADE: Final = np.dtype(
    [
        ("signal_bar", "i8"),
        ("entry_bar", "i8"),
        ("entry", "f8"),
        ("stop", "f8"),
        ("target", "f8"),
        ("exit_bar", "i8"),
        ("exit", "f8"),
        ("reason", "i8"),
        ("ret", "f8"),
        ("length", "i8"),
        ("quality", "i8"),
        ("pivot", "f8"),
    ],
    align=True,
)

METRICS: Final = (
    "signals",
    "trades",
    "win_rate_pct",
    "mean_return_pct",
    "median_hold_bars",
    "profit_factor",
    "best_trade_pct",
    "worst_trade_pct",
)
