"""The mask of the selected matrix for the current positions of the Prune tab's controls, also while they move.

Contains keys, not tensors; core chooses the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gblm_viz.core.base.errors import GblmError, SettingError
from gblm_viz.core.mask.live import OrderedRows, live_mask, ordered_rows
from gblm_viz.core.mask.patterns import NofM, PerRow
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model.matrices import Matrix
from gblm_viz.core.model.models import Model
from gblm_viz.core.score.alpha import Alpha, parse_alpha
from gblm_viz.core.score.methods import own_knobs
from gblm_viz.core.sums.statistics import Statistics

from ..components.matrix_view import Control, Field
from ..visit.keys import CutsKey, MasksKey, ModelKey, OrderedRowsKey, StatisticsKey
from ..visit.library import Library, Visit
from .work import masks_key, share_curve

CONTROLS = {"method": "#method", "norm": "#norm", "sparsity": "#sparsity", "share": "#alpha-share",
            "alpha": "#alpha-number", "pattern": "#pattern", "group": "#group"}
"""The controls that the picture follows: their names in `MaskProvider.live` → the elements around them. The order is
not among them, since a preview always uses the dense order."""
OWN = "own:"
"""Prefix of the name of a knob that only some methods have."""
MOST_SPARSITY, LEAST_SHARE, MOST_SHARE = 0.95, 0.01, 0.99
"""The ends of the sliders' ranges."""


def control_places() -> dict[str, str]:
    """Return the controls that the picture follows: CONTROLS and those of the methods' own knobs."""
    return CONTROLS | {OWN + name: f"#knob-{name}" for name in own_knobs()}


def slider_places() -> list[str]:
    """Return the controls whose `release` event is used (sliders); the others send a change event themselves."""
    own = [f"#knob-{name}" for name, knob in own_knobs().items() if knob.kind == "number"]
    return [CONTROLS["sparsity"], CONTROLS["share"], *own]


@dataclass(frozen=True)
class MaskProvider:
    """One matrix, or one expert of it, of a mask in the dense order. `settings` has α as a number, `asked` is α as
    requested."""

    library: Library
    model: ModelKey | None
    statistics: StatisticsKey | None
    masks: MasksKey | None
    settings: Settings
    asked: Alpha
    name: str
    expert: int
    rows: int
    columns: int
    known: Field
    again: bool = False
    """The scores are the same as before; only the choice from them changes, as at another sparsity."""
    every: int = 1
    """Only the first of this many rows is computed; it is shown for all of them."""

    @classmethod
    def of(cls, visit: Visit, settings: Settings, asked: Alpha, matrix: Matrix, expert: int,
           known: Field) -> MaskProvider:
        session = visit.session
        return cls(visit.library, session.model, session.statistics, masks_key(session, settings), settings, asked,
                   matrix.name, expert, matrix.rows, matrix.columns, known)

    def fields(self) -> tuple[Field, ...]:
        return (self.known,)

    def array(self, field_id: str) -> np.ndarray[Any, Any]:
        """Return the mask, bool (out, in), True = removed. Raises LookupError if model or statistics were evicted."""
        try:
            if self.library.has(self.masks):
                mask = self.library.get(self.masks).masks[self.name]
                return (mask[self.expert] if mask.dim() == 3 else mask).numpy()
            model = self.library.get(self.model)
            found = self.library.get(self.statistics) if self.settings.needs else None
            pattern = self.settings.make_pattern()
            if self.again and isinstance(pattern, PerRow):
                return self._rows(model, found).mask(pattern, self.every)
            return self._next(model, found)
        except GblmError as error:
            raise LookupError(self.name) from error

    def _next(self, model: Model, found: Statistics | None) -> np.ndarray[Any, Any]:
        """Return the mask; if only α has moved, start from the thresholds of the previous α."""
        plain = replace(self.settings, alpha=Alpha("number"))
        key = CutsKey(self.model, self.statistics, plain, self.name, self.expert, self.every)
        last = self.library.get(key) if self.library.has(key) else None
        mask, cuts = live_mask(model, found, self.settings, self.name, self.expert, last, self.every)
        if cuts is not None:
            self.library.put(key, cuts, cuts.highest.nbytes)
        return mask

    def _rows(self, model: Model, found: Statistics | None) -> OrderedRows:
        scoring = self.settings.scoring
        key = OrderedRowsKey(self.model, self.statistics if scoring.needs else None, scoring, self.name, self.expert)
        return self.library.get_or_make(key, lambda: ordered_rows(model, found, scoring, self.name, self.expert),
                                        lambda rows: rows.nbytes)

    def live(self, controls: Mapping[str, Control], every: int = 1) -> MaskProvider:
        """Return the provider for these control positions, sliders clamped to their ranges.

        A gradient share is converted to α to a thousandth. With invalid or impossible values, returns this provider.
        """
        said = {name: str(control) for name, control in controls.items()}
        method, norm = said.get("method", self.settings.method), said.get("norm", self.settings.norm)
        try:
            moved = replace(self.settings.of_method(method), norm=norm, group=said.get("group", self.settings.group),
                            pattern=said.get("pattern", self.settings.pattern).strip())
            if "sparsity" in said:
                moved = replace(moved, sparsity=min(max(float(said["sparsity"]), 0.0), MOST_SPARSITY))
            if self.asked.kind == "balance":
                moved = replace(moved, alpha=self.asked)  # another norm has another one; computing it is cheap
            if "alpha" in said:
                moved = replace(moved, alpha=parse_alpha(said["alpha"]))
            if "share" in said and "alpha" in moved.knobs and (norm, self.asked) != (
                    self.settings.norm, parse_alpha(f"share:{said['share']}")):
                moved = replace(moved, alpha=Alpha("number", self._alpha(norm, float(said["share"]))))
            own = {name: knob.read(said[OWN + name]) for name, knob in own_knobs().items()
                   if OWN + name in said and name in moved.knobs}
            moved = moved.with_knobs(**own).check()
        except (SettingError, ValueError):
            return self
        pattern = moved.make_pattern()
        if isinstance(pattern, NofM) and self.columns % pattern.m:
            return self
        if moved.needs and self.statistics is None:
            return self
        return replace(self, settings=moved, masks=None, again=moved.scoring == self.settings.scoring,
                       every=every)

    def _alpha(self, norm: str, share: float) -> float:
        try:
            curve = share_curve(self.library, self.statistics, norm)
        except GblmError as error:
            raise LookupError(self.name) from error
        return curve.alpha_at(min(max(share, LEAST_SHARE), MOST_SHARE))
