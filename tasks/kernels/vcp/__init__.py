"""Volatility contraction patterns (vcp.md): `sweep` is the door, `stages` the pattern, `walk` the loop."""
