"""A spreadsheet runs no cell of a CSV and keeps every number: the same cells and answers in Python and in a browser."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from gblm_viz.ui.components import csv_file
from gblm_viz.ui.components.joined import joined, literal

SCRIPT = Path(csv_file.__file__).with_name("shared") / "csv.js"

GUARDED = (
    "=1+1", '=HYPERLINK("http://x.invalid","a")', "+1+cmd|'/c calc'!A0", "-1+cmd|' /C calc'!A0", "-2+3", "+1+1",
    "@SUM(1+1)*cmd|'/c calc'!A0", "\t=1+1", "\t5", "\r=1+1", "\r\n=1", "\n=1+1", "\n7", " =1+1", "\u00a0=1",
    "\u3000＝1", "\ufeff=1", "\u200b=1", "\u202e=1", "\u2066@x", "\x00=1", "\x0b=1", "＝1+1", "＋1+1", "－1+1",
    "＠SUM(1)", "－5", "＋5", "=", "+", "-", "@", "--1", "+-1", "-a", "-1a", "-1;=2", "-0x1F", "-1e", "-1 2",
    "-1\n=2", "-1\n", "+1,2", "-1,23", "-12,345.6,7", "-.", "+%", "-1%%", "- 1", "-∞1", "=∞", '="a"', "=a,b", "=1\n2")
NUMBERS = (
    "0", "5", "-5", "+3", "-0.25", "0.5", "-.5", "+.5", "5.", "-5.", "1e-7", "-1e-7", "+1E+7", "-2.5e10", "12,345",
    "-12,345", "-1,234,567.89", "-25%", "-25 %", "+3.1 %", "-∞", "∞", " -5", "-5 ", "1e400")
TEXTS = (
    "", "a", "a=b", "1+1", "a-b", "x@y", "'=1", "'", '"=1+1"', "a,b", 'say "hi"', "two\nlines", "cr\rhere", "– none",
    "−5", "日本＝東京", "   ", "#", "|", "!", "%0A=1", "&#61;1", "\\=1", "\u202eabc", ";=1", ",=1")
CELLS = [(text, "'" + text) for text in GUARDED] + [(text, text) for text in (*NUMBERS, *TEXTS)]
VALUES = [(-0.25, "-0.25"), (1e-7, "1e-07"), (-5, "-5"), (None, ""), (True, "True")]


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\r\n') else text


EXPECTED = [quoted(guarded) for _, guarded in CELLS]


def test_the_server_guards_what_is_a_formula_and_nothing_else() -> None:
    assert len(CELLS) >= 100
    assert [csv_file.harmless(text) for text, _ in CELLS] == [guarded for _, guarded in CELLS]
    assert csv_file.lines([[text] for text, _ in CELLS]) == "".join(line + "\n" for line in EXPECTED)


def test_the_browser_gives_the_same_answers(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content(f"<script>const gblmCsv = {joined(SCRIPT)}.makeCsvWriter({literal(csv_file.RULE)});</script>")
    cells = [text for text, _ in CELLS]
    assert page.evaluate("cells => cells.map(gblmCsv.disarm)", cells) == [guarded for _, guarded in CELLS]
    lines = page.evaluate("cells => cells.map((one) => gblmCsv.joinRows([[one]]))", cells)
    assert lines == [line + "\n" for line in EXPECTED]
    assert page.evaluate("gblmCsv.joinRows([[-0.25, 1e-7, -5, null, undefined]])") == "-0.25,1e-7,-5,,\n"
    page.close()


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_a_number_of_the_server_is_written_as_it_is(value: object, text: str) -> None:
    assert csv_file.lines([[value, "a"]]) == f"{text},a\n"


def test_a_reader_gets_the_cells_back() -> None:
    found = list(csv.reader(io.StringIO(csv_file.lines([[text, "end"] for text, _ in CELLS]), newline="")))
    assert found == [[guarded, "end"] for _, guarded in CELLS]
