"""Tables and sentences on what was lost, as HTML, each figure with its protocol, n and 95 % interval.

Reads results from the Library and measures nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from gblm_viz import verdict_text
from gblm_viz.amounts import format_difference, format_differences
from gblm_viz.core.base import intervals
from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.intervals import PairedShare, paired_share
from gblm_viz.core.measure import evaluate
from gblm_viz.core.measure.crossed import Crossed
from gblm_viz.core.measure.evaluate import Perplexity, ProbeResult
from gblm_viz.core.text.calibration import CalibrationSet
from gblm_viz.escape import escape
from gblm_viz.figures.charts import percent
from gblm_viz.words import Words, join_sentences

from ..components.paragraph import paragraph, paragraphs
from ..components.skill_name import skill_name
from ..components.table import Cell, Table, plain_table
from ..components.templates import render
from ..visit.keys import ProbesKey, PrunedKey
from ..visit.library import Visit
from ..work import measuring, text_draws, work
from ..work.applied import removed_amount
from ..work.measuring import SetVerdicts

DIFFERENCE_AT = 4
"""The column of the table by skill in which the difference is drawn."""


def measured_html(visit: Visit, say: Words) -> str:
    """Return the reached sparsity, perplexity on both texts, the gap between them, and the total of the probes."""
    session, library = visit.session, visit.library
    if session.applied is None or not library.has(session.applied):
        return paragraph(say("errors.nothing_applied"), "sentence")
    masks = work.applied_masks(visit)
    rows: list[tuple[Cell, ...]] = [
        (say("lost.sparsity"), ("dense-colour", "0 %"), ("pruned-colour", percent(masks.sparsity, 2)),
         say("lost.removed", removed=f"{masks.removed:,}", prunable=f"{masks.prunable:,}"))]
    measured = {which: found for which, windows in measuring.texts(visit, say.language).items()
                if (found := measuring.losses(visit, windows)) is not None}
    for which, (before, after) in measured.items():
        title = say(f"lost.perplexity_{which}", text=work.text_name(say, before.text_name))
        rows.append((title, ("dense-colour", perplexity(before)), ("pruned-colour", perplexity(after)),
                     difference(before, after, say)))
    heads = ((say("lost.what"), ""), (say("compare.dense"), "number"), (say("compare.pruned"), "number"),
             (say("lost.meaning"), ""))
    parts = [plain_table(heads, rows)]
    if len(measured) == 2:
        parts.append(gap_html(measured["own"], measured["held"], session.held_out is None, say))
    keys = [ProbesKey(session.model), ProbesKey(PrunedKey(session.applied))]
    if all(library.has(key) for key in keys):
        told = share_line(say, say("lost.share.exact"), answers(*(library.get(key) for key in keys)))
        parts.append(f'<p class="sentence" id="compare-probes">{escape(told)}</p>')
    return "".join(parts)


def gap_html(own: tuple[Perplexity, Perplexity], held: tuple[Perplexity, Perplexity], other: bool, say: Words) -> str:
    """Return how much more was lost on unseen text than on the calibration text. other: the unseen text is bundled."""
    lost = [intervals.paired_difference(before.losses, after.losses) for before, after in (own, held)]
    gone = [tuple(there - here for here, there in zip(before.losses, after.losses, strict=True))
            for before, after in (own, held)]
    found = intervals.welch_difference(*gone)
    verdict = "gap_none" if not found.shown else "gap_shown" if found.mean > 0 else "gap_reversed"
    shown = format_differences(found.mean, found.interval.low, found.interval.high, 3)
    told = [say("lost.gap", own=format_difference(lost[0].mean, 3), held=format_difference(lost[1].mean, 3),
                gap=shown["mean"], low=shown["low"], high=shown["high"], n_own=own[0].windows,
                n_held=held[0].windows, verdict=say(f"lost.{verdict}"))]
    if other:
        told.append(say("lost.gap_other"))
    return f'<p class="sentence" id="lost-gap">{escape(join_sentences(told))}</p>'


def summary_html(visit: Visit, say: Words) -> str:
    """Return the line above all panels: held-out perplexity and right probes of both models."""
    session, library = visit.session, visit.library
    if session.applied is None or not library.has(session.applied):
        return paragraph(say("errors.nothing_applied"), "compare-summary")
    held = measuring.losses(visit, work.held_out_windows(library, session, visit.model(), say.language))
    if held is None:
        return paragraph(say("lost.not_measured"), "compare-summary")
    before, after = held
    probes = ""
    asked = [ProbesKey(session.model), ProbesKey(PrunedKey(session.applied))]
    if all(library.has(key) for key in asked):
        one, two = (library.get(key).total for key in asked)
        probes = say("lost.summary_probes", before=f"{one.right:,}", after=f"{two.right:,}", n=f"{one.total:,}")
    name = say("lost.summary_perplexity", text=work.text_name(say, before.text_name))
    return render("tabs/lost_summary.html", perplexity=name, before=perplexity(before), after=perplexity(after),
                  probes=probes)


def perplexity(measured: Perplexity) -> str:
    return "∞" if math.isinf(measured.value) else f"{measured.value:.2f}"


def difference(before: Perplexity, after: Perplexity, say: Words) -> str:
    """Return the paired difference in nats per token, with its interval and protocol."""
    found = intervals.paired_difference(before.losses, after.losses)
    protocol = say("lost.protocol", windows=before.windows, length=before.length, dtype=before.dtype)
    if found.count < 2:
        return say("lost.too_few", protocol=protocol)
    key = "lost.difference" if found.shown else "lost.no_difference"
    return say(key, **format_differences(found.mean, found.interval.low, found.interval.high, 3), protocol=protocol)


# Probes

def answers(before: ProbeResult, after: ProbeResult) -> PairedShare:
    return paired_share([one.right for one in before.verdicts], [one.right for one in after.verdicts])


def share_line(say: Words, what: str, found: PairedShare) -> str:
    """Return a sentence: both models' right answers of n with intervals, and the paired difference with its own."""
    one, two = found.first.interval, found.second.interval
    told = say("lost.share.difference" if found.shown else "lost.share.too_few", **_points(found),
               lost=found.lost, gained=found.gained)
    return say("lost.share.line", what=what, before=f"{found.first.right:,}", after=f"{found.second.right:,}",
               n=f"{found.total:,}", low_before=percent(one.low, 0), high_before=percent(one.high, 0),
               low=percent(two.low, 0), high=percent(two.high, 0), difference=told)


