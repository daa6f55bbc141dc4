"""The plan of a collection in the app: chosen within what all visitors share, said before, and beside what it took."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import pytest
import torch

from gblm_viz import plan_text
from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import run
from gblm_viz.core.model import models
from gblm_viz.core.model.models import Model
from gblm_viz.core.sums.estimate import Choice, Pace, Room, Work, estimates, shape_of
from gblm_viz.core.text.calibration import CalibrationSet
from gblm_viz.ui.tabs import text
from gblm_viz.ui.visit.keys import CostKey
from gblm_viz.ui.visit.library import Library
from gblm_viz.ui.visit.remembered import KEEP_IN
from gblm_viz.ui.visit.session import Session
from gblm_viz.ui.work import work
from gblm_viz.words import LANGUAGES, words
from tests.families import FAMILIES


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    return models.wrap(FAMILIES["llama"]().eval(), None, "tiny")


def samples(seed: int = 0) -> CalibrationSet:
    tokens = torch.randint(2, 90, (4, 16), generator=torch.Generator().manual_seed(seed))
    return CalibrationSet(tokens, torch.full((4,), 16), "windows", 0, "text", "0" * 64)


def needs(model: Model, plan: str, folder: bool = False) -> int:
    """Bytes a plan is estimated to take."""
    return estimates(shape_of(model), Work(4, 16, 64, 3, folder), Pace(1e9, 1e9, 1e-6, 1e9))[plan].memory


def test_what_is_pinned_and_the_model_itself_leave_less_room_and_the_plan_follows(model: Model,
                                                                                  tmp_path: Path) -> None:
    whole, streamed = needs(model, "whole", True), needs(model, "streamed", True)
    assert streamed < whole
    library = Library(budget=3 * whole)
    assert work.choice_of(library, model, samples(), tmp_path).why == "fits"
    library.put(work.model_key(library, "tiny"), model, whole)
    library.put("example", None, whole, pin=True)
    library.put("somebody's", None, 100)  # what can be made again makes room
    assert work.choice_of(library, model, samples(), tmp_path).chosen.plan == "whole"
    library.put("example 2", None, (whole - streamed) // 2, pin=True)
    assert streamed < library.room((work.model_key(library, "tiny"),)) < whole
    found = work.choice_of(library, model, samples(), tmp_path)
    assert (found.chosen.plan, found.why) == ("streamed", "memory")
    library.put("example 3", None, 2 * whole, pin=True)
    with pytest.raises(GblmError) as caught:
        run(work.collect_job(library, model, samples(), None, Event(), tmp_path))
    assert caught.value.key == "memory_short"
    assert not list(tmp_path.iterdir())


def test_while_a_collection_runs_its_memory_is_taken_from_what_all_share(model: Model) -> None:
    library = Library(budget=needs(model, "whole") + 1000)
    library.put("somebody's", "sums", 2000)
    job = work.collect_job(library, model, samples(), None, Event())
    next(job)
    assert not library.has("somebody's")
    assert library.room() == 1000
    job.close()
    assert library.room() == library.budget
    with library.reserved(500), library.reserved(200):
        assert library.room() == library.budget - 700
    assert library.room() == library.budget


def test_after_a_collection_the_estimate_stands_beside_what_it_took_and_times_follow_it(model: Model, say: Any) -> None:
    library = Library(budget=1 << 30)
    library.put("model", model)
    library.first = Session(source="tiny", model="model")
    visit = library.visit(None)
    cut = text.Cut(samples(), samples(), None, frozenset())
    before = text.estimate_html(say, visit, cut)
    for told in (say("plan.names.whole"), say("text.estimate_guess"), "MB"):
        assert told in before
    key = run(work.collect_job(library, model, samples(), None, Event()))
    visit.update(statistics=key)
    guess, actual = library.get(CostKey(key))
    assert guess.plan == "whole" and actual.disk is None
    assert actual.seconds == library.get(key).seconds
    after = text.result_html(say, visit, False)
    assert say("plan.beside", parts="").partition("→")[0] in after
    other = text.Cut(samples(1), samples(1), None, frozenset())
    assert say("text.estimate_measured") in text.estimate_html(say, visit, other)
    pace = work.choice_of(library, model, samples(1)).chosen.seconds
    assert pace == pytest.approx(actual.seconds, rel=1e-6)


def test_what_fits_by_no_plan_is_said_before_anything_is_collected(model: Model, say: Any) -> None:
    library = Library(budget=1 << 30)
    library.put("model", model)
    library.put("example", None, (1 << 30) - 10, pin=True)
    library.first = Session(source="tiny", model="model")
    told = text.estimate_html(say, library.visit(None), text.Cut(samples(), samples(), None, frozenset()))
    assert 'class="limit"' in told and "0.00 GB" in told


def test_a_folder_brings_the_disk_into_the_estimate(model: Model, say: Any, tmp_path: Path) -> None:
    library = Library(budget=1 << 30)
    library.put("model", model)
    library.first = Session(source="tiny", model="model")
    visit = library.visit(None)
    cut = text.Cut(samples(), samples(), None, frozenset())
    start = say("plan.before_disk", done="").split(" ")[0]
    assert start not in text.estimate_html(say, visit, cut)
    visit.remember(KEEP_IN, str(tmp_path))
    assert start in text.estimate_html(say, visit, cut)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("why", ["fits", "memory", "disk", "only_whole", "asked", "begun"])
def test_every_reason_is_a_sentence_without_a_gap(model: Model, language: str, why: str) -> None:
    found = estimates(shape_of(model), Work(4, 16, 64, 3, True), Pace(1e9, 1e9, 1e-6, 1e9))
    for room in (Room(3 * 10**9, 10**10), Room(None)):
        told = plan_text.estimate_sentence(words(language), Choice(found["streamed"], why, found["whole"], room))
        assert "{" not in told and "→" not in told
        assert words(language)("plan.names.streamed") in told
