"""Taking a run home: what is written says what was made, holds no word of the visitor's unasked, and reads back."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from starlette.testclient import TestClient

from gblm_viz.core.base.intervals import paired_difference
from gblm_viz.core.base.job import run
from gblm_viz.core.keep.run import Run
from gblm_viz.core.mask.mask_file import mask_file_bytes
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure import sweep
from gblm_viz.core.measure.evaluate import text_windows
from gblm_viz.core.measure.won import Bytes, Speed, Won
from gblm_viz.core.model import models
from gblm_viz.core.model.matrices import parameters
from gblm_viz.core.talk.blind import Vote
from gblm_viz.core.talk.generate import Token
from gblm_viz.glossary import read_glossary
from gblm_viz.ui import server
from gblm_viz.ui.components import csv_file
from gblm_viz.ui.components.preference_words import preference_words
from gblm_viz.ui.report import report_data, report_file, this_run
from gblm_viz.ui.tabs import take_home
from gblm_viz.ui.tabs.chat_view import Round
from gblm_viz.ui.visit import downloads
from gblm_viz.ui.visit.keys import HeldOutKey, PerplexityKey, PrunedKey, WonKey
from gblm_viz.ui.visit.library import Library, Visit
from gblm_viz.ui.visit.remembered import BLIND_ROUND, CHAT_LOG, REPORT, SAVED, VOTES
from gblm_viz.ui.visit.session import Selection, Session
from gblm_viz.ui.visit.text_choice import TextChoice
from gblm_viz.ui.work import measuring, sweeping, work
from gblm_viz.ui.work.chat import Conversation, SideAnswer, Turn
from gblm_viz.words import LANGUAGES, words

CANARY = "Zyxwort"
TEXT = f"The river {CANARY} carries sand to the sea, and the sea carries it back to the shore. <b>\n\n" * 12


@pytest.fixture(scope="module")
def library() -> Library:
    """The pocket model with an own text collected and one copy applied and measured on its held-out part."""
    made = Library(budget=1 << 30)
    model = run(models.load("pocket", "float32", "cpu"))
    made.put("model", model)
    choice = TextChoice(TEXT, "", samples=6, length=32)
    samples, held = work.samples_of(model, choice)
    key = run(work.collect_job(made, model, samples, held, Event()))
    session = Session(model="model", text=choice, statistics=key, held_out=HeldOutKey(key),
                      settings=Settings(sparsity=0.5, order="dense"))
    applied = run(work.apply_job(made, session, model, made.get(key), session.settings))
    made.first = replace(session, applied=applied, applied_number=1)
    for windows in (samples, held):
        for own, one in (("model", model), (PrunedKey(applied), made.get(PrunedKey(applied)))):
            run(work.perplexity_job(made, own, one, windows))
    made.ready.set()
    return made


@pytest.fixture
def visit(library: Library) -> Visit:
    visit = library.visit(None)
    said = tuple(Token(0, text, 1.0, ()) for text in (CANARY, " answers"))
    turn = Turn(f"What is {CANARY}?", {"dense": SideAnswer(said), "pruned": SideAnswer(said[:1])})
    visit.remember(CHAT_LOG, Conversation((turn,), (("dense", visit.session.model), ("pruned", visit.session.applied))))
    return visit


def gathered(visit: Visit, language: str = "en", own: bool = False) -> Run:
    source = this_run.source_of(visit, language)
    return run(this_run.gather(source, work.pruned_model(visit), own))


class Page(HTMLParser):
    """Which tags were opened and closed, and every attribute that could fetch something."""

    VOID = ("meta", "br", "rect", "line", "circle", "path", "image")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.fetched += [value for name, value in attrs if name in {"src", "href", "srcset", "data", "action"}]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


NOT_HERE = {"own", "votes", "weight"}
"""Sections of what this visit did not do: its own words were not asked for, nobody voted, no weight was chosen."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_stands_alone_and_has_every_section(visit: Visit, language: str) -> None:
    say = words(language)
    text = report_file.html(gathered(visit, language), say).decode()
    page = Page(text)
    assert page.open == []
    assert all(one.startswith("data:image/png;base64,") for one in page.fetched) and page.fetched
    assert "script" not in page.tags and "link" not in page.tags and "@import" not in text and "url(http" not in text
    assert f'<html lang="{language}">' in text
    for section in report_file.SECTIONS:
        assert (f"<h2>{say(f'report.sections.{section.name}')}</h2>" in text) == (section.name not in NOT_HERE)
    assert page.tags.count("figure") == page.tags.count("svg") == 4  # pull, κ, scores, mask; no probes were asked
    assert page.tags.count("thead") == page.tags.count("table")
    assert "break-before: page" in text and "table-header-group" in text


