"""The product held against the reference in every family: sums within the contract's tolerances, masks bit by bit.

Knows nothing of trained models: the networks are tiny and random. What was compared is counted in pytest's cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gblm_viz.core.base.errors import ScoreError
from gblm_viz.core.base.job import run
from gblm_viz.core.mask import live, patterns, prune
from gblm_viz.core.mask.settings import ORDERS, Settings
from gblm_viz.core.model import models
from gblm_viz.core.model.models import Model
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.text.calibration import CalibrationSet
from tests import reference
from tests.families import FAMILIES, UNOBSERVED, block_list, tiny_samples
from tests.reference import Recipe

RELATIVE, OF_MAXIMUM, OF_L1 = 1e-5, 1e-7, 1e-6
"""core/README.md, Tolerances."""
LENGTHS = (16, 16, 11)
"""The last sample is shorter, so that padding which entered a model would show."""
METHODS = (("random", "l1"), ("magnitude", "l1"), ("wanda", "l1"), ("gradient", "l1"), ("gradient", "l2"),
           ("gradient", "sum"), ("gblm", "l1"), ("gblm", "l2"))
PATTERNS = ("0.3", "0.5", "2:4", "4:8")
WIDER = ("llama", "gpt2", "mixtral", "gpt_oss")
"""An ordinary family, one with transposed matrices, and two with stacked experts, for the other groups."""

pytestmark = pytest.mark.usefixtures("one_thread")


@dataclass(frozen=True, eq=False)
class Case:
    """One family's network, what the product collected from it, and the same sums as the reference takes them."""

    name: str
    model: Model
    blocks: list[nn.Module]
    samples: list[Tensor]
    collected: Statistics
    expected: reference.Sums
    weights_before: str

    @property
    def given(self) -> reference.Sums:
        return dressed(self.collected)


def dressed(collected: Statistics) -> reference.Sums:
    """The product's sums in the reference's dress: equal sums on both sides leave no near-tie to chance."""
    sums = collected.sums
    return reference.Sums(
        collected.count, collected.losses, collected.sample_l1,
        {name: one.gradients["l1"] for name, one in sums.items()},
        {name: one.gradients["sq"] for name, one in sums.items()},
        {name: one.gradients["sum"] for name, one in sums.items()},
        {name: one.input_sq for name, one in sums.items()})


