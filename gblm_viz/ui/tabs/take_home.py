"""The Report tab: the pruned model as a folder, the run as one file with its tables and masks, all runs of the visit.

core and report_file make the contents; a visitor on another machine gets files only through the browser.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from gblm_viz import verdict_text
from gblm_viz.amounts import format_bytes
from gblm_viz.core.base.job import Job, Step
from gblm_viz.core.keep import export
from gblm_viz.core.keep import run as runs
from gblm_viz.core.keep.export import Exported
from gblm_viz.core.keep.run import SHORT_HASH, Run
from gblm_viz.core.mask.mask_file import mask_file_bytes
from gblm_viz.core.measure.won import memory
from gblm_viz.core.model.models import Model
from gblm_viz.escape import escape
from gblm_viz.figures.charts import percent
from gblm_viz.words import Words, join_sentences

from ..components.paragraph import paragraph
from ..components.table import Table, plain_table
from ..components.templates import render
from ..report import report_data, report_file, this_run, worksheet, worksheet_data
from ..report.sheet import cite
from ..report.this_run import Source
from ..report.visit_table import visit_cells, visit_heads
from ..report.worksheet_data import Worksheet
from ..visit import downloads
from ..visit.folders import folder_of
from ..visit.keys import ReportTask, SaveTask
from ..visit.library import Visit
from ..visit.page import Handlers, Page, bump
from ..visit.remembered import REPORT, REPORT_OFFERED, SAVED
from ..work import work

DEFAULT_FOLDER = "~/gblm-viz/pruned"
LARGEST_SENT = 200_000_000
"""Most bytes of weights, or of masks, that are sent through the browser."""
LONGEST_CHOICE = 60
"""Most characters of a question that are shown where it is chosen."""
TITLE = "take-home-title"
"""The CSS class of a heading."""


@dataclass(frozen=True, eq=False)
class Parts:
    """The tab's components: the report's on the left, those of saving on the right, the visit's runs below."""

    own: gr.Checkbox
    prompts: gr.CheckboxGroup
    make: gr.Button
    made: gr.HTML
    cited: gr.HTML
    folder: gr.Textbox
    save: gr.Button
    replaced: gr.Checkbox
    saved: gr.HTML
    table: gr.HTML


def build(page: Page) -> None:
    """Lay out the report on the left, saving on the right, the visit's runs below."""
    say = page.words
    with gr.Row(elem_id="take-home"):
        with gr.Column(min_width=420):
            gr.HTML(_intro(say("report.make_title"), say("report.make_intro")))
            with gr.Row(elem_classes="take-home-row"):
                own = gr.Checkbox(False, label=say("report.include"), info=say("report.include_info"),
                                  elem_id="report-own", container=False, scale=3, min_width=240)
                make = gr.Button(say("report.make"), variant="primary", elem_id="report-make", scale=1, min_width=150)
            prompts = gr.CheckboxGroup([], label=say("report.prompts"), elem_id="report-prompts", visible=False)
            made = gr.HTML(paragraph(say("report.nothing_made"), "tag"), elem_id="report-files")
            gr.HTML(paragraph(say("report.cite_title"), TITLE))
            cited = gr.HTML(elem_id="report-cite")
        with gr.Column(min_width=420):
            folder, save, replaced, saved = _saving(say, page.library.local)
    table = gr.HTML(elem_id="report-runs")
    _Handlers(page, Parts(own, prompts, make, made, cited, folder, save, replaced, saved, table)).wire()


def _saving(say: Words, local: bool) -> tuple[gr.Textbox, gr.Button, gr.Checkbox, gr.HTML]:
    """Lay out the right side. local: whether visitors may name a folder on this machine."""
    gr.HTML(_intro(say("report.save_title"), say("report.save_intro")))
    with gr.Row(elem_classes="take-home-row"):
        folder = gr.Textbox(DEFAULT_FOLDER, label=say("report.folder"), show_label=False, max_lines=1,
                            elem_id="save-folder", container=False, scale=3, min_width=240, visible=local)
        save = gr.Button(say("report.save" if local else "report.zip"), elem_id="save", scale=1, min_width=150)
    replaced = gr.Checkbox(False, label=say("report.replace"), elem_id="save-replace", container=False, visible=local)
    saved = gr.HTML(paragraph(say("report.nothing_saved"), "tag"), elem_id="save-result")
    return folder, save, replaced, saved


