"""The chat without a browser: streams that advance together, who answers, what a blind question tells, the bars."""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import replace
from html import unescape
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gblm_viz.core.base.errors import SettingError, TextError
from gblm_viz.core.base.job import run
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model import models
from gblm_viz.core.model.models import Model
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.core.talk.blind import Vote
from gblm_viz.core.talk.divergence import Next
from gblm_viz.core.talk.generate import Candidate, Sampling, Token
from gblm_viz.core.talk.known import KnownSkill
from gblm_viz.ui import server
from gblm_viz.ui.components.chat_pane import Bubble, pane_value
from gblm_viz.ui.components.token_bars import bars_html, percentage
from gblm_viz.ui.tabs import chat_blind, chat_view
from gblm_viz.ui.tabs.chat_view import ChatView, Places, Round
from gblm_viz.ui.visit.library import Library, Visit
from gblm_viz.ui.visit.remembered import BLIND, BLIND_ROUND, CHAT, THIRD, VOTES
from gblm_viz.ui.visit.session import Session
from gblm_viz.ui.visit.text_choice import TextChoice
from gblm_viz.ui.work import chat_models, work
from gblm_viz.ui.work.chat import (
    SIDES,
    Conversation,
    SideAnswer,
    Turn,
    answer_together,
    logged,
    messages_of,
)
from gblm_viz.words import words
from tests.families import FAMILIES, tiny_tokenizer
from tests.ui.wire import pages_of

TEXT = "\n\n".join(f"The river carries sand to the sea in the {word}, and the others stay where they were for a day."
                   for word in ("morning", "evening", "summer", "winter", "spring", "autumn", "night", "rain"))


@pytest.fixture(scope="module")
def model() -> Model:
    """A tiny random model that never ends by itself."""
    torch.manual_seed(0)
    made = models.wrap(FAMILIES["llama"](), tiny_tokenizer(), "tiny")
    made.network.generation_config.eos_token_id = None
    made.tokenizer.eos_token = None
    return made


@pytest.fixture(scope="module")
def library(model: Model) -> Library:
    """A visitor with statistics of an own text and a pruned copy."""
    made = Library(budget=1 << 30)
    made.put("model", model)
    text = TextChoice(TEXT, "", length=16, samples=8)
    samples, held = work.samples_of(model, text)
    key = run(work.collect_job(made, model, samples, held, threading.Event()))
    settings = Settings(alpha=Alpha("share", 0.5), order="dense")
    session = Session(source="tiny", model="model", text=text, statistics=key, settings=settings)
    applied = run(work.apply_job(made, session, model, made.get(key), settings))
    made.first = replace(session, applied=applied, applied_number=1)
    made.ready.set()
    return made


@pytest.fixture
def visit(library: Library) -> Visit:
    return library.visit(None)


def token(number: int, text: str = "x") -> Token:
    return Token(number, text, 0.5, ())


def said(*numbers: int, ended: str = "end") -> SideAnswer:
    return SideAnswer(tuple(token(number, f"<{number}>") for number in numbers), ended, 1.0)


class Stub:
    """Stands for a component: only its identity counts."""


@pytest.fixture
def view(say: Any) -> ChatView:
    def three() -> tuple[Any, ...]:
        return tuple(Stub() for _ in range(3))

    return ChatView(say, Places(three(), three(), three(), three(), Stub(), Stub(), Stub()))


# Errors

