"""A Run as one HTML file to download: without scripts or outside resources, and fit for printing.

Independent of the Library and the components. Everything that comes from a model or a person is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from gblm_viz import verdict_told
from gblm_viz.core.keep.run import (
    SHORT_HASH,
    ChangeRow,
    DifferenceRow,
    GainRow,
    MethodRow,
    PerplexityRow,
    Run,
    SkillRow,
    SweepRow,
    VisitRow,
)
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.score.methods import METHODS, SHARED
from gblm_viz.figures import paper
from gblm_viz.figures.charts import percent, short
from gblm_viz.figures.colours import filled
from gblm_viz.figures.maps import role_name
from gblm_viz.words import Words

from ..components.knees import knees_line
from ..components.settings_words import knob_name, knob_value, settings_words
from ..components.skill_name import skill_name
from ..work.work import text_name

WHOLE = 12
"""Largest number of rows of a table that is not split between pages."""
MOST_MATRICES = 120
"""Largest number of matrices whose rows are printed; the CSV contains all of them."""
EVEN = 0.02
"""If all matrices' removed shares are this close to each other, a sentence replaces the picture."""
STYLE = filled("""
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "Noto Sans", "Noto Sans JP", "Hiragino Sans", "Yu Gothic", sans-serif; color: #111;
  background: #fff; max-width: 820px; margin: 24px auto; padding: 0 16px; }
h1 { font-size: 1.5em; line-height: 1.25; text-wrap: balance; margin: 0 0 .3em; }
h2 { font-size: 1.2em; margin: 1.6em 0 .4em; border-bottom: 2px solid var(--dense); }
p { margin: .4em 0; } .lead { font-size: 1.08em; }
table { border-collapse: collapse; width: 100%; font-size: .86em; margin: .5em 0; }
caption { text-align: left; font-weight: 600; padding: .4em 0; }
th, td { text-align: left; padding: 3px 7px; border-bottom: 1px solid #ccc; vertical-align: top; }
thead { display: table-header-group; } thead th { border-bottom: 2px solid #666; } tr, figure { break-inside: avoid; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
table.wide { font-size: .72em; } table.wide td, table.wide th { padding: 2px 4px; white-space: normal; }
th { word-break: keep-all; } th.number { white-space: normal; } .name { white-space: nowrap; }
table.whole { break-inside: avoid; } tbody tr:first-child { break-before: avoid; }
.dense { color: var(--dense); } .pruned { color: #8f5f00; }
.tag { color: #555; font-size: .8em; overflow-wrap: anywhere; }
code { font-size: .92em; overflow-wrap: anywhere; } figure { margin: 1em 0; } figcaption { margin: 0 0 .3em; }
svg { width: 100%; height: auto; display: block; font-family: inherit; fill: #111; } ul { padding-left: 1.2em; }
.cite { border: 1px solid #888; padding: .5em .8em; } .own { white-space: pre-wrap; overflow-wrap: anywhere; }
blockquote { margin: .3em 0 .3em 1em; padding-left: .7em; border-left: 3px solid #888; }
@page { size: A4; margin: 16mm 15mm; }
@media print { body { max-width: none; margin: 0; padding: 0; font-size: 10.5pt; color: #000; }
  .new-page { break-before: page; } .tag { color: #000; } h2, caption, figcaption { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
""")


@dataclass(frozen=True, eq=False)
class Sheet:
    """A run and the words of the report's language."""

    run: Run
    say: Words

    def text(self, name: str) -> str:
        return text_name(self.say, name)

    @property
    def tag(self) -> str:
        """One line that says what made the pictures of the run."""
        run, say = self.run, self.say
        used = run.calibration
        on = [self.text(used.text), say("prune.tag.samples", count=used.samples, length=used.length,
                                        seed=used.seed)] if used else []
        settings = Settings.from_dict(run.settings)
        made = " · ".join([*settings_words(say, settings, run.settings["alpha_value"], run.share),
                           say(f"sweep.orders.{settings.order}")])
        number = say("compare.applied_number", number=run.number)
        return " · ".join([run.model.name, *on, say("compare.listed", parts=made, last=number), run.hash[:SHORT_HASH]])