def _points(found: PairedShare) -> dict[str, str]:
    """Return a difference of shares in percentage points."""
    low, high = (100 * end for end in (found.interval.low, found.interval.high))
    shown = format_differences(100 * found.difference, low, high, 1)
    return {"points": shown.pop("mean"), **shown}


def asked_html(asked: SetVerdicts | None, say: Words) -> str:
    """Return a set's totals: exact answers, and choices by likelihood with the level of random choice."""
    if asked is None:
        return paragraph(say("lost.probes.not_asked"), "sentence small")
    lines = [share_line(say, say("lost.share.exact"), answers(*asked.exact))]
    if asked.chosen is not None and asked.chosen[0].verdicts:
        probes = tuple(one.probe for one in asked.chosen[0].verdicts)
        blind = math.fsum(1 / len(probe.choices) for probe in probes) / len(probes)
        lines.append(share_line(say, say("lost.share.chosen", chance=percent(blind, 0)), answers(*asked.chosen)))
    return paragraphs(lines, "sentence small")


def skills_html(asked: SetVerdicts, say: Words) -> str:
    """Return both models' shares by skill, with n and interval, and the conclusion from their paired difference; the
    greatest loss first, and every difference drawn on one axis."""
    chosen = _by_skill(asked.chosen) if asked.chosen is not None else {}
    blind = evaluate.chance(tuple(one.probe for one in asked.chosen[0].verdicts)) if asked.chosen is not None else {}
    heads = [(say("lost.probes.skill"), ""), (say("lost.probes.n"), "number"), (say("compare.dense"), "number"),
             (say("compare.pruned"), "number"), (say("lost.probes.difference"), "number"),
             (say("lost.probes.conclusion"), "")]
    if chosen:
        heads += [(say(f"lost.probes.chosen_{side}"), "number") for side in ("dense", "pruned")]
        heads += [(say("lost.probes.chance"), "number")]
    by_skill = sorted(_by_skill(asked.exact).items(), key=lambda one: one[1].difference)
    rows = []
    for skill, found in by_skill:
        points = _points(found)
        row: list[Cell] = [skill_name(say, skill), str(found.total), ("dense-colour", _share(found.first)),
                           ("pruned-colour", _share(found.second)),
                           f'{points["points"]} ({points["low"]} – {points["high"]})',
                           ("concluded" if found.shown else "", say(f"lost.probes.{_conclusion(found)}"))]
        if chosen:
            choice = chosen.get(skill)
            row += ["–"] * 3 if choice is None else [("dense-colour", _share(choice.first, choice.total)),
                                                     ("pruned-colour", _share(choice.second, choice.total)),
                                                     percent(blind[skill], 0)]
        rows.append(row)
    dots, ends = _dots([found for _, found in by_skill])
    drawn = render("tabs/lost_skills.html", table=Table(heads, rows), at=DIFFERENCE_AT, dots=dots, ends=ends)
    return drawn + paragraph(say("lost.share.dots") + " " + say("lost.share.rule"), "tag")


