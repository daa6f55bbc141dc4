"""What was lost, as it is said and shown: sorted, filtered, leafed, concluded by the rule it names, safe to read."""

from __future__ import annotations

import csv
import io
import math
import re
from typing import Any

import pytest

from gblm_viz.core.base.intervals import PairedShare
from gblm_viz.core.measure.evaluate import Probe, ProbeResult, Verdict, perplexity_of
from gblm_viz.core.measure.lost import TokenLoss, TokenPrediction
from gblm_viz.escape import escape
from gblm_viz.pocket.skills import SKILLS
from gblm_viz.ui.components.loss_strip import strip_value
from gblm_viz.ui.components.skill_name import skill_name
from gblm_viz.ui.report.report_data import as_lines
from gblm_viz.ui.tabs import lost_text
from gblm_viz.ui.tabs.lost_probes import AT_ONCE, FATES, ORDERS, Shelf, probability, probe_page, rows
from gblm_viz.ui.tabs.lost_tokens import title
from gblm_viz.ui.work.measuring import SetVerdicts, general_probes
from gblm_viz.words import words


class Windows:
    """As much of a CalibrationSet as a perplexity names."""

    length, text_name, text_sha256 = 16, "text", "0" * 64


def result(rights: str, logarithms: list[float] | None = None, skills: str = "", prompt: str = "p") -> ProbeResult:
    return ProbeResult(tuple(
        Verdict(Probe(skills[at] if skills else "s", "", f"{prompt}{at}", "a", choices=("a", "b")), right == "1",
                logarithms[at] if logarithms else -1.0, 2, 1 if right == "1" else 2 + at)
        for at, right in enumerate(rights)))


def asked(before: str, after: str, **more: Any) -> SetVerdicts:
    return SetVerdicts((result(before, **more), result(after, **more)))


def measured(*losses: float) -> Any:
    return perplexity_of(losses, Windows(), "float32")  # type: ignore[arg-type]


def test_every_pair_of_verdicts_has_its_fate() -> None:
    pairs = Shelf(order="prompt", down=False).of(asked("1100", "1010"))
    assert [pair.fate for pair in pairs] == ["kept", "lost", "gained", "wrong"] == list(FATES.values())


@pytest.mark.parametrize("order", ORDERS)
def test_a_head_sorts_by_its_column_and_turns_when_clicked_again(order: str) -> None:
    both = SetVerdicts((result("110", [-0.1, -0.5, -3.0], "bab"), result("011", [-2.0, -0.4, -3.5], "bab")))
    shelf = Shelf(order="", first=10).sorted_by(order)
    key, down = ORDERS[order]
    found = [key(pair) for pair in shelf.of(both)]
    assert found == sorted(found, reverse=down) and (shelf.first, shelf.down) == (0, down)
    turned = shelf.sorted_by(order)
    assert [key(pair) for pair in turned.of(both)] == sorted(found, reverse=not down)


def test_the_most_lost_comes_first_and_filters_leave_only_theirs() -> None:
    both = SetVerdicts((result("1111", [-0.1] * 4, "abab"), result("0101", [-1.0, -0.2, -5.0, -0.1], "abab")))
    assert [pair.index for pair in Shelf().of(both)] == [2, 0, 1, 3]
    assert [pair.index for pair in Shelf(skill="b").of(both)] == [1, 3]
    assert [pair.index for pair in Shelf(fate="lost", skill="a").of(both)] == [2, 0]
    assert Shelf(fate="gained").of(both) == []
    assert Shelf().of(both)[0].lost == pytest.approx(4.9)


def test_a_page_holds_its_rows_and_says_which(say: Any) -> None:
    both = asked("1" * 25, "0" * 25)
    page = probe_page(both, Shelf(order="prompt", down=False, first=AT_ONCE), say)
    assert len(page["lines"]) == AT_ONCE and page["pages"]["before"] and page["pages"]["after"]
    assert page["pages"]["told"].startswith(
        say("lost.probes.pages", first=AT_ONCE + 1, last=2 * AT_ONCE, n="25"))
    last = probe_page(both, Shelf(first=2 * AT_ONCE), say)
    assert len(last["lines"]) == 5 and not last["pages"]["after"]
    assert all(len(line["cells"]) == len(page["columns"]) for line in page["lines"])
    assert [one["sorted"] for one in page["columns"] if one["name"] == "prompt"] == ["ascending"]
    none = probe_page(both, Shelf(fate="kept"), say)
    assert none["lines"] == [] and none["pages"]["told"] == say("lost.probes.none")
    assert probe_page(None, Shelf(), say)["columns"] == []


def test_the_saved_rows_are_all_that_fit_the_filter_in_their_order_with_their_numbers_whole(say: Any) -> None:
    both = SetVerdicts((result("1" * 30, [-0.1] * 30), result("01" * 15, [-0.1 - at for at in range(30)])))
    shelf = Shelf(fate="lost", first=AT_ONCE)
    found = list(csv.DictReader(io.StringIO(as_lines(rows(shelf.of(both), say)).decode("utf-8-sig"))))
    assert [row[say("lost.probes.prompt")] for row in found] == [f"p{at}" for at in range(28, -1, -2)]
    assert float(found[0][say("lost.probes.pruned")]) == math.exp(-28.1)
    assert float(found[0][say("lost.probes.loss")]) == pytest.approx(28.0)
    assert found[0][say("lost.probes.rank_of", name=say("compare.pruned"))] == "30"
    assert {row[say("lost.probes.fate")] for row in found} == {say("lost.probes.lost")}


