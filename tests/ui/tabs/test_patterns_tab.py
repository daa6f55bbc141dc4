"""The Patterns tab: the masks on screen are those that prune, beside Wanda's and a shuffled one, said in numbers."""

from __future__ import annotations

import html
import math
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from gblm_viz.core.base.job import run
from gblm_viz.core.look import structure
from gblm_viz.core.look.mask_numbers import mask_array
from gblm_viz.core.look.structure_maps import StructureBands, agreement_map, structure_cells, structure_map
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.figures.charts import percent
from gblm_viz.ui.tabs import patterns_data, patterns_show, patterns_text
from gblm_viz.ui.visit.library import Visit
from gblm_viz.ui.visit.remembered import PATTERNS_ORDER
from gblm_viz.ui.visit.session import Selection
from gblm_viz.ui.work import work
from tests import reference

SETTINGS = Settings(alpha=Alpha("share", 0.5), order="dense")


def applied(visit: Visit, settings: Settings) -> None:
    key = run(work.apply_job(visit.library, visit.session, visit.model(), visit.statistics(), settings))
    visit.update(applied=key, applied_number=1)


def test_a_preview_shows_the_masks_of_the_controls(visit: Visit) -> None:
    data = patterns_data.pattern_data(visit, "applied", 0)
    masks = work.preview_masks(visit, SETTINGS)
    assert not data.applied
    assert np.array_equal(data.own.numpy(), mask_array(masks, data.matrix.name).astype(bool))
    wanda = work.preview_masks(visit, replace(SETTINGS, method="wanda"))
    assert torch.equal(data.beside, wanda.masks[data.matrix.name])


def test_the_applied_mask_stays_when_the_controls_move_on(visit: Visit) -> None:
    applied(visit, replace(SETTINGS, sparsity=0.3))
    visit.update(settings=replace(SETTINGS, sparsity=0.75))
    shown = patterns_data.pattern_data(visit, "applied", 0)
    assert shown.applied
    assert float(shown.own.double().mean()) == pytest.approx(0.3, abs=0.02)
    assert float(shown.beside.double().mean()) == pytest.approx(0.3, abs=0.02)
    preview = patterns_data.pattern_data(visit, "preview", 0)
    assert float(preview.own.double().mean()) == pytest.approx(0.75, abs=0.02)
    assert preview.signature != shown.signature


@pytest.mark.parametrize("pattern", ["", "2:4"])
def test_the_shuffled_mask_keeps_every_row_s_count_and_changes_with_the_seed(visit: Visit, pattern: str) -> None:
    visit.update(settings=replace(SETTINGS, pattern=pattern))
    one, other = patterns_data.pattern_data(visit, "preview", 0), patterns_data.pattern_data(visit, "preview", 1)
    assert torch.equal(one.null.sum(1), one.own.sum(1))
    assert not torch.equal(one.null, other.null)


def test_the_selected_matrix_is_the_one_shown(visit: Visit) -> None:
    name = visit.model().layout.matrices[3].name
    visit.update(selection=Selection(matrix=name))
    assert patterns_data.pattern_data(visit, "preview", 0).matrix.name == name


def test_before_collecting_only_methods_without_text_have_a_mask(visit: Visit) -> None:
    visit.update(statistics=None)
    assert patterns_data.pattern_data(visit, "applied", 0) is None
    visit.update(settings=replace(SETTINGS, method="magnitude"))
    data = patterns_data.pattern_data(visit, "applied", 0)
    assert data.own.any()
    assert data.beside is None


def test_scores_are_said_against_wanda_and_against_chance(visit: Visit, say: Any) -> None:
    data = patterns_data.pattern_data(visit, "preview", 0)
    limit = patterns_show.chance_limit(data.own)
    verdicts = {column: patterns_show.column_verdict(say, data, column * limit, 10 * limit)
                for column in (0.5, 5, 10, 20)}
    assert verdicts[0.5] == say("patterns.sentence.chance")
    assert verdicts[5] == say("patterns.sentence.less", times="2.0")
    assert verdicts[10] == say("patterns.sentence.like_wanda")
    assert verdicts[20] == say("patterns.sentence.more", times="2.0")


def test_chance_hardly_reaches_its_limit() -> None:
    generator = torch.Generator().manual_seed(3)
    scores = [patterns_show.column_score(torch.rand(64, 96, generator=generator) < 0.5) for _ in range(200)]
    limit = patterns_show.chance_limit(torch.zeros(64, 96))
    assert np.mean([score > limit for score in scores]) < 0.02
    assert limit < 5 * np.std(scores)


