"""The page in one language: header, status line, tabs in the order of the data, and the handlers between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from gblm_viz.core.base.errors import GblmError, shortened
from gblm_viz.core.mask.patterns import NofM
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model.matrices import Layout
from gblm_viz.core.model.models import Model
from gblm_viz.escape import escape
from gblm_viz.model_text import vocabulary_note
from gblm_viz.words import LANGUAGES, Words, join_sentences, words

from .blocks import Blocks
from .components import glossary
from .components.breadcrumb import Breadcrumb, breadcrumb
from .components.heading import heading
from .components.joined import passed_on
from .components.link_dialog import LinkDialog
from .components.paragraph import paragraph
from .components.templates import render
from .door.teacher_page import ADDRESS as TEACHER
from .guide import guide
from .on_opening import carry_out
from .tabs import compare, gradients, overview, patterns, prune, take_home, text, weight
from .tabs.prune_text import place
from .visit import address, hiding
from .visit.keys import LoadTask, LookTask
from .visit.library import Library, Visit
from .visit.open_models import refuse_closed
from .visit.page import Handlers, Page, Signals, bump
from .visit.session import Selection, Session
from .work import work

TABS = {"overview": overview, "text": text, "gradients": gradients, "prune": prune, "patterns": patterns,
        "weight": weight, "compare": compare, "report": take_home}
PAGES_FOLLOWED = 160
"""Number of handlers that run at a time. One that follows a task mostly sleeps. With Gradio's 40, every click of the
41st visitor, even Cancel, would wait until somebody else's task ends."""
LOOKS_EVERY, TELLS_EVERY = 0.01, 0.1
"""Seconds after which Gradio's queue looks for a new event, and for progress to tell. It has one loop of each for every
language, always running: with its own 0.001 and 0.01 an app that nobody uses took a ninth of a core."""
_SCRIPT = Path(__file__).parent / "components" / "place.js"


def build(language: str, library: Library) -> gr.Blocks:
    """Return one language's page with the shared Library."""
    say = words(language)
    with Blocks(say, title=say("frame.title"), analytics_enabled=False, fill_width=True) as blocks:
        # as Gradio's own launch() does, which is not used here
        blocks.max_threads = blocks._queue.max_thread_count = PAGES_FOLLOWED
        blocks._queue.sleep_when_free, blocks._queue.progress_update_sleep_when_free = LOOKS_EVERY, TELLS_EVERY
        visitor = gr.State("")
        signals = Signals(*(gr.State(0) for _ in Signals.__annotations__))
        with gr.Row(elem_id="header"):
            gr.HTML(f"<a class='skip' href='#tabs'>{escape(say('frame.skip'))}</a>"
                    f"<h1>{escape(say('frame.title'))} <small>{escape(say('frame.subtitle'))}</small></h1>")
            source = gr.Textbox("pocket", show_label=False, placeholder=say("frame.model_info"), container=False,
                                elem_id="model", max_lines=1, scale=2, label=say("frame.model"))
            load = gr.Button(say("frame.load"), elem_id="load", size="sm", scale=0, min_width=90)
            gr.Button(say("guide.frame.open"), elem_id="guide-open", size="sm", scale=0, min_width=70)
            gr.HTML(_language_links(say), elem_id="lang")
        if say.missing:
            gr.HTML(paragraph(say("frame.partly", count=f"{say.missing:,}"), "tag"), elem_id="partly",
                    container=False)
        with gr.Row(elem_id="status-row"):
            status = gr.HTML(Page.note(say("status.preparing"), "working"), elem_id="status", container=False)
            cancel = gr.Button(say("frame.cancel"), elem_id="cancel", size="sm", scale=0, min_width=110)
        where = Breadcrumb(elem_id="where")
        tabs = gr.Tabs(elem_id="tabs")
        page = Page(say, library, visitor, status, tabs, signals)
        with tabs:
            for name, tab in TABS.items():
                title = say(f"frame.tabs.{name}")
                with gr.Tab(title, id=name, elem_id=f"tab-{name}") as shown:
                    heading(title)
                    tab.build(replace(page, opened=(shown.select,), tab=name))
                shown.select(None, js=passed_on(_SCRIPT, "showTab", name, next(iter(TABS))), api_visibility="private")
        with gr.Accordion(say("frame.about"), open=False, elem_id="about"):
            about = gr.HTML()
        key, link, place, orders = (gr.Textbox(visible="hidden", elem_id=f"visit-{name}")
                                    for name in ("key", "link", "place", "orders"))
        _Handlers(page, source, load, cancel, about, key, link, place, orders).wire(blocks)
        _wire_where(page, where)
        guide.build(page, tuple(TABS), blocks)
        _link_dialog(say)
    library.presence.watch(blocks)
    return blocks


