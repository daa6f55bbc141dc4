"""Lengths of time and of memory, and sizes of differences, as a person reads them, in the words of a language.

Knows nothing of what took them.
"""

from __future__ import annotations

import math

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


def format_difference(value: float, digits: int) -> str:
    """A difference with its sign, the minus a true one: +0.12, −0.30, +∞."""
    if math.isinf(value):
        return "−∞" if value < 0 else "+∞"
    return f"{value:+.{digits}f}".replace("-", "−")


def format_differences(mean: float, low: float, high: float, digits: int) -> dict[str, str]:
    """A difference and its interval, each with its sign, as fields of a sentence."""
    return {name: format_difference(value, digits) for name, value in (("mean", mean), ("low", low), ("high", high))}


def format_change(fraction: float) -> str:
    """A fraction of any size and sign in percent with one digit: 28.4 %, −2.9 %, ∞ beyond a million percent.

    For a share of a whole, which is never rounded to all or to none, use figures.charts.percent.
    """
    if not math.isfinite(fraction) or abs(fraction) > 1e4:
        return "−∞" if fraction < 0 else "∞"
    shown = f"{100 * fraction:.1f}"
    return f"{'0.0' if shown == '-0.0' else shown.replace('-', '−')} %"


def format_share(fraction: float) -> str:
    """A chosen share in percent, whole if it is: 50 %, 59.5 %."""
    return format_change(fraction).replace(".0 %", " %")
