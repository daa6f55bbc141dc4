"""Fixtures of every test: the pocket model once, and a place for what a run leaves behind."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # a test that reaches for the hub fails at once instead of waiting for it
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Two processes run the tests; with a thread for each core in both, the threads of one would wait for the other's.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

HERE = Path(__file__).parent
OUTPUT = HERE / "output"
NICE = 10
LONG, SHOWN = 120.0, 25
"""A run of so many seconds' tests is told where they went, and how many files are named."""
SLOW = (
    "browser", "harness", "pocket", "cli", "core/keep", "core/measure", "core/sums", "core/test_families.py",
    "core/test_more_families.py", "core/test_kill.py", "core/test_by_block.py", "core/test_dense_unchanged.py",
    "core/test_entry_points.py", "core/test_fuzz.py", "core/model/test_hostile_folders.py", "core/model/test_fit.py",
    "core/model/test_download.py", "core/model/test_models.py", "core/look/test_weight.py",
    "core/talk/test_chat_template.py", "ui/tabs", "ui/work", "ui/test_memory.py", "ui/test_new_language.py",
    "ui/test_toy_method.py", "ui/test_wire.py", "ui/door/test_access.py", "ui/door/test_gate.py",
    "ui/visit/test_presence.py", "ui/visit/test_uploads.py")
"""What `-m fast` leaves out: the browser, training, tours through the families, kills, whole pages."""


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process has the browser and its tests, one after the other; a file's tests stay in one process elsewhere.

    A browser test that fails is run once more and fails only if it fails again: a page may miss its moment on a busy
    machine. The summary names each test that was run twice, so that none goes unseen.
    """
    for item in items:
        file = item.path.relative_to(HERE)
        browser = file.parts[0] == "browser"
        item.add_marker(pytest.mark.xdist_group("browser" if browser else str(file)))
        if browser:
            item.add_marker(pytest.mark.flaky(reruns=1))
        if not any(file.is_relative_to(slow) for slow in SLOW):
            item.add_marker(pytest.mark.fast)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What computes makes way for the browser, which has somebody waiting in front of it."""
    alone = item.path.relative_to(HERE).parts[0] == "browser"
    if "PYTEST_XDIST_WORKER" in os.environ and hasattr(os, "nice") and not alone:
        os.nice(max(0, NICE - os.nice(0)))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Where the time of a long run went, file by file: the browser's together, as they are one process's."""
    spent: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for one in reports:
            if isinstance(one, pytest.TestReport):
                spent[one.nodeid.partition("::")[0]] += one.duration
    if spent.total() < LONG:
        return
    browser = sum(seconds for file, seconds in spent.items() if file.startswith("tests/browser/"))
    terminalreporter.section("time by file")
    terminalreporter.line(f"{spent.total():6.0f} s in all, {browser:.0f} s of them in the browser")
    for file, seconds in spent.most_common(SHOWN):
        terminalreporter.line(f"{seconds:6.0f} s {file}")


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
