"""The weight α of the gradient in GBLM's score: a number, the authors' balance, or the gradient's share of the score.

Reads norms from statistics; does not use masks or models.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from ..base.errors import SettingError
from ..base.lazy import torch
from ..base.numbers import write_exactly
from ..sums.statistics import Statistics, StoredSums
from .methods import PAPER_ALPHA

PAPER_SAMPLES, PAPER_LENGTH = 128, 2048
_DECADES = 20.0
"""α is searched between 10^-20 and 10^20."""
_BINS = 8000
_LONGEST = 400
"""Characters of the input that are read; no sensible number is longer."""
LARGEST = sys.float_info.max
_STEPS = 60
"""Bisection steps in log α; 60 halvings of 40 decades are far finer than float32."""


@dataclass(frozen=True)
class Alpha:
    """α as requested: kind `number`, `balance` or `share`, with the number or the share as `value`."""

    kind: str
    value: float = PAPER_ALPHA

    def __str__(self) -> str:
        written = write_exactly(self.value)
        return {"number": written, "balance": "balance", "share": f"share:{written}"}[self.kind]


def parse_alpha(text: object) -> Alpha:
    """Parse `100`, `balance` or `share:0.5`. Raises SettingError otherwise."""
    given = str(text).strip()[:_LONGEST]
    if given == "balance":
        return Alpha("balance")
    kind, number = ("share", given.removeprefix("share:")) if given.startswith("share:") else ("number", given)
    try:
        value = float(number)
    except ValueError:
        raise SettingError("alpha_unreadable", given=text) from None
    return check_alpha(Alpha(kind, value), text)


def check_alpha(alpha: object, given: object = None) -> Alpha:
    """Return `alpha`. Raises SettingError for an unknown kind or number out of range. given: text for the message."""
    if isinstance(alpha, Alpha) and type(alpha.value) in {int, float} and (
            alpha.kind == "balance" or (alpha.kind == "number" and 0 <= alpha.value <= LARGEST)
            or (alpha.kind == "share" and 0 < alpha.value < 1)):
        return alpha
    raise SettingError("alpha_unreadable", given=repr(alpha) if given is None else given)


def gradient_share(statistics: Statistics, norm: str, alpha: float) -> float:
    """Return the mean over all prunable weights of α·g / (x + α·g); a weight with x = g = 0 counts as share 0."""
    total, count = 0.0, 0
    for name in statistics.sums:
        total += float(_share(statistics, name, norm, alpha).sum(dtype=torch.float64))
        count += statistics.gradient_norm(name, norm).numel()
    return total / count


def _share(statistics: Statistics, name: str, norm: str, alpha: float) -> torch.Tensor:
    weighted = alpha * statistics.gradient_norm(name, norm)
    return (weighted / (statistics.input_norm(name).unsqueeze(-2) + weighted)).nan_to_num(0.0)


@dataclass(frozen=True, eq=False)
class ShareCurve:
    """The gradient's share as a function of α, to a thousandth, for a moving slider; `resolve` is exact.

    `ratios` float64 (bins,): x/g of a bin's weights; `parts` float64 (bins,): their fraction of all prunable weights;
    `certain`: the fraction with x = 0 and g > 0, whose share is 1 at any α. The rest has g = 0.
    """

    ratios: torch.Tensor
    parts: torch.Tensor
    certain: float

    def share(self, alpha: float) -> float:
        """Return the gradient's mean share of the score at this α."""
        return float((self.parts * alpha / (self.ratios + alpha)).sum()) + self.certain

    def alpha_at(self, share: float) -> float:
        """Return the α at which the gradient has this share; for an unreachable share, the end of the range."""
        low, high = -_DECADES, _DECADES
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if self.share(10.0**middle) < share else (low, middle)
        return float(10.0**low)


def share_curve(statistics: Statistics, norm: str) -> ShareCurve:
    """Return the curve from one pass over all prunable weights; afterwards any share is almost free."""
    parts, certain, count = torch.zeros(_BINS, dtype=torch.float64), 0, 0
    for name in statistics.sums:
        gradient, inputs = statistics.gradient_norm(name, norm), statistics.input_norm(name).unsqueeze(-2)
        ratios = (inputs / gradient)[gradient > 0]
        parts += torch.histc(ratios[ratios > 0].log10(), _BINS, -_DECADES, _DECADES)
        certain, count = certain + int((ratios == 0).sum()), count + gradient.numel()
    width = 2 * _DECADES / _BINS
    middles = -_DECADES + width * (torch.arange(_BINS, dtype=torch.float64) + 0.5)
    return ShareCurve(10.0**middles, parts / count, certain / count)


def resolve(alpha: Alpha, statistics: Statistics, norm: str) -> float:
    """Return α as a number, for these statistics. core/README.md, Scores. Raises SettingError for an unreachable share.

    `balance` is an estimate: the authors' 100 at 128 × 2048, scaled by how ℓ1 (∝ N) or ℓ2 (∝ √N) grows with the number
    of samples and how the gradient falls with their length.
    """
    if alpha.kind == "number":
        return alpha.value
    if alpha.kind == "balance":
        fewer = PAPER_SAMPLES / statistics.count
        length = statistics.calibration.token_count / statistics.count
        return PAPER_ALPHA * {"l1": fewer, "l2": fewer**0.5}[norm] * (length / PAPER_LENGTH)
    low, high = -_DECADES, _DECADES

    def read() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        return ((statistics.gradient_norm(name, norm), statistics.input_norm(name).unsqueeze(-2))
                for name in statistics.sums)

    # sums read block by block from a folder are read again at each step: in memory they would be 4 bytes per weight
    held = None if isinstance(statistics.sums, StoredSums) else list(read())
    reached = torch.tensor([(int((gradient > 0).sum()), gradient.numel()) for gradient, _ in held or read()]).sum(0)
    positive, count = reached.tolist()
    if positive <= alpha.value * count:
        raise SettingError("share_unreachable", share=alpha.value)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        weight = 10.0**middle
        total = sum(float((weight * g / (x + weight * g)).nan_to_num(0.0).sum(dtype=torch.float64))
                    for g, x in held or read())
        low, high = (middle, high) if total / count < alpha.value else (low, middle)
    return float(10.0 ** ((low + high) / 2))
