"""One bound for texts, samples, chats and results of all visitors together; what does not fit is refused in numbers."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import run
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.text.calibration import CalibrationSet
from gblm_viz.ui.tabs import text
from gblm_viz.ui.visit import uploads
from gblm_viz.ui.visit.keys import SamplesKey
from gblm_viz.ui.visit.library import TEXTS_SHARE, Library, Visit
from gblm_viz.ui.visit.remembered import CHAT
from gblm_viz.ui.visit.session import Session
from gblm_viz.ui.visit.text_choice import TextChoice
from gblm_viz.ui.visit.value_size import value_bytes
from gblm_viz.ui.work import work
from gblm_viz.words import words


@dataclass(frozen=True)
class Holder:
    name: str
    data: Any


@pytest.mark.parametrize(("value", "least"), [
    ("x" * 10_000, 10_000), (b"x" * 10_000, 10_000), (torch.zeros(2_500), 10_000), (np.zeros(1_250), 10_000),
    ({"a": ["x" * 5_000, "y" * 5_000]}, 10_000), ((Holder("a", torch.zeros(2_500)),), 10_000),
    (frozenset({"x" * 10_000}), 10_000), ("愛" * 5_000, 10_000)])
def test_a_value_weighs_what_it_holds(value: Any, least: int):
    assert least <= value_bytes(value) <= least + 1_500


def test_what_is_in_a_value_twice_weighs_once_and_a_ring_ends():
    shared = "x" * 10_000
    ring: list[Any] = [shared, shared]
    ring.append(ring)
    assert value_bytes(ring) < 11_000


def test_a_result_kept_without_a_size_counts_all_the_same():
    library = Library(budget=25_000)
    for number in range(4):
        library.put(number, "x" * 10_000)
        library.get_or_make(("made", number), lambda: "x" * 1_000)
    assert not library.has(0) and library.has(3)
    assert sum(size for _, size in library.values.values()) <= library.budget


def test_texts_of_all_visitors_share_a_bound_and_one_too_many_is_refused_in_numbers(say: Any):
    library = Library(budget=100_000_000)
    most, visits = library.budget // TEXTS_SHARE, [library.visit("") for _ in range(3)]
    visits[0].update(text=TextChoice("x" * 10_000_000))
    visits[1].update(text=TextChoice("y" * 10_000_000))
    before = visits[2].session
    with pytest.raises(GblmError) as caught:
        visits[2].update(text=TextChoice("z" * 10_000_000))
    assert visits[2].session is before
    told = caught.value.say(say)
    assert all(number in told for number in ("10.0 MB", "5.0 MB", f"{most / 1e6:.0f} MB"))
    assert library.room() == pytest.approx(80_000_000, abs=10_000)  # the texts leave others less room
    visits[0].update(text=TextChoice("short"))
    visits[2].update(text=TextChoice("z" * 10_000_000))
    library.tidy(10**9)
    assert library.room() == library.budget


def test_a_full_bound_lets_a_visitor_shrink_and_change_what_weighs_nothing():
    library = Library(budget=1_000_000)
    visit = library.visit("")
    visit.update(text=TextChoice("x" * 240_000))
    with pytest.raises(GblmError):
        visit.remember(CHAT, "y" * 20_000)
    visit.update(source="elsewhere")
    visit.update(text=TextChoice("x" * 200_000))
    visit.remember(CHAT, "y" * 20_000)


def numbered(*_: Any) -> CalibrationSet:
    return CalibrationSet(torch.arange(40)[:, None].repeat(1, 8), torch.full((40,), 8), "windows", 0, "", "")


@pytest.fixture
def cutting(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were cut."""
    cut: list[str] = []
    monkeypatch.setattr(work, "all_samples", lambda model, choice: (cut.append(choice.text), numbered())[1])
    return cut


def with_model(budget: int) -> Library:
    library = Library(budget=budget)
    library.put("model", object(), 0)
    library.first = Session(model="model")
    return library


def held_by(visit: Visit) -> str:
    return str(dict(visit.session.extras))


