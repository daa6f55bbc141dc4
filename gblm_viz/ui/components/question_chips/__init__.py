"""What a model knows, as small buttons: a subject opens its line and its example questions, a question is asked.
Independent of model and language: all text is in the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..own_component import OwnComponent

_TEMPLATE = """
<div class="question-chips">
  <div class="chip-subjects" role="group"></div>
  <div class="chip-questions"><p></p><div role="group"></div></div>
</div>
"""


@dataclass(frozen=True)
class Subject:
    """One thing that can be asked about: its name, a line about it, questions to try."""

    name: str
    line: str
    questions: tuple[str, ...]


class QuestionChips(OwnComponent):
    """Its value is what `chips` returns. Event `select` with `question`."""

    template = _TEMPLATE
    maker = "gblm_viz.ui.components.question_chips.chips"


def chips(subjects: Sequence[Subject], label: str) -> dict[str, Any]:
    """Return a value for QuestionChips. label: what stands before the subjects. Without subjects nothing is shown."""
    return {"subjects": [asdict(subject) for subject in subjects], "label": label}


def no_chips() -> Mapping[str, Any]:
    """Return the value of a model that does not say what it knows."""
    return chips((), "")