@dataclass(frozen=True, eq=False)
class _Handlers(Handlers):
    parts: Parts

    def wire(self) -> None:
        page, parts, signals = self.page, self.parts, self.signals
        shown = [parts.table, parts.cited, parts.made, parts.saved]
        page.on([signals.visit.change, signals.applied.change, signals.measured.change], self.refresh, [], shown,
                further="newest")
        page.on([parts.own.input, *page.opened], self.on_own, [parts.own, parts.prompts], [parts.prompts],
                further="newest")
        page.on(parts.make.click, self.on_make, [parts.own, parts.prompts, signals.measured],
                [*shown, signals.measured])
        page.on(parts.save.click, self.on_save, [parts.folder, parts.replaced], [parts.saved])

    def refresh(self, visit: Visit) -> dict[Any, Any]:
        """After a new copy or new measurements: update the visit's list, the citation line and the greyed parts."""
        if visit.session.model is None:
            return {}
        say, parts = self.say, self.parts
        this_run.record_run(visit, say.language)
        return {parts.table: runs_html(visit, say), parts.cited: cite_html(visit, say),
                parts.made: made_html(visit, say), parts.saved: saved_html(visit, say)}

    def on_own(self, visit: Visit, with_own: bool, chosen: Sequence[str]) -> dict[Any, Any]:
        """Offer the chat's questions; those asked since the last offer are chosen, the others stay as they were."""
        asked = [turn.prompt for turn in this_run.chat_of(visit.session)] if with_own else []
        before = visit.session.extra(REPORT_OFFERED, ())
        visit.remember(REPORT_OFFERED, tuple(asked))
        return {self.parts.prompts: gr.update(
            choices=[(shortened(prompt), prompt) for prompt in asked], visible=bool(asked),
            value=still_chosen(asked, before, chosen))}

    def on_make(self, visit: Visit, with_own: bool, prompts: Sequence[str], counter: int) -> Iterator[dict[Any, Any]]:
        page, say = self.page, self.say
        this_run.record_run(visit, say.language)
        source, pruned = this_run.source_of(visit, say.language), work.pruned_model(visit)
        session = source.session
        key = ReportTask(visit.key, session.applied, bool(with_own), tuple(prompts), say.language)
        task = page.library.start(visit.key, key, lambda _: gather_both(source, pruned, bool(with_own), prompts))
        found, asked = yield from page.follow(visit, task, "report")
        name = f"gblm-viz-{found.hash[:SHORT_HASH]}"
        files = {"html": (f"{name}.html", report_file.html(found, say)),
                 "worksheet": (f"{name}-worksheet.html", worksheet.html(asked, say)),
                 "solutions": (f"{name}-solutions.html", worksheet.solutions(asked, say)),
                 "json": (f"{name}.json", report_data.as_json(found)),
                 "csv": (f"{name}-tables.zip", report_data.as_csv(found))}
        if source.applied.prunable <= LARGEST_SENT:
            files["masks"] = (f"{name}-masks.safetensors", mask_file_bytes(source.applied))
        links = tuple((kind, downloads.offer(page.library, *file), file[0], len(file[1]))
                      for kind, file in files.items())
        visit.remember(REPORT, {"number": found.number, "own": found.own is not None, "links": links})
        yield {**self.refresh(visit), page.status: page.note(say("report.made", number=found.number)),
               self.signals.measured: bump(counter)}

    def on_save(self, visit: Visit, place: str, force: bool) -> Generator[dict[Any, Any], None, None]:
        page, say, saved, local = self.page, self.say, self.parts.saved, self.page.library.local
        source, pruned = this_run.source_of(visit, say.language), work.pruned_model(visit)
        if not local and memory(pruned) > LARGEST_SENT:
            yield {saved: _limit(say("report.too_large", size=format_bytes(say, memory(pruned)),
                                     most=format_bytes(say, LARGEST_SENT)))}
            return
        to = folder_of(place.strip() or DEFAULT_FOLDER) if local else None
        key = SaveTask(visit.key, source.session.applied, "" if to is None else str(to), bool(force), say.language)
        task = page.library.start(visit.key, key, lambda _: save_job(source, pruned, say, to, bool(force)))
        done, packed = yield from page.follow(visit, task, "save")
        kept: dict[str, Any] = {"number": source.session.applied_number, "weights": done.weight_bytes,
                                "all": done.folder_bytes, "folder": str(done.folder) if to else "",
                                "zeros": tuple(done.zeros.items())}
        if packed is not None:
            name = f"{_plain(source.model.name)}-pruned.zip"
            kept |= {"zip": len(packed), "link": ("model", downloads.offer(page.library, name, packed), name,
                                                  len(packed))}
        visit.remember(SAVED, visit.session.extra(SAVED, {}) | {source.session.applied: kept})
        yield {saved: saved_html(visit, say), page.status: page.note(
            say("report.saved", folder=kept["folder"]) if to else say("report.saved_zip"))}


