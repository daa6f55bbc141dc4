"""What a model was taught, as buttons that ask a question each, and a note on a question outside of it.

Independent of model and language: all text is in the value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..own_component import OwnComponent

_TEMPLATE = """
<div class="skill-chips" hidden>
  <div class="skill-row" role="group"><span class="skill-label"></span></div>
  <p class="skill-note" data-announce="outside"></p>
</div>
"""


@dataclass(frozen=True)
class Chip:
    """One button; examples: the questions that it asks, one after the other."""

    name: str
    title: str
    examples: tuple[str, ...]


class SkillChips(OwnComponent):
    """Its value is what `skill_chips` returns. Event `select` with `question`, the next one of the clicked button."""

    template = _TEMPLATE
    maker = "gblm_viz.ui.components.skill_chips.skill_chips"


def skill_chips(label: str = "", chips: Sequence[Chip] = (), note: str = "") -> dict[str, Any]:
    """Return a value for SkillChips. label: what stands before the buttons; note: what is said below them, if
    anything. Without buttons nothing is shown."""
    return {"label": label, "chips": [asdict(chip) for chip in chips], "note": note}
