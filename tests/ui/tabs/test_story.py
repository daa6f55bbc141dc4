"""The Overview's story: cards in both languages, verdicts by what is accepted, links, hand-out, estimates."""

from __future__ import annotations

import inspect
import math
import re
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest

from gblm_viz.amounts import format_duration, format_share
from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.intervals import Interval, Paired, PairedShare
from gblm_viz.core.base.job import run
from gblm_viz.core.measure import tolerance
from gblm_viz.core.measure.tolerance import Tolerance
from gblm_viz.core.sums import usual_models
from gblm_viz.ui.components.story import Card
from gblm_viz.ui.tabs import story, story_cards, story_takes
from gblm_viz.ui.tabs.story_handout import handout
from gblm_viz.ui.visit.library import Library, Visit
from gblm_viz.ui.visit.page import Page, Signals
from gblm_viz.ui.work.story_numbers import Numbers, TextLoss, example_numbers, text_loss
from gblm_viz.words import Words

KINDS = ("removed", "cost", "text", "why", "work", "pays", "doubt")


def cards(say: Words, numbers: Numbers, accepted: Tolerance | None = None) -> dict[str, Card]:
    return {card.kind: card for card in story_cards.cards_of(say, numbers, accepted or Tolerance(), "Block 0")}


def all_text(card: Card) -> str:
    judged = [verdict.text for verdict in card.verdicts]
    return " ".join([card.question, card.number, *card.sentences, *judged, card.limit, card.warning])


def loss(dense: float, pruned: float, low: float, high: float) -> TextLoss:
    return TextLoss(dense, pruned, Paired(math.log(pruned / dense), Interval(low, high), 5))


def test_seven_questions_each_with_a_limit_a_link_and_a_number_of_the_run(say: Words) -> None:
    numbers = example_numbers(say.language)
    found = cards(say, numbers)
    assert tuple(found) == KINDS
    assert all(card.question and card.limit and card.links for card in found.values())
    for count in (numbers.removed, numbers.prunable):
        assert f"{count:,}" in all_text(found["removed"])
    assert numbers.asked is not None
    for count in (numbers.asked.first.right, numbers.asked.second.right, numbers.asked.total):
        assert f"{count:,}" in all_text(found["cost"])
    assert all(found[kind].picture is not None and found[kind].picture.described for kind in (
        "removed", "cost", "why", "pays"))
    assert not any("{" in all_text(card) for card in found.values())


def test_the_verdict_follows_what_is_accepted(say: Words) -> None:
    numbers = replace(example_numbers(say.language), asked=PairedShare(90, 10, 0, 0), held=None)
    for most, mark in ((0.01, "outside"), (0.1, "few"), (0.5, "within")):
        (verdict,) = cards(say, numbers, Tolerance(most, 0.1))["cost"].verdicts
        assert verdict.mark == mark and say(f"story.verdict.{mark}") in verdict.text
        assert format_share(most) in verdict.text and "10.0 %" in verdict.text


def test_a_foreign_text_is_warned_of_and_an_understood_one_is_not(say: Words) -> None:
    numbers = example_numbers(say.language)
    strange = replace(numbers, example=False, own=loss(4000, 5000, 0.1, 0.3), usual=60.0, guessing=300.0)
    assert cards(say, strange)["text"].warning == say("story.text.foreign")
    assert "4,000" in all_text(cards(say, strange)["text"])
    by_kind, by_guessing = (all_text(cards(say, replace(strange, usual=usual))["text"]) for usual in (60.0, None))
    assert all(one in by_kind for one in ("60.0", "180", say("story.text.foreign_next"))) and "300" not in by_kind
    assert all(one in by_guessing for one in ("300", say("story.text.foreign_next"))) and "180" not in by_guessing
    assert not cards(say, numbers)["text"].warning
    unknown = replace(strange, own=loss(8, 9, 0.1, 0.2), usual=None, guessing=None)
    assert not cards(say, unknown)["text"].warning
    assert say("story.text.unclear") in cards(say, unknown)["text"].sentences
    short = cards(say, replace(unknown, usual=60.0))["text"]
    assert "60.0" in all_text(short) and "180" in all_text(short) and not short.warning


