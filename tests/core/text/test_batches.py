"""Batches: every sample once and in order, within their limits, and the same ones wherever a run goes on."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from gblm_viz.core.text.batches import PADDING, BatchSize, batches
from gblm_viz.core.text.calibration import CalibrationSet

LENGTHS = st.lists(st.integers(2, 40), min_size=1, max_size=30)


def samples(lengths: list[int]) -> CalibrationSet:
    tokens = torch.zeros(len(lengths), max(lengths), dtype=torch.int64)
    for row, length in zip(tokens, lengths, strict=True):
        row[:length] = torch.arange(1, length + 1)
    return CalibrationSet(tokens, torch.tensor(lengths), "paragraphs", 0, "text", "")


@given(LENGTHS, st.integers(1, 200), st.none() | st.integers(1, 9))
def test_every_sample_is_in_one_batch_in_order_and_within_the_limits(lengths: list[int], tokens: int,
                                                                     most: int | None) -> None:
    calibration = samples(lengths)
    found = list(batches(calibration, BatchSize(tokens, most)))
    assert [index for batch in found for index in batch.samples] == list(range(len(lengths)))
    for batch in found:
        assert batch.lengths == tuple(lengths[batch.first : batch.last])
        assert batch.tokens.shape == (batch.count, max(batch.lengths))
        if batch.count > 1:
            assert batch.tokens.numel() <= min(tokens, PADDING * sum(batch.lengths))
            assert most is None or batch.count <= most
        for index, row in zip(batch.samples, batch.tokens, strict=True):
            assert torch.equal(row[: lengths[index]], calibration.sample(index))
            assert bool((row[lengths[index] :] == row[lengths[index] - 1]).all())


@given(LENGTHS, st.integers(1, 200))
def test_a_run_that_goes_on_at_the_end_of_a_batch_makes_the_same_ones(lengths: list[int], tokens: int) -> None:
    calibration, size = samples(lengths), BatchSize(tokens)
    found = list(batches(calibration, size))
    for number, batch in enumerate(found):
        again = list(batches(calibration, size, batch.first))
        assert [one.samples for one in again] == [one.samples for one in found[number:]]


@given(LENGTHS)
def test_samples_taken_apart_have_no_padding(lengths: list[int]) -> None:
    batch, = batches(samples(lengths[:1] * 3), BatchSize(10_000))
    assert [tuple(one.shape) for one in batch.apart(torch.ones(3, max(batch.lengths), 4))] == [
        (1, lengths[0], 4)] * 3
    for one in batches(samples(lengths), BatchSize(10_000)):
        cleared = one.clear_padding(torch.ones(one.count, max(one.lengths), 4))
        assert cleared.sum() == 4 * sum(one.lengths)
        assert all(bool((part == 1).all()) for part in one.apart(cleared))
