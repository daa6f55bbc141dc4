"""What was lost, the probes: each question with both models' probability, rank and verdict, or all of them by skill."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from gblm_viz.core.base.errors import GblmError, TextError
from gblm_viz.core.measure.evaluate import Verdict
from gblm_viz.core.measure.probe_file import MOST_PROBES
from gblm_viz.escape import escape
from gblm_viz.words import Words

from ..components.probe_table import Column, Line, ProbeTable, table_value
from ..components.skill_name import skill_name
from ..components.upload_button import UploadButton, upload_button
from ..report.report_data import as_lines
from ..visit import downloads
from ..visit.keys import AskTask, PrunedKey
from ..visit.library import Visit
from ..visit.page import Handlers, Page, bump
from ..visit.remembered import SHOWN_PROBES
from ..visit.uploads import claim_upload
from ..work import measuring, work
from ..work.measuring import SetVerdicts
from .lost_text import asked_html, skills_html
from .text import read_upload

AT_ONCE = 10
"""Number of rows per page."""
FATES = {(True, True): "kept", (True, False): "lost", (False, True): "gained", (False, False): "wrong"}
"""(right before, right after) → the verdict on both."""
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
FOCUS = "() => setTimeout(() => document.querySelector('#prompt textarea, #prompt input')?.focus(), 150)"


@dataclass(frozen=True)
class Pair:
    """One probe with both models' verdicts. `index`: its position in the set."""

    index: int
    before: Verdict
    after: Verdict

    @property
    def fate(self) -> str:
        return FATES[self.before.right, self.after.right]

    @property
    def lost(self) -> float:
        """Loss of the right answer's log-probability, in nats."""
        return self.before.log_probability - self.after.log_probability


ORDERS: dict[str, tuple[Callable[[Pair], Any], bool]] = {
    "skill": (lambda pair: (pair.before.probe.skill, pair.index), False),
    "prompt": (lambda pair: pair.before.probe.prompt, False),
    "dense": (lambda pair: pair.before.log_probability, True),
    "pruned": (lambda pair: pair.after.log_probability, True),
    "loss": (lambda pair: pair.lost, True),
    "rank": (lambda pair: (pair.after.rank, pair.before.rank), True),
    "fate": (lambda pair: list(FATES.values()).index(pair.fate), False)}
"""Column → (sort key, whether the first click sorts the largest first)."""


@dataclass(frozen=True)
class Shelf:
    """The part of a set on screen: its order, its filters and its first row."""

    order: str = "loss"
    down: bool = True
    skill: str = ""
    fate: str = ""
    first: int = 0

    def sorted_by(self, name: str) -> Shelf:
        """Return the order after a click on a head: another column's default direction, or the same column reversed."""
        return replace(self, order=name, down=not self.down if name == self.order else ORDERS[name][1], first=0)

    def of(self, asked: SetVerdicts) -> list[Pair]:
        """All pairs that pass, in order; equal ones as they stand in the set."""
        pairs = [Pair(index, before, after) for index, (before, after) in
                 enumerate(zip(asked.exact[0].verdicts, asked.exact[1].verdicts, strict=True))]
        passing = [pair for pair in pairs
                   if self.skill in ("", pair.before.probe.skill) and self.fate in ("", pair.fate)]
        return sorted(passing, key=ORDERS[self.order][0], reverse=self.down)


@dataclass(frozen=True, eq=False)
class Parts:
    """The view's components."""

    which: gr.Dropdown
    view: gr.Dropdown
    skill: gr.Dropdown
    fate: gr.Dropdown
    ask: gr.Button
    about: gr.HTML
    own: gr.Row
    pasted: gr.Textbox
    upload: UploadButton
    told: gr.HTML
    table: ProbeTable
    skills: gr.HTML
    shelf: gr.State

    @property
    def shown(self) -> list[Any]:
        """The components that `_Handlers.show` updates."""
        return [self.about, self.own, self.told, self.table, self.skills, self.skill, self.fate, self.shelf]