def test_a_share_that_whole_weights_rounded_is_told_beside_the_one_asked_for(say: Words) -> None:
    numbers = replace(example_numbers(say.language), sparsity=0.2969, wanted=0.3)
    card = cards(say, numbers)["removed"]
    assert card.number == "29.7 %" and say("story.removed.rounded", wanted="30 %", share="29.7 %") in card.sentences
    for wanted in (0.2969, None):
        assert len(cards(say, replace(numbers, wanted=wanted))["removed"].sentences) == 1


def test_a_typed_text_is_called_ours_where_it_is_copied_for_a_meeting(say: Words) -> None:
    numbers = replace(example_numbers(say.language), text="")
    told = " ".join(story_cards.meeting_of(say, numbers, Tolerance()).sentences)
    assert say("story.meeting.chosen_own") in told and say("text.own") not in told


def test_own_questions_decide_the_text_card(say: Words) -> None:
    numbers = replace(example_numbers(say.language), own_asked=PairedShare(10, 30, 0, 0))
    assert [one.mark for one in cards(say, numbers)["text"].verdicts] == ["outside"]
    assert "40" in all_text(cards(say, numbers)["text"])


def test_nothing_measured_is_said_and_offered(say: Words) -> None:
    bare = replace(example_numbers(say.language), example=False, pocket=False, asked=None, held=None, own=None,
                   against=None, agreement=None, jump=None, curves=None)
    found = cards(say, bare)
    assert found["cost"].sentences == [say("story.cost.unmeasured")]
    assert found["cost"].links[0].panels == ("compare-lost", "lost-figures")
    assert say("story.doubt.uncompared") in found["doubt"].sentences
    assert say("story.doubt.pocket") not in all_text(found["doubt"]), "the visitor's own model is not called tiny"


def test_a_model_without_questions_of_ours_has_its_perplexity_judged(say: Words) -> None:
    numbers = replace(example_numbers(say.language), asked=None, held=loss(10, 13, math.log(1.2), math.log(1.4)))
    card = cards(say, numbers)["cost"]
    (verdict,) = card.verdicts
    assert verdict.mark == "outside" and "30.0 %" in verdict.text and "10.0" in card.number
    assert [one.mark for one in cards(say, numbers, Tolerance(0.05, 0.5))["cost"].verdicts] == ["within"]


@pytest.mark.parametrize(("against", "key"), [
    ({"magnitude": "less"}, "better"), ({"magnitude": "more"}, "not_better"), ({"magnitude": "none"}, "not_better"),
    ({"magnitude": "one_draw"}, "uncompared"), ({"wanda": "less"}, "uncompared"), (None, "uncompared")])
def test_gradients_are_praised_only_where_the_run_shows_it(say: Words, against: dict[str, str] | None,
                                                           key: str) -> None:
    numbers = replace(example_numbers(say.language), against=against)
    told = story_cards.meeting_of(say, numbers, Tolerance()).sentences
    assert [one for one in ("better", "not_better", "uncompared")
            if say(f"story.meeting.{one}", share=format_share(numbers.sparsity)) in told] == [key]


def test_the_sentences_for_a_meeting_keep_nothing_back(say: Words) -> None:
    """The verdicts, what lost less, that nothing is smaller, that the model is tiny, that it does not know the text."""
    example = example_numbers(say.language)
    told = story_cards.meeting_of(say, replace(example, against={"wanda": "more"}), Tolerance()).sentences
    verdict = story_cards.overall_of(say, example, Tolerance(), "meeting")
    assert verdict is not None and verdict.mark == "outside" and told[2] == verdict.text, "the verdict comes first"
    assert format_share(example.sparsity) in told[1] and example.model in told[1]
    for loss, most in ((tolerance.right_lost(example.asked), Tolerance().right),
                       (example.held.added, Tolerance().perplexity)):
        assert any(story_cards.spread(say, loss) in one and format_share(most) in one for one in told)
    assert say("story.meeting.tiny") in told and say("story.meeting.pays") in told
    assert say("story.meeting.more", method="gblm", others="wanda") in told
    assert say("story.meeting.foreign") not in told
    assert example.held is not None
    strange = replace(example, example=False, pocket=False, own=replace(example.held, dense=400.0), guessing=300.0)
    told = story_cards.meeting_of(say, strange, Tolerance()).sentences
    assert say("story.meeting.foreign") in told and say("story.meeting.tiny") not in told
    assert story_cards.amount(example.held.dense) not in "".join(told), "nothing of a text that is not understood"


