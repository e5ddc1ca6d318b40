"""What each shipped strategy is called, its parameters, metrics and kind of data."""
