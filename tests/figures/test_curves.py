"""The sweep's charts draw exactly the points they are given, with their intervals, and the paper's hollow and apart."""

from __future__ import annotations

import math

import pytest

from gblm_viz.core.base.intervals import Share
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure.evaluate import Perplexity
from gblm_viz.core.measure.published import PUBLISHED
from gblm_viz.core.measure.sweep import DENSE, SweepPoint, curves, knee, perplexity_interval
from gblm_viz.figures import curves as charts
from gblm_viz.figures.curves import Drawn
from gblm_viz.words import LANGUAGES, words


def made(sparsity: float, perplexity: float, right: int, method: str = "wanda", order: str = "dense") -> SweepPoint:
    loss = math.log(perplexity)
    held = Perplexity(perplexity, (loss - 0.1, loss, loss + 0.1), 16, "float32", "held", "0" * 64)
    own = Perplexity(perplexity / 2, (loss - 0.7,) * 2, 16, "float32", "own", "0" * 64)
    settings = DENSE if sparsity == 0 else Settings(method, sparsity=sparsity, order=order)
    return SweepPoint(settings, sparsity, own, held, Share(right, 20))


POINTS = (made(0, 10, 20), made(0.2, 10.2, 19), made(0.4, 11, 18), made(0.6, 14, 12), made(0.8, 300, 1),
          made(0.6, 13, 13, order="sequential"), made(0.8, 250, 2, order="sequential"))


def drawn() -> Drawn:
    found = curves(POINTS)
    return Drawn(found, {name: " ".join(name) for name in found}, {point: at for at, point in enumerate(POINTS)},
                 {name: knee(own) for name, own in found.items()}, perplexity_interval)


def by_name(figure, name: str):
    return next(one for one in figure.data if one.name == name)


@pytest.mark.parametrize("language", LANGUAGES)
def test_perplexity_holds_every_point_of_both_texts_with_its_interval_and_its_number(language: str) -> None:
    say = words(language)
    figure = charts.perplexity(drawn(), {"held_out": "left", "calibration": "right"}, "told", say)
    line = by_name(figure, "wanda dense")
    assert list(line.x) == pytest.approx([0, 20, 40, 60, 80])
    assert list(line.y) == [10, 10.2, 11, 14, 300]
    assert [row[0] for row in line.customdata] == [0, 1, 2, 3, 4]
    interval = perplexity_interval(POINTS[3].held_out)
    assert line.error_y.array[3] == pytest.approx(interval.high - 14)
    assert line.error_y.arrayminus[3] == pytest.approx(14 - interval.low)
    own = by_name(figure, say("sweep.calibration", name="wanda dense"))
    assert list(own.y) == [5, 5.1, 5.5, 7, 150]
    assert (line.xaxis, own.xaxis) == ("x", "x2")
    assert figure.layout.xaxis.title.text == "left" and figure.layout.xaxis2.title.text == "right"
    assert figure.layout.yaxis.type == "log"


def test_the_orders_differ_by_dash_the_methods_by_mark_and_the_dense_model_is_the_blue_circle() -> None:
    figure = charts.perplexity(drawn(), {"held_out": ""}, "", words("en"))
    assert by_name(figure, "wanda dense").line.dash == "solid"
    assert by_name(figure, "wanda sequential").line.dash == "dash"
    dense = by_name(figure, words("en")("compare.dense"))
    assert (list(dense.x), list(dense.y), dense.marker.color, dense.marker.symbol) == ([0], [10], "#0072B2", "circle")
    assert len({symbol for _, symbol in charts.LOOKS.values()} | {"circle"}) == len(charts.LOOKS) + 1


def test_the_knees_are_ringed_on_the_held_out_curve() -> None:
    ring = by_name(charts.perplexity(drawn(), {"held_out": "", "calibration": ""}, "", words("en")), "knee")
    assert list(ring.x) == pytest.approx([60])
    assert list(ring.y) == [14]
    assert ring.xaxis == "x"


def test_probes_are_shares_with_wilsons_bars() -> None:
    line = by_name(charts.probes(drawn(), "", words("en")), "wanda dense")
    assert list(line.y) == [100, 95, 90, 60, 5]
    interval = Share(12, 20).interval
    assert line.error_y.array[3] == pytest.approx(100 * interval.high - 60)
    assert line.customdata[3][3] == 20


def test_the_papers_points_are_hollow_ratios_beside_ours_and_nothing_a_click_could_load() -> None:
    figure = charts.relative(drawn(), PUBLISHED, 0.5, "", words("en"))
    assert list(by_name(figure, "wanda dense").y) == pytest.approx([1, 1.02, 1.1, 1.4, 30])
    paper = [one for one in figure.data if one.name.endswith(": paper, not measured here")]
    assert [one.name.split(":")[0] for one in paper] == ["magnitude", "wanda", "gblm"]
    for one in paper:
        assert one.marker.symbol.endswith("-open")
        assert one.xaxis == "x2"
        assert all(row[0] is None for row in one.customdata)
    assert list(paper[2].y) == pytest.approx([one.pruned["gblm"] / one.dense for one in PUBLISHED])
    assert list(paper[2].x) == [7, 13, 70, 7, 13, 30]
    assert figure.data[-1].name == "paper, not measured here: □ magnitude · ◇ wanda · △ gblm"
    assert [one.name for one in figure.data if one.showlegend is False] == [one.name for one in paper]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sweep_that_has_not_begun_and_one_that_ran_away_are_drawn(language: str) -> None:
    say = words(language)
    nothing = Drawn({}, {}, {}, {}, perplexity_interval)
    for figure in (charts.perplexity(nothing, {"held_out": ""}, "none", say), charts.probes(nothing, "none", say),
                   charts.relative(nothing, PUBLISHED, 0.5, "none", say)):
        assert figure.layout.title.text == "none"
    endless = SweepPoint(Settings("wanda", sparsity=0.9, order="dense"), 0.9, None,
                         Perplexity(math.inf, (800.0, 900.0), 16, "float32", "held", ""), None)
    found = curves([POINTS[0], endless])
    one = Drawn(found, dict.fromkeys(found, "w"), {POINTS[0]: 0, endless: 1}, {}, perplexity_interval)
    assert list(by_name(charts.perplexity(one, {"held_out": ""}, "", say), "w").y) == [10]
    assert list(by_name(charts.relative(one, PUBLISHED, 0.5, "", say), "w").y) == [1]
    assert list(by_name(charts.probes(one, "", say), "w").y) == [100]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sparsity_axis_names_its_percent_with_their_sign(language: str) -> None:
    say = words(language)
    both = charts.perplexity(drawn(), {"held_out": "", "calibration": ""}, "", say).layout
    axes = [both.xaxis, both.xaxis2, charts.probes(drawn(), "", say).layout.xaxis,
            charts.relative(drawn(), PUBLISHED, 0.5, "", say).layout.xaxis]
    for axis in axes:
        named = [(at, text) for at, text in zip(axis.tickvals, axis.ticktext, strict=True) if text]
        assert named == [(at, f"{at} %") for at in (0, 20, 40, 60, 80)]