def build(page: Page, shown: gr.Tab, panels: gr.Tabs, asked: gr.State) -> None:
    """panels: Compare's panels, to switch to the chat. asked: (count, prompt), which the chat puts into its box."""
    say = page.words
    with gr.Row(elem_id="lost-probes-row", equal_height=True):
        which = gr.Dropdown([], label=say("lost.probes.set"), elem_id="lost-set", scale=3, min_width=170,
                            filterable=False)
        view = gr.Dropdown([(say(f"lost.probes.view_{name}"), name) for name in ("each", "skills")], value="each",
                           label=say("lost.probes.view"), elem_id="lost-view", scale=2, min_width=120, filterable=False)
        skill = gr.Dropdown([(say("lost.probes.all_skills"), "")], value="", label=say("lost.probes.skill"),
                            elem_id="lost-skill", scale=2, min_width=140)
        fates = [(say("lost.probes.all_fates"), ""), *((say(f"lost.probes.{name}"), name) for name in FATES.values())]
        fate = gr.Dropdown(fates, value="", label=say("lost.probes.fate"), elem_id="lost-fate", scale=2, min_width=140,
                           filterable=False)
        ask = gr.Button(say("lost.probes.ask"), variant="primary", elem_id="lost-ask", size="sm", scale=0,
                        min_width=150)
    about = gr.HTML(elem_id="lost-about")
    with gr.Row(visible=False, elem_id="lost-own") as own:
        pasted = gr.Textbox(label=say("lost.probes.paste"), placeholder=say("lost.probes.paste_hint"), lines=3,
                            max_lines=6, elem_id="lost-csv", scale=6)
        upload = UploadButton(upload_button(say("lost.probes.upload"), ".csv,.tsv,.txt,text/*"),
                              elem_id="lost-upload", scale=1, min_width=130)
    told = gr.HTML(elem_id="lost-told")
    table = ProbeTable(elem_id="lost-table")
    skills = gr.HTML(elem_id="lost-skills", visible=False)
    parts = Parts(which, view, skill, fate, ask, about, own, pasted, upload, told, table, skills, gr.State(Shelf()))
    _Handlers(page, parts, shown, panels, asked).wire()


