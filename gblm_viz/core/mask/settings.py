"""Everything that a mask depends on besides the model and the sums, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from ..base.errors import SettingError
from ..score import alpha as alphas
from ..score.alpha import Alpha
from ..score.methods import METHODS, PAPER_ALPHA, SHARED, Knob, Method, knobs_of, norm_for
from ..sums.statistics import Statistics
from ..text.calibration import checked_seed
from .patterns import Pattern, make_pattern

ORDERS = ("sequential", "dense")


@dataclass(frozen=True)
class Settings:
    """Everything a mask depends on besides the model and the statistics; the same names as the command line's flags.

    own: the values of the method's other knobs, by name, only those that differ from their default; set with
    `with_knobs`, read with `knob`.
    """

    method: str = "gblm"
    norm: str = "l1"
    alpha: Alpha = field(default_factory=lambda: Alpha("number", PAPER_ALPHA))
    group: str = "row"
    sparsity: float = 0.5
    pattern: str = ""
    order: str = "sequential"
    seed: int = 0
    own: tuple[tuple[str, Any], ...] = ()

    def check(self) -> Settings:
        """Return the settings. Raises SettingError for an invalid value or two settings that do not fit together."""
        if self.method not in tuple(METHODS):  # a tuple compares with ==, so an unhashable value is merely unknown
            raise SettingError("method_unknown", given=self.method, known=", ".join(METHODS))
        knobs = self.knobs
        for name, _ in self.own:
            if name not in knobs:
                raise SettingError("knob_unknown", method=self.method, knob=name, known=", ".join(knobs) or "–")
        for name in knobs.keys() - {"alpha", "seed"}:  # these two are checked below, for every method
            if not knobs[name].takes(self.knob(name)):
                raise SettingError(knobs[name].refusal, method=self.method, knob=name, given=self.knob(name),
                                   known=knobs[name].wanted)
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
        """Return the pattern: N:M if `pattern` is set, else the group with its sparsity."""
        return make_pattern(self.group, self.sparsity, self.pattern)

    # The method's knobs

    def knob(self, name: str) -> Any:
        """Return the value of one knob of the method."""
        return getattr(self, name) if name in SHARED else dict(self.own).get(name, self.knobs[name].default)

    @property
    def knobs(self) -> dict[str, Knob]:
        """The method's knobs by name; their values come from `knob`."""
        return knobs_of(self.method)

    def with_knobs(self, **values: Any) -> Settings:
        """Return the settings with these knobs of the method changed. Does not check them."""
        shared = {name: value for name, value in values.items() if name in SHARED}
        own = {name: value for name, value in (dict(self.own) | values).items() if name not in SHARED}
        usual = {name: knob.default for name, knob in self.knobs.items()}
        return replace(self, **shared, own=tuple(sorted(
            (name, value) for name, value in own.items() if name not in usual or value != usual[name])))

    def of_method(self, method: str) -> Settings:
        """Return the settings for another method: shared knobs keep values it accepts, its own get their defaults."""
        if method == self.method:
            return self
        return replace(self, method=method, norm=norm_for(method, self.norm), own=())

    @property
    def scoring(self) -> Settings:
        """Return the settings with sparsity, pattern, group and order reset, because scores do not depend on them."""
        usual = Settings()
        return replace(self, group=usual.group, sparsity=usual.sparsity, pattern=usual.pattern, order="dense")

    @property
    def needs(self) -> frozenset[str]:
        """What the method needs: a subset of inputs and gradients."""
        return METHODS[self.method].needs

    def make_method(self, statistics: Statistics | None) -> Method:
        """Return the method with its knobs set; resolves α to a number from the dense statistics."""
        values = {name: self.knob(name) for name in self.knobs}
        if isinstance(values.get("alpha"), Alpha):
            assert statistics is not None
            values["alpha"] = alphas.resolve(self.alpha, statistics, self.norm)
        return METHODS[self.method](**values)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Settings:
        """Return the settings from a dict of `as_dict`; other keys are ignored."""
        own = ("alpha", "own")
        plain = {one.name: told[one.name] for one in fields(cls) if one.name not in own}
        made = cls(**plain, alpha=alphas.parse_alpha(told["alpha"]))
        return made.with_knobs(**{name: told[name] for name in made.knobs if name not in SHARED})

    def as_dict(self) -> dict[str, Any]:
        """Return a dict for JSON: α as text, the method's own knobs next to the shared ones."""
        told = asdict(self) | {"alpha": str(self.alpha)}
        del told["own"]
        return told | {name: self.knob(name) for name in self.knobs if name not in SHARED}


def preview_settings(settings: Settings) -> Settings:
    """Return the same settings in the dense order, which every live preview uses."""
    return replace(settings, order="dense")