def where_parts(say: Words, visit: Visit) -> list[str]:
    """Return the names of the model and, if selected, the matrix and the weight."""
    model, selection = visit.model(), visit.session.selection
    matrix = next((one for one in model.layout.matrices if one.name == selection.matrix), None)
    parts = [model.name]
    if matrix is not None:
        parts.append(place(say, matrix, selection.expert))
        if selection.row is not None and selection.column is not None:
            parts.append(say("frame.where_weight", row=f"{selection.row:,}", column=f"{selection.column:,}"))
    return parts


def fitting(settings: Settings, layout: Layout) -> Settings:
    """Return the settings for another model: unchanged except for an n:m pattern that does not divide its rows."""
    pattern = settings.make_pattern()
    fits = not isinstance(pattern, NofM) or all(matrix.columns % pattern.m == 0 for matrix in layout.matrices)
    return settings if fits else replace(settings, pattern="")


def select_first(visit: Visit) -> None:
    """Select the default matrix for all views at the start, so that none is drawn twice. Only for small models, since
    the choice needs all gradients."""
    session, layout = visit.session, visit.model().layout
    if session.selection.matrix or session.statistics is None or layout.prunable > work.MOST_SCORES:
        return
    if visit.library.has(session.statistics):
        work.gradient_summaries(visit, "l1")
        visit.select(Selection(gradients.chosen(visit).name))


def _wire_where(page: Page, where: Breadcrumb) -> None:
    say, signals = page.words, page.signals

    def refresh(visit: Visit) -> dict[Any, Any]:
        if visit.session.model is None:
            return {}
        return {where: breadcrumb(where_parts(say, visit), say("frame.where"), say("frame.where_up"),
                                  say.table("frame")["where_weight"])}

    def on_level(visit: Visit, level: int, counter: int) -> dict[Any, Any]:
        """Keep this many parts of the path: 1 the model, 2 its matrix."""
        visit.update(selection=visit.session.selection.unpinned() if level == 2 else Selection())
        return {signals.selection: bump(counter)}

    page.on([signals.visit.change, signals.selection.change], refresh, [], [where], further="newest")
    page.on_event(where.select, "level", "number", on_level, [signals.selection], [signals.selection])


