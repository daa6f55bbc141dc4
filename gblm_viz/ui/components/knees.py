"""The knees of curves in a line that fits a chart's title. Gets names and shares; does not find the knees."""

from __future__ import annotations

import math
from collections.abc import Mapping

from gblm_viz.amounts import format_share
from gblm_viz.figures.charts import columns_of
from gblm_viz.words import Words

LINE = 96
"""Width in text columns that a chart's title has at 1280 pixels."""


def knees_line(say: Words, found: Mapping[str, float | None], of: int) -> str:
    """Return the line: for each knee sparsity its curves by name, or only their number if the names are too long.

    found: curve → the sparsity of its knee, None if it has none; of: how many curves are drawn.
    """
    groups: dict[str, list[str]] = {}
    for name, sparsity in sorted(found.items(), key=lambda one: math.inf if one[1] is None else one[1]):
        groups.setdefault(say("sweep.knee.none") if sparsity is None else format_share(sparsity), []).append(name)
    if len(groups) == 1 and len(found) == of > 1:
        return say("sweep.knee.all", at=next(iter(groups)), n=of)
    line = say("sweep.knee.line", groups=" · ".join(
        say("sweep.knee.group", at=at, names=say("sweep.knee.join").join(names)) for at, names in groups.items()))
    if columns_of(line) <= LINE:
        return line
    return say("sweep.knee.line", groups=" · ".join(
        say("sweep.knee.group_many" if len(names) > 1 else "sweep.knee.group", at=at, n=len(names), names=names[0])
        for at, names in groups.items()))
