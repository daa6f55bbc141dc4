"""The mask that follows the Prune tab's controls: what it shows is what pruning at those controls would remove."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from gblm_viz.core.base.job import run
from gblm_viz.core.mask.live import OrderedRows, by_rows, in_order
from gblm_viz.core.mask.patterns import PerRow
from gblm_viz.core.mask.prune import dense_masks
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.score import alpha as alphas
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.core.score.methods import Gblm
from gblm_viz.ui.components.matrix_view import Field
from gblm_viz.ui.visit.library import Library, Visit
from gblm_viz.ui.work.live_picture import CONTROLS, MaskProvider

MASK = Field("mask", "Mask", "mask")
SETTINGS = Settings(alpha=Alpha("number", 3.0), order="dense")


def provider(visit: Visit, settings: Settings = SETTINGS, asked: Alpha | None = None) -> MaskProvider:
    matrix = visit.model().layout.matrices[3]
    return MaskProvider.of(visit, settings, asked or settings.alpha, matrix, 0, MASK)


def removed(visit: Visit, settings: Settings) -> np.ndarray[Any, Any]:
    name = visit.model().layout.matrices[3].name
    return run(dense_masks(visit.model(), visit.statistics(), settings)).masks[name].numpy()


@pytest.mark.parametrize(("controls", "meant"), [
    ({}, {}),
    ({"sparsity": 0.7}, {"sparsity": 0.7}),
    ({"sparsity": 7}, {"sparsity": 0.95}),
    ({"sparsity": -1.0}, {"sparsity": 0.0}),
    ({"method": "wanda", "sparsity": 0.3}, {"method": "wanda", "sparsity": 0.3}),
    ({"method": "gblm", "norm": "l2", "alpha": 0.5}, {"norm": "l2", "alpha": Alpha("number", 0.5)}),
    ({"method": "gradient", "norm": "sum"}, {"method": "gradient", "norm": "sum"}),
    ({"norm": "l2"}, {"norm": "l2"}),
    ({"method": "magic"}, {}), ({"norm": "l7"}, {}), ({"sparsity": "half"}, {}), ({"alpha": -2}, {}),
    ({"unknown": 3, "sparsity": 0.2}, {"sparsity": 0.2}),
    ({"pattern": "2:4"}, {"pattern": "2:4"}),
    ({"pattern": " 1:4 ", "method": "wanda"}, {"pattern": "1:4", "method": "wanda"}),
    ({"pattern": ""}, {}), ({"pattern": "2:"}, {}), ({"pattern": "4:4"}, {}), ({"pattern": "1:7"}, {}),
    ({"group": "matrix", "sparsity": 0.3}, {"group": "matrix", "sparsity": 0.3}),
    ({"group": "global"}, {"group": "global"}),
    ({"group": "authors", "method": "magnitude"}, {"group": "authors", "method": "magnitude"}),
    ({"group": "authors"}, {}), ({"group": "village"}, {}),
])
def test_the_picture_is_the_mask_of_the_controls(visit: Visit, controls: dict[str, Any], meant: dict[str, Any]) -> None:
    found = provider(visit).live(controls).array("mask")
    np.testing.assert_array_equal(found, removed(visit, replace(SETTINGS, **meant)))


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_alphas_one_after_the_other_each_give_their_own_mask(visit: Visit, norm: str) -> None:
    view = provider(visit, replace(SETTINGS, norm=norm))
    for alpha in (1.0, 1.02, 1.1, 0.8, 3.5, 3.0, 2000.0, 1990.0, 0.0, 1e-9):
        found = view.live({"alpha": alpha}).array("mask")
        np.testing.assert_array_equal(found, removed(visit, replace(SETTINGS, norm=norm, alpha=Alpha("number", alpha))))


def test_the_balance_of_another_norm_is_another_alpha(visit: Visit) -> None:
    found = provider(visit, asked=Alpha("balance")).live({"norm": "l2"}).array("mask")
    np.testing.assert_array_equal(found, removed(visit, replace(SETTINGS, norm="l2", alpha=Alpha("balance"))))


def test_a_share_is_the_alpha_that_gives_it(visit: Visit) -> None:
    exact = alphas.resolve(Alpha("share", 0.8), visit.statistics(), "l1")
    found = provider(visit).live({"share": 0.8}).settings.alpha.value
    assert found == pytest.approx(exact, rel=1e-2)
    # the share that the settings came from is already an exact α: nothing moves when another slider does
    assert provider(visit, asked=Alpha("share", 0.8)).live({"share": 0.8, "sparsity": 0.4}).settings.alpha.value == 3.0


@pytest.mark.parametrize("settings", [
    Settings("magnitude", group="matrix", order="dense"), Settings("wanda", pattern="2:4", order="dense"),
    Settings("magnitude", group="authors", order="dense"), Settings("gradient", group="global", order="dense")])
def test_every_group_is_followed(visit: Visit, settings: Settings) -> None:
    controls = {} if settings.pattern else {"sparsity": 0.37}
    expected = settings if settings.pattern else replace(settings, sparsity=0.37)
    np.testing.assert_array_equal(provider(visit, settings).live(controls).array("mask"), removed(visit, expected))


def test_before_anything_is_collected_a_method_that_needs_it_changes_nothing(library: Library) -> None:
    visit = library.visit(None)
    visit.update(statistics=None)
    plain = provider(visit, Settings("magnitude", order="dense"))
    assert plain.live({"method": "wanda"}) == plain


def test_what_has_made_room_is_a_lookup_error(visit: Visit) -> None:
    gone = replace(provider(visit), model=("model", "gone"), masks=None)
    with pytest.raises(LookupError):
        gone.array("mask")
    with pytest.raises(LookupError):
        replace(gone, statistics=("gone",)).live({"share": 0.2})


def test_the_controls_are_the_tabs_own(library: Library) -> None:
    from tests.ui.tabs.test_prune_tab import Tab
    tab = Tab(library)
    ids = {f"#{part.elem_id}" for listener in tab.heard for part in listener.inputs if getattr(part, "elem_id", None)}
    assert set(CONTROLS.values()) <= ids


@pytest.mark.parametrize("controls", [
    {"alpha": 0.5}, {"sparsity": 0.7}, {"pattern": "2:4"}, {"method": "wanda"}, {"group": "matrix"}])
def test_while_a_control_moves_a_row_stands_for_the_one_below(visit: Visit, controls: dict[str, Any]) -> None:
    exact = provider(visit).live(controls).array("mask")
    every = 1 if "group" in controls else 2        # only where rows are chosen from by themselves
    for _ in range(2):                              # the second time by the cuts of the first
        found = provider(visit).live(controls, 2).array("mask")
        np.testing.assert_array_equal(found, np.repeat(exact[::every], every, axis=0)[:len(exact)])


def test_of_rows_chosen_in_pieces_every_second_and_of_an_odd_number_the_last_stand_where_they_are() -> None:
    generator = torch.Generator().manual_seed(1)
    weight, gradient = torch.randn(803, 2048, generator=generator), torch.rand(803, 2048, generator=generator)
    inputs = torch.rand(2048, generator=generator)
    last = None
    for alpha in (1.0, 1.1):
        exact = PerRow(0.5).remove(Gblm("l1", alpha).score(weight, inputs, gradient, "")).numpy()
        found, last = by_rows(PerRow(0.5), Gblm("l1", alpha), weight, inputs, gradient.__getitem__, "", last, 2)
        np.testing.assert_array_equal(found, np.repeat(exact[::2], 2, axis=0)[:803])
    scores = Gblm("l1", 1.1).score(weight, inputs, gradient, "")
    again = OrderedRows(scores, in_order(scores)).mask(PerRow(0.3), 2)
    np.testing.assert_array_equal(again, np.repeat(PerRow(0.3).remove(scores).numpy()[::2], 2, axis=0)[:803])