def cite(say: Words, digest: str, versions: Mapping[str, str], perplexities: Sequence[PerplexityRow],
         probes: Sequence[SkillRow]) -> str:
    """Return the citation line of a run: its hash, what computed it, and how it was measured."""
    made = ", ".join(f"{name} {value}" for name, value in versions.items())
    held = next((one for one in perplexities if one.which == "held_out"), None)
    how = say("report.cite.unmeasured") if held is None else say(
        "report.cite.protocol", text=text_name(say, held.text), sha256=held.text_sha256[:SHORT_HASH],
        windows=held.windows, length=held.length, dtype=held.dtype,
        probes=max((one.total for one in probes), default=0))
    return say("report.cite.line", hash=digest[:SHORT_HASH], versions=made, protocol=how)


# HTML

def html(run: Run, say: Words) -> bytes:
    """Return the whole report as one file, without scripts or outside resources."""
    sheet = Sheet(run, say)
    title = say("report.title", model=run.model.name, method=run.settings["method"], sparsity=percent(run.sparsity))
    body = "".join(_section(section, sheet) for section in SECTIONS)
    return (f'<!doctype html><html lang="{say.language}"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
            f'<style>{STYLE}</style></head><body><header><h1>{escape(title)}</h1>{_lead(sheet)}</header>'
            f'<main>{body}</main></body></html>\n').encode()


@dataclass(frozen=True)
class Section:
    """One part of the report: its heading's key, what writes it ("" = left out), whether it starts a printed page."""

    name: str
    write: Callable[[Sheet], str]
    new_page: bool = False


def _section(section: Section, sheet: Sheet) -> str:
    body = section.write(sheet)
    style = ' class="new-page"' if section.new_page else ""
    return body and f'<section{style}><h2>{escape(sheet.say(f"report.sections.{section.name}"))}</h2>{body}</section>'


Cell = str | tuple[str, str]
"""A cell's text, or (its CSS class, its text)."""


def _table(caption: str, heads: Sequence[tuple[str, str]], rows: Iterable[Sequence[Cell]], kind: str = "") -> str:
    """Return a table's HTML. heads: (text, class) of each column. kind: `wide` for tables with many columns."""
    rows = list(rows)
    kind += " whole" if len(rows) <= WHOLE else ""
    head = "".join(f'<th scope="col" class="{style}">{escape(text)}</th>' for text, style in heads)
    body = ""
    for row in rows:
        cells = [("", one) if isinstance(one, str) else one for one in row]
        body += "<tr>" + "".join(f'<td class="{style} {own}">{escape(text)}</td>'
                                 for (own, text), (_, style) in zip(cells, heads, strict=True)) + "</tr>"
    return (f'<table class="{kind.strip()}"><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>")


def _paragraph(sentence: str, style: str = "") -> str:
    return f'<p class="{style}">{escape(sentence)}</p>'


def _list(sentences: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(one)}</li>" for one in sentences) + "</ul>"


def _figure(title: str, picture: str, note: str, tag: str) -> str:
    return (f"<figure><figcaption><b>{escape(title)}</b></figcaption>{picture}{_paragraph(note, 'tag')}"
            f"{_paragraph(tag, 'tag')}</figure>")


def _perplexity(value: float | None) -> str:
    return "–" if value is None else "∞" if math.isinf(value) else f"{value:,.2f}"


def _lead(sheet: Sheet) -> str:
    run, say = sheet.run, sheet.say
    told = [say("report.lead", removed=f"{run.removed:,}", prunable=f"{run.model.prunable:,}",
                sparsity=percent(run.sparsity))]
    held = {one.side: one for one in run.perplexities if one.which == "held_out"}
    if held:
        told.append(say("report.lead_perplexity", before=_perplexity(held["dense"].perplexity),
                        after=_perplexity(held["pruned"].perplexity), text=sheet.text(held["dense"].text)))
        if not next(one.shown for one in run.differences if one.which == "held_out"):
            told.append(say("report.lead_chance", windows=held["dense"].windows))
    asked = {one.side: one for one in run.probes if not one.skill}
    if asked:
        told.append(say("report.lead_probes", before=f"{asked['dense'].right:,}", after=f"{asked['pruned'].right:,}",
                        n=f"{asked['dense'].total:,}"))
    return _paragraph(" ".join(told), "lead") + _paragraph(sheet.tag, "tag")


def _settings(sheet: Sheet) -> str:
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
             ("removed", say("lost.removed", removed=f"{run.removed:,}", prunable=f"{run.model.prunable:,}")
              + f" ({percent(run.sparsity, 2)})"),
             ("seed", str(settings["seed"]))]
    used = run.calibration
    rows.append(("calibration", say("export.no_calibration") if used is None else say(
        "report.settings.calibrated", text=sheet.text(used.text), samples=f"{used.samples:,}",
        length=f"{used.length:,}", tokens=f"{used.tokens:,}", rule=used.rule, seed=used.seed)))
    if settings["fallbacks"]:
        rows.append(("fallbacks", str(settings["fallbacks"])))
    return _table(say("report.settings.title"), ((say("lost.what"), ""), (say("report.settings.value"), "")),
                  [*((say(f"report.settings.{key}"), value) for key, value in rows), *own])


