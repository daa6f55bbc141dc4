"""The Patterns tab: the masks on screen are those that prune, beside Wanda's and a shuffled one, said in numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from gblm_viz.core import report
from gblm_viz.core.alpha import Alpha
from gblm_viz.core.job import run
from gblm_viz.core.prune import Settings
from gblm_viz.ui import work
from gblm_viz.ui.session import Selection, Visit
from gblm_viz.ui.tabs import patterns

SETTINGS = Settings(alpha=Alpha("share", 0.5), order="dense")


def applied(visit: Visit, settings: Settings) -> None:
    key = run(work.apply_job(visit.library, visit.session, visit.model(), visit.statistics(), settings))
    visit.update(applied=key, applied_number=1)


def test_a_preview_shows_the_masks_of_the_controls(visit: Visit) -> None:
    sight = patterns.sight_of(visit, "applied", 0)
    masks = work.preview_masks(visit, SETTINGS)
    assert not sight.applied
    assert np.array_equal(sight.own.numpy(), report.mask_array(masks, sight.matrix.name).astype(bool))
    wanda = work.preview_masks(visit, replace(SETTINGS, method="wanda"))
    assert torch.equal(sight.beside, wanda.masks[sight.matrix.name])


def test_the_applied_mask_stays_when_the_controls_move_on(visit: Visit) -> None:
    applied(visit, replace(SETTINGS, sparsity=0.3))
    visit.update(settings=replace(SETTINGS, sparsity=0.75))
    shown = patterns.sight_of(visit, "applied", 0)
    assert shown.applied
    assert float(shown.own.double().mean()) == pytest.approx(0.3, abs=0.02)
    assert float(shown.beside.double().mean()) == pytest.approx(0.3, abs=0.02)
    preview = patterns.sight_of(visit, "preview", 0)
    assert float(preview.own.double().mean()) == pytest.approx(0.75, abs=0.02)
    assert preview.signature != shown.signature


@pytest.mark.parametrize("pattern", ["", "2:4"])
def test_the_shuffled_mask_keeps_every_row_s_count_and_changes_with_the_seed(visit: Visit, pattern: str) -> None:
    visit.update(settings=replace(SETTINGS, pattern=pattern))
    one, other = patterns.sight_of(visit, "preview", 0), patterns.sight_of(visit, "preview", 1)
    assert torch.equal(one.null.sum(1), one.own.sum(1))
    assert not torch.equal(one.null, other.null)


def test_the_selected_matrix_is_the_one_shown(visit: Visit) -> None:
    name = visit.model().layout.matrices[3].name
    visit.update(selection=Selection(matrix=name))
    assert patterns.sight_of(visit, "preview", 0).matrix.name == name


def test_before_collecting_only_methods_without_text_have_a_mask(visit: Visit) -> None:
    visit.update(statistics=None)
    assert patterns.sight_of(visit, "applied", 0) is None
    visit.update(settings=replace(SETTINGS, method="magnitude"))
    sight = patterns.sight_of(visit, "applied", 0)
    assert sight.own.any()
    assert sight.beside is None


def test_scores_are_said_against_wanda_and_against_chance(visit: Visit, say: Any) -> None:
    sight = patterns.sight_of(visit, "preview", 0)
    limit = patterns.chance_limit(sight.own)
    verdicts = {column: patterns.column_verdict(say, sight, column * limit, 10 * limit) for column in (0.5, 5, 10, 20)}
    assert verdicts[0.5] == say("patterns.sentence.chance")
    assert verdicts[5] == say("patterns.sentence.less", times="2.0")
    assert verdicts[10] == say("patterns.sentence.like_wanda")
    assert verdicts[20] == say("patterns.sentence.more", times="2.0")


def test_chance_hardly_reaches_its_limit() -> None:
    generator = torch.Generator().manual_seed(3)
    scores = [patterns.column_score(torch.rand(64, 96, generator=generator) < 0.5) for _ in range(200)]
    limit = patterns.chance_limit(torch.zeros(64, 96))
    assert np.mean([score > limit for score in scores]) < 0.02
    assert limit < 5 * np.std(scores)


@pytest.mark.parametrize("measure", patterns.MEASURES[:3])
def test_the_map_says_every_matrix_s_score_and_its_null(visit: Visit, say: Any, measure: str) -> None:
    model = visit.model()
    cells = run(report.structure_cells(model, patterns.sight_of(visit, "preview", 0).masks))
    value = patterns.structure_value(say, report.structure_map(model, cells, measure), cells, measure, cells[0].name)
    assert len(value["cells"]) == len(cells)
    for shown, cell in zip(value["cells"], cells, strict=True):
        number = getattr(cell, measure)
        assert shown["label"] == patterns.score(number)
        assert patterns.score(number) in shown["text"] or math.isnan(number)


@pytest.mark.parametrize(("value", "shown"), [(0.0314, "0.031"), (-0.0002, "0.000"), (-0.02, "−0.020"),
                                              (math.nan, "–")])
def test_scores_have_three_decimals_and_no_negative_zero(value: float, shown: str) -> None:
    assert patterns.score(value) == shown
