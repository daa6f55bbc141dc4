"""What the browser is told of each output is what Gradio itself would tell it, with less work."""

from __future__ import annotations

import asyncio
import copy
import json
from contextlib import nullcontext
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from gblm_viz.ui.blocks import Blocks
from gblm_viz.ui.build import build
from gblm_viz.ui.components.own_component import OwnComponent
from gblm_viz.ui.visit.lean import LeanState
from gblm_viz.ui.visit.library import Library
from gblm_viz.words import words


@pytest.fixture(scope="module")
def page() -> gr.Blocks:
    return build("en", Library(budget=10**6))


def both(page: gr.Blocks, fn: Any, predictions: Any, session: Any = None) -> tuple[list[Any], list[Any]]:
    """(Ours, Gradio's own). session: one for both, of which ours is the first to know."""
    ours = asyncio.run(page.postprocess_data(fn, _copied(predictions), session or SessionState(page)))
    theirs = asyncio.run(gr.Blocks.postprocess_data(page, fn, _copied(predictions), session or SessionState(page)))
    return [_plain(one) for one in ours], [_plain(one) for one in theirs]


def _copied(told: Any) -> Any:
    """Updates of its own: Gradio takes the values out of them."""
    if isinstance(told, list):
        return [copy.copy(one) for one in told]
    return {name: copy.copy(one) if isinstance(one, dict) else one for name, one in told.items()}


def _plain(told: Any) -> Any:
    """Without the type of the update, which Gradio sends as a property of an HTML component, too."""
    if not isinstance(told, dict) or told.get("props") != {"__type__": "update"}:
        return told
    return {name: value for name, value in told.items() if name != "props"}


@pytest.mark.parametrize("update", [{}, {"visible": False}, {"visible": True}])
def test_of_every_output_of_the_page_the_browser_is_told_the_same(page: gr.Blocks, update: dict[str, Any]):
    seen, session = 0, LeanState(page)  # Gradio's own describes the whole page for each
    for fn in page.fns.values():
        if fn.fn is None or not fn.outputs:
            continue
        some = {block: gr.update(**update) for block in fn.outputs[::2]
                if not block.stateful and "visible" in block.constructor_args | {"visible": 1}}
        ours, theirs = both(page, fn, some or gr.skip(), session)
        assert ours == theirs, fn.name
        seen += 1
    assert seen > 80


def test_values_states_choices_and_switches_come_through():
    with Blocks(words("en")) as page:
        box, number, choice = gr.Textbox(), gr.Number(), gr.Dropdown(["a", "b"])
        text, button, state, picture = gr.HTML(), gr.Button("x"), gr.State(1), gr.Plot()
    outputs = [box, number, choice, text, button, state, picture]
    with page:
        button.click(lambda: None, None, outputs)
    fn = next(iter(page.fns.values()))
    for told in ({box: "typed", state: 5}, {choice: gr.update(choices=["c"], value="c"), text: "<b>x</b>"},
                 {button: gr.update(interactive=False), number: gr.update(value=3, interactive=True)},
                 {button: gr.update(interactive=None, visible=None)}, {picture: None, box: gr.skip()},
                 [gr.skip(), 2, gr.skip(), "", gr.update(value="y"), 7, gr.skip()], gr.skip(), {}):
        if told == {}:
            for kind in (Blocks, gr.Blocks):
                with pytest.raises(ValueError):
                    asyncio.run(kind.postprocess_data(page, fn, told, SessionState(page)))
            continue
        ours, theirs = both(page, fn, told)
        assert ours == theirs, told


def test_a_state_takes_its_value_and_a_choice_is_remembered_for_what_the_page_sends_next():
    with Blocks(words("en")) as page:
        choice, state, button = gr.Dropdown(["a"]), gr.State(1), gr.Button()
        button.click(lambda: None, None, [choice, state])
    session = SessionState(page)
    fn = next(iter(page.fns.values()))
    asyncio.run(page.postprocess_data(fn, {choice: gr.update(choices=["b"]), state: 9}, session))
    assert session[state._id] == 9
    assert session[choice._id].choices == [("b", "b")]


