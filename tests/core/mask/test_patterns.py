"""Which weights go: exact counts, stable ties, refusals, and equality with the reference. Knows nothing of methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gblm_viz.core.base.errors import SettingError
from gblm_viz.core.mask import patterns
from gblm_viz.core.mask.patterns import (
    Authors,
    Global,
    NofM,
    Pattern,
    PerMatrix,
    PerRow,
    checked_sparsity,
    label,
    make_pattern,
    parse_pattern,
)
from tests import reference

SHARES = (0.0, 0.1, 0.29, 0.3, 0.5, 0.77, 0.999)


def tied(seed: int, rows: int = 9, columns: int = 24) -> Tensor:
    """Scores of few values, so that nearly every choice is among ties; both zeros are there."""
    generator = torch.Generator().manual_seed(seed)
    score = torch.randint(0, 4, (rows, columns), generator=generator).float()
    minus = torch.rand(score.shape, generator=generator) < 0.5
    return torch.where((score == 0) & minus, -0.0, score)


def lowest_by_hand(line: list[float], count: int) -> list[bool]:
    """Python's own stable sort of places; -0.0 and 0.0 compare equal."""
    gone = set(sorted(range(len(line)), key=lambda place: line[place])[:count])
    return [place in gone for place in range(len(line))]


def test_int_of_a_float_product_cuts_off_28_of_100() -> None:
    score = torch.arange(200.0).reshape(2, 100)
    assert PerRow(0.29).remove(score).sum(1).tolist() == [28, 28]
    assert PerMatrix(0.29).remove(score[:1]).sum() == 28
    assert Global(0.29).remove_all({"a": score[:1]})["a"].sum() == 28


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_rows_cut_in_several_pieces_are_the_stable_sorts(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "AT_A_TIME", 100)
    generator = torch.Generator().manual_seed(0)
    score = torch.rand(23, 31, generator=generator, dtype=torch.float64)
    score[3] = score[3] + 1e-12 * torch.arange(31)  # told apart in float64 alone
    score[5], score[7, :9] = 0.25, 0.5
    score = score.to(dtype)
    for share in SHARES:
        expected = [lowest_by_hand(row, int(31 * share)) for row in score.tolist()]
        assert PerRow(share).remove(score).tolist() == expected
    stacked = score[:20].reshape(4, 5, 31)
    assert torch.equal(PerRow(0.5).remove(stacked).reshape(20, 31), PerRow(0.5).remove(score[:20]))


WIDE_ROWS = {
    "even": lambda noise: noise,
    "few values": lambda noise: (8 * noise).floor(),
    "in order": lambda noise: noise.sort(dim=-1).values,
    "zeros": lambda noise: noise.where(noise > 0.6, torch.tensor(0.0)),
    "told by no sample": lambda noise: noise * (1 + 1e3 * (torch.arange(noise.shape[-1]) % patterns.SAMPLED > 0)),
    "no numbers": lambda noise: noise.where(noise > 0.3, torch.tensor(float("nan"))),
}


