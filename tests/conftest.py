"""Fixtures of every test: the pocket model once, and a place for what a run leaves behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # a test that reaches for the hub fails at once instead of waiting for it
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

OUTPUT = Path(__file__).parent / "output"


@pytest.fixture(scope="session")
def output() -> Path:
    """Screenshots and reports of this run; ignored by git."""
    OUTPUT.mkdir(exist_ok=True)
    return OUTPUT


@pytest.fixture(scope="session")
def pocket():  # type: ignore[no-untyped-def]
    """The bundled model as the app loads it."""
    from gblm_viz.core.job import run
    from gblm_viz.core.models import load

    return run(load("pocket"))