@dataclass(frozen=True, eq=False)
class _Handlers(Handlers):
    parts: Parts
    opened: gr.Tab
    panels: gr.Tabs
    asked: gr.State

    def wire(self) -> None:
        page, signals, parts = self.page, self.signals, self.parts
        which, view, shelf, shown = parts.which, parts.view, parts.shelf, parts.shown
        page.on([self.opened.select], self.on_open, [which, view, shelf], [which, *shown])
        page.on_signals([signals.visit.change, signals.applied.change], self.on_moved, [which, view, shelf],
                        [which, *shown])
        page.on_signals([signals.probes.change], self.on_open, [which, view, shelf], [which, *shown])
        page.on(which.input, self.on_set, [which, view], shown, further="newest")
        page.on(view.input, self.on_open, [which, view, shelf], [which, *shown], further="newest")
        page.on([parts.skill.input, parts.fate.input], self.on_filter, [which, view, shelf, parts.skill, parts.fate],
                shown, further="newest")
        page.on(parts.ask.click, self.on_ask, [which, view, shelf, parts.pasted, signals.measured],
                [*shown, signals.measured], further="all")
        page.on_event(parts.upload.upload, "file", "file", self.on_upload, [view], [*shown, parts.pasted])
        page.on_event(parts.table.select, "asked", "request", self.on_table, [which, view, shelf, self.asked],
                      [parts.table, shelf, self.asked, self.panels])
        self.asked.change(None, js=FOCUS, api_visibility="private")

    def show(self, visit: Visit, name: str, kind: str, now: Shelf) -> dict[Any, Any]:
        """Show a set as far as it was asked: its sentences, and the page of its table or its skills."""
        say, parts = self.say, self.parts
        visit.remember(SHOWN_PROBES, (name, kind))
        found = measuring.verdicts_of(visit, name)
        names = sorted({one.probe.skill for one in found.exact[0].verdicts}) if found else []
        now = replace(now, skill=now.skill if now.skill in names else "")
        return {parts.about: f'<p class="tag">{escape(self.about_set(visit, name))}</p>',
                parts.own: gr.update(visible=name == "own"), parts.told: asked_html(found, say), parts.shelf: now,
                parts.skill: gr.update(choices=[(say("lost.probes.all_skills"), ""),
                                                *sorted((skill_name(say, one), one) for one in names)],
                                       value=now.skill, interactive=kind == "each"),
                parts.fate: gr.update(value=now.fate, interactive=kind == "each"),
                parts.table: gr.update(value=probe_page(found, now, say), visible=kind == "each"),
                parts.skills: self.skills_update(found, kind)}

    def answered(self, visit: Visit, name: str, now: Shelf, told: str) -> dict[Any, Any]:
        """After a set was asked: show it in the current view, unless another set is shown by now."""
        shown_set, kind = visit.session.extra(SHOWN_PROBES, (None, None))
        return {**(self.show(visit, name, kind, now) if shown_set == name else {}),
                self.page.status: self.page.note(told)}

    def chosen_by_likelihood(self, visit: Visit, name: str) -> dict[Any, Any]:
        """Add the multiple choice to the set's sentences and skills; the table, sorted and filtered since, has none."""
        shown_set, kind = visit.session.extra(SHOWN_PROBES, (None, None))
        if shown_set != name:
            return {}
        found = measuring.verdicts_of(visit, name)
        return {self.parts.told: asked_html(found, self.say), self.parts.skills: self.skills_update(found, kind)}

    def skills_update(self, found: SetVerdicts | None, kind: str) -> Any:
        return gr.update(value=skills_html(found, self.say) if found else "", visible=kind == "skills")

    def refused(self, error: GblmError) -> dict[Any, Any]:
        """Show an error beside the table too, since the status line may show other work."""
        sentence = error.say(self.say)
        return {self.parts.told: f'<p class="limit" role="alert">{escape(sentence)}</p>',
                self.page.status: self.page.note(sentence, "error")}

    def about_set(self, visit: Visit, name: str) -> str:
        if name == "own":
            return self.say("lost.probes.about_own", most=f"{MOST_PROBES:,}")
        return self.say(f"lost.probes.about_{name}", n=f"{len(measuring.probes_of(visit, name)):,}")

    def sets(self, visit: Visit, name: str) -> dict[Any, Any]:
        """Offer the sets that this model has; `name` is the chosen one."""
        offered = [(self.say(f"lost.probes.set_{one}"), one) for one in measuring.sets_of(visit.model())]
        return {self.parts.which: gr.update(choices=offered, value=name)}

    def run_ask(self, visit: Visit, name: str, choosing: bool) -> Iterator[dict[Any, Any]]:
        work.applied_masks(visit)
        session, library, probes = visit.session, visit.library, measuring.probes_of(visit, name)
        key, pruned = measuring.set_key(visit, name), PrunedKey(session.applied)
        sides = ((session.model, visit.model()), (pruned, work.pruned_model(visit)))
        task = library.start(visit.key, AskTask(session.model, session.applied, key, choosing),
                             lambda _: measuring.ask_job(library, sides, key, probes, choosing), queued=choosing)
        yield from self.page.follow(visit, task, "evaluate")

    def on_open(self, visit: Visit, name: str | None, kind: str, now: Shelf) -> dict[Any, Any]:
        """Show the existing results. Nothing is asked by itself: that takes seconds, and more beside other visitors."""
        name = chosen(visit, visit.session.extra(SHOWN_PROBES, (name, kind))[0])
        return {**self.sets(visit, name), **self.show(visit, name, kind, now)}

    def on_moved(self, visit: Visit, name: str | None, kind: str, now: Shelf) -> dict[Any, Any]:
        """After another model or copy: show existing results; the rest is asked on opening, or by the button."""
        if visit.session.model is None or name is None:
            return {}
        name = chosen(visit, name)
        return {**self.sets(visit, name), **self.show(visit, name, kind, now)}

    def on_set(self, visit: Visit, name: str, kind: str) -> dict[Any, Any]:
        return self.show(visit, name, kind, Shelf())

    def on_filter(self, visit: Visit, name: str, kind: str, now: Shelf, skill: str | None,
                  fate: str | None) -> dict[Any, Any]:
        return self.show(visit, name, kind, replace(now, skill=skill or "", fate=fate or "", first=0))

    def on_ask(self, visit: Visit, name: str | None, kind: str, now: Shelf, text: str,
               counter: int) -> Iterator[dict[Any, Any]]:
        say, name = self.say, chosen(visit, name)  # the list may not be filled yet
        visit.remember(SHOWN_PROBES, (name, kind))
        try:
            if name == "own" and text.strip():
                measuring.store_own_probes(visit, text, say("lost.probes.paste"))
            count = len(measuring.probes_of(visit, name))
        except TextError as error:
            yield self.refused(error)
            return
        done = say("lost.probes.asked", n=f"{count:,}")
        yield from self.run_ask(visit, name, choosing=False)
        yield self.answered(visit, name, now, done)
        yield from self.run_ask(visit, name, choosing=True)
        yield {**self.chosen_by_likelihood(visit, name), self.page.status: self.page.note(done),
               self.signals.measured: bump(counter)}

    def on_upload(self, visit: Visit, sent: dict[str, Any], kind: str) -> dict[Any, Any]:
        try:
            name, content = read_upload(claim_upload(visit.library.uploads, visit.key, sent))
            probes = measuring.store_own_probes(visit, content, name)
        except GblmError as error:
            return self.refused(error)
        told = self.say("lost.probes.read", n=f"{len(probes):,}", name=name)
        return {**self.show(visit, "own", kind, Shelf()), self.parts.pasted: content if len(content) < 20_000 else "",
                self.page.status: self.page.note(told)}

    def on_table(self, visit: Visit, wanted: list[Any], name: str, kind: str, now: Shelf,
                 counter: tuple[int, str]) -> dict[Any, Any]:
        """Open a probe in the chat, sort by a column, turn the page, or offer all rows as a file."""
        say, table = self.say, self.parts.table
        what, value = str(wanted[0]), wanted[1]
        found = measuring.verdicts_of(visit, name)
        if found is None:
            return {}
        if what == "open" and 0 <= int(value) < len(found.exact[0].verdicts):
            prompt = found.exact[0].verdicts[int(value)].probe.prompt
            return {self.asked: (counter[0] + 1, prompt), self.panels: gr.Tabs(selected="compare-chat"),
                    self.page.status: self.page.note(say("lost.probes.in_chat"))}
        if what == "sort" and value in ORDERS:
            now = now.sorted_by(value)
        elif what == "save" and now.of(found):
            file = downloads.offer(visit.library, f"probes-{name}.csv", as_lines(rows(now.of(found), say)))
            return {table: probe_page(found, now, say, file)}
        elif what == "page":
            last = max(0, len(now.of(found)) - 1) // AT_ONCE * AT_ONCE
            now = replace(now, first=min(last, max(0, now.first + AT_ONCE * (1 if int(value) > 0 else -1))))
        return {table: probe_page(found, now, say), self.parts.shelf: now}


