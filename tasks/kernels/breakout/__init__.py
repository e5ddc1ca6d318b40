"""The range breakout (breakout.md): `sweep` is the door, `triples` and `trade` the hot loops."""
