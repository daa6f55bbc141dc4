"""The guide's panel on a page: sets a step up as a visitor would, through the session and the signals, and says what
is met. The panel's script asks for a step, says that a guess was given, and asks again when something has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gradio as gr

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.look.examples import Found
from gblm_viz.core.mask.settings import Settings

from ..components.guide_panel import GuidePanel
from ..tabs import text as text_tab
from ..visit.library import Visit
from ..visit.page import Handlers, Page, bump
from ..visit.remembered import GUIDE_TEXT
from ..work import work
from ..work.apply import apply
from . import rules, two_texts
from .conditions import Now, Standing, is_applied, is_collected
from .measures import MEASURES
from .readings import Run, both_texts, pair, preview_share
from .shown import NOWHERE, closed, step_value, way_list
from .ways import KEEP, NEEDS, Known, Setup, Step, check_ways, ways

SIGNALS = ("visit", "settings", "selection", "applied")


def build(page: Page, tabs: Collection[str], blocks: gr.Blocks) -> None:
    """Lay out the panel. Call it last: its steps set controls of the tabs, which it finds by their ids."""
    say, found = page.words, ways()
    check_ways(found, Known(tabs, rules.RULES, MEASURES, say.table("guide")))
    controls = {str(one.elem_id): one for one in blocks.blocks.values() if getattr(one, "elem_id", None)}
    panel = GuidePanel(closed(), ways=way_list(say, found), words=say.table("guide.frame"), opens="#guide-open",
                       elem_id="guide")
    _Handlers(page, panel, gr.State(NOWHERE), controls).wire()


@dataclass(frozen=True, eq=False)
class _Handlers(Handlers):
    panel: GuidePanel
    standing: gr.State
    """This page's Standing."""
    controls: Mapping[str, Any]

    def wire(self) -> None:
        signals = [getattr(self.signals, name) for name in SIGNALS]
        self.page.on_event(self.panel.select, "wish", "text", self.on_wish, [self.standing, *signals],
                           [self.panel, self.standing, self.page.tabs, *signals])

    def on_wish(self, visit: Visit, wish: str, began: Standing, *counts: int) -> Iterator[dict[Any, Any]]:
        """wish: `go STEP` to set a step up, `then STEP` once its guess is given, `look STEP` or `look STEP guessed` to
        learn what is met by now."""
        what, _, name = wish.partition(" ")
        step = find_step(name.removesuffix(" guessed"))
        serve: dict[str, Callable[..., Iterator[dict[Any, Any]]]] = {
            "go": self.go, "then": self.then, "look": partial(self.look, guessed=name.endswith(" guessed"))}
        if step is None or what not in serve:
            raise GblmError("bad_event")
        yield from serve[what](visit, step, began, dict(zip(SIGNALS, counts, strict=True)))

    def run(self, visit: Visit, began: Standing) -> Run:
        return Run(visit, self.say, began.removed)

    def shown(self, visit: Visit, step: Step, began: Standing, count: int, *, ready: bool = True,
              guessed: bool = False) -> dict[Any, Any]:
        now = Now(self.run(visit, began), began, count)
        return {self.panel: step_value(step, now, self.controls, ready=ready, guessed=guessed or step.guess is None)}

    def go(self, visit: Visit, step: Step, began: Standing, counts: dict[str, int]) -> Iterator[dict[Any, Any]]:
        """Set a step up: what is applied or looked for takes a while, so the panel shows its text at once."""
        began = Standing(step.name, lacks=lacks(visit, step))
        yield {**self.shown(visit, step, began, counts["visit"], ready=False),
               self.page.tabs: gr.Tabs(selected=step.start.tab)}
        try:
            began, moved = yield from self.place(visit, step, step.start, began)
        except GblmError as error:
            began = replace(began, settings=None)
            yield {**self.shown(visit, step, began, counts["visit"]), self.standing: began,
                   self.page.status: self.page.note(error.say(self.say), "error")}
            return
        if "visit" in moved:  # every tab refills itself; no other signal is needed
            moved, counts = {"visit"}, {**counts, "visit": bump(counts["visit"])}
            bumped = {self.signals.visit: counts["visit"]}
        else:
            bumped = {getattr(self.signals, name): bump(counts[name]) for name in moved}
        began = replace(began, model=visit.session.model, applied=visit.session.applied,
                        text=text_tab.boxes_of(visit.session.text), visit_count=counts["visit"])
        began = replace(began, removed=preview_share(self.run(visit, began)))
        yield {**bumped, **self.shown(visit, step, began, counts["visit"]), self.standing: began}

    def then(self, visit: Visit, step: Step, began: Standing, counts: dict[str, int]) -> Iterator[dict[Any, Any]]:
        """After the guess: what the step shows then, and what is already known."""
        bumped: dict[Any, Any] = {}
        if step.then is not None and not began.lacks:
            began, moved = yield from self.place(visit, replace(step, example=False, apply=False, text=""), step.then,
                                                 began)
            bumped = {getattr(self.signals, name): bump(counts[name]) for name in moved}
        yield {**bumped, **self.shown(visit, step, began, counts["visit"], guessed=True), self.standing: began}

    def look(self, visit: Visit, step: Step, began: Standing, counts: dict[str, int],
             guessed: bool) -> Iterator[dict[Any, Any]]:
        """Something on the page has changed: say what is met by now. What only the guide measures is measured here."""
        if began.step != step.name:  # sent before another step was set up: nothing is to be told of this one any more
            yield {}
            return
        run = self.run(visit, began)
        two = pair(run)
        if (guessed and two is not None and any(one.target == "two_texts" for one in step.done)
                and is_collected(run) and both_texts(run) is None):
            settings = visit.session.settings
            yield from self.computed(visit, two_texts.key_of(visit, two, settings), "evaluate",
                                     lambda: two_texts.compare_job(visit, two, settings))
            yield {self.page.status: self.page.note(self.say("status.ready"))}
        yield self.shown(visit, step, began, counts["visit"], guessed=guessed)

    def place(self, visit: Visit, step: Step, setup: Setup,
              began: Standing) -> Generator[dict[Any, Any], None, tuple[Standing, set[str]]]:
        """Reset, choose the text, set, apply and select as the step says; returns the signals that moved."""
        moved = set[str]()
        if began.lacks:
            return began, moved
        if step.example and may_reset(visit):
            visit.keep(visit.library.first_of(self.say.language).begun_after(visit.session))
            moved.add("visit")
        before = visit.session.settings
        settings = ways()[step.way].settings(before, setup)
        if settings != before:
            visit.update(settings=settings)
            moved.add("settings")
        two = pair(self.run(visit, began)) if step.text else None
        if two is not None:
            choice = two_texts.choice_of(visit, two, ("skill_a", "skill_b").index(step.text))
            visit.update(text=choice)
            visit.remember(GUIDE_TEXT, choice)
            moved.add("visit")
        if step.apply and not is_applied(self.run(visit, began)):
            yield from apply(self.page, visit, settings)
            moved |= {"applied", "settings"}
            yield {self.page.status: self.page.note(self.say("status.ready"))}
        began = replace(began, settings=settings if setup.set or ways()[step.way].base else None)
        if setup.select and setup.select != KEEP:
            found = yield from self.find(visit, setup.select, settings)
            if found is None:
                return replace(began, lacks="weight"), moved
            visit.select(rules.selection_of(found))
            moved.add("selection")
            began = replace(began, selection=visit.session.selection)
        return began, moved

    def find(self, visit: Visit, rule: str, settings: Settings) -> Generator[dict[Any, Any], None, Found | None]:
        """Return what a rule finds, kept once it was looked for."""
        key = rules.found_key(visit, rule, settings)
        known = visit.library.has(key)
        found = yield from self.computed(visit, key, "find", lambda: rules.find_job(visit, rule, settings))
        if not known:
            yield {self.page.status: self.page.note(self.say("status.ready"))}
        return found


def find_step(name: str) -> Step | None:
    """Return the step of a name like five.2."""
    way, _, number = name.partition(".")
    steps = ways()[way].steps if way in ways() else ()
    return next((step for step in steps if str(step.number) == number), None)


def lacks(visit: Visit, step: Step) -> str:
    """Return the first thing that the step cannot do without and the run has not; empty if there is none."""
    session, library = visit.session, visit.library
    has = {"probes": bool(work.probes_of(visit.model())), "statistics": library.has(session.statistics),
           "applied": library.has(session.applied)}
    return next((name for name in NEEDS if name in step.needs and not has[name]), "")


def may_reset(visit: Visit) -> bool:
    """Return whether Reset to the example would lose nothing of the visitor's own: the bundled model is loaded, and
    the text is the example's or one that the guide chose."""
    session, firsts = visit.session, visit.library.firsts()
    if session.example or not firsts[0].example or not work.is_pocket(visit.model()):
        return False
    given = session.extra(GUIDE_TEXT)
    return session.text.text in {*(one.text.text for one in firsts), *(() if given is None else (given.text,))}
