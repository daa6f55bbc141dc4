"""The reference held against numbers worked out by hand, and run once on every tiny family.

Knows nothing of the product's code.
"""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.modeling_layers import GradientCheckpointingLayer

from tests import reference
from tests.families import (
    BLOCKS,
    FAMILIES,
    UNOBSERVED,
    VOCABULARY,
    block_list,
    save_tiny,
    tiny_samples,
    tiny_tokenizer,
)
from tests.reference import Recipe


class Chain(nn.Module):
    """Two tokens, seen as (1, 0) and (0, 1), through square linear layers in a row; what comes out is logits."""

    def __init__(self, *weights: list[list[float]]) -> None:
        super().__init__()
        layers = [nn.Linear(2, 2, bias=False) for _ in weights]
        for layer, weight in zip(layers, weights, strict=True):
            layer.weight.data = torch.tensor(weight)
        self.blocks = nn.ModuleList(nn.Sequential(layer) for layer in layers)

    def forward(self, input_ids: Tensor, use_cache: bool) -> SimpleNamespace:
        assert not use_cache
        state = torch.eye(2)[input_ids]
        for block in self.blocks:
            state = block(state)
        return SimpleNamespace(logits=state)


class Table(nn.Module):
    """Logits that depend on the present token alone: row `token` of a table."""

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.table = table

    def forward(self, input_ids: Tensor, use_cache: bool) -> SimpleNamespace:
        assert not use_cache
        return SimpleNamespace(logits=self.table[input_ids])


FIRST = "blocks.0.0.weight"
SECOND = "blocks.1.0.weight"
WEIGHT = torch.tensor([[1.0, -2.0, 3.0, -4.0], [4.0, 3.0, -2.0, 1.0]])


def bits(mask: Tensor) -> list[Any]:
    return mask.int().tolist()


def test_sums_of_two_samples_are_those_worked_by_hand() -> None:
    # All weights 0: both tokens have probability 1/2, and each sample makes one prediction, from token 0.
    # Sample 0 1: dloss/dlogits = (1/2, -1/2), times the input (1, 0). Sample 0 0: the opposite sign.
    network = Chain([[0.0, 0.0], [0.0, 0.0]])
    total = reference.sums(network, list(network.blocks), [torch.tensor([0, 1]), torch.tensor([0, 0])])
    assert total.loss.tolist() == pytest.approx([math.log(2), math.log(2)])
    assert total.gradient_l1[FIRST].tolist() == [[1.0, 0.0], [1.0, 0.0]]
    assert total.gradient_sq[FIRST].tolist() == [[0.5, 0.0], [0.5, 0.0]]
    assert total.gradient_sum[FIRST].tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert total.sample_l1[FIRST].tolist() == [1.0, 1.0]
    assert total.input_sq[FIRST].tolist() == [3.0, 1.0]
    assert reference.input_norm(total, FIRST).tolist() == pytest.approx([math.sqrt(1.5), math.sqrt(0.5)])


def test_scores_are_those_worked_by_hand() -> None:
    x = torch.tensor([4.0, 1.0, 1.0, 0.5])
    g = torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]])
    expected = {
        "magnitude": [[1, 2, 3, 4], [4, 3, 2, 1]],
        "wanda": [[4, 2, 3, 2], [16, 3, 2, 0.5]],
        "gradient": [[0, 2, 0, 0], [0, 0, 4, 0]],
        "gblm": [[4, 22, 3, 2], [16, 3, 42, 0.5]],  # alpha = 10
    }
    for method, score in expected.items():
        assert reference.matrix_score(method, WEIGHT, x, g, 10.0)[0].tolist() == score


def test_a_matrix_without_inputs_or_gradients_falls_back() -> None:
    x, g = torch.tensor([4.0, 1.0, 1.0, 0.5]), torch.ones(2, 4)
    size = WEIGHT.abs()
    cases = {
        ("wanda", "inputs"): (torch.zeros(4), g, size),
        ("gblm", "inputs"): (torch.zeros(4), torch.zeros(2, 4), size),
        ("gblm", "gradients"): (x, torch.zeros(2, 4), size * x),
        ("gradient", "gradients"): (x, torch.zeros(2, 4), size),
    }
    for (method, missing), (its_x, its_g, expected) in cases.items():
        score, said = reference.matrix_score(method, WEIGHT, its_x, its_g, 100.0)
        assert said == missing
        assert torch.equal(score, expected)