@pytest.mark.parametrize("kind", WIDE_ROWS)
def test_wide_rows_whose_cut_a_sample_points_at_are_the_stable_sorts(kind: str) -> None:
    columns = patterns.WIDE + 5
    score = WIDE_ROWS[kind](torch.rand(3, columns, generator=torch.Generator().manual_seed(1)))
    for count in (1, 2, 17, columns // 10, columns // 3, columns // 2, columns - 1):
        order = score.sort(dim=-1, stable=True).indices[:, :count]
        expected = torch.zeros(score.shape, dtype=torch.bool).scatter_(-1, order, True)
        pattern = PerRow((count + 0.5) / columns)
        assert torch.equal(pattern.remove(score), expected), count
        assert torch.equal(pattern.remove_to(score, pattern.cut(score)), expected), count
        cut = score.sort(dim=-1).values[:, count - 1 : count].numpy()
        for bounds in ((cut, cut), (0.9 * cut, 1.1 * cut), (cut + 1, cut + 2), (cut - 2, cut - 1)):
            highest = pattern.cut(score, bounds)
            np.testing.assert_array_equal(highest, cut)
            assert torch.equal(pattern.remove_to(score, highest), expected), count


def test_what_is_no_number_goes_last() -> None:
    score = torch.tensor([[float("nan"), 2.0, 1.0, float("nan"), 3.0], [float("nan")] * 5])
    assert PerRow(0.6).remove(score).tolist() == [[False, True, True, False, True], [True, True, True, False, False]]
    assert PerRow(0.8).remove(score)[0].tolist() == [True, True, True, False, True]
    assert NofM(2, 5).remove(score).tolist() == [[False, True, True, False, False], [True, True, False, False, False]]
    assert NofM(4, 5).remove(score)[0].tolist() == [True, True, True, False, True]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("share", SHARES)
def test_row_and_matrix_take_pythons_stable_lowest(seed: int, share: float) -> None:
    score = tied(seed)
    rows, columns = score.shape
    expected = [lowest_by_hand(row, int(columns * share)) for row in score.tolist()]
    assert PerRow(share).remove(score).tolist() == expected
    whole = lowest_by_hand(score.reshape(-1).tolist(), int(rows * columns * share))
    assert PerMatrix(share).remove(score).reshape(-1).tolist() == whole


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("n", "m"), [(0, 4), (1, 2), (1, 4), (2, 4), (3, 4), (4, 8), (1, 24)])
def test_n_of_m_takes_pythons_stable_lowest_of_every_m(seed: int, n: int, m: int) -> None:
    score = tied(seed)
    expected = [[bit for first in range(0, len(row), m) for bit in lowest_by_hand(row[first : first + m], n)]
                for row in score.tolist()]
    assert NofM(n, m).remove(score).tolist() == expected
    assert reference.n_of_m_mask(score, n, m).tolist() == expected
    assert NofM(n, m).sparsity == n / m


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", SHARES)
def test_every_group_is_the_references(seed: int, share: float) -> None:
    score = tied(seed)
    pairs: dict[str, tuple[Any, Callable[[Tensor, float], Tensor]]] = {
        "row": (PerRow, reference.row_mask), "matrix": (PerMatrix, reference.matrix_mask),
        "authors": (Authors, reference.authors_mask)}
    for name, (pattern, expected) in pairs.items():
        assert torch.equal(pattern(share).remove(score), expected(score, share)), name
    scored = {"b": score, "a": tied(seed + 50, 3, 5), "c": torch.stack([tied(1, 2, 4), tied(2, 2, 4)])}
    found = Global(share).remove_all(scored)
    expected_all = reference.global_masks(scored, share)
    assert list(found) == list(scored)
    assert all(torch.equal(found[name], expected_all[name]) for name in scored)


@pytest.mark.parametrize("share", [0.0, 1e-6, 0.3, 0.5, 0.999])
@pytest.mark.parametrize("kind", ["floats", "ties", "signs", "tiny", "narrow"])
def test_the_global_cut_is_found_in_rounds_as_by_sorting_all(kind: str, share: float) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = ((70, 11), (5,), (2, 40, 9), (1,), (0, 3), (900, 800))
    drawn = [torch.randn(shape, generator=generator) for shape in shapes]
    scores: dict[str, list[Tensor]] = {
        "floats": [one.abs() for one in drawn], "ties": [one.round() for one in drawn],
        "signs": [torch.where(one > 0, one, one.sign() * 0.0) for one in drawn],
        "tiny": [one * 1e-39 for one in drawn], "narrow": [one.bfloat16() for one in drawn]}
    given = {str(number): one for number, one in enumerate(scores[kind])}
    found, expected = Global(share).remove_all(given), reference.global_masks(given, share)
    assert all(torch.equal(found[name], expected[name]) for name in given)


@pytest.mark.parametrize("pattern", [PerRow(0.4), PerMatrix(0.4), Authors(0.4), NofM(2, 4)], ids=label)
def test_each_expert_of_a_stack_is_a_matrix_of_its_own(pattern: Any) -> None:
    stack = torch.stack([tied(seed) for seed in range(3)])
    assert torch.equal(pattern.remove(stack), torch.stack([pattern.remove(part) for part in stack]))


def test_the_leftmost_of_equals_go_first() -> None:
    level = torch.ones(2, 4)
    assert PerRow(0.5).remove(level).int().tolist() == [[1, 1, 0, 0], [1, 1, 0, 0]]
    assert PerMatrix(0.5).remove(level).int().tolist() == [[1, 1, 1, 1], [0, 0, 0, 0]]
    assert NofM(1, 2).remove(level).int().tolist() == [[1, 0, 1, 0], [1, 0, 1, 0]]
    assert PerRow(0.5).remove(torch.tensor([[0.0, -0.0, 0.0, -0.0]])).int().tolist() == [[1, 1, 0, 0]]