@pytest.mark.parametrize("measure", patterns_text.MEASURES[:3])
def test_the_map_says_every_matrix_s_score_and_its_null(visit: Visit, say: Any, measure: str) -> None:
    model = visit.model()
    cells = run(structure_cells(model, patterns_data.pattern_data(visit, "preview", 0).masks))
    value = patterns_text.structure_value(say, structure_map(model, cells, measure), cells, measure, cells[0].name)
    assert len(value["cells"]) == len(cells)
    for shown, cell in zip(value["cells"], cells, strict=True):
        number = getattr(cell, measure)
        assert shown["label"] == patterns_text.score(number)
        assert patterns_text.score(number) in shown["text"] or math.isnan(number)


@pytest.mark.parametrize(("value", "shown"), [(0.0314, "0.031"), (-0.0002, "0.000"), (-0.02, "−0.020"),
                                              (math.nan, "–")])
def test_scores_have_three_decimals_and_no_negative_zero(value: float, shown: str) -> None:
    assert patterns_text.score(value) == shown


def test_the_columns_listed_are_the_furthest_outside_with_wandas_share(visit: Visit, say: Any) -> None:
    data = patterns_data.pattern_data(visit, "preview", 0)
    shown = patterns_show.Show(cast(Any, SimpleNamespace(words=say)), cast(Any, None), None).outside(visit, data)
    found = structure.outside_columns(data.own, data.pattern)
    lines = cells_of(shown)
    assert f"{len(found)} " in shown or f"{len(found)} 列" in shown
    assert len(lines) == min(len(found), patterns_show.FURTHEST)
    for one, (column, removed, wanda, z, _) in zip(found, lines, strict=False):
        assert (column, removed, z) == (str(one.column), percent(one.density), patterns_text.deviations(one.z))
        assert wanda == percent(float(data.beside[:, one.column].double().mean()))


def test_scores_stand_beside_the_lowest_and_highest_of_chance(visit: Visit, say: Any) -> None:
    data = patterns_data.pattern_data(visit, "preview", 0)
    own, wanda = patterns_data.bands_of(visit, data)
    rows = dict(zip(patterns_text.MEASURES, patterns_text.band_rows(say, own, wanda, True), strict=True))
    column = own["column"]
    assert rows["column"][1:3] == (patterns_text.score(column.score), patterns_text.score(wanda["column"].score))
    assert all(patterns_text.score(end) in rows["column"][3] for end in (column.low, column.high))
    assert rows["column"][4] == f"{column.p:.3f}"
    assert rows["row"][3] == say("patterns.bands.fixed")


def test_the_whole_model_is_tested_in_sentences(visit: Visit, say: Any) -> None:
    data = patterns_data.pattern_data(visit, "preview", 0)
    own, wanda = run(patterns_data.both_bands(visit.model(), data))
    told = patterns_text.p_value_sentences(say, own, wanda, True)
    for name in ("column", "neighbour"):
        assert all(patterns_text.score(one.whole[name].score) in told for one in (own, wanda))
    assert "1/21" in told


@pytest.mark.parametrize(("own", "wanda", "p", "verdict"), [
    (0.1, 0.05, 1 / 21, "more"), (0.05, 0.1, 1 / 21, "less"), (0.1, 0.1, 1 / 21, "same"), (0.1, 0.05, 0.3, "chance"),
    (0.1, None, 1 / 21, "alone")])
def test_the_papers_claim_stands_beside_what_this_run_shows(say: Any, own: float, wanda: float | None, p: float,
                                                            verdict: str) -> None:
    def bands(score: float) -> StructureBands:
        return StructureBands({"column": structure.Band(score, 0.0, -0.01, 0.01, p)}, {})
    told = patterns_text.paper_sentence(say, "gblm", bands(own), None if wanda is None else bands(wanda))
    assert say(f"patterns.paper.{verdict}") in html.unescape(told)
    assert "2311.04902" in told


def test_the_counts_are_those_of_the_two_masks(visit: Visit, say: Any) -> None:
    data = patterns_data.pattern_data(visit, "preview", 0)
    here, whole = patterns_data.compare_selected(visit, data, data.against)
    assert here.only_a == int((data.own & ~data.beside).sum())
    assert whole.kept + whole.removed + whole.only_a + whole.only_b == visit.model().layout.prunable
    lines = cells_of(patterns_text.counts_table(say, "x", here, whole))
    assert lines[2][1].startswith(f"{here.only_a:,} ")
    assert lines[-1][1:] == [patterns_text.score(here.kappa), patterns_text.score(whole.kappa)]


