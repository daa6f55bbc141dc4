"""What a worksheet asks about beside the Run: six real weights of a row, and agreement with other methods.

Reads what the run was made of; changes nothing and knows no words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gblm_viz.core.base.job import Job
from gblm_viz.core.keep.run import Run
from gblm_viz.core.look.mask_numbers import comparison_settings, model_agreement
from gblm_viz.core.mask import prune
from gblm_viz.core.model.matrices import parameters
from gblm_viz.core.score import alpha as alphas
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.core.score.methods import GBLM_NORMS
from gblm_viz.core.sums.statistics import NORMS

from ..visit.keys import MasksKey
from ..work import work
from .this_run import Source, gradient_norm

COUNT, LOWEST = 6, 3
"""Weights of the excerpt, and how many of them are to be marked."""
FIGURES = 3
"""Significant digits of the excerpt's numbers; what is computed from them is computed from the rounded ones."""
MOST_ROWS = 64
"""Rows of the matrix that are searched for an excerpt in which the scores differ."""
CLEAR = 1.03
"""Least ratio between the fourth and the third lowest score, so that rounding decides no rank."""
Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Excerpt:
    """Neighbouring weights of one row with their input norms and gradients, rounded. gradients: () without any.

    alpha: with four digits as elsewhere, the run's own, or the authors' balance if its method has none (`own` is False
    then); None without gradients.
    """

    matrix: str
    expert: int
    row: int
    column: int
    weights: Numbers
    inputs: Numbers
    gradients: Numbers
    alpha: float | None
    own: bool

    def scores(self) -> tuple[Numbers, ...]:
        """Return |W|, |W|·x and, with gradients, |W|·(x + α·g) of each weight, not rounded."""
        sizes = tuple(abs(one) for one in self.weights)
        wanda = tuple(size * x for size, x in zip(sizes, self.inputs, strict=True))
        if self.alpha is None:
            return sizes, wanda
        return sizes, wanda, tuple(size * (x + self.alpha * g) for size, x, g in zip(
            sizes, self.inputs, self.gradients, strict=True))


@dataclass(frozen=True)
class Worksheet:
    """A run with what is asked about it beside. differing: (other method, weights on which its mask decides
    differently), the same pattern in the dense order."""

    run: Run
    excerpt: Excerpt | None
    differing: tuple[tuple[str, int], ...]


def rounded(value: float) -> float:
    """Return a number with FIGURES significant digits."""
    return float(f"{value:.{FIGURES}g}")


def lowest(scores: Numbers) -> frozenset[int]:
    """Return the places of the LOWEST lowest scores."""
    return frozenset(sorted(range(len(scores)), key=lambda place: scores[place])[:LOWEST])


def gather(source: Source, run: Run) -> Job[Worksheet]:
    """Return the worksheet's data of a run that was gathered from this source."""
    differing = yield from _differing(source)
    return Worksheet(run, excerpt_of(source, run), differing)


def _differing(source: Source) -> Job[tuple[tuple[str, int], ...]]:
    """Compare with Wanda's and the gradient's mask. Of a large model only with masks that are there already."""
    found: list[tuple[str, int]] = []
    session, applied = source.session, source.applied
    for settings in comparison_settings(applied.settings):
        if settings is None or source.statistics is None or settings.method == applied.settings.method:
            continue
        if settings.method == "gradient" and NORMS[settings.norm] not in source.statistics.keep:
            continue
        key = MasksKey(session.model, session.applied.statistics if session.applied else None, settings)
        if not source.library.has(key):
            if source.model.parameters > work.SMALL:
                continue
            masks = yield from prune.dense_masks(source.model, source.statistics, settings)
            source.library.put(key, masks, masks.prunable)
        same = model_agreement(applied, source.library.get(key))
        found.append((settings.method, round((1 - same) * applied.prunable)))
    return tuple(found)


def excerpt_of(source: Source, run: Run) -> Excerpt | None:
    """Return an excerpt of the matrix on which the loss pulls hardest (the first one without gradients): the first in
    which the scores mark different weights, and clearly; else the first that is clear. None without statistics."""
    if source.statistics is None:
        return None
    clear = None
    for one in _excerpts(source, run):
        marked = [lowest(scores) for scores in one.scores()]
        if all(_is_clear(scores) for scores in one.scores()):
            if len(set(marked)) == len(marked):
                return one
            clear = clear or one
    return clear


def _is_clear(scores: Numbers) -> bool:
    ordered = sorted(scores)
    return ordered[LOWEST] > CLEAR * ordered[LOWEST - 1] > 0


def _excerpts(source: Source, run: Run) -> Iterator[Excerpt]:
    """Yield neighbouring weights, row by row."""
    found, model = source.statistics, source.model
    assert found is not None
    pulled = [one for one in run.matrices if one.gradient_mean is not None]
    name = max(pulled, key=lambda one: one.gradient_mean or 0.0).name if pulled else run.matrices[0].name
    norm, matrix = gradient_norm(source.applied), model.layout.named(name)
    norm = norm if norm in GBLM_NORMS else GBLM_NORMS[0]
    has_gradients = NORMS[norm] in found.keep
    own = source.applied.alpha is not None
    level = source.applied.alpha if own else alphas.resolve(Alpha("balance"), found, norm) if has_gradients else None
    first = (0,) if matrix.experts else ()
    weights = parameters(model.network, model.layout)[name][first][:MOST_ROWS].float().cpu().tolist()
    inputs = found.input_norm(name)[first].tolist()
    gradients = found.gradient_norm(name, norm)[first][:MOST_ROWS].tolist() if has_gradients else []
    for row, values in enumerate(weights):
        for at in range(0, len(values) - COUNT + 1, COUNT):
            inside = slice(at, at + COUNT)
            yield Excerpt(name, 0, row, at, tuple(map(rounded, values[inside])), tuple(map(rounded, inputs[inside])),
                          tuple(map(rounded, gradients[row][inside])) if has_gradients else (),
                          float(f"{level:.4g}") if has_gradients and level is not None else None, own)