@dataclass(frozen=True, eq=False)
class _Handlers(Handlers):
    """Those of the header and of the address."""

    source: gr.Textbox
    load: gr.Button
    cancel: gr.Button
    about: gr.HTML
    key: gr.Textbox
    """The visit's key, which the browser stores."""
    link: gr.Textbox
    """The query of the address at which the page was opened."""
    place: gr.Textbox
    """The query for the current selection and settings."""
    orders: gr.Textbox
    """The part of the link that asks for work on opening; empty for most, which then ask for none."""

    def wire(self, blocks: gr.Blocks) -> None:
        page, signals = self.page, self.signals
        blocks.load(self.arrive, [self.key, self.link, signals.visit],
                    [page.visitor, self.key, self.link, page.status, self.source, self.about, signals.visit,
                     self.orders],
                    js=passed_on(_SCRIPT, "openLink", hiding.PRESETS, _tab_names(self.say)), **page.unmarked,
                    api_visibility="private").then(
            None, [self.key], [self.key], js=passed_on(_SCRIPT, "keepKey"), **page.unmarked,
            api_visibility="private").then(
            None, [self.link], [page.tabs], js=passed_on(_SCRIPT, "openLinkedTab", list(TABS)), **page.unmarked,
            api_visibility="private")
        page.on([signals.visit.change, signals.selection.change, signals.settings.change], self.on_place, [],
                [self.place], further="newest")
        self.place.change(None, [self.place], [self.place], js=passed_on(_SCRIPT, "writeAddress"), **page.unmarked,
                          api_visibility="private")
        page.on(self.orders.change, self.on_orders,
                [self.orders, signals.statistics, signals.applied, signals.settings],
                [signals.statistics, signals.applied, signals.settings], further="newest")
        page.on([self.load.click, self.source.submit], self.on_load, [self.source, signals.visit],
                [self.about, signals.visit])
        page.on(self.cancel.click, self.on_cancel)

    def arrive(self, request: gr.Request, stored: str, opened: str, counter: int) -> dict[Any, Any]:
        """Return the visit's key, twice, and the link, with what `wake` shows: the page draws itself once less than if
        it asked for that afterwards. An empty key if there are too many visits."""
        try:
            key = self.page.visit_of(request, stored).key
        except GblmError:  # `wake` is refused for the same reason, which the status line then tells
            key = ""
        shown = self.page.wrap_handler(self.wake)(request, key, opened, counter)
        return {self.page.visitor: key, self.key: key or stored, self.link: opened, **shown}

    def wake(self, visit: Visit, opened: str, counter: int) -> dict[Any, Any]:
        """Have every tab show this visitor's work or the example, and apply the link's selection and settings."""
        page, say = self.page, self.say
        fields = address.read_link(opened)
        session, lost = address.apply_link(visit.session, visit.model().layout, fields)
        visit.keep(session)
        orders, refused = self.read_orders(fields)
        lost += refused
        if lost and "apply" in fields:  # what the link meant to apply is not all here
            orders, lost = replace(orders, apply=False), (*(name for name in lost if name != "apply"), "apply")
        if orders.text:
            text.choose_bundled(visit, orders.text)
        select_first(visit)
        names = say("settings.join").join(lost)
        told = page.note(say("status.link_lost", names=names), "error") if lost else page.note(say("status.ready"))
        unread = address.left_out(opened)
        if unread:
            told = page.note(say("status.link_long", count=f"{unread:,}", names=names or "–"), "error")
        return {page.status: told, self.source: session.source, self.about: about_table(say, visit.model()),
                self.signals.visit: bump(counter), self.orders: orders.query()}

    def read_orders(self, fields: Mapping[str, str]) -> tuple[address.Orders, tuple[str, ...]]:
        """Return what a link asks for on opening; it may name the texts that the Your text tab offers."""
        return address.read_orders(fields, [file for _, file in text.texts_offered(self.say)])

    def on_orders(self, visit: Visit, told: str, *counters: int) -> Iterator[dict[Any, Any]]:
        """Do what the link asks for on opening, once every tab shows the visit."""
        orders, _ = self.read_orders(address.read_link(told))
        yield from carry_out(self.page, visit, orders, *counters)

    def on_place(self, visit: Visit) -> dict[Any, Any]:
        """Update the address to the selection and the settings."""
        if visit.session.model is None:
            return {}
        return {self.place: address.query(visit.session, visit.model().layout)}

    def on_load(self, visit: Visit, wanted: str, counter: int) -> Iterator[dict[Any, Any]]:
        """Load a model, after an estimate of what it takes, and begin the visit's work anew."""
        page, library, say = self.page, self.page.library, self.say
        wanted = refuse_closed(library, wanted)
        loaded = work.model_key(library, wanted)
        if not library.has(loaded):
            looked = library.start(visit.key, LookTask(wanted), lambda _: work.estimate_job(library, wanted),
                                   loads=True)
            expected = yield from page.follow(visit, looked, "load")
            if expected is not None:
                told = say("status.estimated_load", model=wanted, parameters=f"{expected.parameters:,}",
                           memory=f"{expected.in_memory / 1e6:,.0f}")
                yield {page.status: page.note(told, "working")}
            task = library.start(visit.key, LoadTask(wanted), lambda given_up: work.load_job(library, wanted, given_up),
                                 loads=True)
            loaded = yield from page.follow(visit, task, "load")
        before, model = visit.session, library.get(loaded)
        settings = fitting(before.settings, model.layout)
        visit.keep(Session(source=wanted, model=loaded, text=before.text, settings=settings, example=False)
                   .begun_after(before))
        yield {page.status: page.note(_loaded(say, model)), self.about: about_table(say, model),
               self.signals.visit: bump(counter)}

    def on_cancel(self, visit: Visit) -> dict[Any, Any]:
        page = self.page
        running = page.library.cancel(visit.key)
        return {} if running else {page.status: page.note(self.say("status.nothing_to_cancel"))}


