"""Numbers as text that reads back as the same number. Knows nothing of what a number means."""

from __future__ import annotations


def write_exactly(value: float) -> str:
    """Return `value` with as few digits as read back as the same float64: `100`, `0.5`, `123456.789`."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
