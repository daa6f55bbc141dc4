"""The dialog that makes a link to what is on screen: in which language, what it hides, what it opens with.

Its script reads the page's own address and rebuilds the link with every choice; the server is never asked. Independent
of visits and of tabs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..own_component import OwnComponent

_TEMPLATE = """
<dialog class="link-dialog" aria-labelledby="link-title">
  <div class="link-head">
    <h2 id="link-title"></h2><button type="button" class="link-close">✕</button>
  </div>
  <p class="link-about"></p>
  <div class="link-choices">
    <fieldset class="link-language"><legend></legend></fieldset>
    <fieldset class="link-hide"><legend></legend></fieldset>
    <label class="link-text"><span></span><select></select></label>
    <div class="link-ticks"></div>
  </div>
  <label class="link-address"><span></span><textarea readonly rows="4" spellcheck="false"></textarea></label>
  <div class="link-foot">
    <button type="button" class="link-copy"></button><span class="link-told" role="status"></span>
    <a class="link-teacher" target="_blank"></a>
  </div>
</dialog>
"""


class LinkDialog(OwnComponent):
    """It has no value and no events: everything is read from the address and from what was chosen in it."""

    template = _TEMPLATE
    maker = "nothing: it has no value"

    def __init__(self, *, words: Mapping[str, str], languages: Mapping[str, str], presets: Sequence[Mapping[str, str]],
                 texts: Sequence[tuple[str, str]], opens: str, teacher: str, elem_id: str | None = None,
                 **arguments: Any) -> None:
        """presets: `name`, `title` and `about` of each named list of hidden controls; texts: (title, file) of those
        that a link may open with; opens: CSS selector of the button that opens the dialog; teacher: address
        of the page for teachers."""
        config = {"words": dict(words), "languages": dict(languages), "presets": [dict(one) for one in presets],
                  "texts": [list(one) for one in texts], "opens": opens,
                  "teacher": teacher}
        super().__init__(None, elem_id=elem_id, config=config, **arguments)