def test_the_authors_threshold_takes_at_least_one_too_many() -> None:
    score = torch.tensor([[4.0, 2.0, 3.0, 5.0], [16.0, 3.0, 2.0, 1.0]])
    # the fifth of eight sorted values is 3; both threes go with it
    assert Authors(0.5).remove(score).int().tolist() == [[0, 1, 1, 0], [0, 1, 1, 1]]
    assert not Authors(0.0).remove(score).any()
    distinct = torch.randperm(40, generator=torch.Generator().manual_seed(0)).float().reshape(4, 10)
    assert int(Authors(0.5).remove(distinct).sum()) == 21


def test_sparsity_zero_removes_nothing() -> None:
    for group in patterns.GROUPS:
        pattern = make_pattern(group, 0)
        mask = pattern.remove_all({"a": tied(0)})["a"] if isinstance(pattern, Global) else pattern.remove(tied(0))
        assert not mask.any()


def test_a_width_that_m_does_not_divide_is_refused_with_matrix_and_width() -> None:
    with pytest.raises(SettingError) as raised:
        NofM(2, 4).remove(torch.zeros(3, 10), "model.layers.0.mlp.up_proj.weight")
    sentence = str(raised.value)
    assert "model.layers.0.mlp.up_proj.weight" in sentence
    assert "10" in sentence
    assert "2:4" in sentence


@pytest.mark.parametrize(("given", "key"), [
    (-1, "sparsity_outside"), (-0.01, "sparsity_outside"), (1, "sparsity_outside"), (1.5, "sparsity_outside"),
    (float("nan"), "sparsity_outside"), (float("inf"), "sparsity_outside"), ("half", "sparsity_not_number"),
    ("", "sparsity_not_number"), (None, "sparsity_not_number"), ([0.5], "sparsity_not_number"),
])
def test_a_sparsity_outside_its_range_is_refused_with_the_sentence(given: object, key: str) -> None:
    for group in patterns.GROUPS:
        with pytest.raises(SettingError) as raised:
            make_pattern(group, given)
        assert raised.value.key == key
        assert "such as 0.5" in str(raised.value)
        assert str(given) in str(raised.value)


def test_sparsities_in_range_are_taken_as_numbers() -> None:
    assert [checked_sparsity(given) for given in (0, 0.5, "0.25", 0.999)] == [0.0, 0.5, 0.25, 0.999]


@pytest.mark.parametrize(("text", "key"), [
    ("2-4", "pattern_unreadable"), ("half", "pattern_unreadable"), ("2:", "pattern_unreadable"),
    ("-2:4", "pattern_unreadable"), ("2:4:8", "pattern_unreadable"), ("1.5:4", "pattern_unreadable"),
    ("4:4", "pattern_impossible"), ("5:4", "pattern_impossible"), ("0:0", "pattern_impossible"),
])
def test_what_is_no_pattern_is_refused(text: str, key: str) -> None:
    with pytest.raises(SettingError) as raised:
        parse_pattern(text)
    assert raised.value.key == key
    assert text in str(raised.value)


def test_patterns_are_made_of_settings_and_named() -> None:
    made: list[Pattern] = [make_pattern("row", 0.5), make_pattern("matrix", "0.25"), make_pattern("global", 0.1),
                           make_pattern("authors", 0.5), make_pattern("row", 0.5, " 2 : 4 ")]
    assert made == [PerRow(0.5), PerMatrix(0.25), Global(0.1), Authors(0.5), NofM(2, 4)]
    assert [label(pattern) for pattern in made] == ["row 0.5", "matrix 0.25", "global 0.1", "authors 0.5", "2:4"]
    with pytest.raises(SettingError) as raised:
        make_pattern("column", 0.5)
    assert raised.value.key == "group_unknown"


@pytest.mark.parametrize("pattern", [PerRow(0.3), PerMatrix(0.3), NofM(2, 4), Global(0.3)], ids=label)
def test_a_shuffled_mask_keeps_every_groups_count_and_hangs_on_its_seed(pattern: Pattern) -> None:
    mask = tied(2) < 1.5
    width = {PerRow: mask.shape[1], NofM: 4}.get(type(pattern), mask.numel())
    found = patterns.shuffled(mask, pattern, 1)
    assert found.reshape(-1, width).sum(1).tolist() == mask.reshape(-1, width).sum(1).tolist()
    assert torch.equal(found, patterns.shuffled(mask, pattern, 1))
    assert not torch.equal(found, patterns.shuffled(mask, pattern, 2))
    assert not torch.equal(found, mask)


def test_every_place_of_a_group_is_as_likely_after_shuffling() -> None:
    mask = torch.tensor([[True, False, False, False]])
    places = torch.cat([patterns.shuffled(mask, PerRow(0.25), seed) for seed in range(2000)])
    assert places.double().mean(0).tolist() == pytest.approx([0.25] * 4, abs=0.04)