def test_the_verdict_on_the_whole_is_the_worst_one_and_tells_how_much_can_go(say: Words) -> None:
    example = example_numbers(say.language)
    lost = 1 - example.asked.second.value / example.asked.first.value
    lenient, strict, between = Tolerance(0.9, 9.0), Tolerance(0.0, 9.0), Tolerance(lost, 9.0)
    for accepted, mark in ((lenient, "within"), (strict, "outside"), (between, "few")):
        found = story_cards.overall_of(say, example, accepted)
        assert found is not None and found.mark == mark
        assert say(f"story.overall.{mark}", share=format_share(example.sparsity)) in found.text
    points = dict(example.curves[example.method])
    right = example.asked.first.value
    for most in (0.0, 0.05, 0.3, 0.9):
        held, least = example.holds_until(most)
        assert least == min(points) and (held == 0 or 1 - points[held] / right <= most)
        beyond = [share for share in sorted(points) if share > held]
        assert not beyond or 1 - points[beyond[0]] / right > most
    assert story_cards.overall_of(say, replace(example, asked=None, held=None), Tolerance()) is None


def test_a_text_that_is_not_understood_and_a_handful_of_windows_are_not_judged(say: Words) -> None:
    example = example_numbers(say.language)
    strange = replace(example, example=False, own=replace(example.held, dense=400.0), guessing=300.0)
    found = story_cards.overall_of(say, strange, Tolerance(0.9, 9.0))
    assert found is not None and found.mark == "few" and found.text == say("story.overall.foreign")
    assert [one.mark for one in cards(say, strange)["cost"].verdicts] == ["outside"], "its questions are still counted"
    assert say("story.cost.other_text") in cards(say, strange)["cost"].sentences
    few = replace(example, asked=None, held=text_loss((1.0, 1.1), (1.0, 1.1)))
    (verdict,) = cards(say, few)["cost"].verdicts
    assert verdict.mark == "too_few" and say("story.verdict.too_few") in verdict.text and "95" not in verdict.text


def test_questions_in_the_pages_language_are_counted_too(say: Words) -> None:
    example = example_numbers(say.language)
    assert example.asked_here is not None and 0 < example.asked_here.total < example.asked.total
    told = " ".join(cards(say, example)["cost"].sentences)
    assert f"{example.asked_here.total:,}" in told


def test_a_method_without_gradients_says_nothing_of_them(say: Words) -> None:
    numbers = replace(example_numbers(say.language), method="magnitude", samples=0)
    meeting = story_cards.meeting_of(say, numbers, Tolerance())
    assert say("story.meeting.spent_plain") in meeting.sentences
    assert not any(say(f"story.meeting.{key}", share=format_share(numbers.sparsity)) in meeting.sentences
                   for key in ("better", "not_better", "uncompared"))


def test_the_comparison_is_told_whoever_wins(say: Words) -> None:
    numbers = replace(example_numbers(say.language), against={"magnitude": "less", "wanda": "more", "random": "none"})
    warning, told = cards(say, numbers)["doubt"].sentences
    assert warning == say("story.doubt.pocket") and told.startswith(say("story.doubt.compared"))
    assert say("story.doubt.more", method="gblm", others="wanda") in told
    assert say("story.doubt.less", method="gblm", others="magnitude") in told
    assert "random" not in told
    unsettled = all_text(cards(say, replace(numbers, against={"magnitude": "one_draw", "wanda": "too_few"}))["doubt"])
    for kind, other in (("one_draw", "magnitude"), ("too_few", "wanda")):
        assert say(f"story.doubt.{kind}", method="gblm", others=other) in unsettled