@pytest.mark.parametrize(("logarithm", "expected"), [
    (0.0, "100.0 %"), (math.log(0.734), "73.4 %"), (math.log(0.00021), "0.021 %"), (math.log(1e-7), "10⁻⁷"),
    (-60.0, "10⁻²⁶"), (-2000.0, "10⁻⁸⁶⁹")])
def test_a_probability_is_read_at_every_size(logarithm: float, expected: str) -> None:
    assert probability(logarithm) == expected


def test_a_share_says_n_both_intervals_and_whether_there_are_enough(say: Any) -> None:
    enough = lost_text.share_line(say, "x", PairedShare(30, 10, 0, 0))
    few = lost_text.share_line(say, "x", PairedShare(4, 2, 0, 0))
    assert "40" in enough and "−25.0" in enough and "10" in enough
    concluded = words(say.language)("lost.share.too_few").rpartition("{gained}")[2]
    assert concluded in few and concluded not in enough


def test_skills_are_concluded_one_by_one_and_shown_safely(say: Any) -> None:
    skills = "a" * 20 + "<" * 2
    both = SetVerdicts((result("1" * 22, skills=skills), result("0" * 22, skills=skills)),
                       (result("1" * 22, skills=skills), result("1" * 22, skills=skills)))
    shown = lost_text.skills_html(both, say)
    assert shown.count(say("lost.probes.worse")) == 1 and say("lost.probes.too_few") in shown
    assert "<td class=\" \">&lt;</td>" in shown and "50 %" in shown and escape(say("lost.share.rule")) in shown
    assert "20 / 20 (84 % – 100 %)" in shown
    assert say("lost.probes.chance") not in lost_text.skills_html(SetVerdicts(both.exact), say)


def test_the_greatest_loss_comes_first_and_every_difference_stands_on_one_axis(say: Any) -> None:
    skills = "a" * 20 + "b" * 20 + "c" * 20
    both = SetVerdicts((result("1" * 60, skills=skills), result("1" * 20 + "0" * 20 + "10" * 10, skills=skills)))
    shown = lost_text.skills_html(both, say)
    names = re.findall(r'<td class=" ">([abc])</td>', shown)
    points = [float(one) for one in re.findall(r"left: ([\d.]+)%\"></i>\s*</span>", shown)]
    assert names == ["b", "c", "a"]
    assert points == sorted(points) and points[0] == 0 and len(points) == 3
    assert re.findall(r'data-name="([^"]*)"', shown) == ["−100", "0", "+20"]
    assert "−50.0" in shown and shown.count('class="dots shown"') == 2


def test_the_gap_is_said_with_its_interval_and_only_where_it_is_shown(say: Any) -> None:
    own = (measured(1.0, 1.1, 0.9, 1.0), measured(1.1, 1.2, 1.0, 1.1))
    worse = (measured(1.0, 1.1, 0.9, 1.0), measured(2.0, 2.2, 1.9, 2.0))
    alike = (measured(1.0, 2.0), measured(1.0, 2.3))
    cases = ((own, worse, "gap_shown"), (worse, own, "gap_reversed"), (own, alike, "gap_none"))
    for first, second, expected in cases:
        shown = lost_text.gap_html(first, second, False, say)
        said = [name for name in ("gap_shown", "gap_reversed", "gap_none") if say(f"lost.{name}") in shown]
        assert said == [expected]
    assert "+0.100" in lost_text.gap_html(own, worse, False, say) and "+0.925" in lost_text.gap_html(
        own, worse, False, say)
    assert say("lost.gap_other")[:20] in lost_text.gap_html(own, worse, True, say)


def test_a_set_without_answers_says_what_to_do(say: Any) -> None:
    assert say("lost.probes.not_asked") in lost_text.asked_html(None, say)


def tokens(*differences: float) -> tuple[TokenLoss, ...]:
    return (TokenLoss("<s>", None, None), *(TokenLoss(f"${{{at}}}", TokenPrediction(1.0, 1, "x", 0.5), TokenPrediction(
        1.0 + difference, 3, "y", 0.4)) for at, difference in enumerate(differences)))


def test_the_strip_begins_at_the_most_lost_token_and_marks_the_few_that_lost_most() -> None:
    value = strip_value(tokens(0.1, 2.0, -1.0, 0.5, 0.7), {"a": "b"}, "title", "made")
    assert (value["start"], value["strongest"]) == (2, [2, 5, 4])
    assert value["tokens"][0]["dense"] is None and value["tokens"][2]["pruned"]["loss"] == 3.0
    assert value["tokens"][1]["text"] == "${0}"  # as it is: the browser sets it as text
    assert strip_value(tokens(-1.0, -2.0), {}, "", "")["strongest"] == []


def test_a_windows_title_says_which_way_and_over_how_much(say: Any) -> None:
    assert "0.46" in title(tokens(0.1, 2.0, -1.0, 0.5, 0.7), say, 3, 9, "own", "float32")
    worse, better = (title(tokens(one, one), say, 3, 9, "own", "float32") for one in (0.5, -0.5))
    assert worse != better and all("0.50" in one and " 2 " in one for one in (worse, better))


def test_every_bundled_skill_has_a_name_and_an_own_one_keeps_its_own(say: Any) -> None:
    bundled = {*SKILLS, *(probe.skill for probe in general_probes())}
    names = [skill_name(say, skill) for skill in sorted(bundled)]
    assert len(set(names)) == len(bundled) and not any("_" in name for name in names)
    assert skill_name(say, "<b>mine_en</b>") == "<b>mine_en</b>"
