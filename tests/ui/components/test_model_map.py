"""A model map's value: the colour ends where the numbers end, the text can be read on it, gaps are hatched."""

from __future__ import annotations

import math

import pytest

from gblm_viz.core.look.cells import Cell, ModelMap
from gblm_viz.core.look.gradient_sums import GradientSummary
from gblm_viz.figures import maps
from gblm_viz.figures.colours import RAMPS
from gblm_viz.words import LANGUAGES, words


def a_map(values: list[float], log: bool = True) -> ModelMap:
    cells = tuple(Cell(f"m{index}", index, "down", 4, 4, 0, value) for index, value in enumerate(values))
    return ModelMap("gradient_mean", len(values), ("down",), cells, log, 3)


def value_of(model_map: ModelMap, **options: object) -> dict[str, object]:
    return maps.map_value(model_map, words("en"), title="t", unit="u", sentence=lambda cell: cell.name, **options)


@pytest.mark.parametrize("log", [True, False])
def test_smallest_and_largest_value_take_the_ends_of_the_ramp(log: bool) -> None:
    cells = value_of(a_map([1e-4, 1e-2, 1.0], log))["cells"]
    assert [cells[0]["colour"], cells[2]["colour"]] == [RAMPS["sequential"][0], RAMPS["sequential"][-1]]


def test_a_log_map_puts_the_geometric_middle_in_the_middle() -> None:
    cells = value_of(a_map([1e-4, 1e-2, 1.0]))["cells"]
    assert cells[1]["colour"] == maps.colour_at("sequential", 0.5)


def test_a_diverging_map_is_white_at_zero() -> None:
    cells = value_of(a_map([-1.0, 0.0, 0.5], log=False), kind="diverging")["cells"]
    assert cells[1]["colour"] == "#f7f7f7"
    assert cells[0]["colour"] == RAMPS["diverging"][0]


def test_given_bounds_hold_and_values_outside_take_the_nearest_end() -> None:
    value = value_of(a_map([-1.0, 0.5, 2.0], log=False), bounds=(0.0, 1.0))
    assert value["cells"][2]["colour"] == maps.colour_at("sequential", 1.0)
    assert (value["legend"]["lo"], value["legend"]["hi"]) == ("0", "1.0")


def test_a_gap_has_no_colour_and_a_zero_on_a_log_map_has_the_lowest() -> None:
    cells = value_of(a_map([math.nan, 0.0, 1e-3, 1.0]))["cells"]
    assert (cells[0]["colour"], cells[0]["label"]) == ("", "–")
    assert cells[1]["colour"] == maps.colour_at("sequential", 0.0)


@pytest.mark.parametrize("values", [[2.0], [0.0, 0.0], [math.nan], [5.0, 5.0]])
def test_a_map_of_one_value_or_none_still_has_a_range(values: list[float]) -> None:
    assert len(value_of(a_map(values))["cells"]) == len(values)


def test_the_labels_contrast_with_every_colour_of_both_ramps() -> None:
    for kind in ("sequential", "diverging"):
        for step in range(101):
            colour = maps.colour_at(kind, step / 100)
            one, other = sorted((maps.luminance(colour), maps.luminance(maps.ink_on(colour))))
            assert (other + 0.05) / (one + 0.05) >= 4.3, (kind, step)


@pytest.mark.parametrize(("value", "text"), [
    (3.14159e-4, "3.1e-4"), (0.0123, "0.012"), (0.0, "0"), (1.7, "1.7"), (512.0, "512"), (-0.5, "−0.50"),
    (2.4e5, "2.4e5"), (-2.4e-5, "−2.4e-5"), (math.nan, "–"), (math.inf, "∞"),
])
def test_numbers_are_written_with_two_digits(value: float, text: str) -> None:
    assert maps.number(value) == text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sentence_names_block_role_average_ratio_and_share(language: str) -> None:
    summaries = [GradientSummary(f"m{block}", block, "down", 4, 4, 0, mean, mean, 2 * mean, 0.38)
                 for block, mean in enumerate((1e-4, 2e-4, 4.6e-4))]
    sentence = maps.gradient_sentence(summaries, "p99", words(language))(Cell("m2", 2, "down", 4, 4, 0, 4.6e-4))
    for part in ("2", maps.role_name(words(language), "down"), "4.6e-4", "38\u00a0%", "9.2e-4",
                 "2.3 ×" if language == "en" else "2.3 倍"):
        assert part in sentence


def test_a_role_without_a_name_is_shown_as_it_is() -> None:
    assert maps.role_name(words("ja"), "weird_proj") == "weird_proj"