# Pictures: each is (title, SVG, what it is drawn in), or None where the run has no such numbers

def _pull(sheet: Sheet) -> str:
    run, say = sheet.run, sheet.say
    if run.calibration is None or any(one.gradient_mean is None for one in run.matrices):
        return _paragraph(say("report.figures.no_gradient"))
    norm = run.settings["norm"] if "gradients" in METHODS[run.settings["method"]].needs else "l1"
    top = max(run.matrices, key=lambda one: one.gradient_mean or 0)
    title = say("report.figures.pull_title", norm=say(f"compare.norms.{norm}"), block=top.block,
                role=role_name(say, top.role))
    picture = paper.heat_map([(one.block, one.role, one.gradient_mean) for one in run.matrices], say,
                             unit=say("report.figures.pull_unit"), alternative=title, log=True)
    return _figure(title, picture, say("report.figures.pull_note", matrices=len(run.matrices),
                                       samples=run.calibration.samples), sheet.tag)


def _density(sheet: Sheet) -> str:
    run, say = sheet.run, sheet.say
    low, high = (one(run.matrices, key=lambda row: row.removed) for one in (min, max))
    if high.removed - low.removed < EVEN:
        ends = dict.fromkeys((percent(low.removed), percent(high.removed)))
        return _paragraph(say("report.figures.density_even", share=" – ".join(ends)))
    title = say("report.figures.density_title", low=percent(low.removed), high=percent(high.removed), block=high.block,
                role=role_name(say, high.role))
    picture = paper.heat_map([(one.block, one.role, 100 * one.removed) for one in run.matrices], say,
                             unit=say("report.figures.density_unit"), alternative=title, bounds=(0.0, 100.0))
    return _figure(title, picture, say("report.figures.density_note", matrices=len(run.matrices),
                                       weights=f"{run.model.prunable:,}"), sheet.tag)


def _kappa(sheet: Sheet) -> str:
    run, say = sheet.run, sheet.say
    known = [one.kappa_wanda for one in run.matrices if one.kappa_wanda is not None]
    if not known:
        return ""
    title = say("report.figures.kappa_title", mean=f"{sum(known) / len(known):.2f}")
    picture = paper.heat_map([(one.block, one.role, one.kappa_wanda) for one in run.matrices], say,
                             unit=say("patterns.map.unit_kappa"), alternative=title,
                             bounds=(min(0.0, *known), 1.0))
    return _figure(title, picture, say("report.figures.kappa_note", matrices=len(known)), sheet.tag)


def _place(sheet: Sheet) -> str:
    """Return the name of the chosen matrix, such as "Block 3 · down"."""
    run, say = sheet.run, sheet.say
    row = next(one for one in run.matrices if one.name == run.picture.name)
    name = say("prune.matrix.name", block=row.block, role=role_name(say, row.role))
    return say("prune.matrix.expert", name=name, expert=run.picture.expert) if row.experts else name


