"""Which rows of tokens go through a model in one pass, within a constant budget of memory.

Knows the lengths of the rows, not what they are for.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..model.matrices import embedding_weight
from ..model.models import Model
from ..sums.batched import FLOAT

BUDGET = 32 * 2**20
"""Bytes of a pass's logits and largest activations together, except where a single row takes more. Pocket,
windows of 128: the head took 1.6 ms a window with logits of 12 MB, 2.7 ms with 25 MB, and the blocks gained little. A
small budget also keeps a pass short, so that Stop need not wait."""
KEPT = 4
"""Numbers of the widest matrix's inputs and outputs that are alive at once, for each token."""


def token_bytes(model: Model, length: int) -> int:
    """Return the bytes of one token's logits and activations at their largest, in a row of `length` tokens."""
    size, config = model.network.dtype.itemsize, model.network.config.get_text_config()
    logits = embedding_weight(model.network).shape[0] * (FLOAT if size == FLOAT else FLOAT + size)
    widest = max(matrix.rows + matrix.columns for matrix in model.layout.matrices)
    eager = getattr(config, "_attn_implementation", "eager") == "eager"
    tables = 2 * length * (getattr(config, "num_attention_heads", 0) or 0) if eager else 0
    return int(logits + size * (KEPT * widest + tables))


def tokens_at_once(model: Model, length: int) -> int:
    """Return how many tokens, in rows of at most `length`, a pass may have."""
    return BUDGET // token_bytes(model, length)


def split_into_passes(lengths: Sequence[int], tokens: int, most: int | None = None,
                      padded: bool = False) -> tuple[tuple[int, ...], ...]:
    """Return the places of the rows of each pass, short rows first, rows of one length in their own order.

    A pass has at most `tokens` tokens and `most` rows, but at least one row. Its rows have one length, or, if `padded`,
    are counted as long as the longest.
    """
    found: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda one: lengths[one]):
        now = found[-1] if found else []
        full = not now or len(now) == most or (len(now) + 1) * lengths[place] > tokens
        if full or not (padded or lengths[place] == lengths[now[0]]):
            found.append([place])
        else:
            now.append(place)
    return tuple(map(tuple, found))