def still_chosen(asked: Sequence[str], before: Collection[str], chosen: Collection[str]) -> list[str]:
    """Return the questions that are chosen: those chosen of the ones offered before, and all that are new."""
    return [prompt for prompt in asked if prompt in chosen or prompt not in before]


def shortened(prompt: str) -> str:
    """Return a question as one line of at most LONGEST_CHOICE characters."""
    line = " ".join(prompt.split())
    return line if len(line) <= LONGEST_CHOICE else line[: LONGEST_CHOICE - 1] + "…"


def gather_both(source: Source, pruned: Model, own: bool, prompts: Sequence[str]) -> Job[tuple[Run, Worksheet]]:
    """Return what the report and its worksheet are written from. prompts: which of the chat's questions to include."""
    found = yield from this_run.gather(source, pruned, own, prompts)
    return found, (yield from worksheet_data.gather(source, found))


# Saving

def save_job(source: Source, pruned: Model, say: Words, folder: Path | None,
             force: bool = False) -> Job[tuple[Exported, bytes | None]]:
    """Save to the requested folder, or to a temporary one that is zipped; returns (what was verified, the archive).

    force: replace another run in the folder.
    """
    found = this_run.perplexities_of(source)
    measured = {f"{say(f'compare.{side}')}, {say(f'report.which.{which}')}": one for which, pair in found.items()
                for side, one in zip(("dense", "pruned"), pair, strict=True)}
    beside = compared_sentences(source, say)
    asked = {say(f"compare.{side}"): share for side, share in this_run.probe_shares(source).items()}

    def write(place: Path) -> Job[Exported]:
        return export.save(pruned, source.applied, place, statistics=source.statistics, perplexities=measured,
                           probes=asked, compared=beside, language=say.language, force=force)

    if folder is not None:
        return (yield from write(folder)), None
    with tempfile.TemporaryDirectory(prefix="gblm-viz-") as passing:
        name = f"{_plain(source.model.name)}-pruned"
        done = yield from write(Path(passing) / name)
        yield Step(2, 3, "load")
        return done, report_data.zipped((f"{name}/{file.name}", file.read_bytes())
                                        for file in sorted(done.folder.iterdir()))


def compared_sentences(source: Source, say: Words) -> tuple[str, ...]:
    """Return the card's sentences on the compared methods: each text's name, differences, what they average over."""
    rows, told, own = this_run.method_rows(source), [], source.applied.settings.method
    for which in dict.fromkeys(row.which for row in rows):
        judged = [row for row in rows if row.which == which and row.verdict is not None]
        told += [say("verdict.card", name=row.method, text=work.text_name(say, row.text),
                     verdict=verdict_text.sentence(say, row, own)) for row in judged]
        told += [verdict_text.scope_of(say, row) for row in judged[:1]]
    return tuple(told)


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") or "model"


