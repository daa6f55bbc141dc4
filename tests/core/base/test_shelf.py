"""What waits on a shelf: in memory that goes back to the system, or in a file; never another tensor's bytes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gblm_viz.core.base import footprint
from gblm_viz.core.base.shelf import ALIGNED, SLAB, Shelf

SHAPES = [(1, 7, 5), (1, 1, 1), (1, SLAB // 4 + 3, 1), (1, SLAB // 12, 1), (0,), ()]


def tensor(number: int) -> Tensor:
    shape = SHAPES[number % len(SHAPES)]
    dtype = (torch.float32, torch.bfloat16, torch.float64)[number // len(SHAPES) % 3]
    return torch.full(shape, float(number), dtype=dtype)


@pytest.mark.parametrize("most", [0, 3 * SLAB, 1 << 40])
def test_what_is_taken_is_what_was_put_however_they_come_and_go(most: int, tmp_path: Path) -> None:
    shelf, drawn, kept = Shelf(most, tmp_path), random.Random(0), dict[int, Tensor]()
    for number in range(150):
        key = drawn.randrange(12)
        if key in kept and drawn.random() < 0.4:
            assert torch.equal(shelf.pop(key), kept.pop(key))
            assert key not in shelf
        else:
            kept[key] = tensor(number)
            shelf.put(key, kept[key])
        assert shelf.held <= most
    for key, one in kept.items():
        found = shelf.get(key)
        assert (found.dtype, found.shape) == (one.dtype, one.shape)
        assert torch.equal(found, one)
        assert found.data_ptr() % ALIGNED == 0 or not found.numel()
    assert bool(shelf.on_disk) == (most < 1 << 40)


def test_what_was_put_is_kept_when_its_giver_writes_over_it() -> None:
    shelf, given = Shelf(1 << 30), torch.ones(4)
    shelf.put("a", given)
    given.zero_()
    taken = shelf.pop("a")
    for number in range(100):
        shelf.put(number, torch.zeros(4))
    assert taken.tolist() == [1.0] * 4


def test_between_what_comes_and_goes_it_takes_its_own_bytes_and_gives_them_back() -> None:
    if footprint.resident_bytes() is None:
        pytest.skip("the system does not tell what a process holds")
    shelf, size, begin = Shelf(1 << 40), 3 * 2**20, None
    for number in range(180):
        passing = [torch.ones(size // 4 + one) for one in range(3)]  # as activations do
        shelf.put(number, passing[1][: size // 4])
        del passing
        if begin is None:
            footprint.release_freed_memory()
            begin = footprint.resident_bytes()
    full = footprint.resident_bytes()
    for number in range(180):
        shelf.pop(number)
    footprint.release_freed_memory()
    empty = footprint.resident_bytes()
    assert begin is not None
    assert full is not None
    assert empty is not None
    assert 0.9 * 179 * size < full - begin < 1.25 * 179 * size
    assert empty - begin < 0.1 * 180 * size
