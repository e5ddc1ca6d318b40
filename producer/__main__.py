"""`python -P -m producer`: the same program as the `producer` command."""

from __future__ import annotations

import sys

from producer.cli import main

if __name__ == "__main__":
    sys.exit(main())
