"""What whoever leads a sweep does for it: cut it, publish what is missing, set up again what was lost."""
