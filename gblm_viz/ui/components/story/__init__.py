"""The Overview's story: cards that each answer one question with a number, a small picture, a verdict and a limit.

Below them are the way step by step and the sentences for a meeting. Independent of model and language: all text is in
the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..own_component import OwnComponent

_TEMPLATE = """
<div class="story">
  <p class="story-warning story-elsewhere" hidden></p>
  <div class="story-overall" aria-live="polite"></div>
  <ol class="story-cards"></ol>
  <div class="story-below">
    <section class="story-steps"><h3></h3><ol></ol></section>
    <section class="story-meeting"><h3></h3><ul></ul><h4></h4><ol></ol>
      <p class="story-copy"><button type="button"></button><span role="status"></span></p></section>
  </div>
</div>
"""
Mark = Literal["within", "outside", "few", "too_few", "unmeasured"]


@dataclass(frozen=True)
class Bar:
    """One bar of a picture. share: its length, 0 to 1; colour: a name of figures/colours.py."""

    label: str
    text: str
    share: float
    colour: str


@dataclass(frozen=True)
class Line:
    """One line of a picture, through (x, y) points, both 0 to 1; `dash`: of SVG, "" for a whole line."""

    label: str
    points: Sequence[tuple[float, float]]
    colour: str
    dash: str = ""


@dataclass(frozen=True)
class Picture:
    """A small picture, described for those who do not see it: `dots` of 100 that are removed, or bars, or lines.

    at: where on the lines' x axis the run stands; None for nowhere; x, y: names of the axes.
    """

    described: str
    dots: int | None = None
    bars: Sequence[Bar] = ()
    lines: Sequence[Line] = ()
    at: float | None = None
    x: str = ""
    y: str = ""


@dataclass(frozen=True)
class Link:
    """A button below a card; `to` comes with the event `select`. Then the page opens `tab` and the panels inside it."""

    label: str
    to: str
    tab: str = ""
    panels: Sequence[str] = ()


@dataclass(frozen=True)
class Judged:
    """One loss beside what is accepted, and whether it lies within."""

    text: str
    mark: Mark


@dataclass(frozen=True)
class Card:
    """One question and its answer. kind: its name; warning: what makes the number worthless, "" if nothing does."""

    kind: str
    question: str
    number: str
    sentences: Sequence[str]
    limit: str
    links: Sequence[Link]
    picture: Picture | None = None
    verdicts: Sequence[Judged] = ()
    warning: str = ""


@dataclass(frozen=True)
class Meeting:
    """What is said in a meeting: sentences that one button copies, and a plan in steps."""

    title: str
    sentences: Sequence[str]
    plan_title: str
    plan: Sequence[str]
    copy: str
    copied: str
    not_copied: str


class Story(OwnComponent):
    """Its value is what `story` returns. Event `select` with `to` when a link is pressed."""

    template = _TEMPLATE
    maker = "gblm_viz.ui.components.story.story"


def story(cards: Sequence[Card], steps_title: str, steps: Sequence[Link], meeting: Meeting,
          overall: Judged | None = None) -> Mapping[str, Any]:
    """Return a value for Story. steps: the way through the tabs, in their order; overall: the verdict on the whole."""
    return {"cards": [asdict(card) for card in cards], "steps_title": steps_title,
            "steps": [asdict(step) for step in steps], "meeting": asdict(meeting),
            "overall": None if overall is None else asdict(overall)}
