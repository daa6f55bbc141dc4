"""Overview, for the meeting: one page of A4 with the sentences, the pilot's plan and the seven answers, to print."""

from __future__ import annotations

from pathlib import Path

from gblm_viz.amounts import format_share
from gblm_viz.core.measure.tolerance import Tolerance
from gblm_viz.figures import sizes
from gblm_viz.words import Words

from ..components.templates import render
from ..report.report_file import STYLE
from ..work import work
from ..work.story_numbers import Numbers
from .story_cards import cards_of, meeting_of

DENSER = sizes.fill_variables(Path(__file__).with_suffix(".css").read_text(encoding="utf-8"))
"""Rules behind those of the report: everything on one sheet."""


def handout(say: Words, numbers: Numbers, accepted: Tolerance, place: str, run: str, day: str) -> str:
    """Return the page as one HTML file. place: see `story_value`; run: what the numbers are about; day: as printed."""
    made = say("story.meeting.made_of", model=numbers.model, method=numbers.method,
               share=format_share(numbers.sparsity), text=work.text_name(say, numbers.text) if numbers.samples else "–")
    return render("tabs/story_handout.html", say=say, language=say.language, style=STYLE + DENSER,
                  meeting=meeting_of(say, numbers, accepted), cards=cards_of(say, numbers, accepted, place),
                  intro=say("story.intro", run=run), made=made, day=day)
