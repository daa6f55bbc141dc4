"""What pruning won, as parts of the report: bytes and tokens per second of both models."""

from __future__ import annotations

from gblm_viz.amounts import format_differences, format_sizes
from gblm_viz.core.keep.run import GainRow
from gblm_viz.words import Words

from .parts import Paragraph, Part, Table
from .sheet import Sheet, side_heads

ONE_SIDED = {"masked", "speed_semi", "zipped_folder"}
"""Quantities that exist only for a pruned model."""


def gains(sheet: Sheet) -> list[Part]:
    """Return the table of what was measured, and sentences on what was not."""
    say = sheet.say

    def amount(value: float | None, unit: str) -> str:
        return say("report.won.unmeasured") if value is None else f"{value:,.0f} {say(f'report.won.units.{unit}')}"

    known = [one for one in sheet.run.gains if one.dense is not None or one.pruned is not None]
    missing = [say(f"report.won.{one.what}") for one in sheet.run.gains if one not in known]
    rows = [(say(f"report.won.{one.what}"), ("dense", "–" if one.what in ONE_SIDED else amount(one.dense, one.unit)),
             ("pruned", amount(one.pruned, one.unit))) for one in known]
    sentences = [_faster(say, one) for one in known if one.mean is not None]
    sentences += [say("report.won.missing", names=say("report.then").join(missing))] if missing else []
    return [Table(((say("lost.what"), ""), *side_heads(say)), rows, caption=say("report.won.title")),
            *map(Paragraph, [*sentences, say("report.won.nothing")])]


def _faster(say: Words, speed: GainRow) -> str:
    """Return whether a difference of speed is shown, with its interval."""
    assert speed.mean is not None and speed.low is not None and speed.high is not None
    kind = "faster" if speed.low > 0 else "slower" if speed.high < 0 else "same"
    return speed_sentence(say, kind, speed.mean, speed.low, speed.high, speed.runs)


def speed_sentence(say: Words, kind: str, mean: float, low: float, high: float, runs: int | None) -> str:
    """Return the sentence on a difference of speed. kind: `faster`, `slower`, or `same` where none is shown."""
    if kind == "same":
        return say("won.speed.same", **format_differences(mean, low, high, 1), runs=runs)
    return say(f"won.speed.{kind}", **format_sizes(mean, low, high, 1), runs=runs)
