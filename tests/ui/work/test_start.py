"""The first screen comes before what computes is imported, and Gradio's import writes nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest
from fastapi.testclient import TestClient

from gblm_viz.ui.server import make_app
from gblm_viz.ui.visit.library import Library
from gblm_viz.ui.work import start
from gblm_viz.ui.work.example import shipped_example
from gblm_viz.words import LANGUAGES

ROOT = Path(__file__).parents[3]
STUBS = """
from pathlib import Path
{before}
seen = []
for name in ("read_text", "write_text"):
    def told(self, *given, real=getattr(Path, name), **named):
        seen.append(self.suffix)
        return real(self, *given, **named)
    setattr(Path, name, told)
import gradio
{after}
assert callable(gradio.Button().click)
print(".pyi" in seen)
"""


def test_the_whole_first_screen_is_served_while_torch_is_still_being_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    imported, failures = Event(), list[Exception]()
    monkeypatch.setattr(start, "import_now", imported.wait)
    monkeypatch.setattr(start, "prepare_example", lambda library: None)
    library = Library()
    start.in_background(library, failures.append)
    client = TestClient(make_app(library), base_url="http://127.0.0.1")
    for language in LANGUAGES:
        page = client.get(f"/{language}/")
        assert page.status_code == 200
        assert str(shipped_example(language)["removed"]) in page.text
    assert not library.ready.is_set()
    imported.set()
    assert library.ready.wait(60)
    assert failures == []


def test_what_cannot_be_imported_is_told_and_nothing_is_said_to_be_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    told, failures = Event(), list[Exception]()

    def broken() -> None:
        raise ImportError("no such library")

    def failed(error: Exception) -> None:
        failures.append(error)
        told.set()

    monkeypatch.setattr(start, "import_now", broken)
    library = Library()
    start.in_background(library, failed)
    assert told.wait(60)
    assert [str(error) for error in failures] == ["no such library"]
    assert not library.ready.is_set()


@pytest.mark.parametrize(("before", "after", "writes"), [
    ("import gblm_viz.ui", "import gblm_viz.ui.build", "False"), ("", "", "True")], ids=["ours", "gradio's own"])
def test_importing_the_page_neither_reads_nor_writes_stub_files(before: str, after: str, writes: str) -> None:
    done = subprocess.run([sys.executable, "-c", STUBS.format(before=before, after=after)], cwd=ROOT,
                          capture_output=True, text=True)
    assert done.stdout.split() == [writes], done.stderr
