"""One chunk in a worker process, and what is done where it does not come back."""
