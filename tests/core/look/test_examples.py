"""The weights and matrices that show one thing clearly, against the reference's loops on a tiny model."""

from __future__ import annotations

import torch

from gblm_viz.core.base.job import run
from gblm_viz.core.look import examples
from gblm_viz.core.look.examples import Found
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.patterns import shuffled
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model import models
from gblm_viz.core.model.matrices import parameters
from gblm_viz.core.model.models import Model
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.text.calibration import CalibrationSet
from tests import reference
from tests.families import FAMILIES


def collected(seed: int, family: str = "llama") -> tuple[Model, Statistics]:
    torch.manual_seed(seed)
    model = models.wrap(FAMILIES[family](), None, "tiny")
    tokens = torch.randint(2, 90, (3, 16), generator=torch.Generator().manual_seed(seed))
    samples = CalibrationSet(tokens, torch.full((3,), 16), "windows", 0, "text", "0" * 64)
    return model, run(collect(model, samples))


def masks_of(model: Model, found: Statistics, method: str, **more: object) -> dict[str, torch.Tensor]:
    settings = Settings(method, order="dense", **more)  # type: ignore[arg-type]
    return dict(run(prune.dense_masks(model, found, settings)).masks)


def weights_of(model: Model) -> dict[str, torch.Tensor]:
    stored = parameters(model.network, model.layout)
    return {matrix.name: matrix.view(stored[matrix.name]).detach() for matrix in model.layout.matrices}


def test_the_weight_at_the_loudest_input_is_the_reference_s() -> None:
    for seed in range(3):
        model, found = collected(seed)
        dropped, kept = (masks_of(model, found, method) for method in ("magnitude", "wanda"))
        both = {name: (weight, found.input_norm(name)) for name, weight in weights_of(model).items()}
        one = examples.loudest_input(model, found, dropped, kept)
        assert one is not None
        assert (one.matrix, one.row, one.column) == reference.loudest_input(both, dropped, kept)
        assert bool(dropped[one.matrix][one.row, one.column]) and not bool(kept[one.matrix][one.row, one.column])


def test_no_weight_is_found_where_both_masks_are_one() -> None:
    model, found = collected(0)
    masks = masks_of(model, found, "wanda")
    assert examples.loudest_input(model, found, masks, masks) is None


def test_the_most_uneven_rows_and_columns_are_the_reference_s() -> None:
    model, found = collected(1)
    settings = Settings("gblm", order="dense")
    masks, whole = masks_of(model, found, "gblm"), masks_of(model, found, "gblm", group="matrix")
    rows = {name: max(shares) - min(shares) for name, shares in
            ((name, reference.row_shares(mask)) for name, mask in whole.items())}
    assert examples.most_uneven_rows(model, whole) == Found(max(rows, key=lambda name: rows[name]))
    name = max(rows, key=lambda name: rows[name])
    assert examples.row_range(whole[name]) == (min(reference.row_shares(whole[name])),
                                               max(reference.row_shares(whole[name])))
    pattern = settings.make_pattern()
    above = {name: reference.column_score(mask) - reference.column_score(shuffled(mask, pattern))
             for name, mask in masks.items()}
    assert examples.most_uneven_columns(model, masks, pattern) == Found(max(above, key=lambda name: above[name]))


def test_the_lowest_predictions_are_the_reference_s_and_below_zero() -> None:
    model, found = collected(2)
    masks = masks_of(model, found, "gblm")
    sums = {name: (weight, found.gradient_sum(name)) for name, weight in weights_of(model).items()}
    targets = examples.kept_with_lowest_prediction(model, found, masks, 16)
    assert [(one.name, one.row, one.column) for one in targets] == reference.lowest_predictions(
        sums, masks, found.count, 16)
    assert len(targets) == 16


def test_experts_are_looked_at_one_by_one() -> None:
    model, found = collected(0, "mixtral")
    one = examples.loudest_input(model, found, *(masks_of(model, found, method) for method in ("magnitude", "wanda")))
    whole = examples.most_uneven_rows(model, masks_of(model, found, "magnitude", group="matrix"))
    assert one is not None and whole is not None
    for place in (one, whole):
        assert place.expert < max(1, model.layout.named(place.matrix).experts)


def test_a_median_of_zero_makes_no_input_loud() -> None:
    assert examples.over_median(torch.tensor([0.0, 0.0, 5.0])).tolist() == [0.0, 0.0, 0.0]
    assert examples.over_median(torch.tensor([1.0, 2.0, 4.0, 8.0])).tolist() == [1 / 3, 2 / 3, 4 / 3, 8 / 3]
