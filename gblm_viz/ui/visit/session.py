"""One visitor's state: a frozen value with keys of results, small values, and the selected weight.

Independent of where results are stored and of the components.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeVar, overload

from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model.matrices import Layout
from gblm_viz.core.score.alpha import Alpha

from .keys import HeldOutKey, Key, MasksKey, ModelKey, StatisticsKey
from .remembered import BEYOND_RUNS, RUNS, Remembered
from .text_choice import TextChoice

T = TypeVar("T")


@dataclass(frozen=True)
class Selection:
    """What every view shows: a matrix by parameter name and, if pinned, one of its weights. Indices are 0-based."""

    matrix: str = ""
    expert: int = 0
    row: int | None = None
    column: int | None = None

    def unpinned(self) -> Selection:
        """Return the same matrix without a pinned weight."""
        return Selection(self.matrix, self.expert)

    def inside(self, layout: Layout) -> bool:
        """Return whether a model of this layout has this matrix and weight; True if no matrix is selected."""
        one = next((one for one in layout.matrices if one.name == self.matrix), None)
        if one is None:
            return not self.matrix
        return (0 <= self.expert < max(1, one.experts) and (self.row is None or 0 <= self.row < one.rows)
                and (self.column is None or 0 <= self.column < one.columns))


@dataclass(frozen=True, eq=False)
class Session:
    """One visitor's state. `model`, `statistics` and `applied` are Library keys; None = not made yet."""

    source: str = "pocket"
    dtype: str = "float32"
    model: ModelKey | None = None
    text: TextChoice = field(default_factory=TextChoice)
    statistics: StatisticsKey | None = None
    held_out: HeldOutKey | None = None
    settings: Settings = field(default_factory=lambda: Settings(alpha=Alpha("share", 0.5), order="dense"))
    applied: MasksKey | None = None
    applied_number: int = 0
    selection: Selection = field(default_factory=Selection)
    example: bool = True
    extras: tuple[tuple[str, Any], ...] = ()

    @property
    def next_number(self) -> int:
        """The number of this visit's next Apply; no two runs of a visit share a number."""
        return max([self.applied_number, *(one.number for one in self.extra(RUNS, ()))]) + 1

    def shown_keys(self) -> Iterator[Key[Any]]:
        """Yield the keys of what this session shows, and of what its tabs remember, such as a third model's masks."""
        for value in (self, *(value for _, value in self.extras)):
            if isinstance(value, Key):
                yield value
            elif is_dataclass(value):
                yield from (one for part in fields(value) if isinstance(one := getattr(value, part.name), Key))

    def begun_after(self, before: Session) -> Session:
        """Return this session with what of `before`, the visit's session until now, belongs to no single run: the list
        of runs, what the visitor accepts to lose, and the visitor's own questions."""
        names = {one.name for one in BEYOND_RUNS}
        kept = {name: value for name, value in before.extras if name in names}
        text = self.text if self.text == before.text else self.text.after(before.text)
        return replace(self, text=text, extras=tuple((dict(self.extras) | kept).items()))

    @overload
    def extra(self, what: Remembered[T]) -> T | None: ...

    @overload
    def extra(self, what: Remembered[T], otherwise: T) -> T: ...

    def extra(self, what: Remembered[T], otherwise: T | None = None) -> T | None:
        """Return a small value that one tab stored for itself (see `with_extra`)."""
        return dict(self.extras).get(what.name, otherwise)

    def with_extra(self, what: Remembered[T], value: T) -> Session:
        return replace(self, extras=tuple((dict(self.extras) | {what.name: value}).items()))