def _scores(sheet: Sheet) -> str:
    run, say, found = sheet.run, sheet.say, sheet.run.picture.histogram
    group = "pattern" if run.settings["pattern"] else "row" if run.settings["group"] == "row" else ""
    removed, kept = int(found.removed.sum()), int(found.kept.sum())
    told = [f"{_place(sheet)}: " + say("prune.histogram.title" + (group and f"_{group}"), removed=f"{removed:,}",
                                       kept=f"{kept:,}")]
    if found.zeros:
        told.append(say("prune.histogram.zeros", count=f"{found.zeros:,}"))
    title = " ".join(told)
    note = say("report.figures.scores_note", weights=f"{removed + kept:,}")
    if run.settings["order"] == "sequential":
        note += " " + say("report.figures.scores_dense")
    return _figure(title, paper.score_histogram(found, say, title), note, sheet.tag)


def _mask(sheet: Sheet) -> str:
    say, picture = sheet.say, sheet.run.picture
    rows, columns = picture.shape
    title = say("report.figures.mask_title", place=_place(sheet), rows=f"{rows:,}", columns=f"{columns:,}",
                share=percent(picture.removed))
    drawn = paper.mask_image(picture.density, picture.shape, picture.step, say, title)
    return _figure(title, drawn, say("report.figures.mask_note", weights=f"{rows * columns:,}"), sheet.tag)


PICTURES: tuple[Callable[[Sheet], str], ...] = (_pull, _density, _kappa, _scores, _mask)


def _pictures(sheet: Sheet) -> str:
    return "".join(picture(sheet) for picture in PICTURES)


# What was lost, what was won

def _sides(say: Words) -> tuple[tuple[str, str], ...]:
    """Return the heads of the two models' columns, each with its mark."""
    return (f"●\u00a0{say('compare.dense')}", "number"), (f"▲\u00a0{say('compare.pruned')}", "number")


def _perplexities(sheet: Sheet) -> str:
    run, say = sheet.run, sheet.say
    if not run.perplexities:
        return _paragraph(say("report.lost.unmeasured"))
    rows = []
    for difference in run.differences:
        pair = {one.side: one for one in run.perplexities if one.which == difference.which}
        which = "own" if difference.which == "own" else "held"
        name = say(f"lost.perplexity_{which}", text=sheet.text(pair["dense"].text))
        rows.append((name, ("dense", _perplexity(pair["dense"].perplexity)),
                     ("pruned", _perplexity(pair["pruned"].perplexity)), _difference(sheet, difference, pair["dense"])))
    heads = ((say("lost.what"), ""), *_sides(say), (say("lost.meaning"), ""))
    return _table(say("report.lost.perplexity"), heads, rows) + _paragraph(say("report.lost.perplexity_note"), "tag")


def _difference(sheet: Sheet, found: DifferenceRow, dense: PerplexityRow) -> str:
    say = sheet.say
    how = say("lost.protocol", windows=dense.windows, length=dense.length, dtype=dense.dtype)
    how = f"{how}, SHA-256 {dense.text_sha256[:SHORT_HASH]}"
    used = sheet.run.calibration
    if found.which == "held_out" and used is not None and dense.text_sha256 == used.text_sha256:
        how = say("report.then").join([how, say("report.lost.set_aside")])
    if found.windows < 2:
        return f"{say('lost.too_few')} ({how})"
    return say("lost.difference" if found.shown else "lost.no_difference", mean=f"{found.mean:+.3f}",
               low=f"{found.low:+.3f}", high=f"{found.high:+.3f}", protocol=how)


