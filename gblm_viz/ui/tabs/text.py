"""The Your text tab: a visitor's text, its samples, and the estimated and measured cost of collecting.
Independent of tensors: core cuts and collects, and the text is kept in the visitor's session only."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from gblm_viz import plan_text
from gblm_viz.amounts import format_bytes, format_duration
from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.model.models import Model
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.text import calibration
from gblm_viz.core.text.calibration import CalibrationSet
from gblm_viz.core.text.tokens import trim_cut_characters
from gblm_viz.escape import escape
from gblm_viz.words import Words, join_sentences

from ..components.paragraph import paragraph
from ..components.sample_list import SampleList, SampleRow, sample_rows
from ..components.upload_button import UploadButton, upload_button
from ..visit.folders import folder_of
from ..visit.keys import CollectTask, CostKey, HeldOutKey, RequestedSamplesKey
from ..visit.library import Visit
from ..visit.page import Handlers, Page, bump
from ..visit.remembered import KEEP_IN, KEPT_IN, TEXT_MOVED
from ..visit.text_choice import EDITABLE, EXCERPT, TextChoice
from ..visit.uploads import Upload, claim_upload
from ..work import work
from ..work.story_numbers import is_text_foreign

RULES = ("auto", "windows", "paragraphs")
UPLOAD_TYPES = ".txt,.md,text/*"
LISTED = 400
"""Most samples that the list shows; the rest are counted."""
FIRST_TOKENS = 28
LARGEST_SEED = 2**63 - 1
DEFAULT_FOLDER = "~/gblm-viz/statistics"


@dataclass(frozen=True, eq=False)
class Controls:
    """The components on the left: the text and how it is cut."""

    bundled: gr.Dropdown
    upload: UploadButton
    clear: gr.Button
    text: gr.Textbox
    known: gr.Number
    """The number of texts that had been replaced when the one in the box was put there, see `TextChoice.replaced`."""
    excerpt: gr.HTML
    rule: gr.Radio
    rule_info: gr.HTML
    samples: gr.Number
    length: gr.Number
    seed: gr.Number
    keep: gr.Checkbox
    folder: gr.Textbox

    @property
    def sources(self) -> list[Any]:
        """The components that show which text was chosen."""
        return [self.bundled, self.text, self.excerpt, self.known]

    @property
    def fields(self) -> list[Any]:
        """The boxes that `read_choice` reads, in its order."""
        return [self.known, self.text, self.rule, self.samples, self.length, self.seed]


@dataclass(frozen=True, eq=False)
class Views:
    """The components on the right: the samples, the estimate, Collect and its result."""

    summary: gr.HTML
    listed: SampleList
    estimate: gr.HTML
    collect: gr.Button
    result: gr.HTML


def build(page: Page) -> None:
    """Lay out text and cutting on the left; samples, estimate and Collect on the right; register the handlers."""
    with gr.Row(elem_id="text-tab"):
        with gr.Column(scale=10, min_width=420):
            controls = _controls(page.words, local=page.library.local)
        with gr.Column(scale=11, min_width=460):
            views = _views(page.words)
    filled = gr.Textbox("", visible="hidden", elem_id="text-filled", label=page.words("text.label"))
    _Handlers(page, controls, views, filled, gr.State(None)).wire()


def _controls(say: Words, local: bool) -> Controls:
    """local: whether statistics may be saved to a folder of this machine."""
    with gr.Row(elem_classes="text-sources"):
        bundled = gr.Dropdown([(say("text.bundled_choose"), ""), *texts_offered(say)], value="", container=False,
                              show_label=False, label=say("text.bundled"), elem_id="text-bundled", scale=5)
        upload = UploadButton(upload_button(say("text.upload"), UPLOAD_TYPES, ready=False), elem_id="text-upload",
                              scale=2, min_width=120)
        clear = gr.Button(say("text.clear"), elem_id="text-clear", size="sm", scale=1, min_width=60)
    text = gr.Textbox(label=say("text.label"), show_label=False, placeholder=say("text.placeholder"), lines=11,
                      max_lines=11, elem_id="text", interactive=False, container=False)
    known = gr.Number(0, precision=0, visible="hidden", elem_id="text-known", label=say("text.label"))
    excerpt = gr.HTML("", visible=False, elem_id="text-excerpt")
    rule = gr.Radio([(say(f"text.rules.{name}"), name) for name in RULES], value="auto", label=say("text.rule"),
                    elem_id="text-rule", elem_classes="one-line")
    rule_info = gr.HTML(_tag(say("text.rule_info.auto")), elem_id="text-rule-info")
    with gr.Row(elem_classes="text-numbers", elem_id="text-numbers"):
        samples = gr.Number(64, label=say("text.samples"), precision=0, elem_id="samples", min_width=90)
        length = gr.Number(None, label=say("text.length"), precision=0, placeholder=say("text.length_blank"),
                           elem_id="length", min_width=90)
        seed = gr.Number(0, label=say("text.seed"), precision=0, elem_id="text-seed", min_width=90)
    with gr.Row(elem_classes="text-keep", elem_id="text-keep-row", visible=local):
        keep = gr.Checkbox(False, label=say("text.keep"), info=say("text.keep_info"), elem_id="text-keep",
                           container=False, scale=1, min_width=200)
        folder = gr.Textbox(DEFAULT_FOLDER, label=say("text.folder"), show_label=False, visible=False, max_lines=1,
                            elem_id="text-folder", container=False, scale=1, min_width=160)
    return Controls(bundled, upload, clear, text, known, excerpt, rule, rule_info, samples, length, seed, keep, folder)


def _views(say: Words) -> Views:
    summary = gr.HTML(_tag(say("text.preparing")), elem_id="text-summary")
    listed = SampleList(elem_id="text-samples")
    with gr.Row(elem_classes="text-collect"):
        estimate = gr.HTML("", elem_id="text-estimate")
        collect = gr.Button(say("text.collect"), variant="primary", elem_id="collect", scale=0, min_width=150,
                            interactive=False)
    result = gr.HTML(_tag(say("text.nothing_collected")), elem_id="text-result")
    return Views(summary, listed, estimate, collect, result)


@dataclass(frozen=True, eq=False)
class _Handlers(Handlers):
    controls: Controls
    views: Views
    filled: gr.Textbox
    """"filled" once the browser has every box: until then the boxes' values are not a visitor's input."""
    written: gr.State
    """The content of this page's boxes, as `boxes_of` returns it. Boxes are written only if the session differs, so
    that a late refill does not undo what somebody is typing."""

    def wire(self) -> None:
        page, signals, controls, views = self.page, self.signals, self.controls, self.views
        shown = [views.summary, views.listed, views.estimate, views.result, signals.text]
        sources, fields = controls.sources, controls.fields
        page.on_signals([signals.visit.change], self.refill, [signals.text, self.written],
                        [*sources, *fields[2:], controls.rule_info, self.filled, controls.upload, views.collect,
                         self.written, *shown]).then(
            # after every refill: one left out while another's is on its way would leave the boxes unheard for good
            None, None, [self.filled], js="() => 'filled'", **page.unmarked, api_visibility="private",
            trigger_mode="multiple")
        page.on_signals([signals.statistics.change], self.preview, [signals.text], shown)
        # .change, since .input does not fire if a text is not typed key by key; unchanged values cost nothing
        page.on([box.change for box in fields[1:]], self.on_typed, [signals.text, self.filled, *fields],
                [controls.bundled, controls.rule_info, self.written, *shown], further="newest")
        page.on(controls.bundled.input, self.on_bundled, [controls.bundled, signals.text], [*sources, *shown],
                further="newest")
        page.on_event(controls.upload.upload, "file", "file", self.on_upload, [signals.text], [*sources, *shown])
        page.on(controls.clear.click, self.on_clear, [signals.text], [*sources, *shown])
        page.on([controls.keep.input, controls.folder.blur], self.on_keep,
                [controls.keep, controls.folder, signals.text], [controls.folder, *shown], further="newest")
        page.on_event(views.listed.select, "index", "number", self.on_row, [signals.text], shown)
        page.on(views.collect.click, self.on_collect,
                [*fields, controls.keep, controls.folder, signals.statistics, signals.text],
                [signals.statistics, *shown])

    def preview(self, visit: Visit, counter: int) -> dict[Any, Any]:
        """Show the samples of the session's text, the estimate, and whether the result is outdated."""
        say, views, choice = self.say, self.views, visit.session.text
        updates: dict[Any, Any] = {}
        try:
            if not choice.text:
                raise GblmError("empty_text", name=work.text_name(say, choice.name))
            cut = cut_of(visit, choice, say)
            updates = {views.summary: summary_html(say, cut, choice), views.estimate: estimate_html(say, visit, cut),
                       views.listed: list_value(say, visit.model(), cut.whole, cut.held, choice)}
            asked = cut.samples.key
        except GblmError as error:
            asked = ""
            sentence = error.say(say) if choice.text else say("text.nothing_yet")
            kind = "limit" if choice.text else "tag"
            updates = {views.summary: f'<p class="{kind}" role="alert">{escape(sentence)}</p>',
                       views.estimate: "", views.listed: sample_rows([], {})}
            if error.key == "all_left_out":  # the list stays, so that one can be ticked again
                whole = work.cached_samples(visit, choice)
                updates[views.listed] = list_value(say, visit.model(), whole, frozenset(), choice)
        moved = visit.session.statistics is not None and asked != samples_collected(visit)
        if moved != bool(visit.session.extra(TEXT_MOVED, False)):
            visit.remember(TEXT_MOVED, moved)
            updates[self.signals.text] = bump(counter)
        updates[views.result] = result_html(say, visit, moved)
        return updates

    def refill(self, visit: Visit, counter: int, held: int | None) -> Iterator[dict[Any, Any]]:
        """Refill the whole tab from the session: at page load, after Reset, after another model."""
        say, controls = self.say, self.controls
        if visit.session.model is None:
            yield {self.filled: "", self.views.summary: _tag(say("text.preparing"))}
            return
        choice = visit.session.text
        if boxes_of(choice) == held:
            yield self.preview(visit, counter)
            return
        yield {self.filled: ""}
        yield {**self.source_shown(choice), controls.rule: choice.rule, controls.samples: choice.samples,
               controls.length: choice.length, controls.seed: choice.seed,
               controls.rule_info: _tag(say(f"text.rule_info.{choice.rule}")),
               controls.upload: upload_button(say("text.upload"), UPLOAD_TYPES),
               self.views.collect: gr.update(interactive=True),
               self.written: boxes_of(choice), **self.preview(visit, counter)}

    def source_shown(self, choice: TextChoice) -> dict[Any, Any]:
        """Show the text, of one too long to edit only the beginning, and which bundled text it is."""
        say, controls = self.say, self.controls
        known = {file for _, file in texts_offered(say)}
        long = len(choice.text) > EDITABLE
        note = say("text.excerpt", name=work.text_name(say, choice.name), characters=f"{len(choice.text):,}",
                   shown=f"{EXCERPT:,}")
        return {controls.bundled: choice.name if choice.name in known else "",
                controls.text: gr.update(value=choice.text[:EXCERPT] if long else choice.text, interactive=not long),
                controls.known: len(choice.replaced),
                controls.excerpt: gr.update(value=_tag(note) if long else "", visible=long)}

    def on_typed(self, visit: Visit, counter: int, state: str, *boxes: Any) -> dict[Any, Any]:
        if state != "filled" or visit.session.model is None:
            return {}
        choice = type_text(visit, *boxes)
        update: dict[Any, Any] = {self.written: boxes_of(choice)}
        update |= {} if choice.name else {self.controls.bundled: ""}
        return (update | {self.controls.rule_info: _tag(self.say(f"text.rule_info.{choice.rule}"))}
                | self.preview(visit, counter))

    def replace_text(self, visit: Visit, counter: int, name: str, content: str) -> dict[Any, Any]:
        """Make this the session's text and show it."""
        replace_text(visit, name, content)
        return self.source_shown(visit.session.text) | self.preview(visit, counter)

    def on_bundled(self, visit: Visit, file: str, counter: int) -> dict[Any, Any]:
        if not file:
            return {self.page.status: gr.skip()}
        return self.replace_text(visit, counter, file, work.read_bundled(file))

    def on_upload(self, visit: Visit, sent: dict[str, Any], counter: int) -> dict[Any, Any]:
        name, content = read_upload(claim_upload(visit.library.uploads, visit.key, sent))
        ready = {self.page.status: self.page.note(self.say("status.ready"))}
        return ready | self.replace_text(visit, counter, name, content)

    def on_clear(self, visit: Visit, counter: int) -> dict[Any, Any]:
        return self.replace_text(visit, counter, "", "")

    def on_row(self, visit: Visit, index: int, counter: int) -> dict[Any, Any]:
        choice = visit.session.text
        visit.update(text=replace(choice, dropped=choice.dropped ^ {int(index)}))
        return self.preview(visit, counter)

    def on_keep(self, visit: Visit, kept: bool, where: str, counter: int) -> dict[Any, Any]:
        """Store the folder choice and update the estimate, since the disk space needed depends on it."""
        self.keep_folder(visit, kept, where)
        shown: dict[Any, Any] = {self.controls.folder: gr.update(visible=kept)}
        return shown | (self.preview(visit, counter) if visit.session.model is not None else {})

    def keep_folder(self, visit: Visit, kept: bool, where: str) -> None:
        place = folder_of(where.strip() or DEFAULT_FOLDER) if kept and self.page.library.local else ""
        visit.remember(KEEP_IN, str(place))

    def on_collect(self, visit: Visit, *values: Any) -> Generator[dict[Any, Any], None, None]:
        """values: those of `Controls.fields`, of the folder's two controls, and the signals `statistics` and `text`."""
        *boxes, kept, where, counter, moved = values
        type_text(visit, *boxes)
        self.keep_folder(visit, kept, where)  # if the folder was typed last, its change may not have arrived yet
        if (yield from collect(self.page, visit)) is not None:
            yield {self.signals.statistics: bump(counter), **self.preview(visit, moved)}


