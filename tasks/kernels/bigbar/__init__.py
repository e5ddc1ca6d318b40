"""BigBar (bigbar.md): `sweep` is the door, `play` the hot loop."""
