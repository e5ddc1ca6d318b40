"""What to run, and what to make of it: spec, plan, run, outcome, with commands and view on top."""
