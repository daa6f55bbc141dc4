"""The tab One weight: what it says of a weight is what the masks say, what it costs is what core measured."""

from __future__ import annotations

import html
import math
import re
from dataclasses import replace
from typing import Any

import pytest

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import run
from gblm_viz.core.look import pull, weight
from gblm_viz.ui.components.weight_words import group_name
from gblm_viz.ui.tabs import weight as tab
from gblm_viz.ui.visit.library import Visit
from gblm_viz.ui.visit.session import Selection
from gblm_viz.ui.work import work


def pinned(visit: Visit, row: int = 1, column: int = 2, matrix: int = 0) -> tab.At:
    visit.update(selection=Selection(visit.model().layout.matrices[matrix].name, 0, row, column))
    return tab.at_of(visit)


@pytest.mark.parametrize("column", range(0, 16, 5))
@pytest.mark.parametrize("pattern", ["", "2:4"])
def test_the_sentence_says_what_the_mask_does(visit: Visit, say: Any, column: int, pattern: str) -> None:
    visit.update(settings=replace(visit.session.settings, pattern=pattern))
    at = pinned(visit, 3, column)
    gone = bool(work.preview_masks(visit, at.settings).masks[at.matrix][3, column])
    found = tab.report_of(visit, at)
    told = tab.sentence(say, found, at.settings)
    assert f'data-removed="{int(gone)}"' in told
    assert say("weight.sentence." + ("removed" if gone else "kept"), place=found.rank + 1, size=found.group_size,
               cut=found.cut, group=group_name(say, found)) in told


def test_every_method_s_verdict_is_its_mask_s(visit: Visit, say: Any) -> None:
    at = pinned(visit, 2, 5)
    table = tab.verdicts(say, tab.report_of(visit, at), at.settings)
    fates = re.findall(r'<tr><td class=" ">(\w+).*?</td><td class=" (goes|stays)">', table)
    assert [method for method, _ in fates] == list(weight.JUDGES)
    for method, fate in fates:
        masks = work.preview_masks(visit, replace(at.settings, method=method))
        assert (fate == "goes") == bool(masks.masks[at.matrix][2, 5]), method


def test_the_bar_s_parts_and_cut_are_in_proportion(visit: Visit, say: Any) -> None:
    at = pinned(visit)
    found = tab.report_of(visit, at)
    bar = tab.score_bar(say, found, at.settings)
    widths = [float(width) for width in re.findall(r'<i class="\w+" style="width:([\d.]+)%"', bar)]
    cut = float(re.search(r'left:([\d.]+)%', bar)[1])  # type: ignore[index]
    assert len(widths) == 2
    assert sum(widths) / cut == pytest.approx(found.score / found.cut_high, rel=1e-2)
    assert widths[0] / widths[1] == pytest.approx(found.activation_part / found.gradient_part, rel=1e-2)


def test_the_telling_weight_is_cut_by_magnitude_and_kept_by_the_method(visit: Visit) -> None:
    jump = tab.telling_weight(visit)
    assert jump is not None and jump.change > 0
    visit.update(selection=Selection(jump.matrix))
    at = tab.at_of(visit)
    assert (at.matrix, at.row, at.column) == (jump.matrix, jump.row, jump.column), "nothing pinned: it is shown"
    fates = {one.method: one.removed for one in tab.report_of(visit, at).verdicts}
    assert fates["magnitude"] and not fates["gblm"]
    visit.update(settings=replace(visit.session.settings, method="magnitude"))
    assert tab.telling_weight(visit) is None


def test_without_statistics_only_magnitude_can_be_asked(visit: Visit, say: Any) -> None:
    visit.update(statistics=None)
    assert not tab.is_ready(visit)
    with pytest.raises(GblmError):
        tab.at_of(visit)
    visit.update(settings=replace(visit.session.settings, method="magnitude"))
    at = pinned(visit)
    found = tab.report_of(visit, at)
    assert [one.method for one in found.verdicts] == ["magnitude"]
    assert math.isnan(found.predicted)
    assert "nan" not in tab.card(say, found, at.settings)


def test_what_was_measured_stands_beside_what_was_predicted(visit: Visit, say: Any) -> None:
    at, model, found = pinned(visit), visit.model(), visit.statistics()
    targets = tab.effects(model, at)
    assert list(targets) == list(tab.EFFECTS)
    show = tab._Show(type("Page", (), {"words": say})(), None)  # type: ignore[arg-type]
    key = tab.measured_key(visit, tuple(targets.values()))
    visit.library.values.pop(key, None)
    assert numbers(show.effect(visit, at))[1] == [html.escape(say("weight.effect.to_measure"))] * len(targets)
    changes = run(weight.measured_changes(model, found.calibration, tuple(targets.values())))
    visit.library.put(key, changes)
    predicted, measured, _ = numbers(show.effect(visit, at))
    assert predicted == [tab.signed(weight.predicted_change(model, found, target)) for target in targets.values()]
    assert measured == [tab.signed(change) for change in changes]


def numbers(table: str) -> list[list[str]]:
    """The columns of numbers of a table."""
    cells = re.findall(r'<td class="number ">(.*?)</td>', table)
    return [cells[column::3] for column in range(3)]


def test_the_strongest_samples_are_listed_first_and_their_tokens_add_up(visit: Visit, say: Any) -> None:
    at = pinned(visit)
    first, second = tab.strongest(visit, at, 2)
    shares = pull.sample_shares(visit.statistics(), at.matrix)
    assert shares[first] >= shares[second] == sorted(shares)[-2]
    target = tab.pull_of(visit.model(), at, "weight")
    (one,) = run(pull.token_pulls(visit.model(), visit.statistics().calibration, target, (first,)))
    drawn = tab.strip(say, tuple("<${x}" for _ in one.per_token), one)
    assert drawn.count("<span") == len(one.per_token)
    assert "<$" not in drawn and "${" not in drawn, "text is never markup or a template"
    strongest = max(range(len(one.per_token)), key=lambda index: abs(one.per_token[index]))
    depths = [float(depth) for depth in re.findall(r"rgba\([^)]*, ([\d.]+)\)", drawn)]
    assert depths[strongest] == max(depths) == 0.85


@pytest.mark.parametrize(("kind", "matrix", "wanted"), [("head", 0, "head"), ("head", -1, "matrix"), ("row", 0, "row")])
def test_a_matrix_without_heads_is_taken_whole(visit: Visit, kind: str, matrix: int, wanted: str) -> None:
    assert tab.pull_of(visit.model(), pinned(visit, matrix=matrix), kind).kind == wanted


@pytest.mark.parametrize(("value", "shown"), [(1.2e-6, "+1.2e-6"), (-0.5, "−0.50"), (0.0, "0"), (math.nan, "–")])
def test_signs_are_said(value: float, shown: str) -> None:
    assert tab.signed(value) == shown