def test_samples_lie_under_the_budget_and_not_in_the_session_and_all_who_cut_alike_share_them(cutting: list[str]):
    library = with_model(1 << 30)
    first, second = library.visit(""), library.visit("")
    choice = TextChoice("the same text")
    found = [text.cut_of(one, choice, words("en")) for one in (first, second, first)]
    assert cutting == ["the same text"]
    assert found[0].whole is found[1].whole is found[2].whole
    assert "CalibrationSet" not in held_by(first)
    kept = [size for key, (_, size) in library.values.items() if isinstance(key, SamplesKey)]
    assert len(kept) == 1 and kept[0] >= found[0].whole.tokens.nbytes
    text.cut_of(first, TextChoice("the same text", length=4), words("en"))
    text.cut_of(first, TextChoice("the same text", dropped=frozenset({1})), words("en"))
    assert len(cutting) == 2


def test_thirty_who_cut_one_text_at_the_same_moment_cut_it_once(cutting: list[str], monkeypatch: pytest.MonkeyPatch):
    library, barrier, found = with_model(1 << 30), threading.Barrier(30), []
    plain = work.all_samples
    monkeypatch.setattr(work, "all_samples", lambda *given: (threading.Event().wait(0.05), plain(*given))[1])

    def ask() -> None:
        visit = library.visit("")
        barrier.wait(10)
        found.append(work.cached_samples(visit, TextChoice("the same text")))

    threads = [threading.Thread(target=ask) for _ in range(30)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(10)
    assert len(cutting) == 1 and len({id(one) for one in found}) == 1 and len(found) == 30
    assert not library._making


@pytest.mark.parametrize("letter", ["x", "愛"])
def test_a_text_over_the_limit_is_refused_with_both_numbers_before_it_is_cut(cutting: list[str], letter: str, say: Any):
    visit = with_model(1 << 40).visit("")
    size = uploads.LARGEST_FILE // len(letter.encode())
    work.cached_samples(visit, TextChoice(letter * size))
    with pytest.raises(GblmError) as caught:
        work.cached_samples(visit, TextChoice(letter * (size + 100_000), "own.txt"))
    assert len(cutting) == 1
    told = caught.value.say(say)
    over = (size + 100_000) * len(letter.encode()) / 1e6
    assert f"{over:.1f} MB" in told and f"{uploads.LARGEST_FILE // 10**6} MB" in told


def test_a_text_whose_cutting_does_not_fit_is_refused_with_both_numbers(cutting: list[str], say: Any):
    visit = with_model(100_000_000).visit("")
    with pytest.raises(GblmError) as caught:
        work.cached_samples(visit, TextChoice("x" * 1_000_000))
    assert cutting == [] and visit.library.room() == visit.library.budget
    assert all(number in caught.value.say(say) for number in (f"{work.CUTTING:,} MB", "100 MB"))


CUT = """
import sys
from gblm_viz.core.base.footprint import Peak, release_freed_memory
from gblm_viz.core.base.job import run
from gblm_viz.core.model.models import load
from gblm_viz.ui.visit.text_choice import TextChoice
from gblm_viz.ui.work import work
pocket = run(load("pocket"))
for made in ("x1 ", "😀🤖漢龘", "word by word "):
    sample = (made * 200_000)[:200_000]
    release_freed_memory()
    peak = Peak.begin()
    work.all_samples(pocket, TextChoice(sample))
    print(peak.extra(), len(sample.encode()))
"""


def test_cutting_takes_no_more_than_is_set_aside_for_it():
    """For the kinds of text that took most when they were measured, by the byte. In a process of its own: threads that
    earlier tests have left take memory at the same time."""
    told = subprocess.run([sys.executable, "-c", CUT], capture_output=True, text=True, check=True).stdout
    measured = [line.split() for line in told.splitlines()]
    assert len(measured) == 3
    for taken, size in measured:
        assert taken == "None" or int(taken) <= work.CUTTING * int(size)


def test_what_does_not_fit_is_refused_before_the_work_and_leaves_nothing_reserved():
    library = Library(budget=1_000_000)
    library.put("pinned", None, 600_000, pin=True)
    with pytest.raises(GblmError) as caught, library.reserved(500_000):
        pytest.fail("reserved more than there is")
    assert caught.value.key == "no_room" and library.room() == 400_000
    with library.reserved(300_000):
        assert library.room() == 100_000


def test_a_pruned_copy_that_does_not_fit_is_refused_before_it_is_made(library: Library):
    session, model = library.first, library.get("model")
    other = Library(budget=1000)
    other.local = False
    with pytest.raises(GblmError) as caught:
        run(work.apply_job(other, session, model, None, Settings("magnitude")))
    assert caught.value.key == "no_room" and not other.values
    other.local = True  # alone on the machine: what is free there may be taken
    run(work.apply_job(other, session, model, None, Settings("magnitude", order="dense")))
