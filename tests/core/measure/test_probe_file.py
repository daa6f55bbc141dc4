"""Own probes as CSV: what is asked is what was written, and each mistake is a sentence that names its line."""

from __future__ import annotations

import pytest

from gblm_viz.core.base.errors import TextError
from gblm_viz.core.measure import probe_file
from gblm_viz.core.measure.evaluate import Probe


def test_columns_are_found_by_name_in_any_order_and_empty_lines_are_passed_over() -> None:
    text = ('\n\nAnswer, skill ,prompt,choices,note\nRiga,towns,"Capital, of Latvia?",Oslo|Riga| Rome |Oslo,x\n\n'
            "4,,2+2?,,\n")
    assert probe_file.read(text, "t") == (
        Probe("towns", "", "Capital, of Latvia?", "Riga", choices=("Riga", "Oslo", "Rome")),
        Probe("own", "", "2+2?", "4"))


def test_a_byte_order_mark_tabs_and_line_ends_of_any_kind_are_read() -> None:
    expected = (Probe("own", "", "赤い花は何色ですか。", "赤"),)
    for raw in ("\ufeffprompt,answer\r\n赤い花は何色ですか。,赤\r\n".encode(),
                "prompt\tanswer\n赤い花は何色ですか。\t赤", "\ufeffprompt,answer\n赤い花は何色ですか。,赤"):
        assert probe_file.read(raw, "t") == expected


def test_a_cell_may_hold_lines_and_quotes() -> None:
    found = probe_file.read('prompt,answer\n"Say\n""hi""",hi\n', "t")
    assert found[0].prompt == 'Say\n"hi"'


@pytest.mark.parametrize(("text", "key", "fields"), [
    ("", "empty_text", {}),
    (b"\xff\xfe\x00p", "not_text", {}),
    ("prompt,answer\n", "probes_none", {}),
    ("question,answer\na,b", "probes_no_column", {"missing": "prompt", "found": "question, answer"}),
    ("prompt,answer\na,b\nc", "probes_short_line", {"line": 3, "cells": 1}),
    ("prompt,answer\na,b\n,b", "probes_empty_cell", {"line": 3, "column": "prompt"}),
    ("prompt,answer\na, ", "probes_empty_cell", {"line": 2, "column": "answer"}),
    ("prompt,answer\n" + "a" * 2001 + ",b", "probes_long_cell", {"line": 2, "column": "prompt", "characters": 2001}),
    ("prompt,answer,choices\na,b,c|d", "probes_answer_not_offered", {"line": 2, "answer": "b"}),
    ("prompt,answer,choices\na,b,b", "probes_choices_count", {"line": 2, "count": 1}),
    ("prompt,answer,choices\na,1," + "|".join(map(str, range(27))), "probes_choices_count", {"line": 2, "count": 27}),
    ('prompt,answer\na,b\n"a"x,b', "probes_unreadable", {"line": 3}),
    ("prompt,answer\n" + "a,b\n" * 2001, "probes_too_many", {"most": 2000}),
])
def test_a_mistake_is_a_sentence_with_its_line(text: str | bytes, key: str, fields: dict[str, object]) -> None:
    with pytest.raises(TextError) as raised:
        probe_file.read(text, "file.csv")
    assert raised.value.key == key
    assert fields.items() <= raised.value.fields.items()
    assert "file.csv" in str(raised.value)


def test_the_most_probes_and_the_longest_cell_are_still_taken() -> None:
    assert len(probe_file.read("prompt,answer\n" + "a,b\n" * 2000, "t")) == 2000
    assert len(probe_file.read("prompt,answer\n" + "a" * 2000 + ",b", "t")[0].prompt) == 2000