def collect(page: Page, visit: Visit) -> Generator[dict[Any, Any], None, Statistics | None]:
    """Collect on the session's text with visible progress, make the result the visit's statistics and say so.

    Returns it; None if another model was loaded meanwhile. Raises GblmError.
    """
    say, library, model_key = page.words, page.library, visit.session.model
    model, cut, place = visit.model(), cut_of(visit, visit.session.text, page.words), keep_in(visit)
    task = library.start(
        visit.key, CollectTask(work.collect_key(model, cut.samples), str(place or "")),
        lambda cancel: work.collect_job(library, model, cut.samples, cut.held_out, cancel, place),
        graceful=True, for_nobody=place is not None)
    try:
        key = yield from page.follow(visit, task, "collect")
    except GblmError as error:
        raise name_error(error, say) from None
    if visit.session.model != model_key:
        yield {page.status: page.note(say("text.other_model"))}
        return None
    found: Statistics = library.get(key)
    visit.update(statistics=key, held_out=HeldOutKey(key) if cut.held_out else None, example=False)
    visit.remember(KEPT_IN, str(place or ""))
    yield {page.status: page.note(_done(say, found))}
    return found


def choose_bundled(visit: Visit, file: str) -> None:
    """Make a bundled text the session's, with all its samples. Raises GblmError for any other name."""
    replace_text(visit, file, work.read_bundled(file))


