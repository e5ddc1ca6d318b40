"""sweep.yaml: read with positions, held to a closed schema, checked against strategy and data."""
