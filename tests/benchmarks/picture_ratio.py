"""How fast the matrix view is in a browser: wheel to pixels, first tile, bytes a request, redraws while a slider moves.

    python -m tests.benchmarks.picture_ratio [--rows 4096] [--columns 11008] [--pause 45]

A matrix of that size beside one of 256 × 256, in one run; the browser draws on the same cores. The floor of a redraw is
one frame of the screen, 17 ms. `alpha` needs new scores at every move, `sparsity` another cut through the same ones,
`pattern`, n:m as it is typed, both.
"""

from __future__ import annotations

import argparse
import math
import statistics as numbers
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import gradio as gr
import torch
from playwright.sync_api import Page, Response, sync_playwright

from gblm_viz.core.mask.live import Cuts, OrderedRows, by_rows, in_order
from gblm_viz.core.mask.patterns import PerRow, parse_pattern
from gblm_viz.core.score.methods import Gblm
from gblm_viz.ui.components.matrix_view import ENGLISH, Field, Followed, Gallery, MatrixView, picture
from tests.browser.conftest import FLAGS, on_path

SECONDS, SWEEP = 8.0, 4.0
"""How long a slider is moved, and how long it takes there and back over two fifths of its way."""
PATTERNS = ("2:4", "1:4")
MASK = Field("mask", "Mask", "mask")
WATCHING = """() => {
  window.drawn = []; window.sizes = [];
  const put = CanvasRenderingContext2D.prototype.putImageData;
  CanvasRenderingContext2D.prototype.putImageData = function (...rest) {
    window.drawn.push(performance.now());
    return put.apply(this, rest);
  };
}"""
WHEEL = """async selector => {
  const view = document.querySelector(selector + ' .matrix-view'), canvas = view.querySelector('.matrix-canvas');
  const box = canvas.getBoundingClientRect(), times = [];
  const place = { clientX: box.x + 150, clientY: box.y + 90, bubbles: true, cancelable: true };
  for (let tick = 0; tick < 40; tick++) {
    const before = window.drawn.length, began = performance.now();
    canvas.dispatchEvent(new WheelEvent('wheel', { deltaY: tick % 20 < 10 ? -100 : 100, ...place }));
    while (window.drawn.length === before && performance.now() - began < 300)
      await new Promise(requestAnimationFrame);
    if (window.drawn.length > before) times.push(performance.now() - began);
  }
  return times;
}"""


@dataclass(frozen=True)
class Scored:
    """Weights, norms and a method, and the mask of a sparsity and an α: as the Prune tab's picture, without a model."""

    weight: torch.Tensor
    inputs: torch.Tensor
    gradient: torch.Tensor
    sparsity: float = 0.5
    alpha: float = 1.0
    pattern: str = ""
    every: int = 1
    again: dict[float, OrderedRows] = field(default_factory=dict)
    """By α: rows in order, once a slider of the sparsity moves"""
    last: dict[tuple[float, int], Cuts | None] = field(default_factory=dict)
    """By sparsity and `every`: where the rows were cut at the α before"""
    stored: dict[tuple[float, float], Any] = field(default_factory=dict)
    """By sparsity and α: masks that are there before they are drawn"""

    @property
    def rows(self) -> int:
        return len(self.weight)

    @property
    def columns(self) -> int:
        return self.weight.shape[1]

    def fields(self) -> tuple[Field, ...]:
        return (MASK,)

    def array(self, field_id: str) -> Any:
        if self.pattern:
            return by_rows(parse_pattern(self.pattern), Gblm("l1", self.alpha), self.weight, self.inputs,
                           self.gradient.__getitem__, every=self.every)[0]
        if (self.sparsity, self.alpha) in self.stored:
            return self.stored[self.sparsity, self.alpha]
        if self.alpha in self.again:
            return self.again[self.alpha].mask(PerRow(self.sparsity), self.every)
        mask, cuts = by_rows(PerRow(self.sparsity), Gblm("l1", self.alpha), self.weight, self.inputs,
                             self.gradient.__getitem__, "", self.last.get((self.sparsity, self.every)), self.every)
        self.last[self.sparsity, self.every] = cuts
        return mask

    def live(self, controls: Any, every: int) -> Scored:
        if pattern := controls.get("pattern", ""):
            return replace(self, pattern=pattern, every=every)
        if (alpha := float(controls["alpha"])) == self.alpha and alpha not in self.again:
            scores = Gblm("l1", alpha).score(self.weight, self.inputs, self.gradient, "")
            self.again[alpha] = OrderedRows(scores, in_order(scores))
        return replace(self, sparsity=float(controls["sparsity"]), alpha=alpha, every=every)


def made(rows: int, columns: int) -> Scored:
    generator = torch.Generator().manual_seed(0)
    found = Scored(torch.randn(rows, columns, generator=generator), torch.rand(columns, generator=generator),
                   torch.rand(rows, columns, generator=generator))
    found.stored[found.sparsity, found.alpha] = found.array("mask")
    return found