def _tab_names(say: Words) -> dict[str, str]:
    """Return the tabs' names by their element ids."""
    return {f"tab-{name}": say(f"frame.tabs.{name}") for name in TABS}


def _link_dialog(say: Words) -> None:
    presets = [{"name": name, "title": say(f"link.hide.{name or 'nothing'}"),
                "about": say(f"link.hide.{name}_info") if name else ""} for name in ("", *hiding.PRESETS)]
    LinkDialog(words=say.table("link.frame"), languages=LANGUAGES, presets=presets, texts=text.texts_offered(say),
               opens="#link-open", teacher=TEACHER, elem_id="link")


def _language_links(say: Words) -> str:
    return render("language_links.html", say=say, languages=LANGUAGES, glossary=glossary.ADDRESS)


def _loaded(say: Words, model: Model) -> str:
    told = say("status.loaded", model=model.name, parameters=f"{model.parameters:,}", blocks=len(model.layout.blocks),
               matrices=len(model.layout.matrices))
    beyond = model.tokens_beyond
    return told if beyond is None else join_sentences((told, vocabulary_note(say, beyond)))


def about_table(say: Words, model: Model) -> str:
    """Return a table of what is pruned and what is not, with reasons."""
    layout = model.layout
    by_role: dict[tuple[str, int, int], list[int]] = {}
    for matrix in layout.matrices:
        by_role.setdefault((matrix.role, matrix.rows, matrix.columns), []).append(matrix.weights)
    by_reason: dict[str, list[int]] = {}
    for left in layout.left_out:
        size = 1
        for extent in left.shape:
            size *= extent
        by_reason.setdefault(left.reason, []).append(size)
    sentence = say("frame.about_sentence", model=model.name, parameters=f"{model.parameters:,}",
                   blocks=len(layout.blocks), prunable=f"{layout.prunable:,}", matrices=len(layout.matrices))
    limits = [] if model.has_chat_template else [say("frame.about_plain")]
    limits += [vocabulary_note(say, model.tokens_beyond)] if model.tokens_beyond else []
    if model.unused:
        limits.append(say("frame.about_unused", count=f"{len(model.unused):,}", name=shortened(model.unused[0])))
    pruned = [(role, f"{rows:,} × {columns:,}", str(len(sizes)), f"{sum(sizes):,}")
              for (role, rows, columns), sizes in by_role.items()]
    kept = [(say(f"left_out.{reason}"), str(len(sizes)), f"{sum(sizes):,}") for reason, sizes in by_reason.items()]
    return render("about.html", say=say, sentence=sentence, limits=limits, pruned=pruned, kept=kept)
