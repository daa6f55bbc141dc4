"""One matrix's mask again and again, as fast as a slider moves: what the screen shows until the exact numbers come.

Knows nothing of screens; its masks are those of prune.dense_masks.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .job import run
from .matrices import parameters
from .methods import Method, Random, norm_of
from .models import Model
from .patterns import AT_A_TIME, Global, NofM, PerRow
from .prune import SIMPLER, Settings, dense_masks, fallbacks_of, scores_of
from .statistics import NORMS, Statistics


@torch.no_grad()
def live_mask(model: Model, statistics: Statistics | None, settings: Settings, name: str, expert: int = 0) -> Tensor:
    """bool (out, in), True = removed: one matrix, or one of its experts, in the dense order.

    Where every row is chosen from by itself the matrix is scored and chosen from some rows at a time, while they lie in
    the processor's cache; other groups take what `dense_masks` takes for this matrix, or for all.
    """
    pattern = settings.check().make_pattern()
    matrix = model.layout.named(name)
    if isinstance(pattern, PerRow | NofM) and settings.method != Random.name:
        return _by_rows(model, statistics, settings, name, expert)
    if isinstance(pattern, Global):
        mask = run(dense_masks(model, statistics, settings)).masks[name]
    else:
        mask = pattern.remove(scores_of(model, statistics, settings, name), name)
    return mask[expert] if matrix.experts else mask


def _by_rows(model: Model, statistics: Statistics | None, settings: Settings, name: str, expert: int) -> Tensor:
    pattern, method, matrix = settings.make_pattern(), settings.make_method(statistics), model.layout.named(name)
    here: Any = expert if matrix.experts else slice(None)
    weight = parameters(model.network, model.layout)[name].detach().cpu()[here]
    sums = statistics.sums[name] if statistics else None
    stored = sums.gradients[NORMS[norm]] if sums and (norm := norm_of(method)) else None
    simpler = {one.expert or 0: one.rule for one in fallbacks_of(matrix, method, stored, sums.tokens if sums else None)}
    method = SIMPLER[simpler[expert]] if expert in simpler else method
    norm = norm_of(method)
    inputs = statistics.input_norm(name)[here] if statistics and "inputs" in method.needs else None

    def gradient(rows: slice) -> Tensor | None:
        place = (expert, rows) if matrix.experts else rows
        return statistics.gradient_norm(name, norm, place) if statistics and norm else None

    assert isinstance(pattern, PerRow | NofM)
    return by_rows(pattern, method, weight, inputs, gradient, name)


def by_rows(pattern: PerRow | NofM, method: Method, weight: Tensor, inputs: Tensor | None,
            gradient: Callable[[slice], Tensor | None], name: str = "") -> Tensor:
    """bool like `weight` (out, in): what a method and a pattern of rows remove. `gradient` gives some rows' norm.

    One thread a core, each with rows of its own: torch's own threads would wait for each other at every step.
    """
    mask = torch.zeros(weight.shape, dtype=torch.bool)
    step = max(1, AT_A_TIME // weight.shape[-1])

    def choose(first: int) -> None:
        rows = slice(first, first + step)
        mask[rows] = pattern.remove(method.score(weight[rows], inputs, gradient(rows), name), name)

    with ThreadPoolExecutor(torch.get_num_threads(), initializer=partial(torch.set_num_threads, 1)) as pool:
        list(pool.map(choose, range(0, len(weight), step)))
    return mask
