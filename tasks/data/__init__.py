"""From files to read-only arrays: which securities there are, what they hold, one copy per node."""
