"""What is kept of an open page: its states and what differs from the page as built, and no description of the rest."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from gblm_viz.core.base.errors import GblmError
from gblm_viz.ui import server
from gblm_viz.ui.visit.lean import LeanHolder, LeanState
from gblm_viz.ui.visit.library import Library
from gblm_viz.ui.visit.page import Page
from gblm_viz.words import LANGUAGES, words
from tests.ui.wire import pages_of


@pytest.fixture
def parts() -> tuple[gr.Blocks, gr.State, gr.Dropdown]:
    with gr.Blocks(analytics_enabled=False) as blocks:
        state, choice = gr.State({"a": 1}), gr.Dropdown(["one"], value="one")
    return blocks, state, choice


def holder(blocks: gr.Blocks) -> LeanHolder:
    made = LeanHolder()
    made.set_blocks(blocks)
    return made


def test_each_page_has_its_own_states_and_components(parts: tuple[gr.Blocks, gr.State, gr.Dropdown]) -> None:
    blocks, state, choice = parts
    pages = holder(blocks)
    pages["x"][state._id]["a"] = 2
    pages["x"][choice._id] = gr.Dropdown(["two"], value="two", render=False)
    assert pages["x"][state._id] == {"a": 2} and pages["y"][state._id] == {"a": 1}
    assert pages["x"][choice._id].choices == [("two", "two")] and pages["y"][choice._id] is choice
    pages["x"][state._id] = {"a": 3}
    assert pages["x"][state._id] == {"a": 3} and [one for one, *_ in pages["x"].state_components] == [state]


def test_no_component_is_described_and_no_answer_kept(parts: tuple[gr.Blocks, gr.State, gr.Dropdown]) -> None:
    blocks, _, choice = parts
    page = holder(blocks)["x"]
    assert isinstance(page, LeanState)
    page._update_value_in_config(choice._id, "a long answer")
    page[choice._id] = gr.Dropdown(["two"], render=False)
    page._update_config(choice._id)
    assert list(page.components) == []


def test_every_page_of_the_site_is_kept_so() -> None:
    pages = pages_of(server.make_app(Library(budget=1 << 20)))
    assert {language: type(blocks.state_holder) for language, blocks in pages.items()} == dict.fromkeys(
        LANGUAGES, LeanHolder)


def refuse(*_: Any) -> Any:
    raise GblmError("cancelled")


def fail(*_: Any) -> Any:
    raise ValueError("a canary")


def refuse_later(*_: Any) -> Any:
    yield {"part": 1}
    raise GblmError("cancelled")


@pytest.mark.parametrize(("handler", "updates"), [
    (lambda *_: {"part": 1}, [{"part": 1}]), (lambda *_: {}, [{"status": gr.skip()}]),
    (refuse, [{"status": "cancelled"}]), (fail, [{"status": "error"}]),
    (refuse_later, [{"part": 1}, {"status": "cancelled"}])])
def test_a_handler_that_is_no_generator_answers_once(handler: Any, updates: list[Any],
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradio sends a generator's last update twice: once as it comes, once as the end."""
    say = words("en")
    page = Page(say, Library(budget=1 << 20), *(SimpleNamespace() for _ in range(4)))  # type: ignore[arg-type]
    visit = SimpleNamespace(key="visitor", session=SimpleNamespace(model="pocket"))
    monkeypatch.setattr(Page, "visit_of", lambda *_, **__: visit)
    monkeypatch.setattr(Library, "use_threads_for", lambda *_: None)
    monkeypatch.setattr(Page, "note", staticmethod(lambda sentence, kind="done": sentence))
    object.__setattr__(page, "status", "status")
    found = page.wrap_handler(handler)(None, "visitor")
    assert isinstance(found, dict) is not (handler is refuse_later)
    got = [found] if isinstance(found, dict) else list(found)
    assert len(got) == len(updates)
    for one, wanted in zip(got, updates, strict=True):
        told = {"cancelled": say("errors.cancelled"), "error": say("errors.unknown", id="")}.get(
            str(wanted.get("status")), wanted.get("status"))
        assert set(one) == set(wanted) and (one.get("part"), one.get("status") == told or handler is fail) == (
            wanted.get("part"), True)
        assert "canary" not in str(one)