def replace_text(visit: Visit, name: str, content: str) -> None:
    """Make this the session's text, with all its samples."""
    work.checked_size(content, name)
    with visit.library.lock:
        before = visit.session.text
        visit.update(text=replace(before, text=content, name=name, dropped=frozenset()).after(before))


def type_text(visit: Visit, *boxes: Any) -> TextChoice:
    """Make what the boxes hold the session's text, and return it. `boxes`: as `read_choice` takes them."""
    with visit.library.lock:
        choice = read_choice(visit.session.text, *boxes)
        visit.update(text=choice)
    return choice


def texts_offered(say: Words) -> list[tuple[str, str]]:
    """Return (title, file) of the bundled texts that can be calibrated on; those in the page's language first."""
    titles = [(work.title_of(say, entry), entry["file"]) for entry in work.bundled_texts()
              if entry["kind"] != "held_out"]
    return sorted(titles, key=lambda pair: not pair[1].endswith(f"_{say.language}.txt"))


# Text → samples

@dataclass(frozen=True, eq=False)
class Cut:
    """A text's samples: all, those to collect on, those held out, and the held-out ones' indices in `whole`."""

    whole: CalibrationSet
    samples: CalibrationSet
    held_out: CalibrationSet | None
    held: frozenset[int]


def read_choice(before: TextChoice, known: int | None, typed: str, rule: str, samples: Any, length: Any,
                seed: Any) -> TextChoice:
    """Return the text and its cutting from the controls; blanks mean the default. Dropped samples stay dropped while
    nothing changes, and a text keeps its name until it is edited. Lone surrogates become question marks.

    known: as `Controls.known` holds it. A text that another took the place of meanwhile is not taken for a typed one.
    """
    same = before.is_shown_as(typed) or before.was_replaced(typed, known)
    work.checked_size(typed, before.name)
    number = 0 if seed is None else seed
    if not 0 <= number <= LARGEST_SEED:
        raise GblmError("seed_not_number", given=seed)
    after = TextChoice(
        before.text if same else typed.encode("utf-8", "replace").decode("utf-8"), before.name if same else "",
        rule if rule in RULES else RULES[0], TextChoice.samples if samples is None else int(samples),
        None if length is None else int(length), int(number), replaced=before.replaced)
    return replace(after, dropped=before.dropped) if after == replace(before, dropped=frozenset()) else after