def _probes(sheet: Sheet) -> str:
    run, say = sheet.run, sheet.say
    if not run.probes:
        return _paragraph(say("report.lost.no_probes"))
    sides = {side: {one.skill: one for one in run.probes if one.side == side} for side in ("dense", "pruned")}
    changes = {one.skill: one for one in run.changes}
    rows: list[Sequence[Cell]] = []
    drawn = []
    for skill, dense in sides["dense"].items():
        pruned = sides["pruned"][skill]
        name = skill_name(say, skill) if skill else say("report.lost.all_skills")
        rows.append((name, ("dense", _right(dense)), ("pruned", _right(pruned)), _change(say, changes[skill])))
        drawn.append((name, _interval(dense), _interval(pruned)))
    before, after = sides["dense"][""], sides["pruned"][""]
    title = say("report.lost.probes_title", before=percent(before.right / before.total),
                after=percent(after.right / after.total), n=f"{before.total:,}")
    heads = ((say("lost.probes.skill"), ""), *_sides(say), (say("lost.meaning"), ""))
    return (_figure(title, paper.shares(drawn, say, title), say("report.lost.probes_note"), sheet.tag)
            + _table(say("report.lost.by_skill"), heads, rows))


def _change(say: Words, found: ChangeRow) -> str:
    """Return what changed for one skill, paired over its probes."""
    key = "few" if not found.shown else "fewer" if found.difference < 0 else "more"
    ends = {name: f"{100 * value:+.1f}" for name, value in (
        ("points", found.difference), ("low", found.low), ("high", found.high))}
    return say(f"report.lost.{key}", **ends)


def _right(row: SkillRow) -> str:
    return _share(row.right, row.total, row.low, row.high)


def _share(right: int | None, total: int | None, low: float | None, high: float | None) -> str:
    """Return "right / total" with the interval; a dash if nothing was asked."""
    if right is None or total is None or low is None or high is None:
        return "–"
    return f"{right:,} / {total:,} ({100 * low:.0f}–{percent(high, 0)})"


def _interval(row: SkillRow) -> paper.Interval:
    return row.right / row.total, row.low, row.high


def _methods(sheet: Sheet) -> str:
    """Return the methods on unseen text, one table per text; empty if they were not compared."""
    say, parts = sheet.say, []
    for which in dict.fromkeys(row.which for row in sheet.run.methods):
        own = [row for row in sheet.run.methods if row.which == which]
        rows = []
        for row in own:
            name = say("compare.dense") if row.method == "dense" else row.method
            rows.append((name, _perplexity(row.perplexity), _against(sheet, row)))
        caption = say("report.lost.methods", text=sheet.text(own[0].text), windows=own[0].windows,
                      length=own[0].length, method=sheet.run.settings["method"])
        parts.append(_table(caption, ((say("lost.methods.method"), ""), (say("lost.methods.perplexity"), "number"),
                                      (say("lost.meaning"), "")), rows))
        judged = next((row for row in own if row.draws is not None), None)
        if judged is not None:
            parts.append(_paragraph(verdict_told.scope_of(say, judged), "tag"))
    return "".join(parts)


def _against(sheet: Sheet, row: MethodRow) -> str:
    """Return the difference to the run's own method, first noting if it is not shown or rests on one draw only."""
    if row.mean is None or row.low is None or row.high is None or row.verdict is None:
        return "–"
    return verdict_told.sentence(sheet.say, row, sheet.run.settings["method"])


def _sweep(sheet: Sheet) -> str:
    """Return the sweep's curves and points; empty if none was measured."""
    run, say = sheet.run, sheet.say
    pruned = [row for row in run.sweep if row.sparsity]
    if not pruned:
        return ""
    apart = any(row.order == "sequential" for row in pruned)
    names = {(row.method, row.order): say("sweep.curve", method=row.method, order=say(f"sweep.orders.{row.order}"))
             if apart and "inputs" in METHODS[row.method].needs else row.method for row in run.sweep}
    knees = {names[row.method, row.order]: row.asked for row in run.sweep if row.knee}
    title = (say("report.sweep.title", knees=knees_line(say, dict(knees), len(names))) if knees
             else say("report.sweep.title_none"))
    judged = [row for row in run.sweep if row.verdict is not None]
    heads = [(say(f"report.sweep.{name}"), style) for name, style in (
        ("curve", "name"), ("sparsity", "number"), ("own", "number"), ("held_out", "number"), ("right", "number"))]
    rows: list[Sequence[Cell]] = [(
        names[row.method, row.order], percent(row.sparsity), _perplexity(row.perplexity_own),
        _perplexity(row.perplexity_held_out), _share(row.right, row.total, row.low, row.high))
        for row in run.sweep]
    note = ""
    if judged:
        heads.append((say("sweep.table.against", method=judged[0].against), ""))
        rows = [(*cells, _beside(sheet, row)) for cells, row in zip(rows, run.sweep, strict=True)]
        many = max(row.draws or 1 for row in judged)
        note = _paragraph(say("verdict.sweep_draws", draws=many) if many > 1 else say("verdict.sweep_one"), "tag")
    windows = max(row.windows_held_out for row in pruned)
    return (_figure(title, paper.sweep(run.sweep, names, say, title), say("report.sweep.note", windows=windows),
                    sheet.tag) + _table(say("report.sweep.table"), heads, rows) + note)


