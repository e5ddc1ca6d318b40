"""Pure planning: how combinations are counted and cut into chunks. No clock, no network."""
