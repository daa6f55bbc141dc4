"""Where words say the direction of a difference, its numbers have no sign: never "fewer right: −27.5 points"."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from gblm_viz import verdict_text
from gblm_viz.amounts import format_sizes
from gblm_viz.core.keep.run import ChangeRow, GainRow, MethodRow
from gblm_viz.core.measure.won import Speed
from gblm_viz.ui.report import losses
from gblm_viz.ui.report.gains import _faster
from gblm_viz.ui.tabs import won

SIGNED = re.compile(r"[-−+]\d")
CHANGE = ChangeRow("capitals", 100, 0, -1.0, -1.0, -0.963, True)
METHOD = MethodRow("own", "wanda", 2.0, 5, 32, "text", -0.031, -0.052, -0.012, True, "less")
SPEED = GainRow("speed", "rate", 30.0, 27.9, -2.1, -3.0, -1.2, 5)


def sentences(say: Any) -> list[str]:
    """Return a sentence on each difference, in both directions."""
    slow, fast = (Speed(runs, 32, 8) for runs in ((10.0, 10.1, 10.2), (20.0, 20.3, 20.1)))
    pairs: Any = [SimpleNamespace(speed_dense=one, speed_pruned=other) for one, other in ((slow, fast), (fast, slow))]
    return [
        losses._change(say, CHANGE), losses._change(say, replace(CHANGE, difference=0.4, low=0.2, high=0.5)),
        verdict_text.sentence(say, METHOD, "gblm"),
        verdict_text.sentence(say, replace(METHOD, mean=0.03, low=0.01, high=0.05, verdict="more"), "gblm"),
        _faster(say, SPEED), _faster(say, replace(SPEED, mean=2.1, low=1.2, high=3.0)),
        *(won.difference(say, one) for one in pairs)]


def test_where_words_say_the_direction_numbers_have_no_sign(say: Any) -> None:
    told = sentences(say)
    assert len(set(told)) == len(told)
    assert [one for one in told if SIGNED.search(one.replace("95\u00a0%", ""))] == []
    assert "100.0" in told[0] and told[0].index("96.3") < told[0].rindex("100.0")  # the smaller end first


def test_what_is_not_shown_keeps_its_signs(say: Any) -> None:
    told = losses._change(say, replace(CHANGE, difference=-0.02, low=-0.05, high=0.01, shown=False))
    assert "−2.0" in told and "−5.0" in told and "+1.0" in told


@pytest.mark.parametrize(("ends", "told"), [
    ((-1.0, -3.0, -0.5), ("1.0", "0.5", "3.0")), ((2.0, 1.0, 3.0), ("2.0", "1.0", "3.0"))])
def test_sizes_are_ordered(ends: tuple[float, float, float], told: tuple[str, str, str]) -> None:
    assert tuple(format_sizes(*ends, 1).values()) == told