def test_after_an_error_both_panes_show_what_was_there_before_and_the_next_question_is_answered(
        library: Library, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    from gblm_viz.ui.work import chat

    def failing(*given: Any) -> Any:
        yield token(1, "half an answer")
        time.sleep(0.3)
        raise IndexError("index out of range in self")

    page = pages_of(server.make_app(library))["en"]
    handler = next(one.fn for one in page.fns.values() for target, event in one.targets
                   if event == "click" and getattr(page.blocks.get(target), "elem_id", None) == "ask")

    def asked(prompt: str) -> tuple[dict[str, Any], str]:
        """What the components show in the end, by id; and everything that they showed."""
        shown: dict[str, Any] = {}
        request = SimpleNamespace(client=None, session_hash="a page")
        updates = list(handler(request, visit.key, prompt, False, "0", 0, 1, 8))
        for update in updates:
            shown |= {component.elem_id: value for component, value in update.items() if component.elem_id}
        return shown, str(updates)

    before, _ = asked("The sea")
    with monkeypatch.context() as broken:
        broken.setattr(chat, "stream", failing)
        after, through = asked("The river")
    assert "half an answer" in through and "error" in after["status"]
    for side in ("dense", "pruned"):
        assert after[f"{side}-chat"] == before[f"{side}-chat"], "no half answer stays"
        assert after[f"compare-note-{side}"] == before[f"compare-note-{side}"]
    assert after["compare-parting"] == before["compare-parting"] and after["stop"]["interactive"] is False
    with monkeypatch.context() as broken:
        broken.setattr("gblm_viz.ui.tabs.chat.fit_prompts", lambda *_: 1 / 0)
        early, _ = asked("The river")
    assert early["dense-chat"] == before["dense-chat"] and early["stop"]["interactive"] is False
    again, _ = asked("The shore")
    assert "The shore" in str(again["dense-chat"]) and "growing" not in str(again["dense-chat"])


def test_clear_while_an_answer_grows_leaves_nothing_of_it_whichever_update_comes_last(
        library: Library, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    handlers = {getattr(page.blocks.get(target), "elem_id", None): one.fn
                for page in (pages_of(server.make_app(library))["en"],) for one in page.fns.values()
                for target, event in one.targets if event == "click"}
    request = SimpleNamespace(client=None, session_hash="a page")

    def drawn(update: dict[Any, Any]) -> dict[str, str]:
        return {component.elem_id: str(value) for component, value in update.items() if component.elem_id}

    growing = handlers["ask"](request, visit.key, "The wide river", False, "0", 0, 1, 200)
    first = drawn(next(growing))
    assert "The wide river" in first["dense-chat"]
    cleared = drawn(handlers["compare-clear"](request, visit.key))
    last = cleared | first  # sent before Clear, drawn after it
    for update in growing:
        last |= drawn(update)
    for side in ("dense-chat", "pruned-chat"):
        assert last[side] == cleared[side] and "The wide river" not in last[side]
    assert last["stop"] == cleared["stop"] and "'interactive': False" in last["stop"]


# Streams

def test_the_streams_advance_together_and_equal_models_answer_alike(model: Model) -> None:
    twins = {side: models.with_weights(model, {}) for side in SIDES}
    frames = list(answer_together(twins, "The river", (), Sampling(3, 1.0, most=40), threading.Event()))
    turn, finished = frames[-1]
    assert finished and [done for _, done in frames].count(True) == 1
    assert {side: len(one.tokens) for side, one in turn.answers.items()} == dict.fromkeys(SIDES, 40)
    assert {one.ids for one in turn.answers.values()} == {turn.answers["dense"].ids}
    assert turn.parting("dense", "pruned") is None
    assert all(one.ended == "length" and one.seconds > 0 for one in turn.answers.values())
    growing = [[len(one.tokens) for one in frame.answers.values()] for frame, done in frames if not done]
    assert all(later >= earlier for first, second in pairwise(growing)
               for earlier, later in zip(first, second, strict=True))


def test_who_takes_long_to_show_an_answer_is_given_it_less_often(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    from gblm_viz.ui.work import chat

    def paced(*given: Any) -> Any:
        for one in stream(*given):
            time.sleep(0.02)
            yield one
        return "length"

    stream = chat.stream
    monkeypatch.setattr(chat, "stream", paced)
    frames = {}
    for taken in (0.0, 0.2):
        lengths = []
        for turn, _ in answer_together({"dense": model}, "The sea", (), Sampling(most=40), threading.Event()):
            lengths.append(len(turn.answers["dense"].tokens))
            time.sleep(taken)
        assert lengths[-1] == 40
        frames[taken] = len(lengths)
    assert frames[0.0] > frames[0.2] + 2 > 3


def test_a_stop_ends_both_answers_within_a_few_tokens(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    from gblm_viz.ui.work import chat

    after: list[Any] = []

    def counted(*given: Any) -> Any:
        for one in stream(*given):
            if stop.is_set():
                after.append(one)
            time.sleep(0.02)  # some 50 tokens a second, so that Stop is pressed long before the 100th
            yield one
        return "stopped"

    stream = chat.stream
    monkeypatch.setattr(chat, "stream", counted)
    stop = threading.Event()
    for frame, _ in answer_together({"dense": model, "pruned": model}, "The sea", (), Sampling(most=100), stop):
        if len(frame.answers["dense"].tokens) >= 3:
            stop.set()
    assert stop.is_set()
    assert len(after) <= 4, "each side may have begun a token"
    assert all(len(one.tokens) < 60 for one in frame.answers.values())


def test_closing_the_generator_stops_the_models(model: Model) -> None:
    stop = threading.Event()
    running = answer_together({"dense": model, "pruned": model}, "The sea", (), Sampling(most=100), stop)
    next(running)
    running.close()
    assert stop.is_set()


def test_an_empty_prompt_is_refused_before_any_thread_starts(model: Model) -> None:
    before = set(threading.enumerate())
    with pytest.raises(TextError):
        next(answer_together({"dense": model}, " ", (), Sampling(), threading.Event()))
    assert set(threading.enumerate()) <= before  # an answer of another test may have ended meanwhile


def test_models_that_are_told_the_same_share_a_prompt_and_others_have_their_own(
        model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    from gblm_viz.ui.work import chat

    fit, made = chat.fit_prompt, []
    monkeypatch.setattr(chat, "fit_prompt", lambda *given: made.append(given) or fit(*given))
    twins = {"dense": model, "pruned": models.with_weights(model, {})}
    chosen = Sampling(most=4)
    found = chat.fit_prompts(twins, "The sea", (), chosen)
    assert len(made) == 1 and found == {side: fit(model, [{"role": "user", "content": "The sea"}], chosen)
                                        for side in twins}
    token = Token(0, " is deep", 1.0, ())
    turn = Turn("The sea", {"dense": SideAnswer((token,)), "pruned": SideAnswer()}, chosen)
    found = chat.fit_prompts(twins, "And the sky?", (turn,), chosen)
    assert len(made) == 3 and found["dense"].tokens != found["pruned"].tokens
    chat.fit_prompts({**twins, "third": models.wrap(model.network, tiny_tokenizer(), "another")}, "The sea", (), chosen)
    assert len(made) == 5


def test_each_side_goes_on_from_its_own_answers() -> None:
    turn = Turn("one", {"dense": said(1, 2), "pruned": said(3)})
    assert [message["content"] for message in messages_of((turn,), "pruned", "two")] == ["one", "<3>", "two"]
    assert [message["content"] for message in messages_of((turn,), "dense", "two")] == ["one", "<1><2>", "two"]


@pytest.mark.parametrize(("first", "second", "parting"), [
    (said(1, 2), said(1, 2), None), (said(1, 2), said(1, 3), 1), (said(1), said(1, 2), 1),
    (said(1, ended=""), said(1, 2), None), (said(1, ended="stopped"), said(1, 2, ended="stopped"), None)])
def test_an_answer_that_has_only_not_come_so_far_is_no_difference(first: SideAnswer, second: SideAnswer,
                                                                 parting: int | None) -> None:
    turn = Turn("", {"dense": first, "pruned": second})
    assert turn.parting("dense", "pruned") == turn.parting("pruned", "dense") == parting


def test_while_an_answer_grows_only_its_text_does() -> None:
    labels = {"empty": "", "answer": "", "part": "", "next": ""}
    values = [pane_value([Bubble("q", list("abcd")[:count], growing=True)], "dense", labels) for count in range(5)]
    texts = [one["bubbles"][0].pop("growing") for one in values]
    assert texts == ["", "a", "ab", "abc", "abcd"]
    assert [one["bubbles"][0] for one in values] == [{"asked": "q", "mark": None}] * 5
    assert all(one == values[0] for one in values)  # nothing else is sent again


# Who answers

def test_a_third_model_is_made_from_another_method_sparsity_and_text_and_kept_under_their_keys(visit: Visit) -> None:
    library, session, model = visit.library, visit.session, visit.model()

    def made(asked: chat_models.Asked) -> chat_models.Third:
        return run(chat_models.third_job(library, session, model, asked, chat_models.third_settings(visit, asked)))

    same = made(chat_models.Asked("gblm", 0.5))
    assert same.masks == session.applied  # the same settings and text: computed once
    other = made(chat_models.Asked("wanda", 0.7))
    assert library.get(other.masks).settings.method == "wanda"
    assert library.get(other.masks).sparsity == pytest.approx(0.7, abs=0.05)
    bundled = made(chat_models.Asked("wanda", 0.7, "held_out_en.txt"))
    assert bundled.statistics != session.statistics
    assert library.get(bundled.statistics).calibration.text_name == "held_out_en.txt"
    assert bundled.masks != other.masks
    plain = made(chat_models.Asked("magnitude", 0.3, "held_out_en.txt"))
    assert plain.statistics is None  # it needs no text, so none is collected
    visit.remember(THIRD, other)
    assert list(chat_models.keys(visit)) == list(chat_models.models(visit)) == ["dense", "pruned", "third"]
    assert visit.session.settings == session.settings


def test_what_does_not_go_with_the_third_method_falls_to_its_default(visit: Visit) -> None:
    visit.update(settings=Settings(method="magnitude", group="authors", norm="sum", pattern="2:4", order="dense"))
    found = chat_models.third_settings(visit, chat_models.Asked("gblm", 0.4))
    assert (found.group, found.norm, found.pattern, found.sparsity) == ("row", "l1", "", 0.4)
    with pytest.raises(SettingError):
        chat_models.third_settings(visit, chat_models.Asked("gblm", 1.5))


def test_another_models_answers_are_greyed_alone_and_not_continued(visit: Visit, view: ChatView) -> None:
    of = tuple(chat_models.keys(visit).items())
    turn = Turn("q", {"dense": said(1, 2), "pruned": said(1, 3)})
    visit.remember(CHAT, Conversation((turn,), of))
    shown = view.everything(visit)
    assert [shown[pane]["stale"] for pane in view.places.panes[:2]] == [False, False]
    assert chat_view.continued_turns(visit) == (turn,)
    visit.remember(CHAT, Conversation((turn,), (of[0], ("pruned", "another"))))
    shown = view.everything(visit)
    assert [shown[pane]["stale"] for pane in view.places.panes[:2]] == [False, True]
    assert chat_view.continued_turns(visit) == ()


def test_the_shared_tokens_of_both_panes_are_the_common_ones(visit: Visit, view: ChatView) -> None:
    turn = Turn("q", {"dense": said(1, 2, 3), "pruned": said(1, 9, 3, 4)})
    visit.remember(CHAT, Conversation((turn,), tuple(chat_models.keys(visit).items())))
    shown = view.everything(visit)
    bubbles = [shown[pane]["bubbles"][0] for pane in view.places.panes[:2]]
    assert [bubble["same"] for bubble in bubbles] == [[1, 0, 1], [1, 0, 1, 0]]
    assert [bubble["parting"] for bubble in bubbles] == [1, 1]


# Under a pane

def test_a_loop_and_a_run_on_are_said_under_the_pane(say: Any) -> None:
    loop = chat_view.answer_note(say, said(9, *[1, 2, 3] * 5, ended="length"))
    assert say("chat.note.loop", length=3, times=5) in loop
    assert say("chat.note.ended.length", count=16) in loop
    fine = chat_view.answer_note(say, said(*range(12)))
    assert "<b>" not in fine and say("chat.note.ended.end") in fine and "12" in fine
    again = chat_view.answer_note(say, said(*[1, 2, 3, 4, 5, 6, 7, 8, 9] * 2, 20, 1, 2, 3, 4, 5, 6))
    assert say("chat.note.repeats", again=9, total=22) in again


# Blind

def test_sides_are_shuffled_anew_and_only_in_blind_mode(visit: Visit) -> None:
    assert chat_blind.begin(visit) is None
    visit.remember(BLIND, True)
    rounds = [chat_blind.begin(visit) for _ in range(40)]
    assert {one.order for one in rounds if one} == {("dense", "pruned"), ("pruned", "dense")}
    assert [one.question for one in rounds if one] == list(range(1, 41))


def test_until_reveal_the_page_gets_nothing_that_names_a_side(visit: Visit, view: ChatView) -> None:
    say = view.say
    visit.remember(THIRD, chat_models.Third(chat_models.Asked("gblm", 0.5), visit.session.applied, None))
    of = tuple(chat_models.keys(visit).items())
    turn = Turn("q", {side: said(1, number) for number, side in enumerate(SIDES)})
    visit.keep(visit.session.with_extra(BLIND, True).with_extra(CHAT, Conversation((turn,), of)).with_extra(
        BLIND_ROUND, Round(("third", "dense", "pruned"), 7)).with_extra(VOTES, (Vote(of, 7, "dense"),)))

    def page() -> str:
        shown = {key: value for key, value in view.everything(visit).items() if key not in view.places.columns}
        told = chat_blind.tally_html(visit, say)
        return json.dumps([*shown.values(), told], ensure_ascii=False)

    names = [*SIDES, *(say(f"chat.sides.{side}") for side in SIDES), "●", "▲", "■"]
    assert [name for name in names if name in page()] == []
    assert view.everything(visit)[view.places.panes[0]]["bubbles"][0]["tokens"] == ["<1>", "<2>"]
    assert say("chat.blind.so_far", count=1) in page()
    visit.remember(THIRD, chat_models.Third(chat_models.Asked("gblm", 0.5), "another", None))
    assert not any(view.everything(visit)[pane]["stale"] for pane in view.places.panes)
    visit.remember(THIRD, chat_models.Third(chat_models.Asked("gblm", 0.5), visit.session.applied, None))
    visit.remember(BLIND_ROUND, Round(("third", "dense", "pruned"), 7, revealed=True))
    assert all(name in page() for name in names[3:])


def test_the_tally_gives_n_the_interval_and_what_can_be_concluded(visit: Visit, say: Any) -> None:
    of = tuple(chat_models.keys(visit).items())
    six = [Vote(of, 1, "dense")] * 6
    told = chat_blind.preference_sentences([*six, Vote(of, 2, "")], of, say)
    assert "54 % to 100 %" in told[0].replace("～", "to") and "6" in told[0]
    assert say("chat.blind.verdict.shown", chance="50 %") in told[0]
    assert say("chat.blind.counted", votes=7, questions=2, ties=1) in told
    assert say("chat.blind.verdict.few") in chat_blind.preference_sentences(six[:5], of, say)[0]
    assert chat_blind.preference_sentences([], of, say) == []


# The bars

def test_bars_show_each_models_numbers_the_written_token_and_what_the_distance_means(say: Any) -> None:
    top = tuple(Candidate(number, text, chance) for number, text, chance in
                [(1, " <b>", 0.6), (2, "\n", 0.2), (3, "\ufffd", 0.1), (4, "", 0.05), (5, "e", 0.00001)])
    dense = Next(top, top[0], 1, 0.0, 0.0)
    pruned = Next(top, Candidate(9, "${x}", 0.003), 17, 0.6931, 0.1)
    html = bars_html(say, "pruned", 3, "a\n" + "y" * 80, {"dense": dense, "pruned": pruned}, 3072,
                     {"dense": "tiny", "pruned": "tiny \"50 %\""})
    assert "<b>" not in html and "${" not in html
    assert html.count("<tr") == 5 + 6  # the pruned model's written token is not among its five
    assert html.count("◂ " + say("chat.bars.written", name=say("chat.sides.pruned"))) == 2
    for shown in ("␣&lt;b&gt;", "⏎", "#3", "#4", "60.0 %", "0.30 %", "&lt; 0.01 %", ">17<"):
        assert shown in html, shown
    data = dict(re.findall(r'data-(made|rows)="([^"]*)"', html))
    rows = json.loads(unescape(data["rows"]))
    assert [len(row) for row in rows] == [6] * (1 + 5 + 6)
    written = say("chat.bars.written", name=say("chat.sides.pruned"))
    assert rows[1] == [say("chat.sides.dense"), 1, 1, "␣<b>", 0.6, written]
    assert rows[-1] == [say("chat.sides.pruned"), 17, 9, "${x}", 0.003, written]
    assert unescape(data["made"]).endswith('tiny "50 %"')
    assert re.search(r"0\.69.*0\.10.*3,072.*2\.00", html.rpartition("bars-told")[2])
    same = bars_html(say, "dense", 1, "", {"dense": dense, "pruned": dense}, 3072, {})
    assert say("chat.bars.alike", name=say("chat.sides.pruned"), kl="0.00", js="0.00", vocabulary="3,072") in same


@pytest.mark.parametrize(("chance", "written"), [(1.0, "100.0 %"), (0.0123, "1.2 %"), (0.00123, "0.12 %"),
                                                 (1e-9, "< 0.01 %"), (0.0, "< 0.01 %")])
def test_a_chance_is_never_written_as_nothing(chance: float, written: str) -> None:
    assert percentage(chance) == written


def test_predictions_of_one_answer_are_computed_once(visit: Visit) -> None:
    models_now = tuple(chat_models.models(visit).values())
    key = work.predictions_key(tuple(chat_models.keys(visit).items()), (3, 4), (5, 6))
    first = run(work.predictions_job(visit.library, key, models_now, (3, 4), (5, 6)))
    assert run(work.predictions_job(visit.library, key, (), (3, 4), (5, 6))) is first
    assert len(first.places) == 3 and first.places[1][1].kl > 0


def test_the_report_may_choose_among_all_that_was_asked_since_the_chat_was_cleared() -> None:
    of, other = (("dense", None),), (("dense", None), ("pruned", None))
    log = Conversation()
    for prompt in ("a", "b", "a", *(f"{number}" for number in range(60))):
        log = logged(log, Turn(prompt, {}), of)
    assert [turn.prompt for turn in log.turns] == [f"{number}" for number in range(10, 60)]
    twice = logged(logged(logged(Conversation(), Turn("a", {}), of), Turn("b", {}), of), Turn("a", {}), of)
    assert [turn.prompt for turn in twice.turns] == ["b", "a"]
    assert [turn.prompt for turn in logged(log, Turn("new", {}), other).turns] == ["new"]


# What a model was taught

KNOWN = (KnownSkill("capital", {"en": "Capitals", "ja": "首都"}, {"en": "Of countries.", "ja": "国の首都。"},
                    {"en": ("a", "b", "c"), "ja": ("あ", "い", "う")}, {"en": ("capital",), "ja": ("首都",)}),)


def test_another_model_has_no_buttons_and_no_note(visit: Visit, say: Any) -> None:
    assert work.known_of(visit.model()) == ()
    assert chat_view.chips_of(say, visit, "pizza") == {"label": say("chat.chips.label"), "chips": [], "note": ""}


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_question_outside_of_what_the_model_was_taught_is_marked(visit: Visit, monkeypatch: pytest.MonkeyPatch,
                                                                   language: str) -> None:
    monkeypatch.setattr(work, "known_of", lambda model: KNOWN)
    say = words(language)
    asked = {"capital of Peru": False, "ペルーの首都": False, "pizza": True, "ピザ": True, " ": False}
    for question, outside in asked.items():
        told = chat_view.chips_of(say, visit, question)
        assert told["note"] == (say("chat.chips.outside") if outside else ""), question
        assert [chip["name"] for chip in told["chips"]] == [KNOWN[0].name[language]]
        assert list(told["chips"][0]["examples"]) == list(KNOWN[0].examples[language])
