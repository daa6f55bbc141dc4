"""Core answers what anybody may hand it with a value or a sentence: a few cases of each way in (tests/fuzz.py)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import fuzz

CASES = {"folder": 20, "checkpoint": 15, "masks": 15, "one_weight": 15, "mask_file": 15, "windows": 15}
OTHERS = 30


@pytest.fixture(scope="module", autouse=True)
def stage() -> Iterator[None]:
    fuzz.place()
    yield
    fuzz.clear()


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("entry", fuzz.ENTRIES)
def test_core_gives_a_value_or_a_sentence(entry: str) -> None:
    seen = set()

    @settings(max_examples=CASES.get(entry, OTHERS), derandomize=True, database=None, deadline=5000,
              suppress_health_check=list(HealthCheck))
    @given(st.data())
    def case(data: st.DataObject) -> None:
        seen.add(fuzz.check(entry, data))

    case()
    assert seen, "no case ran"