def boxes_of(choice: TextChoice) -> int:
    """Return a number for the content of the text's boxes with this choice, so that the text is not stored twice."""
    return hash((choice.text, choice.name, choice.rule, choice.samples, choice.length, choice.seed))


def read_upload(upload: Upload) -> tuple[str, str]:
    """Return (name, text) of an uploaded file. Raises TextError if it is not text."""
    return upload.name, calibration.checked_text(upload.content, upload.name)


def cut_of(visit: Visit, choice: TextChoice, say: Words) -> Cut:
    """Return the samples of a text; the cutting is stored in the Library, since a long text takes seconds."""
    try:
        whole = work.cached_samples(visit, choice)
        return Cut(whole, *work.split_samples(whole, choice))
    except GblmError as error:
        raise name_error(error, say) from None


def name_error(error: GblmError, say: Words) -> GblmError:
    """Return the same error, naming a typed text as such, since it has no file name."""
    return type(error)(error.key, **{key: work.text_name(say, "") if value == "" else value
                                     for key, value in error.fields.items()})


def list_value(say: Words, model: Model, whole: CalibrationSet, held: frozenset[int],
               choice: TextChoice) -> dict[str, Any]:
    """Return the first samples as rows: how each begins and how it is used."""
    rows = []
    for index in range(min(whole.count, LISTED)):
        sample = whole.sample(index)
        begins = " ".join(trim_cut_characters(model.tokenizer.decode(sample[:FIRST_TOKENS].tolist())).split())
        state = "dropped" if index in choice.dropped else "held" if index in held else "used"
        rows.append(SampleRow(index, len(sample), begins, state))  # type: ignore[arg-type]
    more = whole.count - len(rows)
    return sample_rows(rows, say.table("text.list"), say("text.more", count=f"{more:,}") if more else "")


