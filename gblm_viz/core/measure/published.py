"""The perplexities the paper reports, as data. The app shows them as "paper, not measured here".

Contains no measurement of this app. WikiText-2, 50 % unstructured, windows of 2048 tokens; the GBLM figures are from
the authors' MODEL_ZOO, the others come from a third party's notes on the paper and agree with its reviews.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

TEXT, LENGTH, SPARSITY = "WikiText-2", 2048, 0.5


@dataclass(frozen=True)
class Published:
    """One model of the paper: parameters in billions, perplexity dense and pruned by each method (gblm: ℓ1)."""

    model: str
    billions: float
    dense: float
    pruned: Mapping[str, float]

    def relative(self, method: str) -> float:
        """Return pruned / dense, which is comparable between two protocols; the perplexities themselves are not."""
        return self.pruned[method] / self.dense


def _row(model: str, billions: float, dense: float, *pruned: float) -> Published:
    named = dict(zip(("magnitude", "sparsegpt", "wanda", "gblm"), pruned, strict=True))
    return Published(model, billions, dense, MappingProxyType(named))


PUBLISHED = (
    _row("LLaMA-2 7B", 7, 5.47, 16.03, 7.00, 6.92, 6.86),
    _row("LLaMA-2 13B", 13, 4.88, 6.83, 6.03, 5.97, 5.88),
    _row("LLaMA-2 70B", 70, 3.32, 5.36, 4.25, 4.22, 4.17),
    _row("LLaMA 7B", 7, 5.68, 17.29, 7.22, 7.26, 7.15),
    _row("LLaMA 13B", 13, 5.09, 20.21, 6.19, 6.15, 6.11),
    _row("LLaMA 30B", 30, 4.10, 7.54, 5.32, 5.24, 5.18),
)