def test_random_scores_hang_on_seed_and_name_alone() -> None:
    one = reference.random_score("a.weight", (2, 4), seed=0)
    assert torch.equal(one, reference.random_score("a.weight", (2, 4), seed=0))
    assert not torch.equal(one, reference.random_score("a.weight", (2, 4), seed=1))
    assert not torch.equal(one, reference.random_score("b.weight", (2, 4), seed=0))


def test_the_count_is_cut_off_as_python_does_and_bad_sparsities_are_refused() -> None:
    assert reference.removed_count(100, 0.29) == 28
    assert reference.removed_count(7, 0.5) == 3
    assert reference.removed_count(7, 0.0) == 0
    for wrong in (-0.1, 1.0, 1.5):
        with pytest.raises(ValueError, match="sparsity"):
            reference.removed_count(7, wrong)


def test_ties_take_the_left_columns() -> None:
    level = torch.ones(2, 4)
    assert bits(reference.row_mask(level, 0.5)) == [[1, 1, 0, 0], [1, 1, 0, 0]]
    assert bits(reference.matrix_mask(level, 0.5)) == [[1, 1, 1, 1], [0, 0, 0, 0]]
    assert bits(reference.n_of_m_mask(level, 1, 2)) == [[1, 0, 1, 0], [1, 0, 1, 0]]
    assert reference.equal_rows(level) == 2


def test_groups_choose_as_worked_by_hand() -> None:
    score = torch.tensor([[4.0, 2.0, 3.0, 5.0], [16.0, 3.0, 2.0, 1.0]])
    assert bits(reference.row_mask(score, 0.5)) == [[0, 1, 1, 0], [0, 0, 1, 1]]
    # 1, 2, 2, then two threes: the one that comes first, row after row
    assert bits(reference.matrix_mask(score, 0.5)) == [[0, 1, 1, 0], [0, 0, 1, 1]]
    assert bits(reference.matrix_mask(score, 0.4)) == [[0, 1, 0, 0], [0, 0, 1, 1]]
    # the authors' threshold is the fifth of eight values, 3, and all threes go with it
    assert bits(reference.authors_mask(score, 0.5)) == [[0, 1, 1, 0], [0, 1, 1, 1]]
    assert bits(reference.authors_mask(score, 0.0)) == [[0, 0, 0, 0], [0, 0, 0, 0]]


def test_global_compares_across_matrices() -> None:
    scored = {"a": torch.tensor([[1.0, 5.0]]), "b": torch.tensor([[2.0, 1.0], [9.0, 1.0]])}
    found = reference.masks(scored, Recipe(rule="global", sparsity=0.5))  # 3 of 6: all the ones
    assert {name: bits(mask) for name, mask in found.items()} == {"a": [[1, 0]], "b": [[0, 1], [0, 1]]}
    found = reference.masks(scored, Recipe(rule="global", sparsity=0.34))  # 2 of 6: the ones that come first
    assert {name: bits(mask) for name, mask in found.items()} == {"a": [[1, 0]], "b": [[0, 1], [0, 0]]}


def test_two_of_four_removes_the_two_lowest_of_every_four() -> None:
    score = torch.tensor([[4.0, 1.0, 3.0, 2.0, 0.0, 0.0, 0.0, 7.0]])
    assert bits(reference.n_of_m_mask(score, 2, 4)) == [[0, 1, 0, 1, 1, 1, 0, 0]]
    with pytest.raises(ValueError, match=r"wide\.weight.*6"):
        reference.masks({"wide.weight": torch.ones(1, 6)}, Recipe(rule="n:m"))


def test_each_expert_is_a_matrix_of_its_own() -> None:
    scored = {"stack": torch.tensor([[[1.0, 2.0]], [[30.0, 40.0]]])}
    assert bits(reference.masks(scored, Recipe(rule="matrix", sparsity=0.5))["stack"]) == [[[1, 0]], [[1, 0]]]


