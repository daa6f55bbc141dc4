"""The matrix view in a browser: what the canvas shows is what the arrays hold, down to one weight.
Knows no model: two matrices of its own, one small with gaps, one of 4096 × 11008."""

import base64
import io
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import fastapi
import gradio as gr
import numpy as np
import pandas
import plotly.colors
import pytest
import uvicorn
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from gblm_viz.figures.tiles import Pyramid, codes, colour_range
from gblm_viz.ui.components.joined import shared_script
from gblm_viz.ui.components.matrix_view import (
    ENGLISH,
    GALLERY,
    JAPANESE,
    ArrayProvider,
    Field,
    Followed,
    MatrixView,
    picture,
    with_pin,
)
from tests.browser.conftest import still

RANDOM = np.random.default_rng(7)
GRADIENT = np.exp(1.5 * RANDOM.standard_normal((256, 384)) - 9).astype(np.float32)
GRADIENT[100, 200] = np.nan
WEIGHT = RANDOM.normal(0, 0.02, (256, 384)).astype(np.float32)
FOUR = RANDOM.integers(0, 4, (256, 384)).astype(np.uint8)
MASK = RANDOM.integers(0, 2, (4096, 11008), dtype=np.uint8).view(bool)
MASK[:, 5000:5040] = True
NAMES = ("kept by both", "removed by both", "only Wanda", "only GBLM")

SMALL = ArrayProvider({
    Field("gradient", "Gradient", "sequential", *colour_range(GRADIENT, "log"), scale="log", unit="(N = 16)"): GRADIENT,
    Field("weight", "Weight", "diverging", *colour_range(WEIGHT, "linear", symmetric=True)): WEIGHT,
    Field("two", "Two masks", "four", categories=NAMES): FOUR,
})
LARGE = ArrayProvider({Field("mask", "Mask", "mask"): MASK,
                       Field("chance", "Against chance", "diverging", -4, 4, pooling="chance"): MASK})


class Cut(ArrayProvider):
    """A mask that follows the control `cut`."""

    def live(self, controls, every):
        upper = np.repeat(MASK[::every], every, axis=0)
        return ArrayProvider({known: upper ^ (np.arange(11008) < controls["cut"] * 11008) for known in self.arrays})


FOLLOWING = Cut({Field("mask", "Mask", "mask"): MASK})


HEAD = f"<script>{shared_script()}</script>"


def demo(words=ENGLISH) -> gr.Blocks:
    with gr.Blocks() as blocks:
        with gr.Tabs():
            with gr.Tab("First"), gr.Row():
                with gr.Column():
                    small = MatrixView(picture(SMALL, "Small <b>${7*7}</b>", words, kept=True), elem_id="small")
                with gr.Column():
                    large = MatrixView(picture(LARGE, "Large", words, kept=True), elem_id="large")
            with gr.Tab("Second"):
                hidden = MatrixView(elem_id="hidden")
            with gr.Tab("Third"):
                MatrixView(picture(SMALL, "Headed", words, "weight", kept=True, heads=(64, 0)), elem_id="headed")
            with gr.Tab("Fourth"):
                order = np.argsort(-np.abs(WEIGHT).mean(0), kind="stable")
                turned = ArrayProvider({Field("weight", "Weight", "diverging", -0.1, 0.1): WEIGHT[:, order]})
                ranked = MatrixView(picture(turned, "Sorted", words, kept=True, sorted_columns=order), elem_id="sorted")
            with gr.Tab("Fifth"):
                gr.Slider(0, 1, 0, label="cut", elem_id="cut", interactive=True)
                with gr.Row(), gr.Column(scale=0, min_width=620):
                    MatrixView(picture(FOLLOWING, "Followed", words, kept=True, live={"cut": Followed("#cut")}),
                               elem_id="followed")
                empty = MatrixView(sliders=["#cut"], elem_id="empty")
        with gr.Row():
            said = gr.Textbox(label="said", elem_id="said")
            go = gr.Button("Go to 7, 9", elem_id="go")
            lose = gr.Button("Lose", elem_id="lose")
            other = gr.Button("Other matrix", elem_id="other")

        def on_select(event: gr.EventData) -> str:
            return f"{event.row},{event.column},{event.value!r},{event.field}"

        for view in (small, large, ranked):
            view.select(on_select, outputs=said, trigger_mode="always_last", show_progress="hidden")
            view.clear(lambda: "clear", outputs=said, trigger_mode="always_last", show_progress="hidden")
        go.click(lambda value: with_pin(value, 7, 9), inputs=small, outputs=small)
        lose.click(lambda value: {**value, "key": "a" * 22, "version": 1}, inputs=small, outputs=small)
        changes = gr.State(0)

        def on_other(value: dict, done: int) -> tuple[dict, int, str]:
            new = ArrayProvider({Field("weight", "Weight", "diverging", -0.1, 0.1): -WEIGHT})
            return picture(new, "Other", words, previous=value), done + 1, f"{done + 1} others"

        other.click(on_other, inputs=[small, changes], outputs=[small, changes, said])
        empty.release(lambda: "rested", outputs=said)
        blocks.load(lambda: picture(SMALL, "Hidden", words), outputs=hidden)
    return blocks


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    blocks = demo()
    _, url, _ = blocks.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False, footer_links=[], run_history=False,
                              server_name="127.0.0.1", inbrowser=False, head=HEAD)
    yield url
    blocks.close()


