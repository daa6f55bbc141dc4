"""Fixtures of every test: the pocket model once, and a place for what a run leaves behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # a test that reaches for the hub fails at once instead of waiting for it
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Several processes run the tests; with a thread for each core in all of them, they would wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

HERE = Path(__file__).parent
OUTPUT = HERE / "output"
NICE = 10
SECOND_BROWSER = ("test_guide.py", "test_p")
"""Of tests/browser, this file and those from this name on have a browser and an app of their own: half of the time."""
SLOW = (
    "browser", "harness", "pocket", "cli", "core/keep", "core/measure", "core/sums", "core/test_families.py",
    "core/test_more_families.py", "core/test_kill.py", "core/test_by_block.py", "core/test_dense_unchanged.py",
    "core/test_entry_points.py", "core/test_fuzz.py", "core/model/test_hostile_folders.py", "core/model/test_fit.py",
    "core/model/test_download.py", "core/model/test_models.py", "core/model/test_stored_dtype.py",
    "core/model/test_text_config.py", "core/look/test_pull.py", "core/look/test_weight.py",
    "core/talk/test_chat_template.py", "core/talk/test_together.py", "ui/tabs", "ui/work", "ui/test_memory.py",
    "ui/test_new_language.py", "ui/test_server.py", "ui/test_toy_method.py", "ui/test_wire.py",
    "ui/door/test_access.py", "ui/door/test_gate.py", "ui/visit/test_presence.py", "ui/visit/test_uploads.py",
    "test_imports.py")
"""What `-m fast` leaves out: the browser, training, tours through the families, kills, whole pages, new processes."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two processes for the fast tests, three for all: each takes seconds to read the tests, and only those of the
    browser wait."""
    return 2 if config.option.markexpr == "fast" else 3


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two processes have a browser and its tests, one after the other; a file's tests stay in one process elsewhere.

    A browser test that fails is run once more and fails only if it fails again: a page may miss its moment on a busy
    machine. The summary names each test that was run twice, so that none goes unseen.
    """
    for item in items:
        file = item.path.relative_to(HERE)
        browser = file.parts[0] == "browser"
        one, others = SECOND_BROWSER
        half = "second browser" if file.name == one or file.name >= others else "first browser"
        item.add_marker(pytest.mark.xdist_group(half if browser else str(file)))
        if browser:
            item.add_marker(pytest.mark.flaky(reruns=1))
        if not any(file.is_relative_to(slow) for slow in SLOW):
            item.add_marker(pytest.mark.fast)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What computes makes way for the browser, which has somebody waiting in front of it."""
    alone = item.path.relative_to(HERE).parts[0] == "browser"
    if "PYTEST_XDIST_WORKER" in os.environ and hasattr(os, "nice") and not alone:
        os.nice(max(0, NICE - os.nice(0)))


@pytest.fixture(scope="session")
def output() -> Path:
    """Screenshots and reports of this run; ignored by git."""
    OUTPUT.mkdir(exist_ok=True)
    return OUTPUT


@pytest.fixture(scope="session")
def pocket():  # type: ignore[no-untyped-def]
    """The bundled model as the app loads it."""
    from gblm_viz.core.base.job import run
    from gblm_viz.core.model.models import load

    return run(load("pocket"))
