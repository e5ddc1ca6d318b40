"""How a strategy is found, read, described, and known again."""
