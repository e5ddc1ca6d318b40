"""`~` and `~name` in paths that people write."""

from __future__ import annotations

from pathlib import Path

from tasks.errors import UsageError


def expanded(path: str | Path) -> Path:
    """The path with the home folder that it begins with. Raises UsageError where nobody has that name."""
    written = Path(path)
    try:
        return written.expanduser()
    except RuntimeError as e:
        named = written.parts[0]
        raise UsageError(
            f"{written}: there is no home folder of a user '{named[1:]}'",
            hint=f"write ./{written} for a file or folder of that name" if named[1:] else "write it out",
        ) from e
