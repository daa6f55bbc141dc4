"""Where curves turn, said in a line that fits a chart's title. Knows names and shares; not how a knee is found."""

from __future__ import annotations

import math
from collections.abc import Mapping

from gblm_viz.figures.charts import columns_of, percent
from gblm_viz.words import Words

LINE = 96
"""Columns of text that a chart's title has room for at 1280 pixels."""


def knees_line(say: Words, found: Mapping[str, float | None], of: int) -> str:
    """found: curve → the sparsity of its knee, None where there is none; of: how many curves are drawn.

    The curves of each sparsity by name, or only how many they are where names are long.
    """
    groups: dict[str, list[str]] = {}
    for name, sparsity in sorted(found.items(), key=lambda one: math.inf if one[1] is None else one[1]):
        groups.setdefault(say("sweep.knee.none") if sparsity is None else percent(sparsity, 0), []).append(name)
    if len(groups) == 1 and len(found) == of > 1:
        return say("sweep.knee.all", at=next(iter(groups)), n=of)
    line = say("sweep.knee.line", groups=" · ".join(
        say("sweep.knee.group", at=at, names=say("sweep.knee.join").join(names)) for at, names in groups.items()))
    if columns_of(line) <= LINE:
        return line
    return say("sweep.knee.line", groups=" · ".join(
        say("sweep.knee.group_many" if len(names) > 1 else "sweep.knee.group", at=at, n=len(names), names=names[0])
        for at, names in groups.items()))
