"""The report's pictures: gradients, removed shares, agreement with Wanda, scores, and one mask.

Each becomes a figure with its title, its numbers of what it was drawn in, and what made it; none where the run has no
such numbers.
"""

from __future__ import annotations

from collections.abc import Callable

from gblm_viz.core.score.methods import METHODS
from gblm_viz.figures import paper
from gblm_viz.figures.charts import percent
from gblm_viz.figures.maps import role_name
from gblm_viz.words import join_sentences

from .parts import Figure, Paragraph, Part
from .sheet import Sheet

EVEN = 0.02
"""If all matrices' removed shares are this close to each other, a sentence replaces the picture."""


def pictures(sheet: Sheet) -> list[Part]:
    """Return all pictures in the order of the data."""
    return [part for picture in PICTURES for part in picture(sheet)]


def _pull(sheet: Sheet) -> list[Part]:
    run, say = sheet.run, sheet.say
    if run.calibration is None or any(one.gradient_mean is None for one in run.matrices):
        return [Paragraph(say("report.figures.no_gradient"))]
    norm = run.settings["norm"] if "gradients" in METHODS[run.settings["method"]].needs else "l1"
    top = max(run.matrices, key=lambda one: one.gradient_mean or 0)
    title = say("report.figures.pull_title", norm=say(f"compare.norms.{norm}"), block=top.block,
                role=role_name(say, top.role))
    picture = paper.heat_map([(one.block, one.role, one.gradient_mean) for one in run.matrices], say,
                             unit=say("report.figures.pull_unit"), alternative=title, log=True)
    note = say("report.figures.pull_note", matrices=len(run.matrices), samples=run.calibration.samples)
    return [Figure(title, picture, note, sheet.tag)]


def _density(sheet: Sheet) -> list[Part]:
    run, say = sheet.run, sheet.say
    low, high = (one(run.matrices, key=lambda row: row.removed) for one in (min, max))
    if high.removed - low.removed < EVEN:
        ends = dict.fromkeys((percent(low.removed), percent(high.removed)))
        return [Paragraph(say("report.figures.density_even", share=" – ".join(ends)))]
    title = say("report.figures.density_title", low=percent(low.removed), high=percent(high.removed), block=high.block,
                role=role_name(say, high.role))
    picture = paper.heat_map([(one.block, one.role, 100 * one.removed) for one in run.matrices], say,
                             unit=say("report.figures.density_unit"), alternative=title, bounds=(0.0, 100.0))
    note = say("report.figures.density_note", matrices=len(run.matrices), weights=f"{run.model.prunable:,}")
    return [Figure(title, picture, note, sheet.tag)]


def _kappa(sheet: Sheet) -> list[Part]:
    run, say = sheet.run, sheet.say
    known = [one.kappa_wanda for one in run.matrices if one.kappa_wanda is not None]
    if not known:
        return []
    title = say("report.figures.kappa_title", mean=f"{sum(known) / len(known):.2f}")
    picture = paper.heat_map([(one.block, one.role, one.kappa_wanda) for one in run.matrices], say,
                             unit=say("patterns.map.unit_kappa"), alternative=title,
                             bounds=(min(0.0, *known), 1.0))
    return [Figure(title, picture, say("report.figures.kappa_note", matrices=len(known)), sheet.tag)]


def _place(sheet: Sheet) -> str:
    """Return the name of the chosen matrix, such as "Block 3 · down"."""
    run, say = sheet.run, sheet.say
    row = next(one for one in run.matrices if one.name == run.picture.name)
    name = say("prune.matrix.name", block=row.block, role=role_name(say, row.role))
    return say("prune.matrix.expert", name=name, expert=run.picture.expert) if row.experts else name


def _scores(sheet: Sheet) -> list[Part]:
    run, say, found = sheet.run, sheet.say, sheet.run.picture.histogram
    group = "pattern" if run.settings["pattern"] else "row" if run.settings["group"] == "row" else ""
    removed, kept = int(found.removed.sum()), int(found.kept.sum())
    cut = say("prune.histogram.title" + (group and f"_{group}"), removed=f"{removed:,}", kept=f"{kept:,}")
    told = [say("report.figures.scores_title", place=_place(sheet), told=cut)]
    if found.zeros:
        told.append(say("prune.histogram.zeros", count=f"{found.zeros:,}"))
    title = join_sentences(told)
    note = say("report.figures.scores_note", weights=f"{removed + kept:,}")
    if run.settings["order"] == "sequential":
        note = join_sentences([note, say("report.figures.scores_dense")])
    return [Figure(title, paper.score_histogram(found, say, title), note, sheet.tag)]


def _mask(sheet: Sheet) -> list[Part]:
    say, picture = sheet.say, sheet.run.picture
    rows, columns = picture.shape
    title = say("report.figures.mask_title", place=_place(sheet), rows=f"{rows:,}", columns=f"{columns:,}",
                share=percent(picture.removed))
    drawn = paper.mask_image(picture.density, picture.shape, picture.step, say, title)
    return [Figure(title, drawn, say("report.figures.mask_note", weights=f"{rows * columns:,}"), sheet.tag)]


PICTURES: tuple[Callable[[Sheet], list[Part]], ...] = (_pull, _density, _kappa, _scores, _mask)