@pytest.mark.parametrize("apply", [False, True])
def test_the_weights_that_moved_most_lie_where_the_masks_part(visit: Visit, say: Any, apply: bool) -> None:
    if apply:
        applied(visit, SETTINGS)
    data = patterns_data.pattern_data(visit, "applied", 0)
    moved = run(patterns_data.moved_job(visit, data))
    rescued, sacrificed = moved.jumps
    assert rescued and sacrificed
    assert all(data.beside[one.row, one.column] and not data.own[one.row, one.column] for one in rescued)
    assert all(data.own[one.row, one.column] and not data.beside[one.row, one.column] for one in sacrificed)
    lines = cells_of(patterns_text.jumps_tables(say, moved.jumps, SETTINGS))
    assert lines == [list(patterns_text.jump_row(one)) for one in (*rescued, *sacrificed)]
    assert percent(moved.factors.share) in patterns_text.factors_sentence(say, moved.factors, True)


def test_the_map_of_agreement_says_each_matrixs_kappa(visit: Visit, say: Any) -> None:
    data = patterns_data.pattern_data(visit, "preview", 0)
    both = patterns_data.compare_masks(visit, data, data.against)
    value = patterns_text.kappa_value(say, agreement_map(visit.model(), both), both, data.matrix.name)
    assert [cell["name"] for cell in value["cells"]] == [matrix.name for matrix in visit.model().layout.matrices]
    wanda = work.preview_masks(visit, replace(SETTINGS, method="wanda")).masks
    own = work.preview_masks(visit, SETTINGS).masks
    for cell in value["cells"]:
        kappa = reference.kappa(own[cell["name"]], wanda[cell["name"]])
        assert cell["value"] == pytest.approx(kappa)
        assert patterns_text.score(kappa) in cell["text"]


def test_wandas_own_mask_is_not_set_against_itself(visit: Visit) -> None:
    visit.update(settings=replace(SETTINGS, method="wanda"))
    assert patterns_data.pattern_data(visit, "preview", 0).against is None


def test_scores_of_a_text_that_is_gone_are_said_to_be_gone(visit: Visit, say: Any) -> None:
    assert say("patterns.jumps.gone") in html.unescape(patterns_text.jumps_tables(say, None, SETTINGS))


@pytest.mark.parametrize("pattern", ["", "2:4"])
def test_beside_the_mask_stand_those_of_the_plainer_methods(visit: Visit, pattern: str) -> None:
    visit.update(settings=replace(SETTINGS, pattern=pattern))
    data = patterns_data.pattern_data(visit, "preview", 0)
    assert list(data.others) == ["wanda", "magnitude", "gradient"]
    for method, mask in data.others.items():
        wanted = work.preview_masks(visit, replace(visit.session.settings, method=method))
        assert torch.equal(mask, wanted.masks[data.matrix.name]), method
    visit.update(statistics=None, settings=replace(SETTINGS, method="magnitude"))
    assert list(patterns_data.pattern_data(visit, "preview", 0).others) == ["magnitude"]


def test_sorted_columns_are_the_chosen_masks_densest_first(visit: Visit) -> None:
    assert patterns_data.pattern_data(visit, "preview", 0).columns is None
    plain = patterns_data.pattern_data(visit, "preview", 0).signature
    visit.remember(PATTERNS_ORDER, "density")
    data = patterns_data.pattern_data(visit, "preview", 0)
    density = data.own.double().mean(0)[data.columns]
    assert bool((density[1:] <= density[:-1]).all())
    assert data.signature != plain


def test_columns_by_their_place_in_the_group_show_what_n_of_m_can_differ_in(visit: Visit, monkeypatch: Any) -> None:
    visit.remember(PATTERNS_ORDER, "position")
    assert patterns_data.pattern_data(visit, "preview", 0).columns is None  # no groups, no places
    visit.update(settings=replace(SETTINGS, pattern="2:4"))
    data = patterns_data.pattern_data(visit, "preview", 0)
    width = data.own.shape[1]
    assert data.columns.tolist() == [column for place in range(4) for column in range(place, width, 4)]
    shares = data.own[:, data.columns].double().reshape(len(data.own), 4, -1).mean((0, 2))
    assert shares.sum().item() == pytest.approx(2) and shares.std() > 0
    visit.remember(PATTERNS_ORDER, None)
    assert patterns_data.pattern_data(visit, "preview", 0).order == "stored"
    monkeypatch.setattr(patterns_data, "SIDE", 10)  # from afar every group is the same grey
    assert patterns_data.pattern_data(visit, "preview", 0).order == "position"


def cells_of(table: str) -> list[list[str]]:
    """The cells of the HTML's body rows."""
    return [[html.unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
            for row in re.findall(r"<tr>(<td.*?)</tr>", table)]
