"""How handlers are registered: which of them wait until their tab is opened, and with what they are then called."""

from __future__ import annotations

import re
from itertools import count

import gradio as gr
import pytest

from gblm_viz.ui.build import TABS, build
from gblm_viz.ui.visit.library import Library
from gblm_viz.ui.visit.page import Page, Signals
from gblm_viz.words import words

HEARD_AT_ONCE = {
    "status", "where", "visit-place",  # always on screen
    "compare-measured", "compare-summary",  # the measuring of a new copy, which other tabs show too
    "report-runs", "report-cite", "report-files", "save-result",  # the Report keeps a list of every copy
    "prompt"}  # a probe that is sent to the chat
"""What signals change whatever tab is shown."""


@pytest.fixture(scope="module")
def page() -> gr.Blocks:
    return build("en", Library(budget=10**6))


def waiting(page: gr.Blocks) -> dict[int, tuple[str, int]]:
    """The listeners of the browser alone that wait for a tab: by number, the tab and the place."""
    found = {number: re.search(r'\.whenShown\("(\w+)", (\d+)', str(one.js)) for number, one in page.fns.items()}
    return {number: (match[1], int(match[2])) for number, match in found.items() if match}


def test_every_tab_but_the_report_waits_and_each_place_is_one_of_its_own(page: gr.Blocks):
    found = waiting(page)
    # the Report's listener also records what was made, whatever tab is shown
    assert {tab for tab, _ in found.values()} == set(TABS) - {"report"}
    assert len({place for _, place in found.values()}) == len(found)


def test_a_listener_that_waits_is_the_browsers_and_its_handler_follows(page: gr.Blocks):
    for number in waiting(page):
        assert page.fns[number].fn is None and not page.fns[number].inputs and not page.fns[number].outputs
        after = [one for one in page.fns.values() if one.trigger_after == number]
        assert len(after) == 1 and after[0].fn is not None and after[0].trigger_mode == "always_last"
        told = [str(one.js) for one in page.fns.values() if one.trigger_after == after[0]._id and one.fn is None]
        tab, place = waiting(page)[number]
        assert sum(f'.markFilled("{tab}", {place}, ' in one for one in told) == 1


def test_no_tab_hears_a_signal_directly_but_for_what_must_not_wait(page: gr.Blocks):
    states = {number for number, one in page.blocks.items() if isinstance(one, gr.State)}
    direct = [one for number, one in page.fns.items() if number not in waiting(page) and one.fn is not None
              and any(target in states and event == "change" for target, event in one.targets)]
    written = {part.elem_id for one in direct for part in one.outputs if part.elem_id}
    assert written == HEARD_AT_ONCE


def test_what_a_signal_changes_is_read_when_the_tab_is_opened():
    """The handler follows the waiting, so Gradio gathers its inputs after it."""
    with gr.Blocks() as blocks:
        signals = Signals(*(gr.State(0) for _ in Signals.__annotations__))
        box = gr.Textbox()
        page = Page(words("en"), Library(budget=10**6), gr.State(""), gr.HTML(), gr.Tabs(), signals, (), "prune",
                    count(7))
        page.on_signals([signals.visit.change, signals.text.change], lambda visit, typed: {}, [box])
        with pytest.raises(TypeError):
            page.on_signals([signals.visit.change], lambda visit: {}, [box])
    first, second, third = blocks.fns.values()
    assert '.whenShown("prune", 7, ' in str(first.js) and len(first.targets) == 2
    assert [one.elem_id for one in second.inputs] == [None, None] and second.inputs[1] is box
    assert '.markFilled("prune", 7, ' in str(third.js) and third.trigger_after == second._id
