"""A Run as one HTML file to download: without scripts or outside resources, and fit for printing.

The sections are values (parts.py) that report.html draws; everything that comes from a model or a person is escaped
there. Independent of the Library and the components.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gblm_viz.core.keep.run import Run
from gblm_viz.core.score.methods import METHODS, SHARED
from gblm_viz.figures import colours, sizes
from gblm_viz.figures.charts import percent, short
from gblm_viz.glossary import read_glossary
from gblm_viz.words import Words, join_sentences

from ..components.settings_words import knob_name, knob_value
from ..components.templates import render
from .chosen import votes, weight
from .gains import gains
from .losses import losses
from .parts import Citation, Listing, OwnAnswer, OwnAnswers, OwnText, Paragraph, Part, Table
from .pictures import pictures
from .sheet import Sheet, cite, perplexity_text
from .visit_table import visit_cells, visit_heads

MOST_MATRICES = 120
"""Largest number of matrices whose rows are printed; the CSV contains all of them."""
STYLE = colours.fill_variables(sizes.fill_variables((Path(__file__).parent / "report.css").read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Section:
    """One part of the report: its heading's key, what writes it, whether it starts a printed page."""

    name: str
    write: Callable[[Sheet], list[Part]]
    new_page: bool = False


def html(run: Run, say: Words) -> bytes:
    """Return the whole report as one file, without scripts or outside resources; empty sections are left out."""
    sheet = Sheet(run, say)
    title = say("report.title", model=run.model.name, method=run.settings["method"], sparsity=percent(run.sparsity))
    sections = [{"title": say(f"report.sections.{section.name}"), "new_page": section.new_page, "parts": parts}
                for section in SECTIONS if (parts := section.write(sheet))]
    page = render("report/report.html", language=say.language, style=STYLE, title=title, lead=_lead(sheet),
                  sections=sections)
    return f"{page}\n".encode()


def _lead(sheet: Sheet) -> list[Part]:
    run, say = sheet.run, sheet.say
    told = [say("report.lead", removed=f"{run.removed:,}", prunable=f"{run.model.prunable:,}",
                sparsity=percent(run.sparsity))]
    held = {one.side: one for one in run.perplexities if one.which == "held_out"}
    if held:
        told.append(say("report.lead_perplexity", before=perplexity_text(held["dense"].perplexity),
                        after=perplexity_text(held["pruned"].perplexity), text=sheet.text(held["dense"].text)))
        if not next(one.shown for one in run.differences if one.which == "held_out"):
            told.append(say("report.lead_chance", windows=held["dense"].windows))
    asked = {one.side: one for one in run.probes if not one.skill}
    if asked:
        told.append(say("report.lead_probes", before=f"{asked['dense'].right:,}", after=f"{asked['pruned'].right:,}",
                        n=f"{asked['dense'].total:,}"))
    return [Paragraph(join_sentences(told), "lead"), Paragraph(sheet.tag, "tag")]


def _settings(sheet: Sheet) -> list[Part]:
    run, say, settings = sheet.run, sheet.say, sheet.run.settings
    method = METHODS[settings["method"]]
    rows = [("model", say("report.settings.model_is", name=run.model.name, parameters=f"{run.model.parameters:,}",
                          blocks=run.model.blocks, matrices=run.model.matrices, dtype=run.model.dtype,
                          device=run.model.device)),
            ("method", f"{method.name}: {method.formula}")]
    if "norm" in method.knobs():
        rows.append(("norm", say(f"compare.norms.{settings['norm']}")))
    if settings["alpha_value"] is not None:
        rows.append(("alpha", f"{settings['alpha_value']:,.6g} ({settings['alpha']})"))
    if run.share is not None:
        rows.append(("share", percent(run.share)))
    own = [(knob_name(say, name), knob_value(say, name, settings[name]))
           for name in method.knobs() if name not in SHARED]
    rows += [("pattern", settings["pattern_label"]), ("order", say(f"compare.orders.{settings['order']}")),
             ("removed", say("report.settings.removed_is", removed=f"{run.removed:,}",
                             prunable=f"{run.model.prunable:,}", share=percent(run.sparsity, 2))),
             ("seed", str(settings["seed"]))]
    used = run.calibration
    rows.append(("calibration", say("export.no_calibration") if used is None else say(
        "report.settings.calibrated", text=sheet.text(used.text), samples=f"{used.samples:,}",
        length=f"{used.length:,}", tokens=f"{used.tokens:,}", rule=used.rule, seed=used.seed)))
    if settings["fallbacks"]:
        rows.append(("fallbacks", str(settings["fallbacks"])))
    heads = ((say("lost.what"), ""), (say("report.settings.value"), ""))
    return [Table(heads, [*((say(f"report.settings.{key}"), value) for key, value in rows), *own],
                  caption=say("report.settings.title"))]