@contextmanager
def shown(views: dict[str, Scored]) -> Iterator[str]:
    with gr.Blocks() as blocks:
        for name, high, value in (("sparsity", 0.95, 0.5), ("alpha", 3, 1.0)):
            gr.Slider(0, high, value=value, step=0.001, interactive=True, label=name, elem_id=name)
        for name, provider in views.items():
            gr.Dropdown(["", *PATTERNS], value="", allow_custom_value=True, label="pattern", elem_id="pattern")
            follows = {name: Followed(f"#{name}") for name in ("sparsity", "alpha", "pattern")}
            MatrixView(picture(provider, name, ENGLISH, kept=True, live=follows), elem_id=name, height=420)
    _, url, _ = blocks.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False, server_name="127.0.0.1")
    try:
        yield url
    finally:
        blocks.close()


def note_size(sizes: list[int], answer: Response) -> None:
    if "component_server" in answer.url:
        sizes.append(len(answer.body()))


def alone(provider: Scored, slider: str) -> float:
    """Redraws a second without a browser: mask, pooling and tile."""
    gallery = Gallery()
    request = {"key": gallery.add(provider), "field": "mask", "row": 0, "column": 0, "rows": provider.rows,
               "columns": provider.columns, "height": 170, "width": 366, "version": 1,
               "every": 2 if provider.rows > 4 * 170 else 1}
    controls: dict[str, Any] = {"sparsity": provider.sparsity, "alpha": provider.alpha}
    times = []
    for move in range(12):
        controls[slider] = PATTERNS[move % 2] if slider == "pattern" else 1.01 * controls[slider]
        began = time.monotonic()
        assert "error" not in gallery.answer({**request, "live": dict(controls)})
        times.append(time.monotonic() - began)
    return 1 / numbers.median(times)


def redraws(page: Page, slider: str, pause: int) -> tuple[float, float]:
    """(moves, redraws) a second while the slider is drawn to and fro."""
    box = page.locator(f"#{slider} input[type=range]").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.evaluate("window.drawn = []")
    began, moves = time.monotonic(), 0
    while (gone := time.monotonic() - began) < SECONDS:
        place = 0.5 - 0.2 * math.cos(2 * math.pi * gone / SWEEP)
        page.mouse.move(box["x"] + place * box["width"], box["y"] + box["height"] / 2)
        moves += 1
        page.wait_for_timeout(pause)
    drawn = page.evaluate("window.drawn.length")
    page.mouse.up()
    page.wait_for_timeout(1500)
    return moves / gone, drawn / gone


def typed(page: Page, pause: int) -> tuple[float, float]:
    """The same while n:m is typed, one and the other in turn."""
    box = page.locator("#pattern input")
    box.click()
    page.evaluate("window.drawn = []")
    began, moves = time.monotonic(), 0
    while (gone := time.monotonic() - began) < SECONDS:
        box.fill(PATTERNS[moves % 2])
        moves += 1
        page.wait_for_timeout(pause)
    drawn = page.evaluate("window.drawn.length")
    page.wait_for_timeout(1500)
    return moves / gone, drawn / gone


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--columns", type=int, default=11008)
    parser.add_argument("--pause", type=int, default=45, help="milliseconds between two moves; 45: 15 moves a second")
    given = parser.parse_args()
    for rows, columns in ((256, 256), (given.rows, given.columns)):
        name = f"of-{rows}-{columns}"
        provider = made(rows, columns)
        with shown({name: provider}) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=on_path(), args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            sizes: list[int] = []
            page.on("response", partial(note_size, sizes))
            page.add_init_script(f"({WATCHING})()")
            page.goto(url)
            view = page.locator(f"#{name} .matrix-view")
            view.wait_for()
            began = time.monotonic()
            page.wait_for_selector(f"#{name} .matrix-view[data-state=ready]")
            first = time.monotonic() - began
            page.wait_for_timeout(1000)
            times = sorted(page.evaluate(WHEEL, f"#{name}"))
            page.wait_for_timeout(500)
            largest = max(sizes)
            told = [f"{rows} × {columns}: first tile {1000 * first:.0f} ms after the view stands",
                    f"wheel to pixels {numbers.median(times):.0f} ms median, "
                    f"{times[int(0.95 * len(times))]:.0f} ms p95 of {len(times)}",
                    f"at most {largest / 1000:.0f} kB a request"]
            view.locator("[data-do=fit]").click()
            page.set_viewport_size({"width": 460, "height": 720})  # the view as wide as on the Prune tab
            page.wait_for_timeout(1000)
            for slider in ("sparsity", "alpha", "pattern"):
                moves, drawn = typed(page, given.pause) if slider == "pattern" else redraws(page, slider, given.pause)
                told.append(f"{slider}: {drawn:.1f} redraws a second at {moves:.0f} moves, "
                            f"{alone(provider, slider):.1f} by the server alone")
            print("; ".join(told), flush=True)
            browser.close()


if __name__ == "__main__":
    main()
