"""Sweep over sparsity: measure one point at a time, find the knee of a curve, compare the two orders.

Independent of where points are stored and of charts; a point is a pruned copy that is measured and then discarded.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..base import intervals
from ..base.intervals import Interval, Share
from ..base.job import Job
from ..mask import prune
from ..mask.settings import ORDERS, Settings
from ..model.models import Model
from ..score.methods import METHODS, SHARED
from ..sums.statistics import Statistics
from ..text.calibration import CalibrationSet
from . import evaluate
from .crossed import Crossed, crossed
from .draws import Losses, depends_on_draw
from .evaluate import Perplexity, Probe, Questions

DENSE = Settings("magnitude", sparsity=0.0, order="dense")
"""Settings of the first point of every curve: nothing removed, whatever the method."""
HIGHEST = 90
"""Percent: the highest sparsity of a sweep."""
PROBES = 200
"""Number of probes asked at each point: a seeded choice, so that all points answer the same ones."""
AGAINST = "wanda"
"""The method that the others are compared with: the paper asks what GBLM adds to it."""
LEAST_POINTS = 5
LEAST_DEPTH = 0.1
"""Minimum depth of a knee below the chord from first to last point, as a fraction of the curve's whole rise."""


@dataclass(frozen=True)
class SweepPoint:
    """Measurements of one pruned copy. `sparsity`: the fraction actually removed; `calibration`: None if nothing was
    collected; `probes`: None if the model has none of ours."""

    settings: Settings
    sparsity: float
    calibration: Perplexity | None
    held_out: Perplexity
    probes: Share | None


def perplexity_interval(found: Perplexity) -> Interval:
    """Return exp of Student's 95 % interval of the mean loss over the windows; (0, ∞) for a single window."""
    mean = intervals.paired_difference((0.0,) * found.windows, found.losses).interval
    return Interval(math.exp(mean.low), math.exp(mean.high) if mean.high < 700 else math.inf)


def point(model: Model, statistics: Statistics | None, settings: Settings, held_out: CalibrationSet,
          probes: tuple[Probe, ...] | Questions) -> Job[SweepPoint]:
    """Prune a copy and measure its perplexity on the calibration and the held-out text, and its probes. Steps are those
    of each part of the work in turn. probes: the `questions` of the dense model, if several points are measured."""
    masks = yield from prune.masks(model, statistics, settings)
    copy = prune.pruned(model, masks)
    own = None if statistics is None else (yield from evaluate.perplexity(copy, statistics.calibration))
    held = yield from evaluate.perplexity(copy, held_out)
    asked = (yield from evaluate.ask_probes(copy, probes)).total if len(probes) else None
    return SweepPoint(settings, masks.sparsity, own, held, asked)


def chosen_probes(probes: tuple[Probe, ...], most: int = PROBES, seed: int = 0) -> tuple[Probe, ...]:
    """Return `most` of the probes, drawn with a seed and kept in their order; all if there are no more than that."""
    if len(probes) <= most:
        return probes
    return tuple(probes[index] for index in sorted(random.Random(seed).sample(range(len(probes)), most)))


def canonical(settings: Settings) -> Settings:
    """Return settings for the same masks with every unused knob at its default, so that equal points have one key.

    Methods that use no inputs give the dense order's masks in both orders (core/README.md, Two orders).
    """
    plain = Settings()
    if not settings.pattern and settings.sparsity == 0:
        return DENSE
    unused = {name: getattr(plain, name) for name in SHARED if name not in settings.knobs}
    return replace(settings, **unused, order=settings.order if "inputs" in settings.needs else "dense")


def plan(base: Settings, methods: Sequence[str], orders: Sequence[str], apart: int) -> tuple[Settings, ...]:
    """Return every point from 0 to 90 %, `apart` percent apart; norm, α, group and seed as in `base`.

    From low to high sparsity, all methods of one sparsity together: the curves grow in parallel, and the pace so far
    predicts the rest. Settings that give the same masks appear once. Raises SettingError for settings that cannot be
    combined.
    """
    found: dict[Settings, None] = {}
    for percent in range(0, HIGHEST + 1, apart):
        for method in methods:
            for order in orders:
                one = replace(base.of_method(method), sparsity=percent / 100, pattern="", order=order)
                found[canonical(one.check())] = None
    return tuple(found)


