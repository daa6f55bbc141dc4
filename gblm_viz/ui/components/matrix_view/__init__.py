"""A canvas that shows a matrix, zoomable from the whole down to one weight with its number.
Independent of model and method: a provider supplies arrays, the page's language supplies the words. As with every
component of our own, the page's head has the scripts (joined.shared_script).

    view = MatrixView(height=420)
    button.click(lambda: picture(provider, "Block 3, down", words), outputs=view)
    view.select(on_weight, outputs=card, trigger_mode="always_last", show_progress="hidden")

    def on_weight(event: gr.EventData):
        event.row, event.column, event.value, event.field, event.key
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from dataclasses import field as set_apart
from typing import Any, Literal

from gblm_viz.ui.components import csv_file
from gblm_viz.ui.components.matrix_view.gallery import (
    GALLERY,
    ArrayProvider,
    Control,
    Field,
    Gallery,
    LiveProvider,
    Provider,
    profile,
    tile,
)
from gblm_viz.ui.components.matrix_view.words import ENGLISH, JAPANESE, WORD_KEYS, check_words
from gblm_viz.ui.components.own_component import OwnComponent

__all__ = ["ENGLISH", "GALLERY", "JAPANESE", "WORD_KEYS", "ArrayProvider", "Control", "Field", "Followed",
           "Gallery", "LiveProvider", "MatrixView", "Provider", "picture", "with_pin", "without_pin"]

_VERSIONS = itertools.count(1)
_TEMPLATE = """
<div class="matrix-view" data-state="empty">
  <div class="matrix-head">
    <div class="matrix-title"></div>
    <div class="matrix-fields" role="group"></div>
  </div>
  <div class="matrix-stage">
    <canvas class="matrix-profile matrix-columns" role="img"></canvas>
    <canvas class="matrix-profile matrix-rows" role="img"></canvas>
    <canvas class="matrix-canvas" tabindex="0" role="application"></canvas>
    <div class="matrix-cells"></div>
    <p class="matrix-message" role="status"></p>
  </div>
  <div class="matrix-reading">
    <div class="matrix-said">
      <p class="matrix-hover"></p>
      <p class="matrix-pinned"></p>
    </div>
    <div class="matrix-tools">
      <input class="matrix-goto" type="text" inputmode="numeric" autocomplete="off" size="8">
      <button type="button" data-do="in">+</button>
      <button type="button" data-do="out">−</button>
      <button type="button" data-do="fit">⤢</button>
    </div>
  </div>
  <div class="matrix-foot">
    <div class="matrix-legend"></div>
    <div class="matrix-tools">
      <button type="button" data-do="table" aria-pressed="false">▦</button>
      <button type="button" data-do="png" class="word">PNG</button>
      <button type="button" data-do="csv" class="word">CSV</button>
    </div>
  </div>
</div>
"""


@dataclass(frozen=True)
class Followed:
    """A control of the page that a picture follows. place: selector of the element around its inputs. choices: for a
    dropdown, shown text → value, if the two differ."""

    place: str
    choices: Mapping[str, str] = set_apart(default_factory=dict)


class MatrixView(OwnComponent):
    """One matrix on a canvas. Its value is what `picture` returns, or None for an empty stage.

    Events: `select` when a weight is pinned (row, column, value, field, key; also index for gr.SelectData), `clear`
    when it is unpinned, `release` when one of its `sliders` has stopped moving, whether or not a picture follows it.
    A new value of the same shape keeps the visitor's zoom; one with "pin" scrolls to the pinned weight.
    """

    template = _TEMPLATE
    maker = "gblm_viz.ui.components.matrix_view.picture"

    def __init__(
        self,
        value: Mapping[str, Any] | None = None,
        *,
        height: int = 420,
        sliders: Sequence[str] = (),
        elem_id: str | None = None,
        elem_classes: list[str] | str | None = None,
        scale: int | None = None,
        min_width: int | None = None,
        visible: bool | Literal["hidden"] = True,
        render: bool = True,
    ) -> None:
        """height: pixels of the whole view, switch and legend included, at least 300; it grows if a line wraps.
        sliders: CSS selectors of the elements around the sliders that cause `release` when they stop moving."""
        super().__init__(
            value,
            elem_id=elem_id,
            config={"csv": csv_file.RULE},
            server_functions=[tile, profile],
            elem_classes=elem_classes,
            scale=scale,
            min_width=min_width,
            visible=visible,
            render=render,
            height=max(300, int(height)),
            sliders=list(sliders),
        )


def picture(
    provider: Provider,
    title: str,
    words: Mapping[str, str],
    field: str | None = None,
    pin: tuple[int, int] | None = None,
    previous: Mapping[str, Any] | None = None,
    kept: bool = False,
    heads: tuple[int, int] = (0, 0),
    borders: Literal["heads", "experts"] = "heads",
    note: str = "",
    sorted_columns: Sequence[int] | None = None,
    sorted_by: str = "",
    live: Mapping[str, Followed] | None = None,
    gallery: Gallery = GALLERY,
) -> dict[str, Any]:
    """Add the provider to the gallery and return the value for MatrixView that describes it to the browser.

    field: the one shown first; None = the visitor's previous choice if the new picture has it, else the provider's
    first. pin: (row, column) to mark and scroll to. previous: the view's last value, whose picture is then freed at
    once instead of when the gallery is full. kept: never freed; for a component's initial value, which all visitors
    share. heads: rows and columns of one attention head; 0 = no borders; borders: what the borders separate. note: what
    made the picture, written under it when it is saved. sorted_columns: for reordered arrays, the stored column of each
    array column; everything read, pinned and sent then uses stored columns, and `sorted_by` names the order. live:
    controls of the page by name; while one moves, the provider's `live` draws the picture for their current values,
    until the next value arrives.
    """
    fields = provider.fields()
    if field is not None and field not in {known.id for known in fields}:
        raise ValueError(f"no field {field!r} in this picture; it has {', '.join(known.id for known in fields)}")
    if pin is not None and not (0 <= pin[0] < provider.rows and 0 <= pin[1] < provider.columns):
        raise ValueError(f"weight {pin} lies outside a matrix of {provider.rows} × {provider.columns}")
    if previous:
        gallery.forget(str(previous.get("key")))
    return {
        "key": gallery.add(provider, kept),
        "rows": int(provider.rows),
        "columns": int(provider.columns),
        "title": title,
        "fields": [{**asdict(known), "pooling": known.pooled_by} for known in fields],
        "field": field,
        "heads": [int(size) for size in heads],
        "borders": borders,
        "note": note,
        "sorted": None if sorted_columns is None else [int(column) for column in sorted_columns],
        "sortedBy": sorted_by,
        "live": {name: asdict(followed) for name, followed in (live or {}).items()},
        "pin": None if pin is None else [int(pin[0]), int(pin[1])],
        "version": next(_VERSIONS),
        "words": check_words(words),
    }


def with_pin(value: Mapping[str, Any], row: int, column: int) -> dict[str, Any]:
    """Return the same picture with another weight marked, for a go-to box. Draws no new tile by itself."""
    return {**value, "pin": [int(row), int(column)]}


def without_pin(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same picture with no weight marked."""
    return {**value, "pin": None}