def _dots(found: Sequence[PairedShare]) -> tuple[list[dict[str, object]], list[tuple[str, str]]]:
    """Return each difference's places on one axis, which includes 0 and ends at whole tens of points; and (place, text)
    of the axis' labels."""
    low = 10 * math.floor(10 * min([0.0, *(one.interval.low for one in found)]))
    high = 10 * math.ceil(10 * max([0.0, *(one.interval.high for one in found)]))

    def place(points: float) -> str:
        return f"{100 * (points - low) / max(1, high - low):.1f}%"

    dots: list[dict[str, object]] = []
    for one in found:
        points = _points(one)
        dots.append({
            "shown": one.shown, "zero": place(0), "point": place(100 * one.difference),
            "low": place(100 * one.interval.low), "rest": place(low + high - 100 * one.interval.high),
            "points": points["points"], "spread": f'({points["low"]} – {points["high"]})'})
    return dots, [(place(end), format_difference(end, 0) if end else "0") for end in sorted({low, 0, high})]


def _by_skill(both: tuple[ProbeResult, ProbeResult]) -> dict[str, PairedShare]:
    pairs: dict[str, list[tuple[bool, bool]]] = {}
    for before, after in zip(both[0].verdicts, both[1].verdicts, strict=True):
        pairs.setdefault(before.probe.skill, []).append((before.right, after.right))
    return {skill: paired_share(*zip(*found, strict=True)) for skill, found in pairs.items()}


def _share(share: intervals.Share, of: int | None = None) -> str:
    """of: the total, shown if no column beside it has it."""
    interval = share.interval
    return f"{share.right}{'' if of is None else f' / {of}'} ({percent(interval.low, 0)} – {percent(interval.high, 0)})"


def _conclusion(found: PairedShare) -> str:
    return "too_few" if not found.shown else "worse" if found.difference < 0 else "better"


# Methods

def methods_html(visit: Visit, windows: CalibrationSet, say: Words) -> str:
    """Return every method's perplexity on these windows and its paired difference to the applied method's."""
    session = visit.session
    if session.applied is None or not visit.library.has(session.applied):
        return paragraph(say("errors.nothing_applied"), "sentence")
    settings = work.applied_masks(visit).settings
    rivals = measuring.rivals(session, settings)
    group = next(iter(rivals.values())).group
    notes = [say("lost.methods.about", amount=removed_amount(settings), group=say(f"prune.group.{group}"),
                 text=work.text_name(say, windows.text_name), windows=windows.count, length=windows.length,
                 dtype=visit.model().dtype)]
    if session.statistics is None:
        notes.append(say("lost.methods.without"))
    told = paragraph(join_sentences(notes), "sentence small")
    found = measuring.rivalry(visit.library, session, rivals, windows, text_draws.chosen_count(visit))
    if found is None:
        return told + paragraph(say("lost.methods.not_compared"), "sentence small")
    chosen = settings.method if settings.method in rivals else next(iter(rivals))
    heads = ((say("lost.methods.method"), ""), (say("lost.methods.perplexity"), "number"),
             (say("lost.methods.against_dense"), "number"), (say("lost.methods.difference", method=chosen), "number"),
             (say("lost.methods.conclusion"), ""))
    rows: list[tuple[Cell, ...]] = [(say("lost.methods.dense"), ("dense-colour", perplexity(found.alone["dense"])),
                                     "–", "–", "–")]
    block = 1
    for name in rivals:
        own, against, dense = name == chosen, found.against(name, chosen), found.against(name, "dense")
        block = against.block
        rows.append((("chosen", say("lost.methods.chosen", method=name)) if own else name,
                     ("pruned-colour", perplexity(found.alone[name])), _crossed(dense, say),
                     "–" if own else _crossed(against, say),
                     "–" if own else verdict_text.verdict(say, against, chosen)))
    note = verdict_text.scope(say, found.drawn, windows.count, block)
    return told + plain_table(heads, rows, "lost-methods") + paragraph(note, "tag")


def _crossed(found: Crossed, say: Words) -> str:
    if found.verdict == "too_few":
        return say("verdict.too_few")
    return verdict_text.interval(say, found.mean, found.interval.low, found.interval.high)


def methods_cost(visit: Visit, windows: CalibrationSet, say: Words) -> str:
    """Return the cost of a comparison on these windows; empty once it is measured or if nothing is applied."""
    session = visit.session
    if session.applied is None or not visit.library.has(session.applied):
        return ""
    rivals = measuring.rivals(session, work.applied_masks(visit).settings)
    count = text_draws.chosen_count(visit)
    if measuring.rivalry(visit.library, session, rivals, windows, count) is not None:
        return ""
    drawn = text_draws.draws_of(visit.library, session, count)
    try:
        guess = text_draws.cost(visit, drawn, list(rivals.values()), windows)
    except GblmError as error:
        return paragraph(say("verdict.cost_none", why=error.say(say)), "limit")
    return paragraph(verdict_text.cost(say, drawn, guess, windows.count), "tag")