def curve(points: Iterable[SweepPoint], method: str, order: str) -> tuple[SweepPoint, ...]:
    """Return one method's points in one order by rising sparsity, the dense model's first if it was measured."""
    own = [one for one in points
           if one.settings == DENSE or (one.settings.method, one.settings.order) == (method, order)]
    ordered = tuple(sorted(own, key=lambda one: one.settings.sparsity))
    return ordered if any(one.settings != DENSE for one in ordered) else ()


def curves(points: Sequence[SweepPoint]) -> dict[tuple[str, str], tuple[SweepPoint, ...]]:
    """Return (method, order) → its curve, in the order of METHODS, the dense order first."""
    known = ((method, order) for method in METHODS for order in reversed(ORDERS))
    found = {name: curve(points, *name) for name in known}
    return {name: own for name, own in found.items() if own}


def knee(points: Sequence[SweepPoint]) -> SweepPoint | None:
    """Return the knee of a curve: the point furthest below the straight line from its first to its last point.

    Kneedle (Satopää et al. 2011) on the held-out loss, which is the logarithm of the perplexity, against the sparsity
    reached; both are scaled to 0 … 1 between the first and the last point, and the depth is measured along the loss.
    The knee therefore depends on where the curve ends. None: fewer than LEAST_POINTS finite points, no rise, or no
    depth of at least LEAST_DEPTH.
    """
    known = [one for one in points if math.isfinite(one.held_out.value)]
    if len(known) < LEAST_POINTS:
        return None
    place = [one.sparsity for one in known]
    loss = [math.log(one.held_out.value) for one in known]
    width, rise = place[-1] - place[0], loss[-1] - loss[0]
    if width <= 0 or rise <= 0:
        return None
    depths = [(x - place[0]) / width - (y - loss[0]) / rise for x, y in zip(place, loss, strict=True)]
    deepest = max(range(len(depths)), key=depths.__getitem__)
    return known[deepest] if depths[deepest] >= LEAST_DEPTH else None


@dataclass(frozen=True)
class OrderGap:
    """One method at one sparsity in both orders; `difference` of the held-out loss is sequential − dense."""

    dense: SweepPoint
    sequential: SweepPoint
    difference: Crossed


def widest_gap(points: Sequence[SweepPoint], losses: Mapping[Settings, Losses] | None = None) -> OrderGap | None:
    """Return the point with the largest held-out loss difference between the two orders; None without such a pair.

    losses: each draw's, if there are several draws.
    """
    by_settings = {one.settings: one for one in points}
    own = {settings: (one.held_out.losses,) for settings, one in by_settings.items()}
    gaps = []
    for one in points:
        dense = replace(one.settings, order="dense")
        if one.settings.order == "sequential" and dense in by_settings:
            both = losses if losses and dense in losses and one.settings in losses else own
            gaps.append(OrderGap(by_settings[dense], one, crossed(both[dense], both[one.settings])))
    return max(gaps, key=lambda gap: abs(gap.difference.mean), default=None)


def reference_method(settings: Iterable[Settings]) -> str | None:
    """Return the method that the others of a sweep are compared with: AGAINST if present, else the first; None if there
    is only one."""
    methods = list(dict.fromkeys(one.method for one in settings if one != DENSE))
    return None if len(methods) < 2 else AGAINST if AGAINST in methods else methods[0]


def differences(points: Sequence[SweepPoint], losses: Mapping[Settings, Losses] | None = None) -> dict[
        Settings, Crossed]:
    """Return settings → held-out loss minus that of `reference_method` at the same sparsity and pattern, nats per
    token; at the same order where that was measured, else at another. losses: each draw's, if there are several draws;
    they are used for a pair only if they contain both points."""
    own = {one.settings: (one.held_out.losses,) for one in points}
    against, found = reference_method(own), {}
    for settings in own:
        if against is None or settings == DENSE or settings.method == against:
            continue
        same = (replace(settings.of_method(against), order=order)
                for order in dict.fromkeys((settings.order, "dense", "sequential")))
        other = next((one for given in same if (one := canonical(given)) in own), None)
        if other is not None:
            both = losses if losses and settings in losses and other in losses else own
            found[settings] = crossed(both[other], both[settings], depends_on_draw(settings, other))
    return found
