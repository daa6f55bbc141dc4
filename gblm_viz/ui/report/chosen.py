"""The chosen weight and the blind votes, as parts of the report."""

from __future__ import annotations

from itertools import groupby

from gblm_viz.core.mask.settings import Settings
from gblm_viz.figures.maps import role_name

from ..components.preference_words import preference_words
from ..components.weight_words import fate_words, numbers_words, verdict_heads, verdict_rows, verdict_words
from .parts import Listing, Paragraph, Part, Table
from .sheet import Sheet


def weight(sheet: Sheet) -> list[Part]:
    """Return the chosen weight, its numbers, and every method's decision; empty if none is chosen."""
    run, say, chosen = sheet.run, sheet.say, sheet.run.chosen
    if chosen is None:
        return []
    matrix = next(one for one in run.matrices if one.name == chosen.matrix)
    settings, found = Settings.from_dict(run.settings), chosen.report
    here = say("report.weight.place_expert" if matrix.experts else "report.weight.place", block=matrix.block,
               role=role_name(say, matrix.role), row=chosen.row, column=chosen.column, expert=chosen.expert)
    told = [Paragraph(here, "lead"), Paragraph(fate_words(say, found)), Paragraph(numbers_words(say, found, settings))]
    if chosen.removed != found.removed:
        told.append(Paragraph(say("report.weight.otherwise_in_run" if chosen.removed else "report.weight.kept_in_run")))
    return [*told, Table(verdict_heads(say), verdict_rows(say, found, settings), caption=say("weight.verdict.title")),
            Paragraph(verdict_words(say, found, settings))]


def votes(sheet: Sheet) -> list[Part]:
    """Return the blind votes on this run's copy, for each set of models that answered; empty without votes."""
    return [Listing(preference_words(sheet.say, list(rows)))
            for _, rows in groupby(sheet.run.votes, key=lambda one: one.models)]