@pytest.fixture(scope="module")
def mounted() -> Iterator[str]:
    """Two languages as two apps of one server, as the product mounts them."""
    app = fastapi.FastAPI()
    app.get("/favicon.ico")(lambda: fastapi.Response(status_code=204))     # every browser asks for it at the root
    for path, words in (("/en", ENGLISH), ("/ja", JAPANESE)):
        app = gr.mount_gradio_app(app, demo(words), path=path, footer_links=[], run_history=False, ssr_mode=False,
                                   head=HEAD)
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(autouse=True)
def wide(page: Page) -> None:
    """Room for two canvases of 576 pixels side by side, and for the strips of their profiles."""
    page.set_viewport_size({"width": 1340, "height": 720})
    page.add_init_script("""addEventListener('DOMContentLoaded', () => document.head.insertAdjacentHTML('beforeend',
        '<style>.gradio-container, .gradio-container .main { max-width: 1340px !important }</style>'))""")


class View:
    """One matrix view on the page."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.inner: Locator = page.locator(f"#{name} .matrix-view")
        self.canvas = self.inner.locator(".matrix-canvas")
        self.ready()

    def ready(self) -> "View":
        expect(self.inner).to_have_attribute("data-state", "ready", timeout=20000)
        return self

    def get(self, name: str) -> str:
        return self.inner.get_attribute(f"data-{name}") or ""

    @property
    def seen(self) -> list[int]:
        return [int(number) for number in self.get("view").split(",")]

    @property
    def corner(self) -> tuple[int, int]:
        """Pixel (x, y) of the matrix's upper left corner"""
        left, top = self.get("corner").split(",")
        return int(left), int(top)

    def pixels(self) -> np.ndarray:
        """(height, width, 3) uint8 as drawn"""
        height, width, text = self.canvas.evaluate("""canvas => {
            const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            let text = '';
            for (let at = 0; at < data.length; at += 8192) text += String.fromCharCode(...data.subarray(at, at + 8192));
            return [canvas.height, canvas.width, btoa(text)];
        }""")
        return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)[:, :, :3]

    def wheel(self, ticks: int, x: float = 200, y: float = 120) -> None:
        """Turns the wheel over a place of the canvas; up (zooms in) is positive."""
        self.canvas.hover(position={"x": x, "y": y})
        for _ in range(abs(ticks)):
            self.page.mouse.wheel(0, -100 if ticks > 0 else 100)
            self.page.wait_for_timeout(30)
        self.ready()

    def cells(self) -> dict[tuple[int, int], tuple[str, str]]:
        """(row, column) -> (value, printed) of the table that stands for the picture"""
        rows = self.inner.locator(".matrix-cells td").evaluate_all("""cells => cells.map(one =>
            [Number(one.dataset.row), Number(one.dataset.column), one.dataset.value, one.textContent])""")
        return {(row, column): (value, said) for row, column, value, said in rows}

    def to_weights(self) -> dict[tuple[int, int], tuple[str, str]]:
        self.wheel(16)
        expect(self.inner.locator(".matrix-cells td").first).to_be_attached()
        return self.cells()


