"""What the server's loop logs of failures that nobody awaited."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest

from gblm_viz.ui.server import log_failure


async def stream() -> AsyncIterator[int]:
    """A stream as Gradio's: it answers once more when it is closed."""
    try:
        yield 1
        yield 2
    except BaseException:
        yield 3


async def fail() -> None:
    raise RuntimeError("a real failure")


async def left(failing: bool) -> None:
    """Leave a stream unread and, if `failing`, a task that fails; the loop learns of both when they are collected."""
    if failing:
        task = asyncio.ensure_future(fail())
        await asyncio.wait([task])
        del task
    open_stream = stream()
    await anext(open_stream)
    del open_stream
    gc.collect()
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()


@pytest.mark.parametrize("failing", [False, True])
@pytest.mark.parametrize("ours", [False, True])
def test_the_end_of_a_left_stream_is_not_logged_and_any_other_failure_is(
        ours: bool, failing: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def watched() -> None:
        if ours:
            asyncio.get_running_loop().set_exception_handler(log_failure)
        await left(failing)

    asyncio.run(watched())
    gc.collect()
    assert ("ignored GeneratorExit" in caplog.text) is not ours
    assert ("a real failure" in caplog.text) is failing
