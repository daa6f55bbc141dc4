"""What a script may send in place of what the page sends, and what the app makes of it.

    python -m tests.benchmarks.fuzz_wire --cases 10000
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.ui.wire import Visitor

VALUES: tuple[Any, ...] = (
    None, "", " ", "\x00", "x" * 5000, "${7*7}", "{0.__class__}", "<script>window.pwned=1</script>", "../../etc/passwd",
    "/proc/self/environ", "\ud800", "ＮａＮ", "-1", "1e999", "nope", "2:4", "999999999999999999999999", "0.5", 0, -1, 1,
    2**31, 2**63, 2**64, -2**70, 1e300, 1e308, -1e308, 1e-320, 0.5, 3.7, True, False, [], ["a"], [1], [None], {},
    {"a": 1}, [[[[[[[[]]]]]]]], {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}})
TOLD: tuple[Any, ...] = (
    *VALUES, [0, 0], [-1, -1], [2**30, 0], [0, 2**30], ["open", 10**6], ["open", -1], ["page", 5], ["sort", "x"],
    ["save", ""], ["", 0], ["weight", 0, -1.0], ["weight", 2**30, 1.0], ["nope", 0, None], ["input_norm", 0, 1e308],
    {"name": "a", "size": 1, "token": "x", "status": 200}, {"name": "a", "size": -1, "token": "", "status": 413})
"""What an own component's event may hold in place of what its script sends."""
EVENT_FIELDS = ("index", "name", "place", "step", "number", "level", "asked", "change", "file")
LONGEST = 15.0
"""Seconds after which an event's work is cancelled, as a visitor would: a collection may take longer."""
UNKNOWN = ("An unexpected problem occurred", "予期しない問題")


@dataclass(frozen=True)
class Case:
    """One value for one input of one function, or, where `place` is None, inside its event."""

    function: int
    place: int | None
    value: Any


def cases(visitor: Visitor) -> Iterator[Case]:
    """Every input of every function × every hostile value, and every event."""
    for number, function in visitor.blocks.fns.items():
        if function.fn is None:
            continue
        for place in range(len(function.inputs)):
            yield from (Case(number, place, value) for value in VALUES)
        yield from (Case(number, None, value) for value in TOLD)


def outcome(visitor: Visitor, case: Case) -> str:
    """`refused` by a 4xx, `notice` in the page's language, or `handled`. Anything else is a fault, and raises."""
    data, more = visitor.defaults(case.function), {}
    if case.place is None:
        more = {"event_data": dict.fromkeys(EVENT_FIELDS, case.value)}
    else:
        data[case.place] = case.value
    with _records() as records:
        answer = visitor.join(case.function, data, **more)
        if answer.status_code >= 400:
            assert answer.status_code < 500, answer.text
            return "refused"
        patience = threading.Timer(LONGEST, lambda: visitor.wire.library.cancel(visitor.key))
        patience.start()
        done = next(one for one in visitor.messages() if one["msg"] == "process_completed")
        patience.cancel()
    told = json.dumps(done, ensure_ascii=False)
    assert not any(sentence in told for sentence in UNKNOWN), records
    assert not [record for record in records if record.exc_info], records
    if done["success"]:
        return "handled"
    assert done["output"].get("error"), "an event ended without a word"
    return "notice"


class _records(logging.Handler):  # noqa: N801
    """The log's records of a block of code."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def __enter__(self) -> list[logging.LogRecord]:
        logging.getLogger().addHandler(self)
        return self.records

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)
