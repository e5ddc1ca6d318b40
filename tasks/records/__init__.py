"""What Redis knows of sweeps and nodes, and what can be read from it."""
