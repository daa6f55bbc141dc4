"""The guide's panel at the foot of the page: the ways to choose from, a step with its question, the score at the end.

Guesses are kept and judged by its script and never sent. It knows no visit; a step comes with the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..own_component import OwnComponent

_TEMPLATE = """
<section class="guide-panel" hidden>
  <div class="guide-head">
    <span class="guide-way"></span><h2 class="guide-title" tabindex="-1"></h2>
    <span class="guide-moved" role="status"></span>
    <button type="button" class="guide-goto"></button><button type="button" class="guide-ways"></button>
    <button type="button" class="guide-close">✕</button>
  </div>
  <div class="guide-step">
    <div class="guide-say">
      <p class="guide-text"></p><p class="guide-hint" role="status"></p><div class="guide-table"></div>
    </div>
    <div class="guide-ask">
      <p class="guide-first"></p><p class="guide-question"></p>
      <div class="guide-choices" role="group"></div>
      <form class="guide-number">
        <label><span></span><input type="range"></label><output></output><button type="submit"></button>
      </form>
      <div class="guide-told" tabindex="-1" aria-live="polite">
        <p class="guide-verdict"></p><p class="guide-after"></p>
      </div>
    </div>
    <div class="guide-nav">
      <button type="button" class="guide-next"></button><button type="button" class="guide-back"></button>
      <button type="button" class="guide-show"></button>
    </div>
  </div>
  <div class="guide-list"></div>
</section>
"""


class GuidePanel(OwnComponent):
    """Its value is what `ui.guide.shown.step_value` returns. Event `select` with `wish`: `go five.2`, `then five.2`,
    `look five.2`, the last with ` guessed` after it once the guess is given."""

    template = _TEMPLATE
    maker = "gblm_viz.ui.guide.shown.step_value"

    def __init__(self, value: Mapping[str, Any] | None = None, *, ways: Sequence[Mapping[str, Any]] = (),
                 words: Mapping[str, str] | None = None, opens: str = "", elem_id: str | None = None,
                 **arguments: Any) -> None:
        """ways: what `way_list` returns; words: the table guide.frame; opens: CSS selector of the button that opens
        the panel."""
        super().__init__(value, elem_id=elem_id, config={"ways": list(ways), "words": dict(words or {}),
                                                         "opens": opens}, **arguments)
