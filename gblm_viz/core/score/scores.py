"""One matrix's scores by a method, with a simpler rule for parts that received no token or no gradient.

Does not use settings: the method is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.errors import ScoreError
from ..base.lazy import torch
from ..model.matrices import Matrix
from ..model.models import Model
from ..sums.statistics import Statistics
from .methods import Magnitude, Method, Wanda, norm_of

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Fallback:
    """A matrix, or one expert of it, scored by a simpler rule because it received no token or only zero gradients."""

    matrix: str
    expert: int | None
    reason: str
    rule: str


SIMPLER: dict[str, Method] = {kind.formula: kind() for kind in (Magnitude, Wanda)}


Scored = tuple["Tensor", tuple[Fallback, ...]]
"""A matrix's scores, float32 (out, in) or (experts, out, in), and the parts scored by a simpler rule."""


def score_matrix(matrix: Matrix, weight: Tensor, method: Method, inputs: Tensor | None, gradient: Tensor | None,
                 tokens: Tensor | None) -> Scored:
    """Return (scores, fallbacks) of one matrix. weight, gradient (out, in) or (experts, out, in).

    inputs (in,) or (experts, in); tokens int64 () or (experts,) or None. Parts that received no token or only zero
    gradients are scored by |W| or |W|·x (core/README.md, Which weights go) and listed. Raises ScoreError for a score
    that is not finite.
    """
    scores = method.score(weight, inputs, gradient, matrix.name)
    found = fallbacks_of(matrix, method, gradient, tokens)
    for one in found:
        here: int | slice = slice(None) if one.expert is None else one.expert
        scores[here] = SIMPLER[one.rule].score(weight[here], None if inputs is None else inputs[here], None,
                                               matrix.name)
    if not bool(torch.isfinite(scores).all()):
        raise ScoreError("score_not_finite", matrix=matrix.name, method=method.name)
    return scores, found


def fallbacks_of(matrix: Matrix, method: Method, gradient: Tensor | None,
                 tokens: Tensor | None) -> tuple[Fallback, ...]:
    """Return the parts of a matrix that are scored by a simpler rule of `SIMPLER`."""
    found = []
    for expert in range(matrix.experts) if matrix.experts else (None,):
        here: int | slice = slice(None) if expert is None else expert
        unseen = bool(method.needs) and tokens is not None and int(tokens[here] if expert is not None else tokens) == 0
        flat = "gradients" in method.needs and gradient is not None and not bool(gradient[here].any())
        if unseen or (flat and "inputs" not in method.needs):
            found.append(Fallback(matrix.name, expert, "no_token" if unseen else "zero_gradient", Magnitude.formula))
        elif flat:
            found.append(Fallback(matrix.name, expert, "zero_gradient", Wanda.formula))
    return tuple(found)


def dense_scores(model: Model, statistics: Statistics | None, method: Method, matrix: Matrix,
                 weight: Tensor) -> Scored:
    """Return one matrix's scores with all statistics from the dense model, as every preview uses them."""
    inputs = statistics.input_norm(matrix.name) if statistics and "inputs" in method.needs else None
    norm = norm_of(method)
    gradient = statistics.gradient_norm(matrix.name, norm) if statistics and norm else None
    tokens = statistics.sums[matrix.name].tokens if statistics else None
    return score_matrix(matrix, weight, method, inputs, gradient, tokens)
