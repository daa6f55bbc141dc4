"""Whether a pruning loads its model whole: what each way holds, counted by hand for round shapes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gblm_viz.core.base.errors import SettingError
from gblm_viz.core.mask import reading
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.sums.estimate import OWN, BlockShape, ModelShape, Room
from gblm_viz.words import LANGUAGES, words

BLOCK = BlockShape(parameters=10_000_000, prunable=8_000_000, largest=2_000_000, inputs=9, visited=9, features=0,
                   matrices=4)
SHAPE = ModelShape((BLOCK,) * 6, 64_000_000, 1000, 9, 4, False, 4, True)
OUTSIDE, DENSE = 4 * 4_000_000, 4 * 64_000_000
DENSE_ORDER = Settings(order="dense")


@pytest.mark.parametrize(("exported", "expected"), [
    (False, DENSE + 2 * 48_000_000 + 16 * 2_000_000 + 4 * 10_000_000),
    (True, DENSE + 48_000_000 + 4 * 48_000_000 + DENSE),
])
def test_loaded_whole_it_holds_weights_and_masks_and_to_be_exported_two_copies_more(exported: bool,
                                                                                    expected: int) -> None:
    found = reading.choose(SHAPE, DENSE_ORDER, Room(None), exported=exported)
    assert (found.by_block, found.memory, found.whole) == (False, OWN + expected, OWN + expected)


@pytest.mark.parametrize(("exported", "expected"), [
    (False, OUTSIDE + 2 * 4 * 10_000_000 + 2 * 6_000_000 + 16 * 2_000_000 + 4 * 8_000_000),
    (True, 2 * OUTSIDE + 4 * 4 * 10_000_000 + 2 * 6_000_000),
])
def test_by_block_it_holds_two_blocks_or_four_and_a_bit_a_weight(exported: bool, expected: int) -> None:
    found = reading.choose(SHAPE, DENSE_ORDER, Room(OWN + expected), exported=exported)
    assert (found.by_block, found.memory) == (True, OWN + expected)
    assert found.whole > found.memory
    with pytest.raises(SettingError) as caught:
        reading.choose(SHAPE, DENSE_ORDER, Room(OWN + expected - 1), exported=exported)
    assert caught.value.key == "prune_short"


@pytest.mark.parametrize("streamable", [True, False])
@pytest.mark.parametrize("itemsize", [4, 2])
@pytest.mark.parametrize(("settings", "helps"), [
    (Settings(), True), (DENSE_ORDER, False), (Settings("gradient"), False), (Settings(group="global", order="dense"),
                                                                              False)])
def test_too_little_memory_advises_only_what_was_not_given(settings: Settings, helps: bool, itemsize: int,
                                                           streamable: bool) -> None:
    shape = replace(SHAPE, itemsize=itemsize, streamable=streamable)
    with pytest.raises(SettingError) as caught:
        reading.choose(shape, settings, Room(1000), tokens=128, longest=64)
    for language in LANGUAGES:
        told = caught.value.say(words(language))
        assert ("--order dense" in told) is (helps and streamable)
        assert ("--dtype bfloat16" in told) is (itemsize == 4)
        assert "--group" not in told


def test_what_is_left_is_for_inputs_and_only_where_the_order_needs_them() -> None:
    least = reading.choose(SHAPE, DENSE_ORDER, Room(250_000_000)).memory
    inputs = 4 * 1000 * 128
    for room, kept in ((least + 1000, 1000), (least + 10 * inputs, inputs)):
        found = reading.choose(SHAPE, Settings(), Room(room), tokens=128, longest=64)
        assert (found.by_block, found.inputs_in_memory, found.memory) == (True, kept, least + kept)
    magnitude = reading.choose(SHAPE, Settings("magnitude"), Room(least), tokens=128)
    assert (magnitude.inputs_in_memory, magnitude.memory) == (0, least - 4 * 8_000_000)


def test_blocks_that_share_weights_are_never_read_by_block() -> None:
    shared = ModelShape(SHAPE.blocks, SHAPE.parameters, 1000, 9, 4, False, 4, False)
    with pytest.raises(SettingError) as caught:
        reading.choose(shared, DENSE_ORDER, Room(200_000_000, held=50_000_000))
    assert caught.value.key == "prune_short_whole" and "0.25 GB" in str(caught.value)


def test_a_seven_billion_shape_is_pruned_and_saved_in_eight_gigabytes() -> None:
    hidden, inner = 4096, 11008
    matrices = 4 * hidden * hidden + 3 * hidden * inner
    block = BlockShape(matrices + 2 * hidden, matrices, hidden * inner, 6 * hidden + inner, matrices,
                       12 * hidden + 4 * inner, 7)
    shape = ModelShape((block,) * 32, 32 * block.parameters + 2 * 32000 * hidden + hidden, hidden, 32000, 32, False, 4,
                       True)
    found = reading.choose(shape, Settings(), Room(8 * 10**9), tokens=128 * 2048, longest=2048, exported=True)
    assert found.by_block and found.memory <= 8 * 10**9 and found.inputs_in_memory is not None


def test_where_a_model_is_spread_over_gpus_one_block_at_a_time_has_but_one_of_them() -> None:
    whole, least = (reading.choose(SHAPE, DENSE_ORDER, Room(room)).memory for room in (None, 250_000_000))
    found = reading.choose(SHAPE, DENSE_ORDER, Room(whole - 1, one=least))
    assert (found.by_block, found.memory) == (True, least)
    assert not reading.choose(SHAPE, DENSE_ORDER, Room(whole, one=1)).by_block
    with pytest.raises(SettingError):
        reading.choose(SHAPE, DENSE_ORDER, Room(whole - 1, one=least - 1))
