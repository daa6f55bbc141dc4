"""What a link asks for on opening is what the buttons do: the same results, and no second run when opened again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from gblm_viz.ui import on_opening
from gblm_viz.ui.tabs import text
from gblm_viz.ui.visit.address import Orders
from gblm_viz.ui.visit.library import Visit
from gblm_viz.ui.work import work
from gblm_viz.words import words


def page_for(visit: Visit) -> Any:
    """A page that runs a task at once and whose signals are their own names."""
    def follow(_visit: Visit, task: Any, what: str) -> Iterator[dict[str, str]]:
        yield {"status": what}
        task.done.wait()
        if task.error is not None:
            raise task.error
        return task.result
    return SimpleNamespace(
        words=words("en"), library=visit.library, status="status", note=lambda sentence: sentence, follow=follow,
        signals=SimpleNamespace(statistics="statistics", applied="applied", settings="settings"))


def carried_out(visit: Visit, orders: Orders) -> list[dict[Any, Any]]:
    return list(on_opening.carry_out(page_for(visit), visit, orders, 3, 5, 7))


def test_apply_on_the_text_that_is_there(visit: Visit) -> None:
    told = carried_out(visit, Orders(apply=True))
    session = visit.session
    assert session.applied == work.masks_key(session, session.settings) and session.applied_number == 1
    assert told[0] == {"status": "apply"} and told[-1]["applied"] == 6 and told[-1]["settings"] == 8
    assert carried_out(visit, Orders(apply=True)) == []  # opened again
    assert visit.session.applied_number == 1


def test_a_cancelled_collection_is_shown_and_nothing_is_applied(visit: Visit, monkeypatch: Any) -> None:
    def cancelled(*_: Any) -> Iterator[dict[str, str]]:
        yield {"status": "collect"}
        return SimpleNamespace(cancelled=True)
    monkeypatch.setattr(text, "collect", cancelled)
    assert carried_out(visit, Orders("chat_en.txt", True)) == [{"status": "collect"}, {"statistics": 4}]
    assert visit.session.applied is None


def test_another_model_meanwhile_ends_it(visit: Visit, monkeypatch: Any) -> None:
    def nothing(*_: Any) -> Iterator[dict[str, str]]:
        yield {"status": "other"}
    monkeypatch.setattr(text, "collect", nothing)
    assert carried_out(visit, Orders("chat_en.txt", True)) == [{"status": "other"}]


def test_a_bundled_text_is_chosen_with_all_its_samples(visit: Visit) -> None:
    visit.update(text=replace(visit.session.text, dropped=frozenset({1})))
    text.choose_bundled(visit, "chat_en.txt")
    assert (visit.session.text.name, visit.session.text.dropped) == ("chat_en.txt", frozenset())
    with pytest.raises(Exception, match="passwd"):
        text.choose_bundled(visit, "../../etc/passwd")
