"""The table of a visit's runs, in the report and on screen."""

from __future__ import annotations

from gblm_viz.core.keep.run import SHORT_HASH, VisitRow
from gblm_viz.figures.charts import percent, short
from gblm_viz.words import Words

from ..components.table import Cell, Head
from ..work.work import text_name
from .sheet import perplexity_text


def visit_heads(say: Words) -> list[Head]:
    """Return the column heads."""
    numbers = {"number", "sparsity", "alpha", "perplexity", "probes"}
    return [(say(f"report.visit.{name}"), "number" if name in numbers else "")
            for name in ("number", "model", "method", "pattern", "sparsity", "order", "alpha", "text", "perplexity",
                         "probes", "hash")]


def visit_cells(row: VisitRow, say: Words) -> list[Cell]:
    """Return the cells of one run; a dash where nothing was measured."""
    text = "–" if row.samples is None else say("report.visit.text_is", text=text_name(say, row.text),
                                               samples=row.samples, length=row.length)
    perplexity = "–" if row.windows is None else (
        f"{perplexity_text(row.perplexity_dense)} → {perplexity_text(row.perplexity_pruned)}")
    probes = "–" if row.probes_total is None else (
        f"{row.probes_dense:,} → {row.probes_pruned:,} / {row.probes_total:,}")
    return [f"#{row.number}", row.model, row.method, row.pattern, percent(row.sparsity),
            say(f"report.visit.orders.{row.order}"), "–" if row.alpha is None else short(row.alpha), text, perplexity,
            probes, row.run_hash[:SHORT_HASH]]