def _visit(sheet: Sheet) -> list[Part]:
    say, rows = sheet.say, sheet.run.visit
    return [Table(visit_heads(say), [visit_cells(one, say) for one in rows], "wide",
                  say("report.visit.title", count=len(rows))), Paragraph(say("report.visit.note"), "tag")]


def _limits(sheet: Sheet) -> list[Part]:
    say, run = sheet.say, sheet.run
    keys = ["zeros", "text", "measure", "model", "gain"]
    if run.settings["alpha_value"] is not None:
        keys.append("share")
    return [Listing([say(f"report.limits.{key}") for key in keys]), Paragraph(say("export.limit_licence"))]


def _own(sheet: Sheet) -> list[Part]:
    """Return the user's own text and chat; empty unless they asked to include them."""
    own, say = sheet.run.own, sheet.say
    if own is None:
        return []
    text: Part = OwnText(say("report.own.text"), own.text) if own.text else Paragraph(say("report.own.no_text"))
    chat = [OwnAnswers(say("report.own.chat"), prompt, (OwnAnswer("dense", "●", say("compare.dense"), dense),
                                                        OwnAnswer("pruned", "▲", say("compare.pruned"), pruned)))
            for prompt, dense, pruned in own.chat]
    return [Paragraph(say("report.own.note")), text, *chat]


def _cite(sheet: Sheet) -> list[Part]:
    run, say = sheet.run, sheet.say
    line = cite(say, run.hash, run.versions, run.perplexities, run.probes)
    rows = [(say("report.cite.run"), run.hash), (say("export.model_key"), run.model.key)]
    if run.calibration is not None:
        rows += [(say("report.cite.samples"), run.calibration.tokens_sha256),
                 (say("report.cite.text"), run.calibration.text_sha256)]
    rows += [(name, value) for name, value in run.versions.items()]
    rows.append((say("report.settings.seed"), str(run.settings["seed"])))
    heads = ((say("lost.what"), ""), (say("report.settings.value"), ""))
    return [Citation(line), Paragraph(say("report.cite.how"), "tag"),
            Table(heads, rows, caption=say("report.cite.title")), Paragraph(say("report.cite.paper"))]


def _matrices(sheet: Sheet) -> list[Part]:
    run, say = sheet.run, sheet.say
    if len(run.matrices) > MOST_MATRICES:
        return [Paragraph(say("report.matrices.many", count=f"{len(run.matrices):,}"))]
    names = ("matrix", "shape", "removed", "mean", "median", "p99", "peak", "kappa")
    heads = [(say(f"report.matrices.{name}"), "" if name == "matrix" else "number") for name in names]

    def number(value: float | None) -> str:
        return "–" if value is None or math.isnan(value) else short(value)

    rows = [(one.name, "\u00a0×\u00a0".join(str(size) for size in (one.experts, one.rows, one.columns) if size),
             percent(one.removed, 2), number(one.gradient_mean), number(one.gradient_median), number(one.gradient_p99),
             "–" if one.gradient_peak_share is None else percent(one.gradient_peak_share),
             "–" if one.kappa_wanda is None else f"{one.kappa_wanda:.2f}") for one in run.matrices]
    return [Table(heads, rows, "wide", say("report.matrices.title")), Paragraph(say("report.matrices.note"), "tag")]


TERMS = ("weight", "matrix", "block", "calibration_text", "held_out_text", "nats", "perplexity", "gradient",
         "gradient_norm", "input_norm", "score", "alpha", "pruning", "sparsity", "mask", "order", "chance", "agreement",
         "kappa", "probe", "interval", "hash")
"""What a reader of the printed report may have to look up, by the glossary's ids."""


def _words(sheet: Sheet) -> list[Part]:
    terms = read_glossary(sheet.say.language).terms
    heads = ((sheet.say("report.words.term"), ""), (sheet.say("report.words.meaning"), ""))
    return [Table(heads, [(terms[name].name, terms[name].text) for name in TERMS])]


SECTIONS = (Section("settings", _settings), Section("pictures", pictures), Section("weight", weight),
            Section("lost", losses), Section("votes", votes), Section("won", gains), Section("visit", _visit),
            Section("limits", _limits), Section("own", _own, True), Section("matrices", _matrices, True),
            Section("cite", _cite), Section("words", _words))
"""The report's sections in order; one line adds a section."""
