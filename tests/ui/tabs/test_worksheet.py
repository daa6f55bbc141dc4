"""The worksheet: each solution follows from the numbers that are printed, and no word of the visitor is in it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from gblm_viz.core.base.job import run
from gblm_viz.core.keep.run import ChangeRow, SkillRow
from gblm_viz.core.look.mask_numbers import model_agreement
from gblm_viz.core.model.matrices import parameters
from gblm_viz.ui.report import this_run, worksheet, worksheet_data
from gblm_viz.ui.report.worksheet_data import LOWEST, Excerpt, Worksheet, lowest
from gblm_viz.ui.visit.library import Visit
from gblm_viz.ui.work import work
from gblm_viz.words import LANGUAGES, words
from tests.ui.tabs.test_take_home import CANARY, gathered, library, visit  # noqa: F401


def made(visit: Visit) -> Worksheet:  # noqa: F811
    return run(worksheet_data.gather(this_run.source_of(visit, "en"), gathered(visit)))


def number(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


def test_the_excerpt_is_of_the_run_and_each_score_marks_others(visit: Visit) -> None:  # noqa: F811
    one, source = made(visit).excerpt, this_run.source_of(visit, "en")
    assert one is not None and source.statistics is not None
    weights = parameters(source.model.network, source.model.layout)[one.matrix][one.row]
    for place, (weight, x, g) in enumerate(zip(one.weights, one.inputs, one.gradients, strict=True)):
        at = one.column + place
        assert weight == pytest.approx(float(weights[at]), rel=5e-3)
        assert x == pytest.approx(float(source.statistics.input_norm(one.matrix)[at]), rel=5e-3)
        assert g == pytest.approx(float(source.statistics.gradient_norm(one.matrix, "l1")[one.row, at]), rel=5e-3)
    marked = [lowest(scores) for scores in one.scores()]
    assert len(set(marked)) == 3 and {len(places) for places in marked} == {LOWEST}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_solutions_follow_from_what_is_printed(visit: Visit, language: str) -> None:  # noqa: F811
    found, say = made(visit), words(language)
    asked = worksheet.html(found, say).decode()
    page = asked + worksheet.solutions(found, say).decode()
    rows = [[re.sub("<.*?>", "", cell) for cell in re.findall(r"<td.*?</td>", row)]
            for row in re.findall(r"<tr>(?:(?!</tr>).)*</tr>", page)]
    assert found.excerpt is not None
    level = found.excerpt.alpha
    assert level is not None and f"{level:,g}" in page
    solved = [row for row in rows if len(row) == 7 and row[4]]
    assert len(solved) == 6 and len([row for row in rows if len(row) == 7 and not row[4]]) == 6
    for _, weight, x, g, *told in solved:
        size = abs(number(weight))
        for text, exact in zip(told, (size, size * number(x), size * (number(x) + level * number(g))), strict=True):
            assert number(text.removeprefix("▼ ")) == pytest.approx(exact, rel=5.1e-3)
    for column in (4, 5, 6):
        values = {number(row[column].removeprefix("▼ ")): row[column].startswith("▼") for row in solved}
        assert [values[one] for one in sorted(values)] == [True] * 3 + [False] * 3
    run_ = found.run
    assert f"{run_.removed:,}" in page
    assert asked.count('class="new-page"') == 1 and CANARY not in page and "<script" not in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_went_has_to_be_computed_at_half_too(visit: Visit, language: str) -> None:  # noqa: F811
    found, say = made(visit), words(language)
    one = found.run.matrices[0]
    weights = one.rows * one.columns
    half = replace(found, run=replace(found.run, matrices=(replace(one, removed=0.5), *found.run.matrices[1:])))
    asked, solved = (write(half, say).decode() for write in (worksheet.html, worksheet.solutions))
    assert f"{one.rows:,}" in asked and f"{one.columns:,}" in asked and f"{weights:,}" not in asked
    assert f"{weights:,}" in solved and f"{weights // 2:,}" in solved


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_difference_in_points_is_that_of_the_counts(visit: Visit, language: str) -> None:  # noqa: F811
    """112 and 76 of 116 are 96.6 % and 65.5 %: these differ by 31.1 points, the counts by 31.0."""
    found, say = made(visit), words(language)
    asked = (SkillRow("", "dense", 112, 116, 0.91, 0.99), SkillRow("", "pruned", 76, 116, 0.56, 0.74))
    change = ChangeRow("", 36, 0, (76 - 112) / 116, -0.4, -0.2, True)
    told = replace(found, run=replace(found.run, probes=asked, changes=(change,)))
    page = worksheet.solutions(told, say).decode()
    assert "−31.0" in page and say("worksheet.right.rounded", subtracted="−31.1") in page


def test_every_weight_that_is_judged_differently_is_named_with_its_places(visit: Visit) -> None:  # noqa: F811
    found, say = made(visit), words("en")
    one = found.excerpt
    assert one is not None
    sets = [lowest(scores) for scores in one.scores()]
    differing = [place for place in range(6) if len({place in chosen for chosen in sets}) == 2]
    page = worksheet.solutions(found, say).decode()
    assert differing
    for place in differing:
        places = [sum(other < scores[place] for other in scores) + 1 for scores in one.scores()]
        assert f"Column {one.column + place}: place {', '.join(map(str, places))} from the lowest" in page


def test_the_pupils_sheet_holds_no_solution(visit: Visit) -> None:  # noqa: F811
    found = made(visit)
    for say in map(words, LANGUAGES):
        asked, solved = (write(found, say).decode() for write in (worksheet.html, worksheet.solutions))
        told = re.sub("<.*?>", " ", say("worksheet.scores.marks", method="gblm", columns="#")).split("#")[0]
        assert told in solved and told not in asked and "▼" in solved and "▼" not in asked
        assert say("worksheet.frame.solutions") not in asked


def test_the_agreement_is_that_of_the_masks(visit: Visit) -> None:  # noqa: F811
    found, source = dict(made(visit).differing), this_run.source_of(visit, "en")
    assert set(found) == {"wanda", "gradient"}
    wanda = replace(source.applied.settings, method="wanda")
    same = model_agreement(source.applied, work.preview_masks(visit, wanda))
    assert found["wanda"] == round((1 - same) * source.applied.prunable)


def test_what_was_not_measured_is_not_asked(visit: Visit) -> None:  # noqa: F811
    found, say = made(visit), words("en")
    bare = replace(found, excerpt=None, differing=(), run=replace(
        found.run, perplexities=(), differences=(), probes=(), changes=()))
    page = worksheet.html(bare, say).decode() + worksheet.solutions(bare, say).decode()
    assert say("worksheet.removed.title") in page
    for name in ("scores", "perplexity", "right", "agreement"):
        assert say(f"worksheet.{name}.title") not in page


def test_a_method_without_alpha_says_whose_it_is() -> None:
    one = Excerpt("m", 0, 0, 0, (1, 2, 3, 4, 5, 6), (1,) * 6, (), None, False)
    assert one.scores() == ((1, 2, 3, 4, 5, 6), (1, 2, 3, 4, 5, 6))
    assert lowest(one.weights) == {0, 1, 2}


@pytest.mark.parametrize(("value", "text"), [
    (0.0, "0"), (-0.123456, "−0.123"), (6427.3, "6,430"), (12.0, "12"), (0.00123, "0.00123"), (3.21e-7, "3.21e−07")])
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert worksheet.number_text(value) == text
