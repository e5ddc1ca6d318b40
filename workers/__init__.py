"""Where it runs: process life, cores, warm-up, limits, heartbeat. No trading and no sweep logic."""