def test_sequential_order_sees_the_pruned_blocks_before() -> None:
    # The first block loses its second column in both rows (2 > 1, 3 > 1). Its outputs for the two tokens, once each,
    # are (2, 3), (1, 1) before and (2, 3), (0, 0) after. The second block's first row scores 1.45 sqrt(5) = 3.24
    # against sqrt(10) = 3.16 before, and 1.45 * 2 = 2.9 against 3 after: another weight goes.
    network = Chain([[2.0, 1.0], [3.0, 1.0]], [[1.45, 1.0], [1.0, 1.0]])
    samples = [torch.tensor([0, 1])]
    recipe = Recipe(method="wanda")
    dense = reference.dense_masks(network, list(network.blocks), samples, recipe)
    sequential = reference.sequential_masks(network, list(network.blocks), samples, recipe)
    assert bits(dense[FIRST]) == bits(sequential[FIRST]) == [[0, 1], [0, 1]]
    assert bits(dense[SECOND]) == [[0, 1], [1, 0]]
    assert bits(sequential[SECOND]) == [[1, 0], [1, 0]]
    assert network.get_parameter(FIRST).tolist() == [[2.0, 1.0], [3.0, 1.0]]
    assert reference.pruned(network, list(network.blocks), dense).get_parameter(FIRST).tolist() == [[2, 0], [3, 0]]


def test_balance_and_share_give_the_alpha_worked_by_hand() -> None:
    assert reference.alpha_of_balance("l1", 128, 2048) == 100
    assert reference.alpha_of_balance("l1", 32, 512) == 100
    assert reference.alpha_of_balance("l2", 32, 512) == 50
    nothing = torch.zeros(1)
    total = reference.Sums(
        count=4,
        loss=nothing,
        sample_l1={},
        gradient_l1={"a": torch.full((2, 2), 2.0)},
        gradient_sq={},
        gradient_sum={},
        input_sq={"a": torch.full((2,), 4.0)},  # x = sqrt(4 / 4) = 1, g = 2
    )
    assert reference.gradient_share(total, "l1", 0.5) == pytest.approx(0.5)
    assert reference.alpha_of_share(total, "l1", 0.5) == pytest.approx(0.5)
    assert reference.alpha_of_share(total, "l1", 0.8) == pytest.approx(2.0)
    assert reference.alpha_number(Recipe(alpha="share:0.8"), total) == pytest.approx(2.0)


