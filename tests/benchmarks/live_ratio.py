"""What choosing the lowest of every row costs beside reading the scores once, and how often a slider redraws.

    python -m tests.benchmarks.live_ratio [--rows 4096] [--columns 11008]

The floor is one read of the scores. Selecting per row needs a few passes over each row while it lies in the cache.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from gblm_viz.core.mask.live import in_order
from gblm_viz.core.mask.patterns import NofM, PerRow
from gblm_viz.figures.tiles import Pyramid
from gblm_viz.ui.visit.library import Library
from gblm_viz.ui.work import example, preview, work


def best(call: Callable[[], object], rounds: int = 3) -> float:
    """Seconds of the fastest of some calls."""
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def sorted_mask(scores: Tensor, count: int) -> Tensor:
    order = scores.sort(dim=-1, stable=True).indices[..., :count]
    return torch.zeros(scores.shape, dtype=torch.bool).scatter_(-1, order, True)


def topk_mask(scores: Tensor, count: int) -> Tensor:
    """Ties at the cut go as topk likes: not what the masks need."""
    lowest = scores.topk(count, dim=-1, largest=False, sorted=False).indices
    return torch.zeros(scores.shape, dtype=torch.bool).scatter_(-1, lowest, True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--columns", type=int, default=11008)
    given = parser.parse_args()
    scores = torch.rand(given.rows, given.columns, generator=torch.Generator().manual_seed(0))
    count, pattern = int(given.columns * 0.5), PerRow(0.5)
    read = best(lambda: scores.sum())
    print(f"{given.rows} × {given.columns}, {torch.get_num_threads()} threads; one read {1000 * read:.0f} ms, "
          f"{scores.numel() * 4 / read / 1e9:.1f} GB/s")
    for name, call in (("compare with a number", lambda: scores <= 0.5),
                       ("PerRow.remove", lambda: pattern.remove(scores)),
                       ("NofM(2, 4).remove", lambda: NofM(2, 4).remove(scores)),
                       ("NofM(4, 8).remove", lambda: NofM(4, 8).remove(scores)),
                       ("each row in order", lambda: in_order(scores)),
                       ("topk", lambda: topk_mask(scores, count)), ("stable sort", lambda: sorted_mask(scores, count))):
        seconds = best(call)
        print(f"{name:22} {1000 * seconds:7.0f} ms   {seconds / read:6.1f} × one read")
    mask = pattern.remove(scores).numpy()
    drawn = best(lambda: Pyramid(mask, "mean").tile(0, 0, given.rows, given.columns, 256, 688))
    print(f"redraw of this matrix: {1 / (best(lambda: pattern.remove(scores)) + drawn):.1f} a second "
          f"(pooling {1000 * drawn:.0f} ms of it)")

    library = Library()
    library.first = example.example_session(library)
    library.ready.set()
    visit = library.visit(None)
    visit.keep(library.first)
    moves = iter(range(1, 1000))

    def move() -> None:
        preview.masks_and_preview(visit, replace(visit.session.settings, sparsity=0.3 + 0.0003 * next(moves)))

    move()
    weights = work.preview_masks(visit, visit.session.settings).prunable
    print(f"the Prune tab's numbers on the pocket model ({weights:,} weights, three masks): "
          f"{1 / best(move, 20):.1f} moves of the slider a second")


if __name__ == "__main__":
    main()
