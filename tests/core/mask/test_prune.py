"""Masks, their files and the pruned copy: what is shared, what is refused, what is listed beside the masks.

Knows nothing of the reference's formulas; test_families.py holds the masks against them.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from gblm_viz.core.base.errors import ScoreError, SettingError, StatisticsError
from gblm_viz.core.base.job import Step, run
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.mask_file import read_masks, save_masks
from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.mask.settings import ORDERS, Settings, preview_settings
from gblm_viz.core.model import models
from gblm_viz.core.model.matrices import parameters
from gblm_viz.core.model.models import Model
from gblm_viz.core.score.alpha import Alpha, gradient_share
from gblm_viz.core.score.scores import Fallback
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.sums.statistics import Statistics
from tests.core.test_families import calibration_of, cut_samples, weights_hash
from tests.families import FAMILIES

METHODS = ("random", "magnitude", "wanda", "gradient", "gblm")


def made(family: str, seed: int = 0) -> Model:
    return models.wrap(FAMILIES[family](seed=seed), None, family)


def collected(model: Model) -> Statistics:
    return run(collect(model, calibration_of(cut_samples())))


@pytest.fixture(scope="module", params=["llama", "gpt2", "mixtral"])
def pair(request: pytest.FixtureRequest) -> tuple[Model, Statistics]:
    model = made(request.param)
    return model, collected(model)


@pytest.fixture(scope="module")
def llama() -> tuple[Model, Statistics]:
    model = made("llama")
    return model, collected(model)


def metadata_of(path: Path) -> dict[str, object]:
    with safe_open(path, "pt") as stored:
        found = stored.metadata()
    assert list(found) == ["gblm"]
    read: dict[str, object] = json.loads(found["gblm"])
    assert found["gblm"] == json.dumps(read, sort_keys=True)
    return read


# The pruned copy

def test_a_pruned_copy_shares_what_is_not_pruned_and_leaves_the_dense_model(pair: tuple[Model, Statistics]) -> None:
    model, sums = pair
    before = weights_hash(model.network)
    tokens = cut_samples()[0][None]
    with torch.no_grad():
        dense_logits = model.network(tokens, use_cache=False).logits
    applied = run(prune.masks(model, sums, Settings("wanda", order="dense")))
    copy = prune.pruned(model, applied)
    dense, own = dict(model.network.named_parameters()), dict(copy.network.named_parameters())
    assert list(dense) == list(own)
    for name, parameter in own.items():
        assert (parameter.data_ptr() == dense[name].data_ptr()) == (name not in applied.masks), name
        assert parameter is not dense[name]
    with torch.no_grad():
        assert not torch.equal(copy.network(tokens, use_cache=False).logits, dense_logits)
        assert torch.equal(model.network(tokens, use_cache=False).logits, dense_logits)
    assert weights_hash(model.network) == before
    assert (copy.key, copy.layout) == (model.key, model.layout)


def test_removed_weights_are_zero_and_all_others_as_they_were(pair: tuple[Model, Statistics]) -> None:
    model, sums = pair
    applied = run(prune.masks(model, sums, Settings("gblm", pattern="2:4", order="sequential")))
    left = parameters(prune.pruned(model, applied).network, model.layout)
    for name, weight in parameters(model.network, model.layout).items():
        assert torch.equal(left[name], torch.where(applied.masks[name], 0.0, weight)), name
    assert applied.removed * 2 == applied.prunable == model.layout.prunable
    assert applied.sparsity == 0.5


# The two orders

@pytest.mark.parametrize(("method", "norm"), [
    ("random", "l1"), ("magnitude", "l1"), ("gradient", "l1"), ("gradient", "l2"), ("gradient", "sum")])
def test_methods_without_inputs_give_one_mask_in_both_orders(pair: tuple[Model, Statistics], method: str,
                                                              norm: str) -> None:
    model, sums = pair
    dense, sequential = (run(prune.masks(model, sums, Settings(method, norm, order=order)))
                         for order in ("dense", "sequential"))
    assert all(torch.equal(dense.masks[name], sequential.masks[name]) for name in dense.masks)
    assert sequential.settings.order == "sequential"


def test_methods_with_inputs_differ_between_orders_but_not_in_the_first_block(pair: tuple[Model, Statistics]) -> None:
    model, sums = pair
    for method in ("wanda", "gblm"):
        settings = Settings(method, alpha=Alpha("number", 0.1))
        dense = run(prune.dense_masks(model, sums, settings)).masks
        sequential = run(prune.sequential_masks(model, sums, settings)).masks
        first = {matrix.name for matrix in model.layout.of_block(0)}
        equal = {name for name in dense if torch.equal(dense[name], sequential[name])}
        assert first <= equal
        assert equal < set(dense)


def test_at_sparsity_zero_both_orders_agree_and_nothing_goes(llama: tuple[Model, Statistics]) -> None:
    for order in ORDERS:
        assert run(prune.masks(*llama, Settings("gblm", sparsity=0, order=order))).removed == 0


def test_steps_count_up_to_their_total(llama: tuple[Model, Statistics]) -> None:
    for order, unit in (("dense", "matrix"), ("sequential", "sample_block")):
        steps: list[Step] = []
        run(prune.masks(*llama, Settings(order=order)), steps.append)
        assert [step.done for step in steps] == list(range(steps[-1].total + 1))
        assert {step.what for step in steps} == {unit}


def test_an_abandoned_run_leaves_no_hook_and_no_change(llama: tuple[Model, Statistics]) -> None:
    model, sums = llama
    before = weights_hash(model.network)
    job = prune.masks(model, sums, Settings())
    for _ in range(5):
        next(job)
    job.close()
    assert weights_hash(model.network) == before
    assert not any(module._forward_pre_hooks for module in model.network.modules())


def test_the_preview_is_the_same_settings_in_the_dense_order() -> None:
    settings = Settings("wanda", sparsity=0.3, seed=4)
    assert preview_settings(settings) == Settings("wanda", sparsity=0.3, seed=4, order="dense")


# What stands beside the masks

def narrow_mixtral() -> Model:
    """Experts 2 and 3 are never visited: every router reads one feature, which is always large."""
    network = FAMILIES["mixtral"]()
    with torch.no_grad():
        network.model.embed_tokens.weight[:, 0] = 5.0
        for block in network.model.layers:
            block.mlp.gate.weight.zero_()
            block.mlp.gate.weight[:, 0] = torch.tensor([4.0, 3.0, 2.0, 1.0])
    return models.wrap(network, None, "mixtral")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("method", METHODS)
def test_experts_that_saw_no_token_fall_back_and_are_listed(method: str, order: str) -> None:
    model = narrow_mixtral()
    found = run(prune.masks(model, collected(model), Settings(method, order=order)))
    stacked = [matrix.name for matrix in model.layout.matrices if matrix.experts]
    assert len(stacked) == 2 * len(model.layout.blocks)
    expected = {Fallback(name, expert, "no_token", "|W|") for name in stacked for expert in (2, 3)}
    assert set(found.fallbacks) == (expected if Settings(method).needs else set())
    if found.fallbacks:
        magnitude = run(prune.masks(model, None, Settings("magnitude", order="dense")))
        assert all(torch.equal(found.masks[name][2:], magnitude.masks[name][2:]) for name in stacked)


@pytest.mark.parametrize(("method", "rule"), [("gradient", "|W|"), ("gblm", "|W| · x")])
def test_a_matrix_with_only_zero_gradients_falls_back_and_is_listed(llama: tuple[Model, Statistics], method: str,
                                                                     rule: str) -> None:
    model, sums = llama
    name = model.layout.matrices[3].name
    zeroed = collected(model)
    for gradient in zeroed.sums[name].gradients.values():
        gradient.zero_()
    for order in ORDERS:
        found = run(prune.masks(model, zeroed, Settings(method, order=order)))
        assert found.fallbacks == (Fallback(name, None, "zero_gradient", rule),)
        simple = run(prune.masks(model, sums, Settings({"|W|": "magnitude"}.get(rule, "wanda"), order="dense")))
        if order == "dense":
            assert torch.equal(found.masks[name], simple.masks[name])


def test_rows_whose_scores_are_all_equal_are_counted() -> None:
    model = made("llama")
    name = model.layout.matrices[2].name
    with torch.no_grad():
        dict(model.network.named_parameters())[name][[1, 4, 5]] = 0.0
        dict(model.network.named_parameters())[name][6] = -0.25
    found = run(prune.masks(model, None, Settings("magnitude")))
    assert found.equal_rows == {name: 4}
    assert found.masks[name][6].nonzero().flatten().tolist() == list(range(found.masks[name].shape[1] // 2))
    assert run(prune.masks(model, None, Settings("random"))).equal_rows == {}


def test_alpha_is_turned_into_its_number_from_the_dense_statistics(llama: tuple[Model, Statistics]) -> None:
    model, sums = llama
    for order in ORDERS:
        found = run(prune.masks(model, sums, Settings(alpha=Alpha("share", 0.5), order=order)))
        assert found.alpha is not None
        assert math.isclose(gradient_share(sums, "l1", found.alpha), 0.5, abs_tol=1e-4)
        assert run(prune.masks(model, sums, Settings("wanda", order=order))).alpha is None


def test_a_score_that_is_not_finite_is_an_error_that_names_the_matrix(llama: tuple[Model, Statistics]) -> None:
    model, sums = llama
    for order in ORDERS:
        with pytest.raises(ScoreError) as raised:
            run(prune.masks(model, sums, Settings(alpha=Alpha("number", 1e300), order=order)))
        assert raised.value.key == "score_not_finite"
        assert raised.value.fields["matrix"] == model.layout.matrices[0].name


# Refusals

@pytest.mark.parametrize(("settings", "key"), [
    (Settings("gradients"), "method_unknown"), (Settings("gblm", "sum"), "norm_unknown"),
    (Settings("gradient", "l3"), "norm_unknown"), (Settings(order="parallel"), "order_unknown"),
    (Settings("wanda", group="authors"), "authors_group"), (Settings(group="global"), "global_sequential"),
    (Settings("magnitude", group="global"), "global_sequential"), (Settings(group="column"), "group_unknown"),
    (Settings(sparsity=1.0), "sparsity_outside"), (Settings(sparsity=-1), "sparsity_outside"),
    (Settings(pattern="4:2"), "pattern_impossible"), (Settings(pattern="7:9"), "width_not_divisible"),
])
def test_settings_that_make_no_sense_are_refused(llama: tuple[Model, Statistics], settings: Settings, key: str) -> None:
    with pytest.raises(SettingError) as raised:
        run(prune.masks(*llama, settings))
    assert raised.value.key == key
    assert all(str(value) in str(raised.value) for value in raised.value.fields.values())


def test_the_papers_order_refuses_the_global_group_even_where_the_settings_name_the_dense_order(
        llama: tuple[Model, Statistics]) -> None:
    with pytest.raises(SettingError) as raised:
        run(prune.sequential_masks(*llama, Settings("wanda", group="global", order="dense")))
    assert raised.value.key == "global_sequential"


def test_a_width_m_does_not_divide_is_refused_before_any_work_with_matrix_and_width(
        llama: tuple[Model, Statistics]) -> None:
    model, sums = llama
    job = prune.masks(model, sums, Settings(pattern="2:64"))
    with pytest.raises(SettingError) as raised:
        next(job)
    assert raised.value.fields == {"n": 2, "m": 64, "matrix": model.layout.matrices[0].name, "columns": 32}


@pytest.mark.parametrize("method", ["wanda", "gradient", "gblm"])
def test_a_method_that_needs_sums_is_refused_without_them(llama: tuple[Model, Statistics], method: str) -> None:
    for order in ORDERS:
        with pytest.raises(SettingError) as raised:
            run(prune.masks(llama[0], None, Settings(method, order=order)))
        assert raised.value.key == "needs_statistics"


@pytest.mark.parametrize("method", METHODS)
def test_statistics_of_another_model_are_refused_with_both_names(llama: tuple[Model, Statistics], method: str) -> None:
    other = models.wrap(FAMILIES["llama"](seed=1), None, "somebody/else")
    for order in ORDERS:
        with pytest.raises(StatisticsError) as raised:
            run(prune.masks(other, llama[1], Settings(method, order=order)))
        assert raised.value.key == "other_model"
        assert "llama" in str(raised.value)
        assert "somebody/else" in str(raised.value)


def test_a_sum_that_was_not_kept_is_refused(llama: tuple[Model, Statistics]) -> None:
    model, _ = llama
    only_l1 = run(collect(model, calibration_of(cut_samples()), keep=("l1",)))
    for method, norm in (("gblm", "l2"), ("gradient", "sum")):
        with pytest.raises(StatisticsError) as raised:
            run(prune.masks(model, only_l1, Settings(method, norm)))
        assert raised.value.key == "sum_not_kept"


# Mask files

def test_a_mask_file_holds_the_parameters_names_and_their_out_in_views(pair: tuple[Model, Statistics],
                                                                        tmp_path: Path) -> None:
    model, sums = pair
    applied = run(prune.masks(model, sums, Settings("wanda", sparsity=0.3)))
    save_masks(applied, tmp_path / "masks.safetensors")
    with safe_open(tmp_path / "masks.safetensors", "pt") as stored:
        keys = list(stored.keys())
        tensors: dict[str, Tensor] = {key: stored.get_tensor(key) for key in keys}
    assert set(tensors) == {matrix.name for matrix in model.layout.matrices} <= dict(
        model.network.named_parameters()).keys()
    views = parameters(model.network, model.layout)
    for name, tensor in tensors.items():
        assert tensor.dtype == torch.uint8
        assert tensor.shape == views[name].shape
        assert tensor.sum(-1).unique().tolist() == [int(tensor.shape[-1] * 0.3)]
        assert torch.equal(tensor.bool(), applied.masks[name])
    back = read_masks(tmp_path / "masks.safetensors")
    assert all(torch.equal(back[name], applied.masks[name]) for name in applied.masks)


def test_gpt2s_transposed_matrices_are_masked_in_their_out_in_view(tmp_path: Path) -> None:
    model = made("gpt2")
    applied = run(prune.masks(model, None, Settings("magnitude", sparsity=0.25)))
    save_masks(applied, tmp_path / "masks.safetensors")
    name = "transformer.h.0.mlp.c_fc.weight"
    stored = dict(model.network.named_parameters())[name]
    mask = read_masks(tmp_path / "masks.safetensors")[name]
    assert tuple(stored.shape) == (32, 64)
    assert tuple(mask.shape) == (64, 32)
    assert mask.sum(1).tolist() == [8] * 64
    left = dict(prune.pruned(model, applied).network.named_parameters())[name]
    assert torch.equal(left == 0, mask.T)


@pytest.mark.parametrize("settings", [Settings("random", seed=3), Settings("gblm", pattern="2:4")])
def test_two_runs_write_the_same_bytes(settings: Settings, tmp_path: Path) -> None:
    digests = []
    for attempt in ("one", "two"):
        model = made("llama")
        file = tmp_path / attempt / "masks.safetensors"
        save_masks(run(prune.masks(model, collected(model), settings)), file)
        digests.append(hashlib.sha256(file.read_bytes()).hexdigest())
        assert [path.name for path in file.parent.iterdir()] == ["masks.safetensors"]
    assert digests[0] == digests[1]


def test_the_metadata_says_what_made_the_masks(llama: tuple[Model, Statistics], tmp_path: Path) -> None:
    model, sums = llama
    applied = run(prune.masks(model, sums, Settings("gblm", "l2", Alpha("share", 0.25), pattern="2:4", seed=9)))
    save_masks(applied, tmp_path / "masks.safetensors")
    assert metadata_of(tmp_path / "masks.safetensors") == {
        "method": "gblm", "norm": "l2", "alpha": "share:0.25", "alpha_value": applied.alpha, "group": "row",
        "sparsity": 0.5, "pattern": "2:4", "pattern_label": "2:4", "order": "sequential", "seed": 9, "format": 1,
        "model_key": model.key, "calibration": sums.calibration.key}
    magnitude: Masks = run(prune.masks(model, sums, Settings("magnitude")))
    save_masks(magnitude, tmp_path / "magnitude.safetensors")
    read = metadata_of(tmp_path / "magnitude.safetensors")
    assert (read["alpha_value"], read["calibration"], read["pattern_label"]) == (None, "", "row 0.5")


@pytest.mark.parametrize("content", [b"", b"not safetensors at all", b"\xff" * 64])
def test_a_damaged_mask_file_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "masks.safetensors"
    file.write_bytes(content)
    with pytest.raises(StatisticsError) as raised:
        read_masks(file)
    assert raised.value.key == "torn"
    assert "masks.safetensors" in str(raised.value)
    with pytest.raises(StatisticsError):
        read_masks(tmp_path / "absent.safetensors")