# Sentences

def _tag(sentence: str) -> str:
    return paragraph(sentence, "tag")


def _paragraph(sentences: list[str], kind: str = "") -> str:
    return paragraph(join_sentences(sentences), kind) if sentences else ""


def summary_html(say: Words, cut: Cut, choice: TextChoice) -> str:
    """Return a summary: N × length, what is held out, and what of the text is not used."""
    held = 0 if cut.held_out is None else cut.held_out.count
    said = [say("text.becomes" if held else "text.becomes_all", count=f"{cut.samples.count:,}",
                length=f"{cut.samples.length:,}", held=held)]
    if cut.whole.count < choice.samples:
        said.append(say("text.fewer", asked=f"{choice.samples:,}", given=f"{cut.whole.count:,}"))
    if int(cut.samples.lengths.min()) < cut.samples.length:
        said.append(say("text.shorter", tokens=f"{cut.samples.token_count:,}"))
    notes = [say(f"text.left_out.{kind}", count=f"{count:,}") for kind, count in cut.whole.left_out]
    if choice.dropped:
        notes.append(say("text.dropped", count=len(choice.dropped)))
    if not held:
        notes.append(say("text.no_held_out"))
    if cut.samples.count == 1:
        notes.append(say("text.one_sample"))
    return _paragraph(said, "sentence") + _paragraph(notes, "limit")


