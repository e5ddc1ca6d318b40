"""Market making on ticks: `sweep` is the door, `play` the rules, the other loops its faster equals."""
