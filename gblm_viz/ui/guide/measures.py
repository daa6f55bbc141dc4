"""The numbers that the guide's texts tell and its guesses are compared with: name → how it is read and written."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gblm_viz.amounts import format_bytes, format_difference
from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.look.structure import column_score
from gblm_viz.figures.charts import percent
from gblm_viz.figures.maps import number

from ..components.skill_name import skill_name
from ..components.weight_words import signed
from ..tabs.patterns_text import score
from ..work import work
from .readings import (
    Run,
    agreement,
    column_letter,
    from_change,
    from_columns,
    from_cut,
    from_held,
    from_paper,
    from_report,
    from_statistics,
    from_texts,
    from_versus,
    from_won,
    input_times_median,
    knee,
    matrix_name,
    measured_change,
    pair,
    preview_share,
    probes_n,
    rank_by,
    relative_here,
    removed_share,
    right_at_60,
    right_dense,
    right_shown,
    rows_of,
    share_of_gradient,
    skill_at,
    skills_letter,
    steering_letter,
    sweep_at,
)


@dataclass(frozen=True)
class Measure:
    """A number of the run: how it is read, and how it is written in a text. `read` returns None where there is none."""

    read: Callable[[Run], Any]
    write: Callable[[Run, Any], str]


# How numbers are written

def _count(run: Run, value: int) -> str:
    return f"{value:,}"


def _share(run: Run, value: float) -> str:
    return percent(value)


def _round_share(run: Run, value: float) -> str:
    return percent(value, 0)


def _number(run: Run, value: float) -> str:
    return number(value)


def _signed(run: Run, value: float) -> str:
    return format_difference(value, 3)


def _text(run: Run, value: Any) -> str:
    return str(value)


def _skill(run: Run, value: str) -> str:
    return skill_name(run.say, value)


MEASURES: Mapping[str, Measure] = {
    "probes_n": Measure(probes_n, _count), "right_dense": Measure(right_dense, _count),
    "right_shown": Measure(right_shown, _count), "right_at_60": Measure(right_at_60, _count),
    "removed_share": Measure(removed_share, _share), "skills_letter": Measure(skills_letter, _text),
    "best_skill": Measure(skill_at(max, 0), _skill), "best_kept": Measure(skill_at(max, 1), _round_share),
    "worst_skill": Measure(skill_at(min, 0), _skill), "worst_kept": Measure(skill_at(min, 1), _round_share),
    "samples_n": Measure(from_statistics(lambda found: found.count), _count),
    "calibration_perplexity": Measure(from_statistics(lambda found: math.exp(min(700, float(found.losses.mean())))),
                                      lambda run, value: f"{value:,.2f}"),
    "own_samples_n": Measure(from_cut(lambda cut: cut.samples.count), _count),
    "own_length_n": Measure(from_cut(lambda cut: cut.samples.length), _count),
    "own_held_n": Measure(from_cut(lambda cut: 0 if cut.held_out is None else cut.held_out.count), _count),
    "bytes_dense": Measure(from_won(lambda won: won.dense.saved), lambda run, value: format_bytes(run.say, value)),
    "bytes_pruned": Measure(from_won(lambda won: won.pruned.saved), lambda run, value: format_bytes(run.say, value)),
    "removed_at_start": Measure(lambda run: run.removed_at_start, _share),
    "removed_now": Measure(preview_share, _share),
    "matrix": Measure(matrix_name, _text), "row": Measure(lambda run: run.visit.session.selection.row, _count),
    "column": Measure(lambda run: run.visit.session.selection.column, _count),
    "weight_value": Measure(from_report(lambda found: found.weight), lambda run, value: signed(value)),
    "input_value": Measure(from_report(lambda found: found.input_norm), _number),
    "input_times_median": Measure(input_times_median, _number),
    "share_of_gradient": Measure(share_of_gradient, _round_share),
    "rank_wanda": Measure(from_report(rank_by("wanda")), _round_share),
    "rank_gblm": Measure(from_report(rank_by("gblm")), _round_share),
    "row_least": Measure(rows_of(0), _share), "row_most": Measure(rows_of(1), _share),
    "column_own": Measure(from_columns(lambda data: column_score(data.own)), lambda run, value: score(value)),
    "column_wanda": Measure(from_columns(lambda data: column_score(data.beside)), lambda run, value: score(value)),
    "column_shuffled": Measure(from_columns(lambda data: column_score(data.null)), lambda run, value: score(value)),
    "column_letter": Measure(from_columns(column_letter), _text),
    "knee": Measure(knee, _round_share), "sweep_at": Measure(sweep_at, _round_share),
    "relative_here": Measure(relative_here, lambda run, value: f"{value:.2f}"),
    "relative_low": Measure(from_paper(min), lambda run, value: f"{value:.2f}"),
    "relative_high": Measure(from_paper(max), lambda run, value: f"{value:.2f}"),
    "skill_a": Measure(lambda run: None if (found := pair(run)) is None else found.a, _skill),
    "skill_b": Measure(lambda run: None if (found := pair(run)) is None else found.b, _skill),
    "own_kept": Measure(from_texts(lambda found: found.second.value), _round_share),
    "other_kept": Measure(from_texts(lambda found: found.first.value), _round_share),
    "steering_letter": Measure(from_texts(steering_letter), _text),
    "measured_change": Measure(measured_change, lambda run, value: signed(value)),
    "versus_mean": Measure(from_versus(lambda found: -found.mean), _signed),
    "versus_low": Measure(from_versus(lambda found: -found.interval.high), _signed),
    "versus_high": Measure(from_versus(lambda found: -found.interval.low), _signed),
    "versus_letter": Measure(from_versus(lambda found: {"less": "a", "more": "b"}.get(found.verdict, "c")), _text),
    "model_name": Measure(lambda run: run.visit.model().name, _text),
    "parameters_n": Measure(lambda run: run.visit.model().parameters, _count),
    "blocks_n": Measure(lambda run: len(run.visit.model().layout.blocks), _count),
    "matrices_n": Measure(lambda run: len(run.visit.model().layout.matrices), _count),
    "agreement_with_wanda": Measure(agreement, _share),
    "removed_n": Measure(lambda run: None if removed_share(run) is None else work.applied_masks(run.visit).removed,
                         _count),
    "prunable_n": Measure(lambda run: run.visit.model().layout.prunable, _count),
    "held_dense": Measure(from_held(lambda before, after: before.value), lambda run, value: f"{value:,.2f}"),
    "held_pruned": Measure(from_held(lambda before, after: after.value), lambda run, value: f"{value:,.2f}"),
    "loss_mean": Measure(from_change(lambda found: found.mean), _signed),
    "loss_low": Measure(from_change(lambda found: found.interval.low), _signed),
    "loss_high": Measure(from_change(lambda found: found.interval.high), _signed),
    "windows_n": Measure(from_held(lambda before, after: before.windows), _count)}


def read(run: Run, name: str) -> Any:
    """Return a measure of the run; None where it has none, or what it is read from was dropped meanwhile."""
    try:
        value = MEASURES[name].read(run)
    except GblmError:
        return None
    return None if isinstance(value, float) and not math.isfinite(value) else value


def written(run: Run, name: str) -> str | None:
    """Return a measure as the texts tell it; None where the run has none."""
    value = read(run, name)
    return None if value is None else MEASURES[name].write(run, value)
