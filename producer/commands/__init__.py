"""One function per command: parse, call, view. No logic."""
