"""What a report says of structure: one matrix's bands are the model's, and each input is written by what is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gblm_viz.core.base.job import run
from gblm_viz.core.look import fields
from gblm_viz.core.look.columns import ColumnSource, column_source
from gblm_viz.core.look.gradient_sums import gradient_factors
from gblm_viz.core.look.structure_maps import structure_band, structure_bands, structure_cells
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model import models
from gblm_viz.core.model.matrices import Matrix
from gblm_viz.core.model.models import Model
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.text.calibration import CalibrationSet
from tests.families import FAMILIES


def made(family: str) -> Model:
    torch.manual_seed(0)
    return models.wrap(FAMILIES[family](), None, "tiny")


def magnitude(model: Model, **settings: Any) -> Masks:
    return run(prune.dense_masks(model, None, Settings(method="magnitude", order="dense", **settings)))


@pytest.mark.parametrize("family", ["llama", "mixtral"])
@pytest.mark.parametrize("pattern", ["", "2:4"])
def test_one_matrix_s_bands_are_those_of_the_whole_model(family: str, pattern: str) -> None:
    model = made(family)
    masks = magnitude(model, pattern=pattern)
    whole = run(structure_bands(model, masks))
    assert len(whole.each) == sum(max(1, matrix.experts) for matrix in model.layout.matrices)
    for (name, expert), bands in list(whole.each.items())[::5]:
        alone = run(structure_band(model, masks, name, expert))
        assert alone.keys() == bands.keys()
        for score, band in bands.items():
            assert repr(alone[score]) == repr(band), (name, expert, score)


def test_the_bands_scores_are_those_of_the_map() -> None:
    model = made("llama")
    masks = magnitude(model)
    bands = run(structure_bands(model, masks))
    for cell in run(structure_cells(model, masks)):
        for score in ("column", "head"):  # the neighbour score holds a null in itself: one shuffle there, all here
            assert repr(bands.each[cell.name, 0][score].score) == repr(getattr(cell, score)), (cell.name, score)


@contextmanager
def heard(network: nn.Module, path: str) -> Iterator[list[Tensor]]:
    """The inputs of one linear layer."""
    inputs: list[Tensor] = []
    hook = network.get_submodule(path).register_forward_pre_hook(
        lambda _, given: inputs.append(given[0].detach().reshape(-1, given[0].shape[-1])))
    yield inputs
    hook.remove()


def silenced(model: Model, target: Matrix, source: Matrix, row: int) -> set[int]:
    """The columns of `target` whose input is zero everywhere once `row` of `source` is zero, and was not before."""
    tokens = torch.randint(2, 90, (1, 12), generator=torch.Generator().manual_seed(3))
    weight = dict(model.network.named_parameters())[source.name]
    kept = weight.detach().clone()
    with torch.no_grad(), heard(model.network, target.name.removesuffix(".weight")) as inputs:
        model.network(tokens)
        weight[row] = 0
        model.network(tokens)
        weight.copy_(kept)
    before, after = (one.abs().amax(0) > 0 for one in inputs)
    return set((before & ~after).nonzero().flatten().tolist())


@pytest.mark.parametrize("family", ["llama", "mistral", "gemma"])
def test_a_column_of_o_is_written_by_the_head_and_value_row_that_are_named(family: str) -> None:
    model = made(family)  # two heads of queries read one head of values
    o, v = (next(one for one in model.layout.of_block(1) if one.role == role) for role in ("o", "v"))
    named = [column_source(model, o, column) for column in range(o.columns)]
    assert {one.kind for one in named} == {"head"}
    assert [one.number for one in named] == [column // model.head_size for column in range(o.columns)]
    for row in range(v.rows):
        assert silenced(model, o, v, row) == {column for column, one in enumerate(named) if one.row == row}


def test_a_column_of_down_is_written_by_the_mlp_neuron_that_is_named() -> None:
    model = made("llama")
    down, up = (next(one for one in model.layout.of_block(1) if one.role == role) for role in ("down", "up"))
    for row in (0, 7, up.rows - 1):
        (column,) = silenced(model, down, up, row)
        assert column_source(model, down, column) == ColumnSource("neuron", row)


def test_other_columns_are_features_or_plain_inputs() -> None:
    model = made("llama")
    gate = next(one for one in model.layout.matrices if one.role == "gate")
    assert column_source(model, gate, 5) == ColumnSource("feature", 5)
    assert column_source(model, replace(gate, role="other"), 5) == ColumnSource("input", 5)


@pytest.mark.parametrize("family", ["llama", "mixtral"])
def test_factors_are_the_share_that_one_and_two_vectors_explain(family: str) -> None:
    model = made(family)
    tokens = torch.randint(2, 90, (3, 16), generator=torch.Generator().manual_seed(1))
    samples = CalibrationSet(tokens, torch.full((3,), 16), "windows", 0, "text", "0" * 64)
    statistics = run(collect(model, samples))
    for matrix in model.layout.matrices[:8]:
        for expert in range(max(1, matrix.experts)):
            gradient = statistics.gradient_norm(matrix.name, "l1")
            gradient = (gradient[expert] if matrix.experts else gradient).double()
            found = gradient_factors(statistics, matrix.name, expert)
            assert found is not None
            if not gradient.any():
                assert found.share != found.share
                continue
            squares = gradient.square().sum()
            assert found.flat == pytest.approx(float(1 - (gradient - gradient.mean()).square().sum() / squares))
            leading = torch.linalg.svdvals(gradient)[0]
            assert found.share == pytest.approx(float(leading.square() / squares), rel=1e-6)
            assert found.flat <= found.share + 1e-12 <= 1 + 1e-9


def test_without_the_l1_sum_there_are_no_factors() -> None:
    model = made("llama")
    tokens = torch.randint(2, 90, (2, 8), generator=torch.Generator().manual_seed(1))
    samples = CalibrationSet(tokens, torch.full((2,), 8), "windows", 0, "text", "0" * 64)
    statistics = run(collect(model, samples, keep=("sq",)))
    assert gradient_factors(statistics, model.layout.matrices[0].name) is None


@pytest.mark.parametrize("family", ["llama", "mixtral"])
def test_the_terms_of_a_score_add_up_to_it_weight_by_weight(family: str) -> None:
    model = made(family)
    tokens = torch.randint(2, 90, (3, 16), generator=torch.Generator().manual_seed(1))
    statistics = run(collect(model, CalibrationSet(tokens, torch.full((3,), 16), "windows", 0, "text", "0" * 64)))
    settings = Settings(alpha=Alpha("number", 7.0), order="dense")
    matrix = model.layout.matrices[-1]
    expert = max(0, matrix.experts - 1)

    def field(which: str) -> list[list[float]]:
        return fields.field(model, statistics, matrix.name, which, expert, settings).tolist()

    weight, inputs, pulls = field("weight"), field("input"), field("l1")
    activation, pull, score = field("activation"), field("pull"), field("score")
    for row in range(0, matrix.rows, 5):
        for column in range(0, matrix.columns, 3):
            size = abs(weight[row][column])
            assert activation[row][column] == pytest.approx(size * inputs[row][column], rel=1e-5)
            assert pull[row][column] == pytest.approx(7.0 * size * pulls[row][column], rel=1e-5)
            assert score[row][column] == pytest.approx(activation[row][column] + pull[row][column], rel=1e-5)