def _beside(sheet: Sheet, row: SweepRow) -> str:
    """Return a point's difference to the same point of the sweep's reference method."""
    if row.verdict is None or row.mean is None or row.difference_low is None or row.difference_high is None:
        return "–"
    say, told = sheet.say, sheet.say(f"verdict.{row.verdict}", method=row.against)
    if row.verdict == "too_few":
        return told
    return say("sweep.table.verdict", verdict=told,
               interval=verdict_told.interval(say, row.mean, row.difference_low, row.difference_high))


LOST: tuple[Callable[[Sheet], str], ...] = (_perplexities, _methods, _probes, _sweep)


def _lost(sheet: Sheet) -> str:
    return "".join(one(sheet) for one in LOST)


ONE_SIDED = {"masked", "speed_semi", "zipped_folder"}
"""Quantities that exist only for a pruned model."""


def _won(sheet: Sheet) -> str:
    say = sheet.say

    def amount(value: float | None, unit: str) -> str:
        return say("report.won.unmeasured") if value is None else f"{value:,.0f} {say(f'report.won.units.{unit}')}"

    known = [one for one in sheet.run.gains if one.dense is not None or one.pruned is not None]
    missing = [say(f"report.won.{one.what}") for one in sheet.run.gains if one not in known]
    rows = [(say(f"report.won.{one.what}"), ("dense", "–" if one.what in ONE_SIDED else amount(one.dense, one.unit)),
             ("pruned", amount(one.pruned, one.unit))) for one in known]
    told = [_faster(say, one) for one in known if one.mean is not None]
    told += [say("report.won.missing", names=say("report.then").join(missing))] if missing else []
    return _table(say("report.won.title"), ((say("lost.what"), ""), *_sides(say)), rows) + "".join(
        _paragraph(one) for one in [*told, say("report.won.nothing")])


def _faster(say: Words, speed: GainRow) -> str:
    """Return whether a difference of speed is shown, with its interval."""
    assert speed.mean is not None and speed.low is not None and speed.high is not None
    kind = "faster" if speed.low > 0 else "slower" if speed.high < 0 else "same"
    return say(f"won.speed.{kind}", mean=f"{speed.mean:+.1f}", low=f"{speed.low:+.1f}", high=f"{speed.high:+.1f}",
               runs=speed.runs)


def _visit(sheet: Sheet) -> str:
    return _table(sheet.say("report.visit.title", count=len(sheet.run.visit)), visit_heads(sheet.say),
                  [visit_cells(one, sheet.say) for one in sheet.run.visit], "wide") + _paragraph(
        sheet.say("report.visit.note"), "tag")


def visit_heads(say: Words) -> list[tuple[str, str]]:
    """Return the column heads of the table of runs, in the report and on screen."""
    numbers = {"number", "sparsity", "alpha", "perplexity", "probes"}
    return [(say(f"report.visit.{name}"), "number" if name in numbers else "")
            for name in ("number", "model", "method", "pattern", "sparsity", "order", "alpha", "text", "perplexity",
                         "probes", "hash")]