def test_nearly_all_and_nearly_none_are_not_said_to_be_all_or_none(say: Words) -> None:
    numbers = replace(example_numbers(say.language), asked=PairedShare(1, 1238, 0, 1), agreement=0.99999)
    assert cards(say, numbers)["cost"].number == say("story.cost.number_right", before="99 %", after="0.1 %")
    assert "99.9 %" in all_text(cards(say, numbers)["doubt"])


def test_the_handout_is_one_page_of_html_that_holds_hostile_names_as_text(say: Words) -> None:
    numbers = replace(example_numbers(say.language), model="<script>alert(1)</script>")
    made = handout(say, numbers, Tolerance(), "Block <0>", "a run", "2026-01-31")
    assert "<script" not in made and "&lt;script" in made
    assert re.search(rf'<html lang="{say.language}">', made) and "http" not in made
    for sentence in story_cards.meeting_of(say, numbers, Tolerance()).plan:
        assert sentence in made


@pytest.mark.parametrize("bad", [None, -1.0, 1000.5, math.nan, math.inf, "5"])
def test_what_is_accepted_must_be_a_percentage(bad: Any) -> None:
    with pytest.raises(GblmError, match="from 0 to 1000"):
        story.checked_tolerance(bad, 10)
    with pytest.raises(GblmError, match="from 0 to 1000"):
        story.checked_tolerance(5, bad)
    assert story.checked_tolerance(5, 1000) == Tolerance(0.05, 10.0)


def test_the_estimates_name_every_size_and_the_visitors_own(library: Library, visit: Visit, say: Words) -> None:
    found = run(story_takes.takes_job(library, visit.model()))
    assert [one.name for one in found] == ["1B", "7B", "13B", "70B", ""]
    assert [one.here.seconds for one in found[:4]] == sorted(one.here.seconds for one in found[:4])
    html = story_takes.takes_html(say, found, visit.model())
    assert say("story.takes.own", model="tiny") in html and html.count("<tr>") == 6
    run_told = say("story.takes.run", time=format_duration(say, 1.6), count="16", tokens="1,024")
    assert run_told not in html
    numbers = replace(example_numbers(say.language), seconds=1.6, samples=16, tokens=1024)
    assert run_told in story_takes.takes_html(say, found, visit.model(), numbers)


@pytest.mark.parametrize("bad", [None, -3])
def test_what_is_no_percentage_is_told_under_the_boxes_and_the_last_one_counts(bad: Any, visit: Visit, say: Words,
                                                                               library: Library) -> None:
    heard: dict[str, tuple[Any, list[Any]]] = {}
    with gr.Blocks():
        signals = Signals(*(gr.State(0) for _ in inspect.signature(Signals).parameters))
        page = Page(say, library, gr.State(""), gr.HTML(), gr.Tabs(), signals)
        object.__setattr__(page, "on", lambda _, handler, inputs=(), outputs=(), **more: heard.update(
            {handler.__name__: (handler, outputs)}))
        story.build(page)
    accept, outputs = heard["on_accepted"]
    told = accept(visit, bad, 10)
    assert [one.elem_id for one in told] == ["story-accept-problem"] and {*told} <= {*outputs}
    assert "0" in str(told) and "1000" in str(told)
    assert story.accepted_of(visit) == Tolerance()
    assert [value for one, value in accept(visit, 7, 10).items() if one.elem_id == "story-accept-problem"] == [""]
    assert story.accepted_of(visit) == Tolerance(0.07, 0.1)


def test_what_is_said_of_seven_billion_weights_is_what_is_calculated() -> None:
    seconds = usual_models.taken("7B", usual_models.usual_shape("7B"), usual_models.GPU, story_takes.SUMS).gpu.seconds
    assert round(seconds / 60) == story_cards.SEVEN_BILLION_MINUTES


def test_before_a_copy_exists_the_story_says_what_to_do(visit: Visit, say: Words) -> None:
    visit.update(example=False)
    assert story.numbers_of(visit, say) is None
