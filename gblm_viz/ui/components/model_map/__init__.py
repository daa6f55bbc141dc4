"""The model map on screen: blocks × roles, one button per matrix, showing any one number per matrix.
Independent of measure, colour and language: gblm_viz.figures.maps makes the value, texts included.

    view = ModelMapView(height=400, elem_id="model-map")
    page.on_event(view.select, "name", "text", handler, inputs, outputs)   # handler(visit, matrix name, *values)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..own_component import OwnComponent

_TEMPLATE = """
<div class="model-map" data-state="empty">
  <p class="model-map-title"></p>
  <div class="model-map-grid" role="group"></div>
  <p class="model-map-note"></p>
  <p class="model-map-reading"></p>
  <div class="model-map-legend"></div>
</div>
"""


class ModelMapView(OwnComponent):
    """Its value is what `figures.maps.map_value` or `figures.maps.empty_map` returns.

    Event `select` when a cell is clicked or entered by keyboard: `name`, the matrix. Arrow keys move between cells.
    """

    template = _TEMPLATE
    maker = "gblm_viz.figures.maps.map_value"

    def __init__(self, value: Mapping[str, Any] | None = None, *, height: int = 400, elem_id: str | None = None,
                 **arguments: Any) -> None:
        """height: pixels of the grid only; title, sentence and legend are added above and below."""
        super().__init__(value, elem_id=elem_id, height=int(height), **arguments)