def test_windows_paragraphs_and_lengths_are_cut_as_worked_by_hand() -> None:
    assert [window.tolist() for window in reference.cut_windows(range(10), 4)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [window.tolist() for window in reference.cut_windows(range(3), 4)] == [[0, 1, 2]]
    chosen = [window[0].item() for window in reference.cut_windows(range(80), 8, count=4, seed=3)]
    assert len(chosen) == 4
    assert chosen == sorted(chosen)
    assert reference.split_paragraphs("a\nb\n\n \nc\n\n") == ["a\nb", "c"]
    samples, dropped, short = reference.cut_paragraphs([[1, 2, 3, 4, 5], [6], [7, 8]], length=3)
    assert [sample.tolist() for sample in samples] == [[1, 2, 3], [7, 8]]
    assert (dropped, short) == ([2, 0], 1)
    assert [reference.automatic_length(tokens, 2048) for tokens in (10, 255, 320, 10**6)] == [16, 16, 20, 2048]
    assert reference.automatic_length(10**6, 64) == 64


def test_held_out_is_a_fifth_and_at_least_two() -> None:
    for samples, aside in ((25, 5), (14, 2), (6, 2)):
        collected, held = reference.held_out(samples, seed=0)
        assert len(held) == aside
        assert sorted(collected + held) == list(range(samples))


def test_perplexity_of_a_network_that_knows_nothing_is_its_vocabulary() -> None:
    value, losses = reference.perplexity(Table(torch.zeros(50, 50)), torch.arange(40), length=16)
    assert value == pytest.approx(50, rel=1e-5)
    assert len(losses) == 2


def test_perplexity_averages_over_windows_and_drops_the_tail() -> None:
    # After token 0 comes 0 with probability 3/4, after token 1 either with 1/2. The tail 0 1 is dropped.
    network = Table(torch.tensor([[3.0, 1.0], [1.0, 1.0]]).log())
    tokens = torch.tensor([0, 0, 0, 1, 1, 0, 0, 1])
    value, losses = reference.perplexity(network, tokens, length=3)
    assert losses == pytest.approx([-math.log(3 / 4), -math.log(1 / 2)])
    assert value == pytest.approx(math.sqrt(4 / 3 * 2))
    assert len(reference.perplexity(network, tokens, length=99)[1]) == 1


def test_wilson_interval_of_eight_in_ten() -> None:
    # z = 1.95996, z^2 = 3.84146: centre (0.8 + 0.192073) / 1.384146 = 0.71674,
    # half width 1.95996 sqrt(0.016 + 0.00960365) / 1.384146 = 0.22658
    assert reference.wilson(8, 10) == pytest.approx((0.49016, 0.94332), abs=1e-5)
    assert reference.wilson(0, 10)[0] == pytest.approx(0.0)


def test_column_score_is_one_for_whole_columns_and_zero_for_chance() -> None:
    assert reference.column_score(torch.tensor([[1, 0], [1, 0], [1, 0]]).bool()) == pytest.approx(1)
    # densities 0, 1/2, 1/2, 1: their variance 1/8 is what chance gives two rows, s(1-s)/2
    assert reference.column_score(torch.tensor([[0, 1, 0, 1], [0, 0, 1, 1]]).bool()) == pytest.approx(0)
    assert reference.row_score(torch.tensor([[1, 1], [0, 0]]).bool()) == pytest.approx(1)


def test_head_score_is_one_when_each_head_has_columns_of_its_own() -> None:
    own = torch.tensor([[1, 0], [1, 0], [0, 1], [0, 1]]).bool()
    assert reference.head_score(own, heads=2) == pytest.approx(1)
    # Two heads of two rows. Two of each column's four weights go: by chance both from one head in 2 of 6 cases, one
    # from each in 4, so the mean square is (2/6) (1/4) + (4/6) 0 = 1/12; as here, one column of three being one head's.
    by_chance = torch.tensor([[1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]).bool()
    assert reference.head_score(by_chance, heads=2) == pytest.approx(0)


def test_neighbour_similarity_counts_common_removals() -> None:
    mask = torch.tensor([[1, 1, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0]]).bool()
    assert reference.neighbour_similarity(mask) == pytest.approx((1 / 3 + 1) / 2)
    assert reference.neighbour_score(mask, null=1 / 3) == pytest.approx(0.5)


@pytest.mark.parametrize("rule", ["row", "matrix", "n:m"])
def test_shuffling_keeps_every_comparison_group_full(rule: str) -> None:
    mask = reference.masks({"a": torch.rand(6, 8, generator=torch.Generator().manual_seed(0))}, Recipe(rule=rule))["a"]
    other = reference.shuffled(mask, rule, torch.Generator().manual_seed(1))
    assert not torch.equal(mask, other)
    assert mask.sum() == other.sum()
    if rule == "row":
        assert torch.equal(mask.sum(1), other.sum(1))
    if rule == "n:m":
        assert torch.equal(mask.reshape(6, 2, 4).sum(-1), other.reshape(6, 2, 4).sum(-1))


def test_kappa_is_one_for_equal_masks_and_zero_for_chance() -> None:
    one = torch.tensor([[1, 1, 0, 0]]).bool()
    assert reference.kappa(one, one) == pytest.approx(1)
    assert reference.kappa(one, torch.tensor([[1, 0, 1, 0]]).bool()) == pytest.approx(0)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_reference_runs_on_every_family(family: str) -> None:
    network = FAMILIES[family]()
    blocks = block_list(family, network)
    samples = tiny_samples()
    assert len(blocks) == BLOCKS
    assert all(isinstance(block, GradientCheckpointingLayer) for block in blocks)
    matrices = reference.prunable(network, blocks)
    assert all(matrix.view().shape[-1] % 8 == 0 for matrix in matrices.values())
    total = reference.sums(network, blocks, samples)
    for name in matrices:
        assert total.gradient_l1[name].sum() > 0
        assert total.input_sq[name].sum() > 0
        assert (total.gradient_sum[name].abs() <= total.gradient_l1[name] * (1 + 1e-6)).all()
    gradient = Recipe(method="gradient")
    dense = reference.dense_masks(network, blocks, samples, gradient, total)
    sequential = reference.sequential_masks(network, blocks, samples, gradient, total)
    assert list(dense) == list(sequential) == list(matrices)
    assert all(torch.equal(dense[name], sequential[name]) for name in matrices)
    of_eight = Recipe(rule="n:m", n=4, m=8)
    for name, mask in reference.dense_masks(network, blocks[:1], samples, of_eight, total).items():
        assert (mask.unflatten(-1, (-1, 8)).sum(-1) == 4).all(), name


@pytest.mark.parametrize("family", ["mixtral", "gpt_oss", "qwen3_moe", "olmoe"])
def test_experts_together_see_each_token_twice(family: str) -> None:
    network = FAMILIES[family]()
    blocks = block_list(family, network)
    seen: list[Tensor] = []
    experts = blocks[0].get_submodule("mlp.experts")
    handle = experts.register_forward_pre_hook(lambda _module, args: seen.append(args[0].detach()))
    first = {name: matrix for name, matrix in reference.prunable(network, blocks[:1]).items() if "gate_up" in name}
    sums = reference.input_squares(network, first, tiny_samples())
    handle.remove()
    expected = 2 * torch.cat([states.reshape(-1, states.shape[-1]) for states in seen]).square().sum(0)
    (found,) = sums.values()
    assert found.sum(0).tolist() == pytest.approx(expected.tolist(), rel=1e-5)


def test_gpt_oss_experts_are_seen_the_right_way_round() -> None:
    network = FAMILIES["gpt_oss"]()
    matrices = reference.prunable(network, block_list("gpt_oss", network))
    down = matrices["model.layers.0.mlp.experts.down_proj"]
    assert torch.equal(down.view()[1], down.parameter[1].T)
    mixtral = FAMILIES["mixtral"]()
    down = reference.prunable(mixtral, block_list("mixtral", mixtral))["model.layers.0.mlp.experts.down_proj"]
    assert torch.equal(down.view(), down.parameter)


def test_routers_gates_and_convolutions_are_not_prunable() -> None:
    for family, part in (("qwen2_moe", "gate.weight"), ("qwen2_moe", "shared_expert_gate"), ("lfm2", "conv.conv.")):
        network = FAMILIES[family]()
        assert any(part in name for name, _ in network.named_parameters())
        names = reference.prunable(network, block_list(family, network))
        assert not any(name.endswith(f"mlp.{part}") or (part != "gate.weight" and part in name) for name in names)


@pytest.mark.parametrize("family", UNOBSERVED)
def test_a_matrix_that_no_hook_sees_is_an_error(family: str) -> None:
    network = UNOBSERVED[family]()
    with pytest.raises(ValueError, match=r"never observed.*dt_proj"):
        reference.sums(network, block_list(family, network), tiny_samples())


def test_the_tiny_tokenizer_fits_and_gives_text_back() -> None:
    tokenizer = tiny_tokenizer()
    text = "The river, (twice) 7 < 8!\n\nA new line & more?"
    ids = tokenizer(text)["input_ids"]
    assert len(tokenizer) <= VOCABULARY
    assert tokenizer.unk_token_id not in ids
    assert ids[0] == tokenizer.bos_token_id
    assert tokenizer.decode(ids, skip_special_tokens=True) == text
    assert tokenizer.unk_token_id in tokenizer("日本語")["input_ids"]


@pytest.mark.parametrize("family", ["llama", "gpt2", "mixtral", "gpt_oss"])
def test_a_saved_tiny_model_loads_as_it_was(family: str, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / family, family)
    loaded = AutoModelForCausalLM.from_pretrained(folder, experts_implementation="eager").eval()
    sample = tiny_samples(1)[0]
    assert torch.equal(reference.logits_of(loaded, sample), reference.logits_of(FAMILIES[family](), sample))
    text = "a baker"
    assert AutoTokenizer.from_pretrained(folder)(text)["input_ids"] == tiny_tokenizer()(text)["input_ids"]
