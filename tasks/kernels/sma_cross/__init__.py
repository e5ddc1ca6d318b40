"""Crossings of two averages (bigbar.md §9): `sweep` is the door, `play` the hot loop."""
