"""Pictures for paper draw the numbers they are given, stand alone, and fit on a page."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from gblm_viz.core.keep.run import SweepRow
from gblm_viz.core.look.histogram import Histogram
from gblm_viz.figures import charts, paper
from gblm_viz.figures.maps import colour_at, number
from gblm_viz.words import LANGUAGES, words

SVG = "{http://www.w3.org/2000/svg}"


def parsed(picture: str) -> ElementTree.Element:
    """The picture as XML, after the checks that every one has to pass."""
    tree = ElementTree.fromstring(picture)
    assert tree.get("role") == "img" and tree.get("aria-label")
    assert not re.search(r"(href|src)=\"(?!data:|#)", picture), "something from outside"
    _, _, width, height = map(float, str(tree.get("viewBox")).split())
    assert width == paper.WIDTH and height <= paper.TALLEST + 40
    return tree


def texts(tree: ElementTree.Element) -> list[str]:
    return ["".join(one.itertext()) for one in tree.iter(f"{SVG}text")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_heat_map_prints_every_value_in_its_colour_and_hatches_what_is_missing(language: str) -> None:
    cells = [(0, "q", 0.01), (0, "down", 1.0), (1, "q", None), (1, "down", 0.1)]
    tree = parsed(paper.heat_map(cells, words(language), unit="nats <per> weight", alternative="a & b", log=True))
    assert tree.get("aria-label") == "a & b"
    fills = [str(one.get("fill")) for one in tree.iter(f"{SVG}rect") if float(one.get("width", 0)) > 100]
    assert fills[0] == colour_at("sequential", 0.0) and fills[1] == colour_at("sequential", 1.0)
    assert fills[3] == colour_at("sequential", 0.5)  # half way in decades
    assert fills[2].startswith("url(#") and f'id="{fills[2][5:-1]}"' in ElementTree.tostring(tree, "unicode")
    assert {number(value) for _, _, value in cells if value is not None} <= set(texts(tree))
    assert any("nats <per> weight" in text for text in texts(tree))


def test_a_model_of_eighty_blocks_fits_on_a_page() -> None:
    cells = [(block, role, float(block)) for block in range(80) for role in ("q", "k", "v", "o", "gate", "up", "down")]
    parsed(paper.heat_map(cells, words("en"), unit="u", alternative="a"))
    rows = [(f"skill {at}", (0.5, 0.4, 0.6), (0.2, 0.1, 0.3)) for at in range(60)]
    parsed(paper.shares(rows, words("en"), "a"))


def test_the_bars_of_the_histogram_are_as_tall_as_their_counts() -> None:
    edges = np.linspace(-2.0, 1.0, 4)
    found = Histogram("w", edges, np.array([0, 5, 10]), np.array([4, 5, 0]), 0, -1.0, -0.5)
    tree = parsed(paper.score_histogram(found, words("en"), "a"))
    bars = [one for one in tree.iter(f"{SVG}rect") if float(one.get("width", 0)) > 150]
    hatched = [float(one.get("height", 0)) for one in bars if str(one.get("fill")).startswith("url")]
    plain = [float(one.get("height", 0)) for one in bars if one.get("fill") == paper.DENSE]
    assert np.allclose(np.array(hatched) / hatched[0], [1, 5 / 4], atol=0.01)
    assert np.allclose(np.array(plain) / plain[0], [1, 2], atol=0.01)
    assert np.isclose(max(plain) / hatched[0], 10 / 4, atol=0.01)


def test_marks_stand_at_their_share_and_lines_span_the_interval() -> None:
    tree = parsed(paper.shares([("sums", (1.0, 0.5, 1.0), (0.0, 0.0, 0.25))], words("en"), "a"))
    lines = [(float(one.get("x1", 0)), float(one.get("x2", 0))) for one in tree.iter(f"{SVG}line")
             if one.get("stroke") in {paper.DENSE, paper.PRUNED}]
    (low, high), (zero, quarter) = lines
    full = high - zero
    assert low - zero == pytest.approx(full / 2, abs=0.2) and quarter - zero == pytest.approx(full / 4, abs=0.2)
    dots = [float(one.get("cx", 0)) for one in tree.iter(f"{SVG}circle")]
    assert dots[0] == pytest.approx(high, abs=0.2)  # ● dense; the legend's comes last


def decoded(data: bytes) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """(codes, palette) of a palette PNG without filters, read chunk by chunk."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + size
    columns, rows, depth, colours = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colours) == (8, 3)
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(rows, columns + 1)
    assert not lines[:, 0].any()
    return lines[:, 1:], np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)


def test_the_png_holds_every_code_and_goes_from_white_to_orange() -> None:
    codes = np.random.default_rng(0).integers(0, 256, (5, 7)).astype(np.uint8)
    read, palette = decoded(paper.png(codes))
    assert (read == codes).all()
    assert palette[0].tolist() == [255, 255, 255] and palette[255].tolist() == [0xE6, 0x9F, 0x00]


def test_the_mask_names_its_own_rows_and_columns_not_those_of_its_squares() -> None:
    tree = parsed(paper.mask_image(np.ones((4, 8), np.float32), (1000, 2000), 250, words("en"), "a"))
    assert {"999", "1,999"} <= set(texts(tree))
    assert any("250 × 250" in text for text in texts(tree))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sweep_draws_each_curve_lower_where_the_perplexity_is(language: str) -> None:
    rows = [SweepRow(method, order, sparsity, None, None, perplexity, 4, None, None, None, None, knee, sparsity)
            for method, order, values in (("wanda", "dense", (2.0, 2.5, 20.0)), ("gblm", "sequential", (2.0, 2.2, 9.0)))
            for sparsity, perplexity, knee in zip((0.0, 0.5, 0.9), values, (False, True, False), strict=True)]
    rows.append(replace(rows[0], sparsity=0.95, perplexity_held_out=float("inf")))
    names = {("wanda", "dense"): "wanda, dense order", ("gblm", "sequential"): "gblm、枝刈り前のモデルの逐次の順序"}
    tree = parsed(paper.sweep(rows, names, words(language), "a"))
    wanda, gblm = ([tuple(map(float, one.split(","))) for one in str(line.get("points")).split()]
                   for line in tree.iter(f"{SVG}polyline"))
    assert len(wanda) == len(gblm) == 3  # what is infinite is not drawn
    assert [x for x, _ in wanda] == sorted(x for x, _ in wanda)
    assert wanda[0] == gblm[0] and wanda[1][1] > wanda[2][1] and gblm[2][1] > wanda[2][1]
    dashed = [bool(line.get("stroke-dasharray")) for line in tree.iter(f"{SVG}polyline")]
    assert dashed == [False, True]
    assert sum(one.get("stroke") is not None for one in tree.iter(f"{SVG}circle")) == 2
    assert set(names.values()) <= set(texts(tree))
    for text in tree.iter(f"{SVG}text"):
        if text.text in names.values():
            assert float(text.get("x") or 0) + 5.5 * charts.columns_of(text.text) < paper.WIDTH, "no name runs out"
