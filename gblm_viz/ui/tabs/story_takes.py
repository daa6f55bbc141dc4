"""Overview, for your model: what models of usual sizes and the visitor's own would take, as a table of estimates."""

from __future__ import annotations

from collections.abc import Sequence

from gblm_viz.amounts import format_bytes, format_duration
from gblm_viz.core.base.job import Job, Step
from gblm_viz.core.model.models import Model
from gblm_viz.core.sums import usual_models
from gblm_viz.core.sums.estimate import Work, measure_pace
from gblm_viz.core.sums.usual_models import GPU, LENGTH, SAMPLES, USUAL, Taken
from gblm_viz.words import Words

from ..components.table import Table
from ..components.templates import render
from ..visit.library import Library
from ..work import work
from ..work.story_numbers import Numbers

SUMS = 1
"""Gradient sums a weight: the ℓ1 norm of the default method."""
DAY = 86_400
PACED = "1B"
"""The shape on which this machine's pace is measured: wide enough for its products to count."""


def takes_job(library: Library, model: Model) -> Job[tuple[Taken, ...]]:
    """Measure this machine's pace and estimate every size with it, the visitor's model last."""
    total = len(USUAL) + 2
    yield Step(0, total, "model")
    shapes = {}
    for name in USUAL:
        shapes[name] = usual_models.usual_shape(name)
        yield Step(len(shapes), total, "model")
    work_there = Work(SAMPLES, LENGTH, SAMPLES * LENGTH, SUMS, folder=True)
    pace = measure_pace(shapes[PACED], work_there, model.device.type)
    yield Step(total - 1, total, "model")
    own, own_pace = work.shape_and_pace(library, model, work_there)
    found = [usual_models.taken(name, shape, pace, SUMS) for name, shape in shapes.items()]
    yield Step(total, total, "model")
    return (*found, usual_models.taken("", own, own_pace, SUMS))


def takes_html(say: Words, found: Sequence[Taken], model: Model, numbers: Numbers | None = None) -> str:
    """Return the table; the last line is the visitor's own model. numbers: of the run above, whose time was measured
    and may be far from that line's."""
    heads = ((say("story.takes.model"), ""), *((say(f"story.takes.{name}"), "number") for name in (
        "parameters", "here", "gpu", "memory", "disk")))
    last = say("story.takes.example" if work.is_pocket(model) else "story.takes.own", model=model.name)
    rows = [(one.name or last, _millions(one.parameters),
             _time(say, one.here.seconds), _time(say, one.gpu.seconds), format_bytes(say, one.here.memory),
             format_bytes(say, one.here.disk_peak)) for one in found]
    intro = say("story.takes.intro", samples=SAMPLES, length=f"{LENGTH:,}", multiply=f"{GPU.multiply / 1e12:,.0f}",
                touch=f"{GPU.touch / 1e12:.1f}")
    return render("tabs/story_takes.html", say=say, intro=intro, table=Table(heads, rows), run=_run(say, numbers))


def _run(say: Words, numbers: Numbers | None) -> str:
    """Return why the run above took less than its model's line; "" where its time is not known."""
    if numbers is None or not numbers.seconds or not numbers.samples:
        return ""
    return say("story.takes.run", time=format_duration(say, numbers.seconds), count=f"{numbers.samples:,}",
               tokens=f"{numbers.tokens:,}")


def _millions(count: int) -> str:
    return f"{count / 1e9:,.1f} B" if count >= 1e9 else f"{count / 1e6:,.1f} M"


def _time(say: Words, seconds: float) -> str:
    """Return a time of any length; from two days on in days."""
    if seconds < 2 * DAY:
        return format_duration(say, seconds)
    return say("story.takes.days", days=f"{seconds / DAY:,.1f}")
