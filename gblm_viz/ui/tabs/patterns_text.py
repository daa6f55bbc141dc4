"""The texts of the Patterns tab: numbers of masks as tables, maps and sentences.

Independent of visitors and components: turns core's numbers into HTML and values.
"""

from __future__ import annotations

import math
from typing import Any

from gblm_viz.amounts import format_difference
from gblm_viz.core.look.cells import Cell, ModelMap
from gblm_viz.core.look.columns import ColumnSource
from gblm_viz.core.look.gradient_sums import Factors
from gblm_viz.core.look.structure import DRAWS, Band
from gblm_viz.core.look.structure_maps import StructureBands, StructureCell
from gblm_viz.core.look.two_masks import CATEGORIES, Comparison, Jump, Jumps, TwoMasks
from gblm_viz.core.mask.settings import Settings
from gblm_viz.escape import escape
from gblm_viz.figures.charts import percent
from gblm_viz.figures.maps import map_value, role_name
from gblm_viz.words import Words, join_sentences

from ..components.paragraph import paragraph, paragraphs
from ..components.table import plain_table
from .weight import title

MEASURES = ("column", "head", "neighbour", "row")
MAPS = (*MEASURES, "kappa")
"""The measures that the map can show: a structure score, or the agreement with Wanda."""
LEAST_KAPPA = 0.5
"""Highest lower end of the agreement's colour range, so that small differences do not look large."""
MUCH = 1.25
"""A score is called larger if it is at least this many times the other."""
SIGNIFICANT = 0.05
"""From this p on, a score counts as chance."""
LEAST_RANGE = 0.05
"""Smallest upper end of the map's colour range, so that noise does not look like structure."""


def structure_value(say: Words, found: ModelMap, cells: tuple[StructureCell, ...], measure: str,
                    chosen: str) -> dict[str, Any]:
    """Return the model map of one structure score; each cell has its matrix's score and that of the shuffled mask."""
    scored = {cell.name: cell for cell in cells}
    shown = [cell.value for cell in found.cells if math.isfinite(cell.value)]
    named = say(f"patterns.measure.{measure}")

    def sentence(cell: Cell) -> str:
        fields = {"block": cell.block, "role": role_name(say, cell.role), "measure": named}
        if not math.isfinite(cell.value):
            return say("patterns.map.none", **fields)
        null = getattr(scored[cell.name], f"null_{measure}", math.nan)
        told = say("patterns.map.cell", **fields, value=score(cell.value))
        return told + (say("patterns.map.null", value=score(null)) if math.isfinite(null) else "")

    return map_value(found, say, title=say(f"patterns.map.title_{measure}"), unit=say("patterns.map.unit"),
                     sentence=sentence, bounds=(0.0, max([LEAST_RANGE, *shown])), label=score, selected=chosen,
                     note=say("patterns.map.note"))


def kappa_value(say: Words, found: ModelMap, compared: TwoMasks, chosen: str) -> dict[str, Any]:
    """Return the model map of how far this mask and Wanda's agree beyond chance."""
    def sentence(cell: Cell) -> str:
        one = compared.matrices[cell.name]
        return say("patterns.map.kappa", block=cell.block, role=role_name(say, cell.role), kappa=score(one.kappa),
                   agreement=percent(one.agreement), chance=percent(one.chance))

    shown = [cell.value for cell in found.cells if math.isfinite(cell.value)]
    return map_value(found, say, title=say("patterns.map.title_kappa"), unit=say("patterns.map.unit_kappa"),
                     sentence=sentence, bounds=(min([LEAST_KAPPA, *shown]), 1.0), label=score, selected=chosen)


def source_name(say: Words, writer: ColumnSource) -> str:
    """Return which unit produces a column's input, such as "head 2, value row 81"."""
    if writer.row is not None:
        return say("patterns.outside.head_row", number=writer.number, row=writer.row)
    return say(f"patterns.outside.{writer.kind}", number=f"{writer.number:,}")


def band_rows(say: Words, own: dict[str, Band], wanda: dict[str, Band] | None, fixed: bool) -> list[tuple[str, ...]]:
    """Return one row per score: this mask's, Wanda's, lowest and highest by chance, p; or why there is none."""
    rows: list[tuple[str, ...]] = []
    for name in MEASURES:
        band, named = own[name], say(f"patterns.measure.{name}")
        if math.isfinite(band.score):
            beside = math.nan if wanda is None else wanda[name].score
            rows.append((named, score(band.score), score(beside), band_text(say, band), probability(band.p)))
        else:
            rows.append((named, "–", "–", say(f"patterns.bands.{'fixed' if fixed and name == 'row' else 'none'}"), "–"))
    return rows


