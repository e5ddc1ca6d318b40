"""Acting on a plan: publish it, follow it, stop it, run the private stack."""