def keep_in(visit: Visit) -> Path | None:
    """Return the folder in which the visitor wants to save statistics, or None."""
    place = str(visit.session.extra(KEEP_IN, ""))
    return Path(place) if place else None


def estimate_html(say: Words, visit: Visit, cut: Cut) -> str:
    """Return, before collecting, the plan, its reason, its cost and how the time is estimated, or that no plan fits."""
    model = visit.model()
    if visit.library.has(work.collect_key(model, cut.samples)):
        return _tag(say("text.ready_already"))
    try:
        choice = work.choice_of(visit.library, model, cut.samples, keep_in(visit))
    except GblmError as error:
        return _paragraph([error.say(say)], "limit")
    return _paragraph([plan_text.estimate_sentence(say, choice), say(
        "text.estimate_measured" if work.corrected(visit.library) else "text.estimate_guess")], "tag")


def result_html(say: Words, visit: Visit, moved: bool) -> str:
    """Return the result and the cost of collecting; greyed once the text has changed."""
    if visit.session.statistics is None:
        return _tag(say("text.nothing_collected"))
    if not visit.library.has(visit.session.statistics):
        return _paragraph([say("errors.gone")], "limit")
    found: Statistics = visit.statistics()
    loss, samples = float(found.losses.mean()), found.calibration
    name = work.text_name(say, samples.text_name)
    numbers = {"samples": f"{found.count:,}", "length": f"{samples.length:,}", "loss": f"{loss:.3f}",
               "perplexity": f"{math.exp(min(loss, 700)):,.2f}",
               "kept": format_bytes(say, work.statistics_bytes(found))}
    said = [say("text.result_loaded", **numbers) if not found.seconds else
            say("text.result", **numbers, time=format_duration(say, found.seconds),
                speed=f"{samples.token_count / found.seconds:,.0f}")]
    if visit.library.has(CostKey(visit.session.statistics)):
        said.append(plan_text.cost_sentence(say, *visit.library.get(CostKey(visit.session.statistics))))
    if found.cancelled:
        said.append(say("text.cancelled", samples=f"{found.count:,}", asked=f"{found.asked:,}"))
    folder = visit.session.extra(KEPT_IN, "")
    if folder:
        said.append(say("text.kept_in", folder=folder))
    held = visit.library.get(visit.session.held_out).count if visit.library.has(visit.session.held_out) else 0
    tag = say("text.result_tag", model=found.model_name, text=name, rule=_rule(say, samples.rule), seed=samples.seed,
              dtype=found.dtype, held=held)
    title = f'<b>{escape(say("text.result_title"))}</b>'
    if not moved:
        foreign = _paragraph([say("text.foreign")], "limit") if is_text_foreign(visit) else ""
        return f'<div class="result-card">{title}{_paragraph(said)}{foreign}{_tag(tag)}{_next(say)}</div>'
    old = _paragraph([say("text.from", text=name, samples=numbers["samples"], length=numbers["length"])], "limit")
    return f'{old}<div class="result-card stale">{title}{_paragraph(said)}{_tag(tag)}</div>'


def _next(say: Words) -> str:
    return f'<div id="text-next">{_tag(say("text.result_next"))}</div>'


def _rule(say: Words, rule: str) -> str:
    return say(f"text.rules.{rule}") if rule in RULES else rule


def _done(say: Words, found: Statistics) -> str:
    if found.cancelled:
        return say("text.done_cancelled", samples=f"{found.count:,}", asked=f"{found.asked:,}")
    return say("text.done", samples=f"{found.count:,}", length=f"{found.calibration.length:,}",
               time=format_duration(say, found.seconds))


def samples_collected(visit: Visit) -> str:
    """Return the key of the samples that were requested when the visitor's statistics were collected."""
    library, key = visit.library, visit.session.statistics
    if library.has(RequestedSamplesKey(key)):
        return str(library.get(RequestedSamplesKey(key)))
    return visit.statistics().calibration.key if library.has(key) else ""
