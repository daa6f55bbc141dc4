"""Lengths of time and of memory, and sizes of differences, as a person reads them, in the words of a language.

Knows nothing of what took them.
"""

from __future__ import annotations

from gblm_viz.words import Words


def format_duration(words: Words, seconds: float) -> str:
    """A length of time: 3 s, 2 min 10 s, 1 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return words("units.seconds", seconds=f"{seconds:.1f}" if seconds < 10 else whole)
    if whole < 3600:
        return words("units.minutes", minutes=whole // 60, seconds=whole % 60)
    return words("units.hours", hours=whole // 3600, minutes=whole % 3600 // 60)


def format_bytes(say: Words, count: float) -> str:
    """Bytes: 14 kB, 14.2 MB, 1.3 GB."""
    units = (("gigabytes", 1e9), ("megabytes", 1e6), ("kilobytes", 1e3))
    unit, size = next((unit, count / size) for unit, size in units if count >= size or size == 1e3)
    return say(f"text.bytes.{unit}", size=f"{size:.1f}" if size < 100 else f"{size:,.0f}")


def format_sizes(mean: float, low: float, high: float, decimals: int) -> dict[str, str]:
    """Return a difference and its interval without signs, the smaller end first, as fields of a sentence whose words
    say the direction: "27.5 points fewer", not "fewer: −27.5 points". For differences whose interval leaves out 0."""
    ends = sorted((abs(low), abs(high)))
    return {name: f"{value:.{decimals}f}" for name, value in (
        ("mean", abs(mean)), ("low", ends[0]), ("high", ends[1]))}