def p_value_sentences(say: Words, own: StructureBands, wanda: StructureBands | None, fixed: bool) -> str:
    """Return one sentence per score of the whole model, and what p can say."""
    told = [say("patterns.tested.title", draws=DRAWS)]
    for name in MEASURES:
        band, named = own.whole[name], say(f"patterns.measure.{name}")
        count = sum(math.isfinite(one[name].score) for one in own.each.values())
        if not math.isfinite(band.score):
            told.append(say(f"patterns.tested.{'fixed' if fixed and name == 'row' else 'none'}", measure=named))
            continue
        beside = "" if wanda is None else say("patterns.tested.wanda", value=score(wanda.whole[name].score))
        told.append(say("patterns.tested.score", measure=named, value=score(band.score), wanda=beside, count=count,
                        chance=band_text(say, band), p=probability(band.p)))
    told.append(say("patterns.tested.smallest", all=DRAWS + 1, p=probability(1 / (DRAWS + 1))))
    return paragraphs(told, "tested")


def paper_sentence(say: Words, method: str, own: StructureBands, wanda: StructureBands | None) -> str:
    """Return what the paper says of structural patterns, and whether this run has more than Wanda and chance."""
    band = own.whole["column"]
    if not math.isfinite(band.score):
        return ""
    verdict = "chance" if band.p > SIGNIFICANT else "alone" if wanda is None else (
        "more" if band.score > MUCH * wanda.whole["column"].score else
        "less" if band.score * MUCH < wanda.whole["column"].score else "same")
    paper = say("patterns.paper.reports")
    run_shows = say("patterns.paper.shows", method=method, verdict=say(f"patterns.paper.{verdict}"))
    return f'<p class="tested"><b>{escape(paper)}</b> {escape(run_shows)}</p>'


def counts_table(say: Words, where: str, here: Comparison, whole: Comparison) -> str:
    """Return the four counts of two masks and their agreement beyond chance, for the matrix and the whole model."""
    def counted(one: Comparison, name: str) -> str:
        count = getattr(one, name)
        return f"{count:,} ({percent(count / (one.kept + one.removed + one.only_a + one.only_b))})"

    rows = [(say(f"patterns.four.{name}"), counted(here, name), counted(whole, name)) for name in CATEGORIES]
    rows += [(say(f"patterns.counts.{name}"), percent(getattr(here, name)), percent(getattr(whole, name)))
             for name in ("agreement", "chance")]
    rows.append((say("patterns.counts.kappa"), score(here.kappa), score(whole.kappa)))
    heads = [(say("patterns.counts.what"), ""), (where, "number"), (say("patterns.counts.whole"), "number")]
    return title(say("patterns.counts.title")) + plain_table(heads, rows)


def jumps_tables(say: Words, jumps: Jumps | None, settings: Settings) -> str:
    """Return the weights rescued and sacrificed most, with their ranks in the row before and after."""
    if jumps is None:
        return paragraph(say("patterns.jumps.gone"), "sentence small")
    method = settings.method
    heads = [(say("patterns.jumps.row"), "number"), (say("patterns.jumps.column"), "number"),
             (say("patterns.jumps.wanda"), "number"), (say("patterns.jumps.own", method=method), "number")]
    made = ""
    for name, found in zip(("rescued", "sacrificed"), jumps, strict=True):
        made += title(say(f"patterns.jumps.{name}", method=method))
        made += (plain_table(heads, [jump_row(one) for one in found]) if found
                 else paragraph(say("patterns.jumps.none"), "tag"))
    notes = [say("patterns.jumps.note")]
    if settings.order == "sequential" and "inputs" in settings.needs:
        notes.append(say("patterns.jumps.sequential"))
    return made + paragraph(join_sentences(notes), "tag")


def jump_row(jump: Jump) -> tuple[str, ...]:
    return f"{jump.row:,}", f"{jump.column:,}", percent(jump.rank_a), percent(jump.rank_b)


def factors_sentence(say: Words, factors: Factors | None, fixed: bool) -> str:
    """Return how far the gradient exceeds row factor × column factor, and why only that part matters."""
    if factors is None or math.isnan(factors.share):
        told = say("patterns.factors.none")
    else:
        told = say("patterns.factors.told", flat=percent(factors.flat), share=percent(factors.share),
                   row=say(f"patterns.factors.{'row_fixed' if fixed else 'row_free'}"),
                   rest=percent(1 - factors.share))
    return paragraph(told, "sentence small")


def band_text(say: Words, band: Band) -> str:
    return say("patterns.bands.between", low=score(band.low), high=score(band.high))


def probability(p: float) -> str:
    return f"{p:.3f}"


def deviations(z: float) -> str:
    """Return a signed number such as +4.1 or −12.0."""
    return format_difference(z, 1)


def score(value: float) -> str:
    """Return a structure score with three decimals, such as 0.031; – if it does not apply."""
    return "–" if not math.isfinite(value) else f"{value:.3f}".replace("-0.000", "0.000").replace("-", "−")
