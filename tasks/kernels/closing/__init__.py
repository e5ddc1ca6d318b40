"""Market making in the closing auction: `sweep` is the door, `play` the hot loop."""
