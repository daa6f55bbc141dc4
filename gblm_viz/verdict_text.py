"""Whether two methods differ, over what that was measured, and what measuring takes: in a language's sentences.

Said by the command line, the page, the report and the card alike. Measures nothing.
"""

from __future__ import annotations

from gblm_viz.amounts import format_bytes, format_differences, format_duration, format_sizes
from gblm_viz.core.keep.run import MethodRow
from gblm_viz.core.measure.crossed import Crossed
from gblm_viz.core.measure.draws import Draws
from gblm_viz.core.measure.draws_estimate import DrawsEstimate
from gblm_viz.words import Words, join_sentences


def verdict(say: Words, found: Crossed, method: str) -> str:
    """What the interval allows to say of a difference to `method`, in a few words."""
    return say(f"verdict.{found.verdict}", method=method)


def interval(say: Words, mean: float, low: float, high: float) -> str:
    """Return a difference and its interval as text, in nats a token."""
    return say("verdict.interval", **format_differences(mean, low, high, 3))


def sentence(say: Words, row: MethodRow, method: str) -> str:
    """A method's difference to `method` in nats a token; what is not shown, or by one draw alone, is said first."""
    if row.verdict == "too_few" or row.mean is None or row.low is None or row.high is None:
        return say("verdict.too_few")
    if row.verdict in {"more", "less"}:  # the words say the direction
        return say(f"verdict.sentence.{row.verdict}", method=method, **format_sizes(row.mean, row.low, row.high, 3))
    return say(f"verdict.sentence.{row.verdict}", method=method, **format_differences(row.mean, row.low, row.high, 3))


def scope_of(say: Words, row: MethodRow) -> str:
    """As `scope`, of what a report's row says of itself."""
    if row.pool is None or row.draws is None or row.first_seed is None:
        told = say("verdict.over_one", windows=row.windows)
    else:
        told = say("verdict.over_draws", draws=row.draws, samples=row.samples, pool=row.pool, first=row.first_seed,
                   last=row.first_seed + row.draws - 1, windows=row.windows)
    return join_sentences((told, _near(say, row.block or 1)))


def _near(say: Words, block: int) -> str:
    return say("verdict.neighbours", block=block) if block > 1 else say("verdict.neighbours_few")


def scope(say: Words, draws: Draws | None, windows: int, block: int) -> str:
    """Over what the differences are means, what the interval takes in, and what neighbouring windows do to it."""
    told = say("verdict.over_one", windows=windows) if draws is None else say(
        "verdict.over_draws", draws=draws.count, samples=draws.samples, pool=draws.pool.count, first=draws.seeds[0],
        last=draws.seeds[-1], windows=windows)
    return join_sentences((told, _near(say, block)))


def cost(say: Words, draws: Draws | None, guess: DrawsEstimate, windows: int) -> str:
    """What comparing takes, before it begins."""
    time = format_duration(say, guess.seconds)
    if draws is None:
        return say("verdict.cost_one", copies=guess.copies, windows=windows, time=time)
    return say("verdict.cost", draws=draws.count, samples=draws.samples, pool=draws.pool.count, used=len(draws.used),
               copies=guess.copies, windows=windows, time=time, memory=format_bytes(say, guess.memory))