def chosen(visit: Visit, name: str | None) -> str:
    """Return the chosen set if this model has it, else the model's first one."""
    offered = measuring.sets_of(visit.model())
    return name if name in offered else offered[0]


# How it is drawn

def rows(pairs: list[Pair], say: Words) -> list[dict[str, Any]]:
    """Return the probes for a file: the table's columns with unrounded numbers."""
    sides = ("dense", "pruned")
    return [{say("lost.probes.skill"): skill_name(say, pair.before.probe.skill),
             say("lost.probes.prompt"): pair.before.probe.prompt,
             say("lost.probes.answer"): pair.before.probe.answer,
             **{say(f"lost.probes.{side}"): math.exp(one.log_probability)
                for side, one in zip(sides, (pair.before, pair.after), strict=True)},
             say("lost.probes.loss"): pair.lost,
             **{say("lost.probes.rank_of", name=say(f"compare.{side}")): one.rank
                for side, one in zip(sides, (pair.before, pair.after), strict=True)},
             say("lost.probes.fate"): say(f"lost.probes.{pair.fate}")} for pair in pairs]


def probe_page(asked: SetVerdicts | None, shelf: Shelf, say: Words, file: str = "") -> dict[str, Any]:
    """Return a page of probes for the table. file: the address at which all rows can be downloaded."""
    words = {name: say(f"lost.probes.{name}") for name in ("back", "on")} | {
        "ask": say("lost.probes.to_chat"), "save": say("lost.probes.save")}
    pairs = shelf.of(asked) if asked is not None else []
    lines = [Line(pair.index, cells(pair, say), pair.fate) for pair in pairs[shelf.first : shelf.first + AT_ONCE]]
    kinds = {"skill": "skill", "prompt": "prompt", "answer": "answer", "fate": "fate"}
    columns = [Column(name if name in ORDERS else "", say(f"lost.probes.{name}"), kinds.get(name, "number"),
                      "none" if name != shelf.order else "descending" if shelf.down else "ascending")
               for name in ("skill", "prompt", "answer", "dense", "pruned", "loss", "rank", "fate")]
    told = say("lost.probes.pages", first=shelf.first + 1, last=shelf.first + len(lines), n=f"{len(pairs):,}")
    pages = {"told": told + " · " + say("lost.probes.hint") if lines else "", "before": shelf.first > 0,
             "after": shelf.first + AT_ONCE < len(pairs)}
    if asked is not None and not lines:
        pages["told"] = say("lost.probes.none")
    return table_value(columns if asked is not None else [], lines, pages, words, file)


def cells(pair: Pair, say: Words) -> tuple[str, ...]:
    probe = pair.before.probe
    return (skill_name(say, probe.skill), probe.prompt, probe.answer, probability(pair.before.log_probability),
            probability(pair.after.log_probability), f"{pair.lost:+.2f}", f"{pair.before.rank:,} → {pair.after.rank:,}",
            say(f"lost.probes.{pair.fate}"))


def probability(logarithm: float) -> str:
    """Return a probability as text: 73.4 %, 0.021 %, 10⁻⁷."""
    share = math.exp(logarithm)
    if share >= 0.0001:
        return f"{100 * share:.1f} %" if share >= 0.01 else f"{100 * share:.2g} %"
    return "10" + f"{logarithm / math.log(10):.0f}".translate(RAISED)