def visit_cells(row: VisitRow, say: Words) -> list[Cell]:
    text = "–" if row.samples is None else say("report.visit.text_is", text=text_name(say, row.text),
                                               samples=row.samples, length=row.length)
    perplexity = "–" if row.windows is None else (
        f"{_perplexity(row.perplexity_dense)} → {_perplexity(row.perplexity_pruned)}")
    probes = "–" if row.probes_total is None else (
        f"{row.probes_dense:,} → {row.probes_pruned:,} / {row.probes_total:,}")
    return [f"#{row.number}", row.model, row.method, row.pattern, percent(row.sparsity),
            say(f"report.visit.orders.{row.order}"), "–" if row.alpha is None else short(row.alpha), text, perplexity,
            probes, row.run_hash[:SHORT_HASH]]


def _limits(sheet: Sheet) -> str:
    say, run = sheet.say, sheet.run
    keys = ["zeros", "text", "measure", "model", "gain"]
    if run.settings["alpha_value"] is not None:
        keys.append("share")
    return _list(say(f"report.limits.{key}") for key in keys) + _paragraph(say("export.limit_licence"))


def _own(sheet: Sheet) -> str:
    own, say = sheet.run.own, sheet.say
    if own is None:
        return ""
    parts = [_paragraph(say("report.own.note"))]
    parts.append(f'<h3>{escape(say("report.own.text"))}</h3><div class="own">{escape(own.text)}</div>' if own.text
                 else _paragraph(say("report.own.no_text")))
    for prompt, dense, pruned in own.chat:
        parts.append(f'<h3>{escape(say("report.own.chat"))}</h3><div class="own">{escape(prompt)}</div>'
                     + "".join(f'<blockquote><b class="{side}">{mark} {escape(say(f"compare.{side}"))}</b>'
                               f'<div class="own">{escape(answer)}</div></blockquote>'
                               for side, mark, answer in (("dense", "●", dense), ("pruned", "▲", pruned))))
    return "".join(parts)


def _cite(sheet: Sheet) -> str:
    run, say = sheet.run, sheet.say
    line = cite(say, run.hash, run.versions, run.perplexities, run.probes)
    rows = [(say("report.cite.run"), run.hash), (say("export.model_key"), run.model.key)]
    if run.calibration is not None:
        rows += [(say("report.cite.samples"), run.calibration.tokens_sha256),
                 (say("report.cite.text"), run.calibration.text_sha256)]
    rows += [(name, value) for name, value in run.versions.items()]
    rows.append((say("report.settings.seed"), str(run.settings["seed"])))
    heads = ((say("lost.what"), ""), (say("report.settings.value"), ""))
    return (f'<p class="cite"><code>{escape(line)}</code></p>{_paragraph(say("report.cite.how"), "tag")}'
            + _table(say("report.cite.title"), heads, rows) + _paragraph(say("report.cite.paper")))


def _matrices(sheet: Sheet) -> str:
    run, say = sheet.run, sheet.say
    if len(run.matrices) > MOST_MATRICES:
        return _paragraph(say("report.matrices.many", count=f"{len(run.matrices):,}"))
    names = ("matrix", "shape", "removed", "mean", "median", "p99", "peak", "kappa")
    heads = [(say(f"report.matrices.{name}"), "" if name == "matrix" else "number") for name in names]

    def told(value: float | None) -> str:
        return "–" if value is None or math.isnan(value) else short(value)

    rows = [(one.name, "\u00a0×\u00a0".join(str(size) for size in (one.experts, one.rows, one.columns) if size),
             percent(one.removed, 2), told(one.gradient_mean), told(one.gradient_median), told(one.gradient_p99),
             "–" if one.gradient_peak_share is None else percent(one.gradient_peak_share),
             "–" if one.kappa_wanda is None else f"{one.kappa_wanda:.2f}") for one in run.matrices]
    return _table(say("report.matrices.title"), heads, rows, "wide") + _paragraph(say("report.matrices.note"), "tag")


SECTIONS = (Section("settings", _settings), Section("pictures", _pictures), Section("lost", _lost),
            Section("won", _won), Section("visit", _visit), Section("limits", _limits),
            Section("own", _own, True), Section("matrices", _matrices, True), Section("cite", _cite))
"""The report's parts in order; one line adds a part."""