def test_nothing_is_made_anew_for_an_output_that_stays(monkeypatch: pytest.MonkeyPatch):
    with Blocks(words("en")) as page:
        boxes = [gr.HTML() for _ in range(9)]
        button = gr.Button()
        button.click(lambda: None, None, boxes)
    made: list[Any] = []
    monkeypatch.setattr(gr.HTML, "__init__", lambda self, *_, **__: made.append(self))
    asyncio.run(page.postprocess_data(next(iter(page.fns.values())), {boxes[3]: "x"}, SessionState(page)))
    assert made == []


def test_no_call_looks_for_matplotlib():
    from gradio import route_utils

    with route_utils.utils.MatplotlibBackendMananger() as nothing:
        assert nothing is None
    assert route_utils.utils.MatplotlibBackendMananger is nullcontext


def test_no_choice_is_lost_while_the_one_before_is_worked_on(page: gr.Blocks):
    """A press may be dropped while its work runs; what somebody typed or chose since may not."""
    lost = [f"{page.blocks[block].elem_id}.{event}" for one in page.fns.values() for block, event in one.targets
            if event in {"input", "change", "blur", "release"} and one.trigger_mode == "once" and one.fn]
    assert not lost, "\n".join(lost)


def test_a_page_can_be_copied_as_gradio_copies_it_for_its_first_visitor(page: gr.Blocks):
    """A function among a component's properties holds the page, locks included: copying it then fails after seconds,
    and is tried again for every part."""
    page.custom_mount_path, before = "/en", page.custom_mount_path
    try:
        told = page.get_config_file()
    finally:
        page.custom_mount_path = before
    assert len(told["components"]) > 200
    copy.deepcopy(told)
    own = [block for block in page.blocks.values() if isinstance(block, OwnComponent)]
    assert len(own) > 20
    for block in own:
        assert json.loads(json.dumps(block.get_config())), block.elem_id


def _change(target: Any, path: list[Any], action: str, value: Any) -> Any:
    """What Gradio's script does with one change: a path into the object is followed, and the object itself altered."""
    if not path:
        return target + value if action == "append" else value
    *way, last = path
    inside = target
    for key in way:
        inside = inside[key]
    if action == "delete":
        del inside[last]
    elif action == "append":
        inside[last] += value
    elif action == "add" and isinstance(inside, list):
        inside.insert(last, value)
    else:
        inside[last] = value
    return target


def _used_late(sent: list[list[Any]]) -> list[list[Any]]:
    """The answers of one event as the browser uses them, if all have come before the first is used."""
    answers = json.loads(json.dumps(sent))
    held = list(answers[0])
    for answer in answers[1:]:
        for place, changes in enumerate(answer):
            for action, path, value in changes:
                held[place] = _change(held[place], path, action, value)
            answer[place] = held[place]
    return answers


def test_answers_that_come_before_they_can_be_used_lose_nothing(page: gr.Blocks):
    class Handler:
        outputs = (None,) * 4

    nothing = {"__type__": "update"}
    given: list[list[Any]] = [
        [{"selected": "text", "__type__": "update"}, {"step": "five.4", "done": [1]}, nothing, "wait"],
        [nothing, nothing, {"value": "a", "__type__": "update"}, "wait a little"],
        [nothing, {"step": "five.4", "done": [1, 2]}, {"value": "ab", "__type__": "update"}, "ready"],
        [nothing, {"step": "five.4", "done": [1, 2, 3]}, nothing, "ready"]]
    sent = [page.handle_streaming_diffs(Handler, copy.deepcopy(one), "visitor", "run", final=False) for one in given]
    used = _used_late(sent)
    assert [one[0] for one in used] == [one[0] for one in given]
    assert [one[2:] for one in used] == [one[2:] for one in given]
    # a value that is replaced by a newer one may be used as the newer one already, never as less than it was
    assert used[0][1] == given[0][1] and used[2][1] in (given[2][1], given[3][1]) and used[3][1] == given[3][1]
    last = page.handle_streaming_diffs(Handler, [None] * 4, "visitor", "run", final=True)
    assert last == given[3] and "visitor" not in page.pending_diff_streams