def weights_hash(network: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        digest.update(name.encode() + tensor.contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def calibration_of(samples: list[Tensor]) -> CalibrationSet:
    lengths = torch.tensor([len(sample) for sample in samples])
    tokens = torch.zeros(len(samples), int(lengths.max()), dtype=torch.int64)
    for row, sample in enumerate(samples):
        tokens[row, : len(sample)] = sample
    return CalibrationSet(tokens, lengths, "tokens", 0, "tiny", "")


def cut_samples() -> list[Tensor]:
    return [sample[:length] for sample, length in zip(tiny_samples(len(LENGTHS), max(LENGTHS)), LENGTHS, strict=True)]


@pytest.fixture(scope="module", params=list(FAMILIES))
def case(request: pytest.FixtureRequest) -> Case:
    network = FAMILIES[request.param]()
    samples, blocks = cut_samples(), block_list(request.param, network)
    before = weights_hash(network)
    model = models.wrap(network, None, request.param)
    collected = run(collect(model, calibration_of(samples)))
    return Case(request.param, model, blocks, samples, collected, reference.sums(network, blocks, samples), before)


@pytest.fixture(scope="module")
def compared(request: pytest.FixtureRequest) -> Iterator[dict[str, int]]:
    """Masks compared by family; written as JSON to pytest's cache (.pytest_cache/v/gblm_viz/masks_compared)."""
    counted: dict[str, int] = {}
    yield counted
    cache: Any = request.config.cache
    cache.set("gblm_viz/masks_compared", {
        "families": len(counted), "methods": [f"{method} {norm}" for method, norm in METHODS],
        "patterns": list(PATTERNS), "orders": list(ORDERS), "mask_sets": sum(counted.values())})


def settings_of(method: str, norm: str, pattern: str, order: str) -> Settings:
    ratio = {"pattern": pattern} if ":" in pattern else {"sparsity": float(pattern)}
    return Settings(method, norm, order=order, **ratio)  # type: ignore[arg-type]


def recipe_of(settings: Settings) -> Recipe:
    recipe = Recipe(settings.method, settings.norm, settings.alpha.value, settings.seed, rule=settings.group,
                    sparsity=settings.sparsity)
    if settings.pattern:
        n, m = settings.pattern.split(":")
        recipe = replace(recipe, rule="n:m", n=int(n), m=int(m))
    return recipe


def differing(found: dict[str, Tensor], expected: dict[str, Tensor]) -> dict[str, int]:
    """Parameter name -> how many bits differ; the same parameters in the same order, or an assertion fails."""
    assert list(found) == list(expected)
    return {name: int((mask != expected[name]).sum()) for name, mask in found.items()
            if not torch.equal(mask, expected[name])}


def refuse_other_sums(name: str, found: reference.Sums, expected: reference.Sums) -> None:
    """An assertion fails where one of the sums differs by more than core/README.md's tolerances."""
    def near(ours: Tensor, theirs: Tensor, what: str) -> None:
        torch.testing.assert_close(ours.float(), theirs, rtol=RELATIVE, atol=OF_MAXIMUM * float(theirs.abs().max()),
                                   msg=lambda said: f"{name} {what}: {said}")

    near(found.loss, expected.loss, "loss")
    for matrix, l1 in expected.gradient_l1.items():
        near(found.gradient_l1[matrix], l1, f"{matrix} l1")
        near(found.gradient_sq[matrix], expected.gradient_sq[matrix], f"{matrix} sq")
        near(found.input_sq[matrix], expected.input_sq[matrix], f"{matrix} inputs")
        near(found.sample_l1[matrix], expected.sample_l1[matrix], f"{matrix} sample_l1")
        apart = (found.gradient_sum[matrix] - expected.gradient_sum[matrix]).abs()
        worst = float((apart / l1).nan_to_num().max())
        assert bool((apart <= OF_L1 * l1).all()), f"{name} {matrix}: signed sums {worst}"


def test_prunable_parameters_and_their_views_are_the_references(case: Case) -> None:
    expected = reference.prunable(case.model.network, case.blocks)
    assert {matrix.name: matrix.shape for matrix in case.model.layout.matrices} == {
        name: tuple(matrix.view().shape) for name, matrix in expected.items()}
    assert [matrix.name for matrix in case.model.layout.matrices] == list(expected)
    left_out = {one.name for one in case.model.layout.left_out}
    assert left_out | set(expected) == {name for name, _ in case.model.network.named_parameters()}
    assert not left_out & set(expected)


def test_sums_losses_and_sample_l1_are_within_the_contracts_tolerances(case: Case) -> None:
    refuse_other_sums(case.name, case.given, case.expected)


def test_collected_block_by_block_the_sums_are_bitwise_the_same(case: Case) -> None:
    found = run(collect(case.model, case.collected.calibration, plan="streamed"))
    assert torch.equal(found.losses, case.collected.losses)
    assert list(found.sums) == list(case.collected.sums)
    for name, sums in case.collected.sums.items():
        own = found.sums[name]
        for kept, gradient in sums.gradients.items():
            assert torch.equal(own.gradients[kept], gradient), f"{case.name} {name} {kept}"
        assert torch.equal(own.input_sq, sums.input_sq) and torch.equal(own.tokens, sums.tokens)
        assert torch.equal(found.sample_l1[name], case.collected.sample_l1[name])


@pytest.mark.parametrize(("method", "norm"), METHODS)
def test_masks_are_the_references_in_both_orders(case: Case, compared: dict[str, int], method: str, norm: str) -> None:
    for pattern in PATTERNS:
        recipe = recipe_of(settings_of(method, norm, pattern, "dense"))
        dense = reference.dense_masks(case.model.network, case.blocks, case.samples, recipe, case.given)
        # Without inputs the reference's orders read the same numbers: one run of it serves both.
        expected = {"dense": dense, "sequential": dense if "inputs" not in reference.needs(method) else
                    reference.sequential_masks(case.model.network, case.blocks, case.samples, recipe, case.given)}
        for order in ORDERS:
            found = run(prune.masks(case.model, case.collected, settings_of(method, norm, pattern, order)))
            assert differing(found.masks, expected[order]) == {}, f"{case.name} {method} {norm} {pattern} {order}"
            compared[case.name] = compared.get(case.name, 0) + 1


def test_the_dense_weights_are_the_same_bytes_after_everything(case: Case) -> None:
    for order in ORDERS:
        applied = run(prune.masks(case.model, case.collected, Settings(order=order)))
        pruned = prune.pruned(case.model, applied)
        assert sum(int((weight == 0).sum()) for weight in weights_of(pruned).values()) >= applied.removed > 0
    assert weights_hash(case.model.network) == case.weights_before
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in case.model.network.parameters())
    assert not any(module._forward_pre_hooks for module in case.model.network.modules())


def weights_of(model: Model) -> dict[str, Tensor]:
    return {matrix.name: dict(model.network.named_parameters())[matrix.name] for matrix in model.layout.matrices}


@pytest.mark.parametrize("case", WIDER, indirect=True)
def test_the_matrix_group_is_the_references_in_both_orders(case: Case) -> None:
    for method, norm in METHODS:
        for order, reference_masks in (("dense", reference.dense_masks), ("sequential", reference.sequential_masks)):
            settings = Settings(method, norm, group="matrix", sparsity=0.37, order=order)
            expected = reference_masks(case.model.network, case.blocks, case.samples, recipe_of(settings), case.given)
            found = run(prune.masks(case.model, case.collected, settings))
            assert differing(found.masks, expected) == {}, f"{method} {norm} {order}"


@pytest.mark.parametrize("case", WIDER, indirect=True)
def test_the_global_group_is_the_references(case: Case) -> None:
    for method, norm in METHODS:
        settings = Settings(method, norm, group="global", sparsity=0.37, order="dense")
        expected = reference.dense_masks(case.model.network, case.blocks, case.samples, recipe_of(settings), case.given)
        found = run(prune.masks(case.model, case.collected, settings))
        assert differing(found.masks, expected) == {}, f"{method} {norm}"
        assert found.removed == int(found.prunable * 0.37)


@pytest.mark.parametrize("case", WIDER, indirect=True)
def test_the_authors_group_is_the_references(case: Case) -> None:
    for sparsity in (0.0, 0.37, 0.5):
        settings = Settings("magnitude", group="authors", sparsity=sparsity, order="dense")
        expected = reference.dense_masks(case.model.network, case.blocks, case.samples, recipe_of(settings), None)
        assert differing(run(prune.masks(case.model, None, settings)).masks, expected) == {}


@pytest.mark.parametrize("pattern", ["0.4", "2:4", "matrix", "global", "authors"])
@pytest.mark.parametrize("case", WIDER, indirect=True)
def test_one_matrix_live_and_kept_scores_give_the_same_masks(
    case: Case, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patterns, "AT_A_TIME", 300)  # several pieces of each matrix, the last one smaller
    methods = [("magnitude", "l1")] if pattern == "authors" else METHODS
    for method, norm in methods:
        ratio = {"group": pattern, "sparsity": 0.4} if pattern.isalpha() else {}
        settings = settings_of(method, norm, "0.4" if ratio else pattern, "dense")
        settings = replace(settings, **ratio)  # type: ignore[arg-type]
        expected = run(prune.dense_masks(case.model, case.collected, settings)).masks
        kept = prune.all_scores(case.model, case.collected, replace(settings, sparsity=0.1, pattern="", group="row"))
        assert differing(run(prune.dense_masks(case.model, case.collected, settings, kept)).masks, expected) == {}
        found = {}
        for matrix in case.model.layout.matrices:
            parts = [torch.from_numpy(live.live_mask(case.model, case.collected, settings, matrix.name, expert)[0])
                     for expert in range(max(1, matrix.experts))]
            found[matrix.name] = torch.stack(parts) if matrix.experts else parts[0]
        assert differing(found, expected) == {}, f"{method} {norm}"


def test_fallbacks_are_the_references(case: Case) -> None:
    alpha = 100.0
    matrices = reference.prunable(case.model.network, case.blocks)
    for method, norm in METHODS:
        found = run(prune.dense_masks(case.model, case.collected, Settings(method, norm, Alpha("number", alpha))))
        fallen = reference.scores(matrices, case.given, Recipe(method, norm), alpha)[1]
        assert {(one.matrix, one.expert or 0) for one in found.fallbacks} == {
            (name, expert) for name, experts in fallen.items() for expert in experts}, f"{case.name} {method}"


@pytest.mark.parametrize("name", list(UNOBSERVED))
def test_a_matrix_that_observation_missed_is_an_error_that_names_it(name: str) -> None:
    model = models.wrap(UNOBSERVED[name](), None, name)
    with pytest.raises(ScoreError) as raised:
        run(collect(model, calibration_of(cut_samples())))
    assert raised.value.key == "unobserved"
    assert raised.value.fields["matrix"] in {matrix.name for matrix in model.layout.matrices}


@pytest.mark.parametrize("case", ["mixtral", "qwen2_moe", "gpt_oss", "deepseek_v3"], indirect=True)
def test_each_experts_input_norm_is_the_references_and_none_only_where_no_token_came(case: Case) -> None:
    stacked = [matrix for matrix in case.model.layout.matrices if matrix.experts]
    assert stacked
    for matrix in stacked:
        found, expected = case.collected.input_norm(matrix.name), reference.input_norm(case.expected, matrix.name)
        assert found.shape == (matrix.experts, matrix.columns)
        torch.testing.assert_close(found, expected, rtol=RELATIVE, atol=OF_MAXIMUM * float(expected.max()))
        seen = case.collected.sums[matrix.name].tokens
        assert torch.equal(seen == 0, ~expected.any(-1))
        assert int(seen.sum()) == sum(LENGTHS) * case.model.network.config.num_experts_per_tok
