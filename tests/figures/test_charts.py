"""The small charts draw exactly the numbers they are given, and say the rest in words of either language."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gblm_viz.core.look.columns import ColumnProfile
from gblm_viz.core.look.histogram import Histogram
from gblm_viz.figures import charts, colours
from gblm_viz.words import LANGUAGES, words


def scores(cut_low: float = -2.0, cut_high: float = -1.0, zeros: int = 0) -> Histogram:
    edges = np.linspace(-4.0, 1.0, 11)
    removed = np.array([1, 2, 4, 8, 6, 3, 0, 0, 0, 0])
    kept = np.array([0, 0, 0, 0, 2, 5, 9, 7, 3, 1])
    return Histogram("w", edges, kept, removed, zeros, cut_low, cut_high)


def profile() -> ColumnProfile:
    densities = {"chosen": np.array([0.1, 0.9, 0.5, 0.3]), "shuffled": np.array([0.45, 0.5, 0.55, 0.5])}
    return ColumnProfile("w", densities, 0.4, 0.6, {"chosen": 0.75, "shuffled": 0.0})


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_histogram_holds_every_count_and_names_them(language: str) -> None:
    say, found = words(language), scores(zeros=5)
    figure = charts.histogram(found, "Block 0", say)
    removed, kept = figure.data
    assert list(removed.y) == list(found.removed)
    assert list(kept.y) == list(found.kept)
    assert (removed.name, kept.name) == (say("prune.histogram.removed"), say("prune.histogram.kept"))
    assert figure.layout.barmode == "stack"
    title = figure.layout.title.text
    assert "24" in title
    assert "27" in title
    assert "5" in title
    assert "Block 0" in title


def test_removed_and_kept_differ_by_more_than_colour() -> None:
    removed, kept = charts.histogram(scores(), "", words("en")).data
    assert removed.marker.color == colours.PRUNED
    assert kept.marker.color == colours.DENSE
    assert removed.marker.pattern.shape
    assert not kept.marker.pattern.shape


def test_a_range_of_cuts_is_a_band_and_one_cut_a_line() -> None:
    band = charts.histogram(scores(-2.0, -1.0), "", words("en"))
    assert (band.layout.shapes[0].type, band.layout.shapes[0].x0, band.layout.shapes[0].x1) == ("rect", -2.0, -1.0)
    line = charts.histogram(scores(-2.0, -2.0), "", words("en"))
    assert (line.layout.shapes[0].type, line.layout.shapes[0].x0) == ("line", -2.0)
    assert not charts.histogram(scores(math.nan, math.nan), "", words("en")).layout.shapes


def test_the_axis_names_powers_of_ten_and_fills_short_ranges() -> None:
    ticks, names = charts.decades(-4.2, 1.1)
    assert ticks == [-4, -3, -2, -1, 0, 1]
    assert names[0] == "10<sup>-4</sup>"
    ticks, names = charts.decades(-1.0, 0.0)
    assert names == ["10<sup>-1</sup>", "2·10<sup>-1</sup>", "5·10<sup>-1</sup>", "10<sup>0</sup>"]
    assert ticks == pytest.approx([math.log10(tick) for tick in (0.1, 0.2, 0.5, 1)])


@pytest.mark.parametrize(("share", "shown"), [
    (0.5, "50.0 %"), (1.0, "100.0 %"), (0.0, "0.0 %"), (0.99996, "99.9 %"), (0.00004, "0.1 %"), (math.nan, "–")])
def test_a_share_is_rounded_but_never_to_all_or_nothing(share: float, shown: str) -> None:
    assert charts.percent(share) == shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_profile_sorts_each_mask_and_keeps_the_columns_names(language: str) -> None:
    names = {"chosen": "gblm", "shuffled": "chance"}
    in_place = charts.column_profile(profile(), "Block 0", names, False, words(language))
    assert np.allclose(in_place.data[0].y, [10, 90, 50, 30])
    ordered = charts.column_profile(profile(), "Block 0", names, True, words(language))
    assert np.allclose(ordered.data[0].y, [90, 50, 30, 10])
    assert list(ordered.data[0].customdata) == [1, 2, 3, 0]
    assert [line.line.dash for line in ordered.data] == ["solid", "dash"]
    band = ordered.layout.shapes[0]
    assert (band.y0, band.y1) == (40, 60)
    assert ordered.layout.yaxis.ticksuffix == "\u00a0%"
    assert "75" in ordered.layout.title.text


def test_charts_leave_the_background_to_the_page() -> None:
    for figure in (charts.histogram(scores(), "", words("en")),
                   charts.column_profile(profile(), "", {"chosen": "a", "shuffled": "b"}, True, words("en"))):
        assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"


@pytest.mark.parametrize(("value", "shown"), [(0, "0"), (0.00421, "0.00421"), (12.34, "12.3"), (4029.3, "4,029"),
                                              (1.2e-7, "1.20e-07"), (3.4e9, "3.40e+09")])
def test_numbers_keep_three_digits_or_all_before_the_point(value: float, shown: str) -> None:
    assert charts.short(value) == shown