def test_no_word_of_the_visitor_is_in_any_file_unless_asked(visit: Visit) -> None:
    for own in (False, True):
        found = gathered(visit, own=own)
        files = {"html": report_file.html(found, words("en")), "json": report_data.as_json(found)}
        files |= unzipped(report_data.as_csv(found))
        holds = {name for name, content in files.items() if CANARY.encode() in content}
        assert holds == ({"html", "json", "own_text.csv", "own_chat.csv"} if own else set())
        assert b"<b>\n" not in files["html"]  # a text is text, never markup
    assert CANARY.encode() not in mask_file_bytes(work.applied_masks(visit))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_chosen_weight_is_told_as_the_run_decided_on_it(visit: Visit, language: str) -> None:
    say, masks = words(language), work.applied_masks(visit)
    name, mask = next(iter(masks.masks.items()))
    for removed in (True, False):
        row, column = (int(one) for one in (mask == removed).nonzero()[5])
        visit.select(Selection(name, 0, row, column))
        found = gathered(visit, language)
        chosen = found.as_tables()["chosen_weight"][0]
        assert (chosen["matrix"], chosen["row"], chosen["column"], chosen["removed"]) == (name, row, column, removed)
        assert (chosen["rank"] < chosen["cut"]) == removed
        text = report_file.html(found, say).decode()
        assert say("report.sections.weight") in text and f"{chosen['rank'] + 1:,}" in text
        assert escape(say("weight.verdict.title")) in text
        assert {one["method"] for one in found.as_tables()["chosen_weight_by_method"]} >= {"magnitude", "wanda", "gblm"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_blind_votes_are_counted_once_their_models_were_revealed(visit: Visit, language: str) -> None:
    of = (("dense", visit.session.model), ("pruned", visit.session.applied))
    other = (("dense", visit.session.model), ("pruned", None))
    visit.remember(VOTES, (*(Vote(of, number, "dense") for number in range(6)), Vote(of, 6, ""), Vote(of, 7, "pruned"),
                           Vote(other, 8, "pruned")))
    visit.remember(BLIND_ROUND, Round(("pruned", "dense"), 7))
    rows = gathered(visit).as_tables()["votes"]
    assert [(one["side"], one["preferred"], one["votes"], one["ties"]) for one in rows] == [("dense", 6, 6, 1)]
    visit.remember(BLIND_ROUND, Round(("pruned", "dense"), 7, revealed=True))
    found = gathered(visit, language)
    assert [(one.preferred, one.votes, one.questions) for one in found.votes] == [(6, 7, 8)]
    say = words(language)
    told = report_file.html(found, say).decode()
    assert say("report.sections.votes") in told and escape(preference_words(say, found.votes)[0]) in told


def test_only_the_chosen_questions_are_in_the_report(visit: Visit) -> None:
    turn = visit.session.extra(CHAT_LOG).turns[0]
    turns = tuple(replace(turn, prompt=f"question {number}") for number in range(3))
    visit.remember(CHAT_LOG, replace(visit.session.extra(CHAT_LOG), turns=turns))
    source, pruned = this_run.source_of(visit, "en"), work.pruned_model(visit)
    own = run(this_run.gather(source, pruned, True, ("question 0", "question 2"))).own
    assert own is not None and [prompt for prompt, *_ in own.chat] == ["question 0", "question 2"]
    assert run(this_run.gather(source, pruned, False, ("question 0",))).own is None


def test_a_question_that_was_left_out_stays_out_wherever_it_stands_in_the_list() -> None:
    """Asked again, a question goes to the end of the list; after another copy the list is another one."""
    assert take_home.still_chosen(["a", "b"], (), ()) == ["a", "b"]
    assert take_home.still_chosen(["b", "a", "c"], ("a", "b"), ("b",)) == ["b", "c"]
    assert take_home.still_chosen(["d"], ("a",), ()) == ["d"]


def test_a_report_without_the_statistics_or_of_a_weight_of_another_model_is_made_all_the_same(visit: Visit) -> None:
    matrix = visit.model().layout.matrices[0]
    visit.select(Selection(matrix.name, 0, 1, 2))
    source = this_run.source_of(visit, "en")
    assert this_run.chosen_weight(source) is not None
    assert this_run.chosen_weight(replace(source, statistics=None)) is None
    for elsewhere in (Selection("gone", 0, 1, 2), Selection(matrix.name, 0, matrix.rows, 2)):
        session = replace(source.session, selection=elsewhere)
        assert this_run.chosen_weight(replace(source, session=session)) is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_that_the_report_explains_stands_in_it(visit: Visit, language: str) -> None:
    matrix = visit.model().layout.matrices[0]
    visit.select(Selection(matrix.name, 0, 1, 2))
    found = gathered(visit, language)
    text = report_file.html(found, words(language)).decode()
    before, _ = text.split(f"<h2>{words(language)('report.sections.words')}</h2>")
    spelled = {name: read_glossary(language).terms[name].spellings for name in report_file.TERMS}
    missing = [name for name, forms in spelled.items() if not any(form.lower() in before.lower() for form in forms)]
    assert missing == []


def test_a_text_that_moved_on_and_a_chat_of_another_copy_are_not_put_into_the_report(visit: Visit) -> None:
    visit.update(text=replace(visit.session.text, text="Something else altogether. " * 30))
    visit.remember(CHAT_LOG, replace(visit.session.extra(CHAT_LOG), of=(("pruned", "another copy"),)))
    found = gathered(visit, own=True).own
    assert found is not None and found.text == "" and found.chat == ()


def unzipped(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_json_and_csv_hold_the_same_tables_as_the_run(visit: Visit) -> None:
    found = gathered(visit, own=True)
    tables = {name: rows for name, rows in found.as_tables().items() if rows}
    assert {name: rows for name, rows in json.loads(report_data.as_json(found))["tables"].items() if rows} == tables
    files = unzipped(report_data.as_csv(found))
    assert set(files) == {f"{name}.csv" for name in tables}
    for name, rows in tables.items():
        read = list(csv.DictReader(io.StringIO(files[f"{name}.csv"].decode("utf-8-sig"), newline="")))
        assert [list(row) for row in read] == [list(row) for row in rows]
        assert [row[key] for row in read for key in row] == [
            "" if value is None else str(csv_file.harmless(value)) for row in rows for value in row.values()]


def test_no_cell_of_a_csv_is_run_as_a_formula() -> None:
    lines = report_data.as_lines([{"text": "=HYPERLINK(1)", "number": -1.5}]).decode("utf-8-sig")
    assert lines == "text,number\n'=HYPERLINK(1),-1.5\n"


def test_equal_runs_write_equal_bytes(visit: Visit) -> None:
    one, other = gathered(visit), gathered(visit)
    for write in (report_data.as_json, report_data.as_csv, lambda found: report_file.html(found, words("ja"))):
        assert write(one) == write(other)


def test_what_was_not_measured_says_so(visit: Visit) -> None:
    say = words("en")
    bare = replace(gathered(visit), perplexities=(), differences=(), probes=())
    text = report_file.html(bare, say).decode()
    assert say("report.lost.unmeasured") in text and say("report.lost.no_probes") in text
    assert say("report.won.memory") in text and f">{say('report.won.saved')}</td>" not in text
    missing = [say(f"report.won.{row.what}") for row in bare.gains if row.what != "memory"]
    assert escape(say("report.won.missing", names=say("report.then").join(missing))) in text
    assert [row.what for row in bare.gains if row.pruned is not None] == ["memory"]


@pytest.mark.parametrize("foreign", [True, False, None])
def test_the_report_warns_of_a_text_that_the_model_does_not_understand(visit: Visit, foreign: bool | None) -> None:
    found = gathered(visit)
    assert found.calibration is not None
    told = replace(found, calibration=replace(found.calibration, foreign=foreign))
    for language in LANGUAGES:
        say = words(language)
        assert (escape(say("text.foreign")) in report_file.html(told, say).decode()) is bool(foreign)


def test_what_was_saved_in_this_visit_is_what_the_report_tells(visit: Visit) -> None:
    visit.remember(SAVED, {visit.session.applied: {"weights": 1234567}, "another copy": {"weights": 1, "zip": 2}})
    gains = {one.what: one for one in gathered(visit).gains}
    assert (gains["saved"].pruned, gains["zipped_folder"].pruned, gains["saved"].dense) == (1234567, None, None)


def test_what_the_panels_measured_is_in_the_report(visit: Visit) -> None:
    session, library = visit.session, visit.library
    speeds = [Speed(tuple(float(one) for one in range(low, low + 5)), 48, 6) for low in (10, 20)]
    library.put(WonKey(session.model, session.applied), Won(
        Bytes(400, 410, 300), Bytes(400, 411, 200), 100, 250, *speeds, None, "no_cuda", "cpu", "float32"))
    rivals = measuring.rivals(session, work.applied_masks(visit).settings)
    held = work.held_out_windows(library, session, visit.model(), "en")
    run(measuring.methods_job(library, session, visit.model(), rivals, held))
    plan = sweeping.Plan(session.model, session.statistics, held, (sweep.DENSE, replace(
        work.applied_masks(visit).settings, sparsity=0.7, order="dense")))
    run(sweeping.sweep_job(library, plan))
    found = gathered(visit)
    gains = {one.what: (one.dense, one.pruned) for one in found.gains}
    assert gains["zipped"] == (300, 200) and gains["masked"] == (None, 250) and gains["speed"] == (12.0, 22.0)
    for say in map(words, LANGUAGES):
        faster = say("won.speed.faster", mean="10.0", low="10.0", high="10.0", runs=5)
        assert faster in report_file.html(found, say).decode()
    own = work.applied_masks(visit).settings.method
    assert [row.method for row in found.methods] == ["dense", *rivals]
    measured = measuring.compared(library, session, rivals, held)
    for row in found.methods:
        assert row.perplexity == measured[row.method].value
        if row.method in {"dense", own}:
            assert row.mean is None
        else:
            assert row.mean == paired_difference(measured[own].losses, measured[row.method].losses).mean
    points = [row for row in found.sweep if row.sparsity]
    assert len(points) == 1 and points[0].sparsity == pytest.approx(0.7, abs=0.02)
    for language in LANGUAGES:
        say = words(language)
        text = report_file.html(found, say).decode()
        assert say("report.sweep.table") in text and say("report.sweep.title_none") in text
        assert "22" in text and "<polyline" in text


# The visit's runs

def apply(visit: Visit, settings: Settings) -> int:
    session = visit.update(settings=settings)
    key = run(work.apply_job(visit.library, session, visit.model(), visit.statistics(), settings))
    visit.update(applied=key, applied_number=session.next_number)
    this_run.record_run(visit, "en")
    return visit.session.applied_number


def test_every_apply_of_the_visit_is_listed_once_with_what_made_it(visit: Visit) -> None:
    this_run.record_run(visit, "en")
    assert [apply(visit, Settings("magnitude", sparsity=0.3, order="dense")),
            apply(visit, Settings("wanda", pattern="2:4"))] == [2, 3]
    this_run.record_run(visit, "en")
    rows = this_run.recorded_runs(visit)
    assert [(one.number, one.method, one.pattern, one.order) for one in rows] == [
        (1, "gblm", "row 0.5", "dense"), (2, "magnitude", "row 0.3", "dense"), (3, "wanda", "2:4", "sequential")]
    held = visit.library.get(visit.session.held_out)
    measured = [visit.library.get(PerplexityKey(key, held.key)).value for key in (
        "model", PrunedKey(visit.library.first.applied))]
    assert [rows[0].perplexity_dense, rows[0].perplexity_pruned, rows[0].windows] == [*measured, held.count]
    assert rows[1].samples is None and rows[1].perplexity_pruned is None  # no text, and nobody measured it
    assert len({one.run_hash for one in rows}) == 3


def test_a_run_that_is_no_longer_measurable_keeps_what_was_measured(visit: Visit) -> None:
    this_run.record_run(visit, "en")
    before = this_run.recorded_runs(visit)
    visit.update(held_out=visit.library.put("other", text_windows(visit.model(), TEXT[::-1], "other", 32)))
    this_run.record_run(visit, "en")
    assert this_run.recorded_runs(visit) == before


def test_numbers_go_on_and_runs_stay_through_another_model_and_a_reset(visit: Visit) -> None:
    apply(visit, Settings("magnitude", sparsity=0.3, order="dense"))
    for began in (Session(source="another"), visit.library.first):
        visit.keep(began.begun_after(visit.session))
        assert visit.session.next_number == 3
        assert [one.number for one in this_run.recorded_runs(visit)] == [2]


def test_the_cited_hash_is_that_of_the_report_and_of_the_list(visit: Visit) -> None:
    this_run.record_run(visit, "en")
    found = gathered(visit)
    assert this_run.recorded_runs(visit)[-1].run_hash == found.hash == found.visit[-1].run_hash
    assert found.hash[:12] in take_home.cite_html(visit, words("en"))


def test_a_report_of_an_earlier_copy_says_so(visit: Visit, say: Any) -> None:
    link = ("html", "/take-home/key", "a.html", 12_345)
    visit.remember(REPORT, {"number": visit.session.applied_number, "own": False, "links": (link,)})
    assert say("report.older", number=1) not in take_home.made_html(visit, say)
    assert say("report.masks_too_large", most=take_home.format_bytes(say, 200e6)) in take_home.made_html(visit, say)
    apply(visit, Settings("magnitude", sparsity=0.3, order="dense"))
    told = take_home.made_html(visit, say)
    assert say("report.older", number=1) in told and 'href="/take-home/key"' in told


# Files through the browser

def test_a_file_is_fetched_by_its_key_alone_and_never_from_the_disk(library: Library, tmp_path: Path) -> None:
    address = downloads.offer(library, "mödel/../report.html", b"<p>content</p>")
    client = TestClient(server.make_app(library), base_url="http://127.0.0.1")
    got = client.get(address)
    assert (got.status_code, got.content) == (200, b"<p>content</p>")
    assert re.fullmatch(r'attachment; filename="[A-Za-z0-9._-]+html"', got.headers["content-disposition"])
    assert got.headers["content-security-policy"] == "sandbox" and got.headers["cache-control"] == "no-store"
    lost = client.get(downloads.ADDRESS + "guessed", headers={"accept-language": "ja"})
    assert lost.status_code == 404 and lost.text == words("ja")("report.gone")


def test_a_visitor_from_outside_gets_an_archive_that_loads_and_leaves_nothing_here(
        visit: Visit, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "passing"))
    (tmp_path / "passing").mkdir()
    source = this_run.source_of(visit, "ja")
    done, packed = run(take_home.save_job(source, work.pruned_model(visit), words("ja"), None))
    assert packed is not None and not list((tmp_path / "passing").iterdir())
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(tmp_path / "fetched")
    folder, = (tmp_path / "fetched").iterdir()
    again = run(models.load(str(folder), "float32", "cpu"))
    masks = work.applied_masks(visit).masks
    assert all(not weight[masks[name]].any() for name, weight in parameters(again.network, again.layout).items())
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert words("ja")("report.which.held_out") in card and CANARY not in card
    assert done.folder_bytes == sum(file.stat().st_size for file in folder.iterdir())


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_verified_is_told_matrix_by_matrix(visit: Visit, language: str, tmp_path: Path) -> None:
    say = words(language)
    assert say("report.nothing_saved") in take_home.saved_html(visit, say)
    source = this_run.source_of(visit, language)
    done, _ = run(take_home.save_job(source, work.pruned_model(visit), say, tmp_path / "out"))
    visit.remember(SAVED, {visit.session.applied: {
        "number": 1, "weights": done.weight_bytes, "all": done.folder_bytes, "folder": str(done.folder),
        "zeros": tuple(done.zeros.items())}})
    told = take_home.saved_html(visit, say)
    assert told.count("<tr>") == 1 + len(visit.model().layout.matrices)
    assert "50.00 %" in told and str(tmp_path / "out") in told
