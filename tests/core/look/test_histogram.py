"""The histogram's cut: one where one contest is held, a range where every row holds its own."""

from __future__ import annotations

import math

import pytest
import torch

from gblm_viz.core.base.job import run
from gblm_viz.core.look.histogram import score_histogram
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model import models
from tests.families import FAMILIES


@pytest.mark.parametrize(("group", "cuts"), [("row", 2), ("matrix", 1), ("global", 1)])
def test_a_single_contest_has_a_single_cut(group: str, cuts: int) -> None:
    torch.manual_seed(0)
    model = models.wrap(FAMILIES["llama"](), None, "tiny")
    settings = Settings("magnitude", group=group, sparsity=0.5, order="dense")
    masks = run(prune.dense_masks(model, None, settings))
    name = model.layout.matrices[0].name
    found = score_histogram(model, None, settings, masks, name)
    assert len({found.cut_low, found.cut_high}) == cuts
    removed = dict(model.network.named_parameters())[name].detach().abs()[masks.masks[name]]
    assert found.cut_high == pytest.approx(math.log10(float(removed.max())), abs=1e-6)
