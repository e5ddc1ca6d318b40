"""The screens for daily bars (vcp.md): `sweep` is the door; one module for each screen's tests."""
