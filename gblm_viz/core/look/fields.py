"""One matrix as an array for the matrix view: weights, gradients, inputs, scores."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ..base.errors import refuse_unknown
from ..base.lazy import np, torch
from ..mask.settings import Settings
from ..model.matrices import parameters
from ..model.models import Model
from ..score.methods import Gblm
from ..score.scores import dense_scores
from ..sums.statistics import NORMS, Statistics
from .cells import Array

if TYPE_CHECKING:
    from torch import Tensor


@torch.no_grad()
def field(model: Model, statistics: Statistics | None, name: str, which: str, expert: int | None = 0,
          settings: Settings | None = None) -> Array:
    """Return one matrix as float32 (out, in) for the matrix view; of an expert stack one expert, or, if `expert` is
    None, all experts one below the other, (experts · out, in).

    `which`: weight, l1, l2, sum (signed), input (x_j on every row), activation (|W|·x); with `settings` also score and,
    for the method gblm, pull (the gradient term α·|W|·g).
    """
    matrix = model.layout.named(name)
    weight = parameters(model.network, model.layout)[name].float().cpu()

    def found() -> Statistics:
        assert statistics is not None
        return statistics

    def chosen() -> Settings:
        assert settings is not None
        return settings

    def pull() -> Tensor:
        method = chosen().make_method(found())
        assert isinstance(method, Gblm), method
        return method.alpha * weight.abs() * found().gradient_norm(name, method.norm)

    fields: dict[str, Callable[[], Tensor]] = {
        **{norm: partial(found().gradient_norm, name, norm) for norm in NORMS if statistics is not None},
        "sum": lambda: found().gradient_sum(name),
        "weight": lambda: weight,
        "input": lambda: found().input_norm(name).unsqueeze(-2).expand(weight.shape),
        "activation": lambda: weight.abs() * found().input_norm(name).unsqueeze(-2),
        "pull": pull,
        "score": lambda: dense_scores(model, statistics, chosen().make_method(statistics), matrix, weight)[0],
    }
    refuse_unknown("field_unknown", which, fields)
    shown = fields[which]()
    if matrix.experts:
        shown = shown.reshape(-1, matrix.columns) if expert is None else shown[expert]
    return np.ascontiguousarray(shown.detach().float().numpy())
