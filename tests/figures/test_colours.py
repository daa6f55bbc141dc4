"""Colours that mean something are written in one file; everything else names them."""

from __future__ import annotations

import re
from pathlib import Path

import plotly.graph_objects as go

from gblm_viz.figures import colours, curves, paper

ROOT = Path(__file__).parents[2]


def test_no_other_file_writes_a_meaningful_colour_out() -> None:
    meant = {colour.lower() for colour in colours.NAMED.values()}
    channels = {", ".join(map(str, colours.channels(colour))) for colour in meant}
    kinds = ("*.py", "*.js", "*.css", "*.html")
    places = [*(file for kind in kinds for file in (ROOT / "gblm_viz").rglob(kind)), ROOT / "assets" / "app.css"]
    found = [str(place.relative_to(ROOT)) for place in places if place.name != "colours.py"
             and (meant & set(re.findall(r"#[0-9a-f]{6}\b", text := place.read_text(encoding="utf-8").lower()))
                  or any(one in text for one in channels))]
    assert len(places) > 150 and found == []


def test_a_style_sheet_without_the_rule_has_its_colours_written_out() -> None:
    style = colours.fill_variables("a { color: var(--removed); } b { color: var(--quiet); }")
    assert style == f"a {{ color: {colours.REMOVED}; }} b {{ color: var(--quiet); }}"
    assert all(f"--{name}: {colour};" in colours.css_variables() for name, colour in colours.NAMED.items())


def test_every_mark_of_a_method_is_drawn_on_screen_and_in_print_by_a_colour_that_means_nothing_else() -> None:
    looks = [*curves.LOOKS.values(), *curves.SPARE]
    assert {mark for _, mark in looks} <= set(paper.SYMBOLS)
    for colour, mark in looks:
        go.Scatter(marker={"symbol": mark, "color": colour})  # raises for what plotly does not know
        assert "polygon" in paper._symbol(10, 10, mark, colour)
    assert len(set(looks)) == len(looks)


def test_a_thin_colour_is_its_channels_and_its_share() -> None:
    assert colours.shaded("#E69F00", 0.5) == "rgba(230, 159, 0, 0.50)"
