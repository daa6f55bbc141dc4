"""What pruning lost, as parts of the report: perplexity, methods on unseen text, probes by skill, the sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gblm_viz import verdict_text
from gblm_viz.amounts import format_differences, format_sizes
from gblm_viz.core.keep.run import SHORT_HASH, ChangeRow, DifferenceRow, MethodRow, PerplexityRow, SkillRow, SweepRow
from gblm_viz.core.score.methods import METHODS
from gblm_viz.figures import paper
from gblm_viz.figures.charts import percent
from gblm_viz.words import Words

from ..components.knees import knees_line
from ..components.skill_name import skill_name
from ..components.table import Cell
from .parts import Figure, Paragraph, Part, Table
from .sheet import Sheet, perplexity_text, share_text, side_heads


def losses(sheet: Sheet) -> list[Part]:
    """Return everything that was measured of the loss; a sentence where nothing was."""
    return [part for measured in LOST for part in measured(sheet)]


def _perplexities(sheet: Sheet) -> list[Part]:
    run, say = sheet.run, sheet.say
    if not run.perplexities:
        return [Paragraph(say("report.lost.unmeasured"))]
    rows = []
    for difference in run.differences:
        pair = {one.side: one for one in run.perplexities if one.which == difference.which}
        which = "own" if difference.which == "own" else "held"
        name = say(f"lost.perplexity_{which}", text=sheet.text(pair["dense"].text))
        rows.append((name, ("dense", perplexity_text(pair["dense"].perplexity)),
                     ("pruned", perplexity_text(pair["pruned"].perplexity)),
                     _difference(sheet, difference, pair["dense"])))
    heads = ((say("lost.what"), ""), *side_heads(say), (say("lost.meaning"), ""))
    foreign = run.calibration is not None and run.calibration.foreign
    return [*([Paragraph(say("text.foreign"), "lead")] if foreign else []),
            Table(heads, rows, caption=say("report.lost.perplexity")),
            Paragraph(say("report.lost.perplexity_note"), "tag")]


def _difference(sheet: Sheet, found: DifferenceRow, dense: PerplexityRow) -> str:
    say = sheet.say
    how = say("lost.protocol", windows=dense.windows, length=dense.length, dtype=dense.dtype)
    how = f"{how}, SHA-256 {dense.text_sha256[:SHORT_HASH]}"
    used = sheet.run.calibration
    if found.which == "held_out" and used is not None and dense.text_sha256 == used.text_sha256:
        how = say("report.then").join([how, say("report.lost.set_aside")])
    if found.windows < 2:
        return say("lost.too_few", protocol=how)
    return say("lost.difference" if found.shown else "lost.no_difference",
               **format_differences(found.mean, found.low, found.high, 3), protocol=how)


def _methods(sheet: Sheet) -> list[Part]:
    """Return the methods on unseen text, one table per text; empty if they were not compared."""
    say = sheet.say
    parts: list[Part] = []
    for which in dict.fromkeys(row.which for row in sheet.run.methods):
        own = [row for row in sheet.run.methods if row.which == which]
        rows = []
        for row in own:
            name = say("compare.dense") if row.method == "dense" else row.method
            rows.append((name, perplexity_text(row.perplexity), _against(sheet, row)))
        caption = say("report.lost.methods", text=sheet.text(own[0].text), windows=own[0].windows,
                      length=own[0].length, method=sheet.run.settings["method"])
        heads = ((say("lost.methods.method"), ""), (say("lost.methods.perplexity"), "number"),
                 (say("lost.meaning"), ""))
        parts.append(Table(heads, rows, caption=caption))
        judged = next((row for row in own if row.draws is not None), None)
        if judged is not None:
            parts.append(Paragraph(verdict_text.scope_of(say, judged), "tag"))
    return parts


def _against(sheet: Sheet, row: MethodRow) -> str:
    """Return the difference to the run's own method, first noting if it is not shown or rests on one draw only."""
    if row.mean is None or row.low is None or row.high is None or row.verdict is None:
        return "–"
    return verdict_text.sentence(sheet.say, row, sheet.run.settings["method"])


def _probes(sheet: Sheet) -> list[Part]:
    run, say = sheet.run, sheet.say
    if not run.probes:
        return [Paragraph(say("report.lost.no_probes"))]
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
    heads = ((say("lost.probes.skill"), ""), *side_heads(say), (say("lost.meaning"), ""))
    return [Figure(title, paper.shares(drawn, say, title), say("report.lost.probes_note"), sheet.tag),
            Table(heads, rows, caption=say("report.lost.by_skill"))]


def _change(say: Words, found: ChangeRow) -> str:
    """Return what changed for one skill, paired over its probes."""
    points, low, high = (100 * value for value in (found.difference, found.low, found.high))
    if not found.shown:
        return say("report.lost.few", **format_differences(points, low, high, 1))
    return say(f"report.lost.{'fewer' if points < 0 else 'more'}", **format_sizes(points, low, high, 1))


def _right(row: SkillRow) -> str:
    return share_text(row.right, row.total, row.low, row.high)


def _interval(row: SkillRow) -> paper.Interval:
    return row.right / row.total, row.low, row.high


def _sweep(sheet: Sheet) -> list[Part]:
    """Return the sweep's curves and points; empty if none was measured."""
    run, say = sheet.run, sheet.say
    pruned = [row for row in run.sweep if row.sparsity]
    if not pruned:
        return []
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
        names[row.method, row.order], percent(row.sparsity), perplexity_text(row.perplexity_own),
        perplexity_text(row.perplexity_held_out), share_text(row.right, row.total, row.low, row.high))
        for row in run.sweep]
    notes: list[Part] = []
    if judged:
        heads.append((say("sweep.table.against", method=judged[0].against), ""))
        rows = [(*cells, _beside(sheet, row)) for cells, row in zip(rows, run.sweep, strict=True)]
        many = max(row.draws or 1 for row in judged)
        notes = [Paragraph(say("verdict.sweep_draws", draws=many) if many > 1 else say("verdict.sweep_one"), "tag")]
    windows = max(row.windows_held_out for row in pruned)
    note = say("report.sweep.note", windows=windows)
    return [Figure(title, paper.sweep(run.sweep, names, say, title), note, sheet.tag),
            Table(heads, rows, caption=say("report.sweep.table")), *notes]


def _beside(sheet: Sheet, row: SweepRow) -> str:
    """Return a point's difference to the same point of the sweep's reference method."""
    if row.verdict is None or row.mean is None or row.difference_low is None or row.difference_high is None:
        return "–"
    say, told = sheet.say, sheet.say(f"verdict.{row.verdict}", method=row.against)
    if row.verdict == "too_few":
        return told
    return say("sweep.table.verdict", verdict=told,
               interval=verdict_text.interval(say, row.mean, row.difference_low, row.difference_high))


LOST: tuple[Callable[[Sheet], list[Part]], ...] = (_perplexities, _methods, _probes, _sweep)
