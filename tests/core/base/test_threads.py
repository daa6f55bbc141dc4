"""The number of torch's threads: by the size of the matrices, of the calling thread, or as asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from gblm_viz.core.base import threads
from gblm_viz.core.base.job import run
from gblm_viz.core.base.threads import SMALL, Threads
from gblm_viz.core.model.models import load


@pytest.fixture(autouse=True)
def four(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine on which torch uses four threads by itself; this thread's own number afterwards."""
    before = torch.get_num_threads()
    monkeypatch.setattr(threads, "usual_count", lambda: 4)
    yield
    torch.set_num_threads(before)


def in_thread(count: int, largest: int) -> list[int]:
    """torch's number of threads in a new thread that had `count`, before and after its work begins."""
    seen: list[int] = []

    def work() -> None:
        torch.set_num_threads(count)
        seen.append(torch.get_num_threads())
        Threads().use_for(largest)
        seen.append(torch.get_num_threads())

    one = threading.Thread(target=work)
    one.start()
    one.join()
    return seen


def test_small_matrices_get_one_thread_and_large_ones_all() -> None:
    assert [Threads().count_for(size) for size in (0, SMALL, SMALL + 1, 4096 * 11008)] == [1, 1, 4, 4]


def test_a_number_that_was_asked_for_holds_for_every_size() -> None:
    assert [Threads(3).count_for(size) for size in (0, SMALL, SMALL + 1)] == [3, 3, 3]


def test_a_thread_sets_its_own_number_and_leaves_that_of_others() -> None:
    torch.set_num_threads(2)
    assert in_thread(1, SMALL + 1) == [1, 4]
    assert in_thread(3, SMALL) == [3, 1]
    assert torch.get_num_threads() == 2


def test_the_pocket_model_is_small() -> None:
    largest = run(load("pocket")).layout.largest
    assert 0 < largest <= SMALL
