"""A row by hand says what the mask says, and what a loop over the changed numbers says."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gblm_viz.core.base.job import run
from gblm_viz.core.look import by_hand
from gblm_viz.core.mask.prune import dense_masks
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model import models
from gblm_viz.core.model.models import Model
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.text.calibration import CalibrationSet
from tests.families import FAMILIES

GBLM = Settings("gblm", "l1", Alpha("number", 30.0), "row", 0.5, "", "dense")
SETTINGS = [GBLM, replace(GBLM, norm="l2"), replace(GBLM, method="gradient", norm="sum"), replace(GBLM, method="wanda"),
            replace(GBLM, method="magnitude"), replace(GBLM, pattern="2:4")]


@pytest.fixture(scope="module", params=["llama", "gpt2", "mixtral"])
def collected(request: pytest.FixtureRequest) -> tuple[Model, Statistics]:
    torch.manual_seed(0)
    model = models.wrap(FAMILIES[request.param](), None, "tiny")
    tokens = torch.randint(2, 90, (3, 16), generator=torch.Generator().manual_seed(1))
    samples = CalibrationSet(tokens, torch.full((3,), 16), "windows", 0, "text", "0" * 64)
    return model, run(collect(model, samples))


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda one: f"{one.method}-{one.norm}-{one.pattern}")
def test_an_unchanged_row_is_the_mask_s_row(collected: tuple[Model, Statistics], settings: Settings) -> None:
    model, statistics = collected
    masks = run(dense_masks(model, statistics, settings))
    for matrix in (model.layout.matrices[0], model.layout.matrices[-1]):
        row = by_hand.row_of(model, statistics, settings, masks.alpha, matrix.name, 2, expert=0)
        found = by_hand.by_hand(row, 0, matrix.columns, {})
        mask = masks.masks[matrix.name][0] if matrix.experts else masks.masks[matrix.name]
        assert [entry.removed for entry in found.entries] == mask[2].tolist()
        assert found.flipped == ()
        assert [entry.column for entry in found.entries] == list(range(matrix.columns))


def test_a_changed_number_changes_the_score_the_rank_and_who_goes(collected: tuple[Model, Statistics]) -> None:
    model, statistics = collected
    name = model.layout.matrices[0].name
    row = by_hand.row_of(model, statistics, GBLM, 30.0, name, 1)
    before = by_hand.by_hand(row, 0, row.columns, {}).entries
    lowest = min(before, key=lambda entry: entry.rank)
    assert lowest.removed and lowest.rank == 0
    larger = {"weight": 9.0, "input_norm": 2.0, "gradient_norm": 0.5}
    changes = {(field, lowest.column): value for field, value in larger.items()}
    after = by_hand.by_hand(row, 0, row.columns, changes)
    mine = after.entries[lowest.column]
    assert mine.score == pytest.approx(9.0 * (2.0 + 30.0 * 0.5))
    assert not mine.removed and mine.rank == row.columns - 1
    scores = [mine.score if entry.column == lowest.column else entry.score for entry in before]
    for entry in after.entries:
        assert entry.rank == sum((other, place) < (entry.score, entry.column) for place, other in enumerate(scores))
        assert entry.removed == (entry.rank < after.cut)
    first_kept = next(entry.column for entry in before if entry.rank == after.cut)
    assert after.flipped == tuple(sorted((lowest.column, first_kept)))
    assert by_hand.by_hand(row, 0, row.columns, {}).entries == before, "the row itself was changed"


def test_a_window_keeps_whole_groups_and_stays_inside(collected: tuple[Model, Statistics]) -> None:
    model, statistics = collected
    name = model.layout.matrices[0].name
    row = by_hand.row_of(model, statistics, replace(GBLM, pattern="2:4"), 30.0, name, 0)
    assert [entry.column for entry in by_hand.by_hand(row, 6, 8, {}).entries] == list(range(4, 12))
    last = by_hand.by_hand(row, row.columns, 8, {}).entries
    assert [entry.column for entry in last] == list(range(row.columns - 8, row.columns))
    for group in (last[:4], last[4:]):
        assert sorted(entry.rank for entry in group) == [0, 1, 2, 3]
        assert [entry.removed for entry in group] == [entry.rank < 2 for entry in group]


def test_a_group_wider_than_the_row_is_said_and_the_row_loses_its_own_share(
    collected: tuple[Model, Statistics],
) -> None:
    model, statistics = collected
    name = model.layout.matrices[0].name
    row = by_hand.row_of(model, statistics, replace(GBLM, group="matrix", sparsity=0.25), 30.0, name, 0)
    assert row.alone
    found = by_hand.by_hand(row, 0, row.columns, {})
    assert sum(entry.removed for entry in found.entries) == found.cut == row.columns // 4


def test_without_statistics_only_magnitudes_are_there(collected: tuple[Model, Statistics]) -> None:
    model, _ = collected
    row = by_hand.row_of(model, None, replace(GBLM, method="magnitude"), None, model.layout.matrices[0].name, 0)
    entry = by_hand.by_hand(row, 0, 4, {}).entries[0]
    assert entry.numbers["input_norm"] is entry.numbers["gradient_norm"] is None
    assert entry.score == entry.numbers["weight"]


@pytest.mark.parametrize(("change", "error"), [
    ((("weight", 0), -1.0), ValueError), ((("weight", 0), float("nan")), ValueError), ((("colour", 0), 1.0), KeyError),
    ((("weight", 10**6), 1.0), IndexError), ((("weight", -1), 1.0), IndexError)])
def test_impossible_numbers_and_places_are_refused(
    collected: tuple[Model, Statistics], change: tuple[tuple[str, int], float], error: type[Exception]
) -> None:
    model, statistics = collected
    row = by_hand.row_of(model, statistics, GBLM, 30.0, model.layout.matrices[0].name, 0)
    with pytest.raises(error):
        by_hand.by_hand(row, 0, 4, dict([change]))
    with pytest.raises(IndexError):
        by_hand.row_of(model, statistics, GBLM, 30.0, model.layout.matrices[0].name, 10**6)
