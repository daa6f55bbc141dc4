"""The page for teachers: a lesson of 45 minutes with links into the app, without Gradio and without a script, to print.

What is said stands in words/*/teacher.toml; here are the times and where each step leads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import HTMLResponse

from gblm_viz.figures import colours, sizes
from gblm_viz.words import LANGUAGES, Words

from .plain_page import plain_page

ADDRESS = "teacher"
"""Relative to a language's page."""
_STYLE = colours.fill_variables(sizes.fill_variables(
    (Path(__file__).parent / "teacher_page.css").read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Lesson:
    """One part of the lesson: its name in the words, how long it takes, and the query of the page that it opens."""

    name: str
    minutes: int
    query: str


def _guide(name: str, minutes: int, step: int) -> Lesson:
    return Lesson(name, minutes, f"guide=twenty&step={step}&hide=class")


PLAN = (
    Lesson("start", 4, "tab=overview&hide=class"), _guide("score", 3, 1), _guide("input", 3, 2),
    _guide("activation", 4, 3), _guide("gradient", 4, 4), _guide("rows", 3, 5), _guide("chance", 3, 6),
    _guide("knee", 4, 7), _guide("text", 5, 8), _guide("truth", 3, 9), _guide("difference", 4, 10),
    Lesson("end", 5, "guide=twenty&step=11&hide=class"))
"""The parts in their order: the guide's way of twenty minutes, with time to talk, between a beginning and an end."""
LINKS = {
    "projector": "guide=twenty&step=1&projector=1", "class": "hide=class", "simple": "hide=simple",
    "capitals": "tab=compare&method=gblm&norm=l1&sparsity=0.5&text=skill_capitals_en.txt&apply=1&hide=class"}
"""Links for the class, by their names in the words."""


@dataclass(frozen=True)
class Part:
    """One part of the lesson in the words of a language."""

    title: str
    time: str
    query: str
    said: tuple[tuple[str, str], ...]
    """(what it is, the text): what to ask, the expected answer, the common mistake."""


def teacher_page(say: Words) -> HTMLResponse:
    """Return the page in the language of these words."""
    return plain_page(say, 200, template="door/teacher_page.html", title=say("teacher.frame.title"), style=_STYLE,
                      parts=tuple(_parts(say)), links=[(query, say(f"teacher.links.{name}")) for name, query in
                                                      LINKS.items()],
                      before=list(say.table("teacher.before").values()), languages=LANGUAGES)


def _parts(say: Words) -> Iterator[Part]:
    began = 0
    for one in PLAN:
        time = say("teacher.frame.minutes", first=began, last=began + one.minutes)
        said = tuple((say(f"teacher.frame.{kind}"), say(f"teacher.step.{one.name}.{kind}"))
                     for kind in ("ask", "answer", "mistake"))
        yield Part(say(f"teacher.step.{one.name}.title"), time, one.query, said)
        began += one.minutes
