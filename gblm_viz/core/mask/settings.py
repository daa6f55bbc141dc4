"""Everything that a mask depends on beside the model and the sums, as one frozen value."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..base.errors import SettingError
from ..score import alpha as alphas
from ..score.alpha import Alpha
from ..score.methods import METHODS, NORMS_OF, PAPER_ALPHA, Gblm, Gradient, Method, Random
from ..sums.statistics import Statistics
from ..text.calibration import checked_seed
from .patterns import Pattern, make_pattern

ORDERS = ("sequential", "dense")


@dataclass(frozen=True)
class Settings:
    """Everything a mask depends on besides the model and the statistics; the same names as the command line's flags."""

    method: str = "gblm"
    norm: str = "l1"
    alpha: Alpha = field(default_factory=lambda: Alpha("number", PAPER_ALPHA))
    group: str = "row"
    sparsity: float = 0.5
    pattern: str = ""
    order: str = "sequential"
    seed: int = 0

    def check(self) -> Settings:
        """Itself, or the sentence that says which two settings do not go together."""
        if self.method not in tuple(METHODS):  # which compares, so that a list is only unknown
            raise SettingError("method_unknown", given=self.method, known=", ".join(METHODS))
        norms = NORMS_OF.get(self.method)
        if norms and self.norm not in norms:
            raise SettingError("norm_unknown", method=self.method, given=self.norm, known=", ".join(norms))
        if self.order not in ORDERS:
            raise SettingError("order_unknown", given=self.order, known=", ".join(ORDERS))
        if self.group == "authors" and self.method != "magnitude" and not self.pattern:
            raise SettingError("authors_group", method=self.method)
        if self.group == "global" and self.order == "sequential" and not self.pattern:
            raise SettingError("global_sequential")
        self.make_pattern()
        alphas.check_alpha(self.alpha)
        checked_seed(self.seed)
        return self

    def make_pattern(self) -> Pattern:
        return make_pattern(self.group, self.sparsity, self.pattern)

    @property
    def scoring(self) -> Settings:
        """The same as far as scores depend on it: one for every sparsity, pattern, group and order."""
        return Settings(self.method, self.norm, self.alpha, order="dense", seed=self.seed)

    @property
    def needs(self) -> frozenset[str]:
        return METHODS[self.method].needs

    def make_method(self, statistics: Statistics | None) -> Method:
        """The method with its knobs set; α is turned into a number here, from the dense statistics."""
        if self.method == Gblm.name:
            assert statistics is not None
            return Gblm(self.norm, alphas.resolve(self.alpha, statistics, self.norm))
        return {"gradient": Gradient(self.norm), "random": Random(self.seed)}.get(self.method) or METHODS[self.method]()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"alpha": str(self.alpha)}


def preview_settings(settings: Settings) -> Settings:
    """The same settings in the dense order, which every live preview shows."""
    return replace(settings, order="dense")