CIVIDIS = [plotly.colors.hex_to_rgb(stop) for stop in plotly.colors.sequential.Cividis]


def colours(code: np.ndarray, stops: list) -> np.ndarray:
    """(…, 3) float: the colours of codes 1 … 255, evenly between the stops"""
    place = (code.astype(float) - 1) / 254 * (len(stops) - 1)
    return np.stack([np.interp(place, range(len(stops)), np.array(stops, float)[:, part]) for part in range(3)], -1)


def test_the_pixels_of_the_mask_are_its_pooled_densities(page, address):
    page.goto(address)
    view = View(page, "large")
    assert (view.get("rows"), view.get("columns"), view.seen) == ("4096", "11008", [0, 0, 4096, 11008])
    step = round(int(view.get("weights-per-pixel")) ** 0.5)
    tile = Pyramid(MASK, "mean").tile(0, 0, 4096, 11008, -(-4096 // step), -(-11008 // step))
    assert tile.step == step
    assert float(view.get("scale")) == pytest.approx(1 / step)
    left, top = view.corner
    # the last pixels stand for fewer weights and are cut at the matrix's edge
    tall, wide = 4096 // step, 11008 // step
    drawn = view.pixels()[top : top + tall, left : left + wide].astype(float)
    stops = [[255, 255, 255], [217, 217, 224], [154, 154, 168], [90, 90, 110], [26, 26, 46]]
    expected = colours(codes(tile.values, "linear", 0, 1), stops)[:tall, :wide]
    assert np.abs(drawn - expected).max() <= 1


def test_zoomed_to_weights_colours_and_numbers_are_the_stored_values(page, address):
    page.goto(address)
    view = View(page, "small")
    cells = view.to_weights()
    row, column, rows, columns = view.seen
    assert view.get("weights-per-pixel") == "1"
    assert 0 < rows * columns <= 400
    assert set(cells) == {(i, j) for i in range(row, row + rows) for j in range(column, column + columns)}
    for place, (value, said) in cells.items():
        assert np.float32(value) == GRADIENT[place]
        assert abs(float(said) - GRADIENT[place]) <= 0.005001 * GRADIENT[place]
    drawn, scale, (left, top) = view.pixels().astype(float), float(view.get("scale")), view.corner
    first = SMALL.fields()[0]
    expected = colours(codes(GRADIENT, "log", first.lo, first.hi), CIVIDIS)
    checked = 0
    for i, j in cells:
        # beside the number and inside the border
        y, x = round(top + (i + 0.15) * scale), round(left + (j + 0.5) * scale)
        if 0 <= y < drawn.shape[0] - 100 and 0 <= x < drawn.shape[1]:          # above the small map
            assert np.abs(drawn[y, x] - expected[i, j]).max() <= 1, (i, j)
            checked += 1
    assert checked >= len(cells) / 4


def test_one_weight_reads_exactly_and_many_as_their_maximum(page, address):
    page.goto(address)
    small, large = View(page, "small"), View(page, "large")
    small.canvas.hover(position={"x": 250, "y": 140})
    expect(small.inner).to_have_attribute("data-hover", re.compile(r"^row \d+, column \d+: [\d.e-]+ \(N = 16\)$"))
    row, column, value = re.match(r"row (\d+), column (\d+): ([\d.e-]+)", small.get("hover")).groups()
    assert abs(float(value) - GRADIENT[int(row), int(column)]) <= 0.00501 * float(value)
    large.canvas.hover(position={"x": 250, "y": 140})
    pooled = re.compile(r"^rows (\d+)–(\d+), columns (\d+)–(\d+): ([\d.]+) % of 400 weights removed$")
    expect(large.inner).to_have_attribute("data-hover", pooled)
    top, bottom, left, right, share = pooled.match(large.get("hover")).groups()
    density = MASK[int(top) : int(bottom) + 1, int(left) : int(right) + 1].mean()
    assert abs(float(share) / 100 - density) < 0.0006


def test_the_gap_is_hatched_and_said(page, address):
    page.goto(address)
    view = View(page, "small")
    expect(view.inner.locator(".matrix-legend")).to_contain_text("hatched: no value")
    scale, (left, top) = float(view.get("scale")), view.corner
    x, y = left + 200.5 * scale, top + 100.5 * scale
    scale_colours = colours(np.arange(1, 256), CIVIDIS)
    nearest = np.abs(scale_colours - view.pixels()[int(y), int(x)]).max(-1).min()
    assert nearest > 4                                           # hatched: no colour of the scale
    view.canvas.hover(position={"x": x, "y": y})
    expect(view.inner).to_have_attribute("data-hover", "row 100, column 200: no value")


def test_a_click_pins_and_reaches_python_and_escape_lets_go(page, address):
    page.goto(address)
    view, said = View(page, "small"), page.locator("#said textarea")
    view.canvas.click(position={"x": 240, "y": 150})
    expect(said).to_have_value(re.compile(r"^\d+,\d+,[\d.e-]+,gradient$"))
    row, column, value, _ = said.input_value().split(",")
    assert np.float32(value) == GRADIENT[int(row), int(column)]
    assert view.get("pin") == f"{row},{column}"
    expect(view.inner.locator(".matrix-pinned")).to_contain_text(f"Pinned: row {row}, column {column}")
    view.canvas.press("ArrowRight")
    view.canvas.press("ArrowDown")
    expect(said).to_have_value(re.compile(rf"^{int(row) + 1},{int(column) + 1},"))
    view.canvas.press("Escape")
    expect(said).to_have_value("clear")
    assert view.inner.get_attribute("data-pin") is None


def test_a_click_on_a_pooled_pixel_pins_the_weight_that_gave_it_its_colour(page, mounted):
    page.set_viewport_size({"width": 700, "height": 720})
    page.goto(f"{mounted}/en/")
    view = View(page, "small")
    if view.get("weights-per-pixel") == "1":
        page.set_viewport_size({"width": 420, "height": 720})
        expect(view.inner).not_to_have_attribute("data-weights-per-pixel", "1")
        view.ready()
    step = round(int(view.get("weights-per-pixel")) ** 0.5)
    view.canvas.click(position={"x": 120, "y": 140})
    expect(view.inner).to_have_attribute("data-pin", re.compile(","))
    row, column = map(int, view.get("pin").split(","))
    top, left = row // step * step, column // step * step
    assert GRADIENT[row, column] == GRADIENT[top : top + step, left : left + step].max()


def test_the_keyboard_zooms_moves_shows_all_and_pins(page, address):
    page.goto(address)
    view = View(page, "large")
    view.canvas.focus()
    for _ in range(6):
        view.canvas.press("+")
    view.ready()
    row, column, rows, columns = view.seen
    assert rows < 4096
    assert columns < 11008
    view.canvas.press("ArrowRight")
    view.ready()
    assert view.seen[1] > column
    assert view.seen[0] == row
    view.canvas.press("ArrowUp")
    view.ready()
    assert view.seen[0] < row
    view.canvas.press("Enter")
    expect(view.inner).to_have_attribute("data-pin", re.compile(r"^\d+,\d+$"))
    view.canvas.press("-")
    view.ready()
    assert view.seen[2] > rows
    view.canvas.press("0")
    view.ready()
    assert view.seen == [0, 0, 4096, 11008]


def test_the_wheel_zooms_around_the_pointer_and_dragging_moves(page, address):
    page.goto(address)
    view = View(page, "large")
    view.canvas.hover(position={"x": 300, "y": 150})
    expect(view.inner).to_have_attribute("data-hover", re.compile("^rows"))
    top, bottom, left, right = map(int, re.match(r"rows (\d+)–(\d+), columns (\d+)–(\d+)", view.get("hover")).groups())
    view.wheel(16, 300, 150)
    expect(view.inner).to_have_attribute("data-hover", re.compile(r"^row \d+, column \d+: (kept|removed)$"))
    row, column = map(int, re.match(r"row (\d+), column (\d+)", view.get("hover")).groups())
    assert top <= row <= bottom
    assert left <= column <= right
    assert view.get("hover").endswith("removed" if MASK[row, column] else "kept")
    cells = view.cells()
    assert cells
    assert all(float(value) == MASK[place] for place, (value, _) in cells.items())
    before = view.seen
    box = view.canvas.bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + 100, box["y"] + 150, steps=5)
    page.mouse.up()
    view.ready()
    assert view.seen[1] > before[1]
    assert view.seen[0] == before[0]
    assert view.inner.get_attribute("data-pin") is None


def test_fields_switch_and_keep_the_view(page, address):
    page.goto(address)
    view = View(page, "small")
    cells = view.to_weights()
    view.inner.get_by_role("button", name="Weight").click()
    expect(view.inner).to_have_attribute("data-field", "weight")
    view.ready()
    assert set(view.cells()) == set(cells)
    assert all(np.float32(value) == WEIGHT[place] for place, (value, _) in view.cells().items())
    view.inner.get_by_role("button", name="Two masks").click()
    view.ready()
    assert all(said == NAMES[FOUR[place]] for place, (_, said) in view.cells().items())
    expect(view.inner.get_by_role("button", name="Two masks")).to_have_attribute("aria-pressed", "true")
    expect(view.inner.get_by_role("button", name="Gradient")).to_have_attribute("aria-pressed", "false")
    expect(view.inner.locator(".matrix-legend")).to_contain_text("only Wanda")


def test_against_chance_one_weight_is_kept_or_removed(page, address):
    page.goto(address)
    view = View(page, "large")
    view.inner.get_by_role("button", name="Against chance").click()
    view.ready()
    view.canvas.hover(position={"x": 250, "y": 140})
    expect(view.inner).to_have_attribute("data-hover", re.compile("standard deviations from chance, 400 weights$"))
    assert all(said == ("removed" if MASK[place] else "kept") for place, (_, said) in view.to_weights().items())


def test_two_views_do_not_disturb_each_other(page, address):
    page.goto(address)
    small, large = View(page, "small"), View(page, "large")
    before = small.pixels()
    large.wheel(8)
    assert small.seen == [0, 0, 256, 384]
    assert large.seen[2] < 4096
    page.mouse.move(5, 700)
    np.testing.assert_array_equal(small.pixels(), before)


def test_a_slider_is_heard_while_there_is_no_picture_that_follows_it(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("tab", name="Fifth").click()
    box = page.locator("#cut input[type=number]")
    expect(box).to_be_visible()
    box.fill("0.25")
    expect(page.locator("#said textarea")).to_have_value("rested")


def test_a_view_in_a_tab_not_yet_shown_draws_when_it_is(page, address):
    page.goto(address)
    View(page, "small")
    page.get_by_role("tab", name="Second").click()
    hidden = View(page, "hidden")
    assert hidden.seen == [0, 0, 256, 384]
    assert len(np.unique(hidden.pixels().reshape(-1, 3), axis=0)) > 100
    page.get_by_role("tab", name="First").click()
    View(page, "small").wheel(3)
    page.get_by_role("tab", name="Second").click()
    assert View(page, "hidden").seen == [0, 0, 256, 384]


def test_a_lost_picture_says_so_without_a_console_error_and_comes_back(page, address):
    page.goto(address)
    view = View(page, "small")
    page.locator("#lose").click()
    expect(view.inner).to_have_attribute("data-state", "error")
    expect(view.inner).to_have_attribute("data-error", "gone")
    expect(view.inner.locator(".matrix-message")).to_have_text(ENGLISH["error_gone"])
    page.locator("#other").click()
    view.ready()
    expect(view.inner.locator(".matrix-message")).to_have_text("")


def test_a_new_picture_of_the_same_shape_keeps_the_zoom_and_frees_the_old_one(page, address):
    page.goto(address)
    view = View(page, "small")
    view.inner.get_by_role("button", name="Weight").click()
    cells, held = view.to_weights(), len(GALLERY)
    page.locator("#other").click()
    expect(view.inner.locator(".matrix-title")).to_have_text("Other")
    view.ready()
    assert set(view.cells()) == set(cells)
    page.locator("#other").click()
    expect(page.locator("#said textarea")).to_have_value("2 others")
    assert len(GALLERY) == held + 1                          # the second took the place of the first
    assert all(np.float32(value) == -WEIGHT[place] for place, (value, _) in view.cells().items())


def test_go_to_brings_the_weight_into_sight(page, address):
    page.goto(address)
    view = View(page, "small")
    view.to_weights()
    assert (7, 9) not in view.cells()
    page.locator("#go").click()
    expect(view.inner).to_have_attribute("data-pin", "7,9")
    expect(view.inner.locator(".matrix-cells td[data-row='7'][data-column='9']")).to_be_attached()
    expect(view.inner.locator(".matrix-pinned")).to_contain_text("row 7, column 9")


def test_text_from_outside_is_shown_not_run(page, address):
    page.goto(address)
    view = View(page, "small")
    expect(view.inner.locator(".matrix-title")).to_have_text("Small <b>${7*7}</b>")


@pytest.mark.parametrize(("path", "word"), [("/en/", "one pixel ="), ("/ja/", "1 ピクセル =")])
def test_it_draws_under_a_mounted_path_in_each_language(page, mounted, path, word):
    page.goto(mounted + path)
    view = View(page, "large")
    expect(view.inner.locator(".matrix-legend")).to_contain_text(word)
    assert view.to_weights()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_stage_follows_the_theme(page, address, theme):
    page.goto(f"{address}?__theme={theme}")
    corner = View(page, "large").pixels()[2, 2].mean()
    assert (corner < 80) == (theme == "dark")


def test_sharp_screens_get_sharp_cells(browser, address):
    context = browser.new_context(viewport={"width": 1280, "height": 720}, device_scale_factor=2)
    page = context.new_page()
    page.goto(address)
    view = View(page, "small")
    box = view.canvas.bounding_box()
    assert view.pixels().shape[:2] == (round(2 * box["height"]), round(2 * box["width"]))
    cells = view.to_weights()
    assert cells
    assert all(np.float32(value) == GRADIENT[place] for place, (value, _) in cells.items())
    context.close()


def test_a_wheel_tick_shows_new_pixels_of_the_large_mask_at_once(page, address, record_property):
    page.goto(address)
    view = View(page, "large")
    view.canvas.hover(position={"x": 250, "y": 140})
    times = []
    for _ in range(8):
        times.append(view.inner.evaluate("""inner => new Promise(done => {
            const canvas = inner.querySelector('.matrix-canvas'), box = canvas.getBoundingClientRect();
            const start = performance.now(), place = { clientX: box.x + 250, clientY: box.y + 140 };
            new MutationObserver((_, self) => {
                if (inner.dataset.state !== 'ready') return;
                self.disconnect();
                done(performance.now() - start);
            }).observe(inner, { attributes: true, attributeFilter: ['data-state'] });
            canvas.dispatchEvent(new WheelEvent('wheel', { deltaY: -100, ...place, bubbles: true, cancelable: true }));
        })"""))
    record_property("wheel_to_pixels_ms", [round(one, 1) for one in times])
    assert sorted(times)[len(times) // 2] < 500, times


def strip_heights(view: View, axis: str) -> np.ndarray:
    """How many pixels of each column (or row) of a strip are painted at all."""
    height, width, text = view.inner.locator(f".matrix-{axis}").evaluate("""canvas => {
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        let text = '';
        for (let at = 3; at < data.length; at += 4) text += String.fromCharCode(data[at]);
        return [canvas.height, canvas.width, btoa(text)];
    }""")
    alpha = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width)
    return (alpha > 20).sum(0 if axis == "columns" else 1)


def test_the_profile_over_the_mask_is_its_column_density_and_zooms_along(page, address):
    page.goto(address)
    view = View(page, "large")
    still(page)
    density = MASK.mean(0)
    room = view.inner.locator(".matrix-columns").bounding_box()["height"] - 2
    for ticks in (0, 6):
        view.wheel(ticks)
        left, _ = view.corner
        scale = float(view.get("scale"))
        heights = strip_heights(view, "columns")
        for x in range(max(0, left) + 2, len(heights) - 2, 7):
            first, last = int((x - left) / scale + 1e-6), max(int((x - left) / scale + 1e-6),
                                                            int(np.ceil((x + 1 - left) / scale - 1e-6)) - 1)
            if last < len(density):
                tallest = density[first : last + 1].max()
                assert abs(heights[x] - room * tallest) <= 3, (ticks, x, first, last)


def test_a_profile_reads_the_mean_of_a_column_and_a_click_goes_there(page, address):
    page.goto(address)
    view = View(page, "small")
    still(page)
    view.inner.locator("[data-field='weight']").click()
    view.ready()
    still(page)
    strip = view.inner.locator(".matrix-columns")
    left, scale = view.corner[0], float(view.get("scale"))
    strip.hover(position={"x": left + 40.5 * scale, "y": 10})
    expect(view.inner.locator(".matrix-hover")).to_contain_text("column 40: mean size")
    said = float(view.inner.locator(".matrix-hover").inner_text().split()[-1].replace("−", "-"))
    assert said == pytest.approx(np.abs(WEIGHT[:, 40]).mean(), rel=5e-3)
    strip.click(position={"x": left + 40.5 * scale, "y": 10})
    expect(view.inner).to_have_attribute("data-pin", re.compile(r"^\d+,40$"))


def test_going_to_a_weight_shows_its_number_and_outside_is_a_sentence(page, address):
    page.goto(address)
    view = View(page, "small")
    box = view.inner.locator(".matrix-goto")
    box.fill("17, 33")
    box.press("Enter")
    expect(view.inner).to_have_attribute("data-pin", "17,33")
    view.ready()
    row, column, rows, columns = view.seen
    assert row <= 17 < row + rows and column <= 33 < column + columns
    expect(view.inner.locator(".matrix-cells td[data-row='17'][data-column='33']")).to_be_attached()
    box.fill("999, 3")
    box.press("Enter")
    expect(view.inner.locator(".matrix-hover")).to_contain_text("rows 0 to 255")


def test_the_table_shows_the_visible_weights(page, address):
    page.goto(address)
    view = View(page, "small")
    button = view.inner.locator("[data-do=table]")
    button.click()
    cells = view.inner.locator(".matrix-cells")
    expect(cells).to_be_visible()
    expect(cells).to_contain_text("Zoom in")
    button.click()
    view.inner.locator(".matrix-goto").fill("5, 6")
    view.inner.locator(".matrix-goto").press("Enter")
    view.ready()
    button.click()
    shown = cells.locator("td[data-row='5'][data-column='6']")
    expect(shown).to_be_visible()
    assert float(shown.get_attribute("data-value") or "nan") == pytest.approx(float(GRADIENT[5, 6]))


def saved(view: View, kind: str) -> bytes:
    with view.page.expect_download() as caught:
        view.inner.locator(f"[data-do={kind}]").click()
    assert caught.value.suggested_filename.endswith(f".{kind}")
    return Path(caught.value.path()).read_bytes()


def test_the_saved_numbers_are_the_stored_ones(page, address):
    page.goto(address)
    view = View(page, "small")
    view.inner.locator("[data-field='weight']").click()
    view.ready()
    found = pandas.read_csv(io.BytesIO(saved(view, "csv")), comment="#", index_col=0)
    assert found.shape == WEIGHT.shape
    assert np.array_equal(found.to_numpy().astype(np.float32), WEIGHT)
    view.inner.locator("[data-field='gradient']").click()
    view.ready()
    found = pandas.read_csv(io.BytesIO(saved(view, "csv")), comment="#", index_col=0)
    assert np.array_equal(found.to_numpy().astype(np.float32), GRADIENT, equal_nan=True)


def test_saved_numbers_of_a_large_matrix_are_what_the_pixels_show(page, address):
    page.goto(address)
    view = View(page, "large")
    found = pandas.read_csv(io.BytesIO(saved(view, "csv")), comment="#", index_col=0)
    step = round(float(view.get("weights-per-pixel")) ** 0.5)
    assert list(found.index[:2]) == [0, step]
    assert found.iloc[1, 2] == pytest.approx(MASK[step : 2 * step, 2 * step : 3 * step].mean())


def test_the_saved_picture_holds_the_canvas(page, address):
    page.goto(address)
    view = View(page, "small")
    still(page)
    image = np.asarray(Image.open(io.BytesIO(saved(view, "png"))).convert("RGB"))
    drawn = view.pixels()
    wanted, height, width = drawn[40], drawn.shape[0], drawn.shape[1]
    assert image.shape[0] > height + 60
    assert image.shape[1] >= width
    assert any(np.array_equal(image[y, x : x + width], wanted) for y in range(60, 140) for x in range(8, 40))


def test_borders_of_heads_are_drawn_where_they_are(page, address):
    page.goto(address)
    page.get_by_role("tab", name="Third").click()
    view = View(page, "headed")
    left, top = view.corner
    scale = float(view.get("scale"))
    expect(view.inner.locator(".matrix-legend")).to_contain_text("heads")
    seen = view.pixels()
    line = seen[round(top + 64 * scale), left : left + round(384 * scale)].astype(int)
    plain = seen[round(top + 32.5 * scale), left : left + round(384 * scale)].astype(int)
    extreme = lambda pixels: ((pixels.min(1) > 225) | (pixels.max(1) < 25)).mean()  # noqa: E731
    assert extreme(line) > 0.9 > 0.4 > extreme(plain)


def test_sorted_columns_are_read_sent_and_found_by_their_stored_number(page, address):
    page.goto(address)
    page.get_by_role("tab", name="Fourth").click()
    view = View(page, "sorted")
    expect(view.inner.locator(".matrix-legend")).to_contain_text("columns sorted")
    first = int(np.argmax(np.abs(WEIGHT).mean(0)))
    left, top = view.corner
    scale = float(view.get("scale"))
    view.canvas.click(position={"x": left + 0.5 * scale, "y": top + 20.5 * scale})
    expect(view.inner).to_have_attribute("data-pin", f"20,{first}")
    expect(page.locator("#said textarea")).to_have_value(re.compile(rf"^20,{first},"))
    said = page.locator("#said textarea").input_value().split(",")[2]
    assert float(said) == pytest.approx(float(WEIGHT[20, first]))
    box = view.inner.locator(".matrix-goto")
    box.fill("7, 250")
    box.press("Enter")
    expect(view.inner).to_have_attribute("data-pin", "7,250")
    view.canvas.press("+")
    view.ready()
    cell = view.inner.locator(".matrix-cells td[data-row='7'][data-column='250']")
    assert float(cell.get_attribute("data-value") or "nan") == pytest.approx(float(WEIGHT[7, 250]))
    found = pandas.read_csv(io.BytesIO(saved(view, "csv")), comment="#", index_col=0)
    assert found.loc[7, "250"] == pytest.approx(WEIGHT[7, 250])


def test_while_a_control_moves_every_second_row_is_drawn_and_said_and_zoomed_in_all_of_them(page, address):
    page.goto(address)
    page.get_by_role("tab", name="Fifth").click()
    view = View(page, "followed")
    legend = view.inner.locator(".matrix-legend")
    expect(legend).to_contain_text(ENGLISH["shows_mask"])
    page.locator("#cut input[type=range]").fill("0.5")
    expect(legend).to_contain_text(ENGLISH["rough"])
    view.ready()
    step = int(view.get("weights-per-pixel")) ** 0.5
    assert step >= 4
    expect(view.inner).to_have_attribute("data-live", re.compile("0.5"))
    view.inner.locator(".matrix-goto").fill("3, 5")
    view.inner.locator(".matrix-goto").press("Enter")
    expect(view.inner.locator(".matrix-cells td[data-row='3']").first).to_be_attached()
    view.ready()
    expect(legend).not_to_contain_text(ENGLISH["rough"])
    shown = view.inner.locator(".matrix-cells td[data-row='3']").evaluate_all(
        "all => all.map(one => [Number(one.dataset.column), Number(one.dataset.value)])")
    assert len(shown) > 4 and all(value == (not MASK[3, column]) for column, value in shown)