# Texts

def runs_html(visit: Visit, say: Words) -> str:
    """Return the table of the visit's Applies, the newest last."""
    rows = this_run.recorded_runs(visit)
    title = paragraph(say("report.runs_title"), TITLE)
    if not rows:
        return title + paragraph(say("report.no_runs"), "tag")
    return (title + plain_table(visit_heads(say), [visit_cells(one, say) for one in rows])
            + paragraph(say("report.visit.note"), "tag"))


def cite_html(visit: Visit, say: Words) -> str:
    if visit.session.applied is None or not visit.library.has(visit.session.applied):
        return paragraph(say("report.no_runs"), "tag")
    source = this_run.source_of(visit, say.language)
    line = cite(say, this_run.visit_row(source).run_hash, runs.versions(), this_run.perplexity_rows(source),
                this_run.skill_rows(source))
    return f'<code class="take-home-cite">{escape(line)}</code>' + paragraph(say("report.cite.how"), "tag")


def made_html(visit: Visit, say: Words) -> str:
    """Return the files of the last report, greyed once a newer copy was applied."""
    kept = visit.session.extra(REPORT)
    if kept is None:
        return paragraph(say("report.nothing_made"), "tag")
    told = [say("report.made", number=kept["number"]), say("report.made_own" if kept["own"] else "report.made_plain")]
    late = kept["number"] != visit.session.applied_number
    if all(kind != "masks" for kind, *_ in kept["links"]):
        told.append(say("report.masks_too_large", most=format_bytes(say, LARGEST_SENT)))
    return render("tabs/take_home_made.html", sentence=join_sentences(told), links=_links(kept["links"], say),
                  older=say("report.older", number=kept["number"]) if late else "")


def saved_html(visit: Visit, say: Words) -> str:
    """Return where the applied copy was saved, and that it was read back and was equal, matrix by matrix."""
    kept = visit.session.extra(SAVED, {}).get(visit.session.applied)
    if kept is None:
        return paragraph(say("report.nothing_saved"), "tag")
    weights = {matrix.name: matrix for matrix in visit.model().layout.matrices}
    zeros = sum(share * weights[name].weights for name, share in kept["zeros"])
    where = say("report.saved", folder=kept["folder"]) if kept["folder"] else say("report.saved_zip")
    told = say("report.verified", matrices=len(kept["zeros"]),
               zeros=percent(zeros / visit.model().layout.prunable, 2))
    size = say("report.bytes", weights=format_bytes(say, kept["weights"]), all=format_bytes(say, kept["all"]))
    if "zip" in kept:
        size += " " + say("report.bytes_zip", zip=format_bytes(say, kept["zip"]))
    heads = ((say("report.matrices.matrix"), ""), (say("report.matrices.shape"), "number"),
             (say("export.zeros"), "number"))
    rows = [(name, " × ".join(str(size) for size in weights[name].shape), percent(share, 2))
            for name, share in kept["zeros"]]
    links = _links((kept["link"],) if "link" in kept else (), say)
    return render("tabs/take_home_saved.html", say=say, place=where, links=links, verified=told, size=size,
                  table=Table(heads, rows))


@dataclass(frozen=True)
class _Link:
    """One file to download."""

    kind: str
    address: str
    name: str
    label: str
    size: str


def _links(links: tuple[tuple[str, str, str, int], ...], say: Words) -> list[_Link]:
    """Return the links. links: (kind, address, file name, bytes) of each file to download."""
    return [_Link(kind, address, name, say(f"report.files.{kind}"), format_bytes(say, size))
            for kind, address, name, size in links]


def _intro(title: str, sentence: str) -> str:
    return paragraph(title, TITLE) + paragraph(sentence, "tag")


def _limit(sentence: str) -> str:
    return f'<p class="limit" role="alert">{escape(sentence)}</p>'
