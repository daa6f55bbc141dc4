"""A visitor with something collected, on a tiny model: what the tests of tabs begin with."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
import torch

from gblm_viz.core.base.job import run
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model import models
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.core.text.calibration import CalibrationSet
from gblm_viz.ui.visit.library import Library, Visit
from gblm_viz.ui.visit.session import Session
from gblm_viz.ui.work import start, work
from gblm_viz.words import LANGUAGES, words
from tests.families import FAMILIES
from tests.ui.wire import Wire, served


@pytest.fixture(scope="module")
def library() -> Library:
    """A tiny random Llama with statistics of three samples, as the first visitor would find it."""
    torch.manual_seed(0)
    model = models.wrap(FAMILIES["llama"](), None, "tiny")
    tokens = torch.randint(2, 90, (3, 16), generator=torch.Generator().manual_seed(1))
    samples = CalibrationSet(tokens, torch.full((3,), 16), "windows", 0, "text", "0" * 64)
    made = Library(budget=1 << 30)
    made.put("model", model)
    key = run(work.collect_job(made, model, samples, None, Event()))
    made.first = Session(source="tiny", model="model", statistics=key,
                         settings=Settings(alpha=Alpha("share", 0.5), order="dense"))
    made.ready.set()
    return made


@pytest.fixture(scope="session")
def wire() -> Iterator[Wire]:
    """The running app over the example, for everybody who asks as a visitor of their own."""
    prepared = Library()
    start.prepare_example(prepared)
    prepared.ready.set()
    with served(prepared) as running:
        yield running


@pytest.fixture
def visit(library: Library) -> Visit:
    return library.visit(None)


@pytest.fixture(params=LANGUAGES)
def say(request: Any) -> Any:
    return words(request.param)
