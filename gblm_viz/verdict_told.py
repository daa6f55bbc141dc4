"""Whether two methods differ, over what that was measured, and what measuring takes: in a language's sentences.

Said by the command line, the page, the report and the card alike. Measures nothing.
"""

from __future__ import annotations

from gblm_viz.amounts import amount, duration
from gblm_viz.core.crossed import Crossed
from gblm_viz.core.draws import Draws
from gblm_viz.core.draws_estimate import DrawsEstimate
from gblm_viz.words import Words


def verdict(say: Words, found: Crossed, method: str) -> str:
    """What the interval allows to say of a difference to `method`, in a few words."""
    return say(f"verdict.{found.verdict}", method=method)


def interval(say: Words, mean: float, low: float, high: float) -> str:
    return say("verdict.interval", mean=f"{mean:+.3f}", low=f"{low:+.3f}", high=f"{high:+.3f}")


def scope(say: Words, draws: Draws | None, windows: int, block: int) -> str:
    """Over what the differences are means, what the interval takes in, and what neighbouring windows do to it."""
    told = say("verdict.over_one", windows=windows) if draws is None else say(
        "verdict.over_draws", draws=draws.count, samples=draws.samples, pool=draws.pool.count, first=draws.seeds[0],
        last=draws.seeds[-1], windows=windows)
    near = say("verdict.neighbours", block=block) if block > 1 else say("verdict.neighbours_few")
    return f"{told} {near}"


def cost(say: Words, draws: Draws | None, guess: DrawsEstimate, windows: int) -> str:
    """What comparing takes, before it begins."""
    time = duration(say, guess.seconds)
    if draws is None:
        return say("verdict.cost_one", copies=guess.copies, windows=windows, time=time)
    return say("verdict.cost", draws=draws.count, samples=draws.samples, pool=draws.pool.count, used=len(draws.used),
               copies=guess.copies, windows=windows, time=time, memory=amount(say, guess.memory))
