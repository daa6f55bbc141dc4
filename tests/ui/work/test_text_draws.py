"""Several draws on the page: what they cost is said first, methods and sweep share them, and they are in every file."""

from __future__ import annotations

import html
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
import torch

from gblm_viz import verdict_text
from gblm_viz.core.base.job import run
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure import draws, sweep
from gblm_viz.core.measure.crossed import crossed
from gblm_viz.core.model import models
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.core.text.calibration import CalibrationSet
from gblm_viz.escape import escape
from gblm_viz.ui.report import report_file, this_run
from gblm_viz.ui.tabs import lost_text, sweep_text, take_home
from gblm_viz.ui.visit.keys import HeldOutKey
from gblm_viz.ui.visit.library import Library, Visit
from gblm_viz.ui.visit.remembered import DRAWS
from gblm_viz.ui.visit.session import Session
from gblm_viz.ui.work import measuring, sweeping, text_draws, work
from gblm_viz.ui.work.measuring import Rivalry
from gblm_viz.words import LANGUAGES, words
from tests.families import FAMILIES, tiny_tokenizer


def windows(count: int, seed: int) -> CalibrationSet:
    tokens = torch.randint(2, 90, (count, 16), generator=torch.Generator().manual_seed(seed))
    return CalibrationSet(tokens, torch.full((count,), 16), "windows", 0, f"text {seed}", "0" * 64)


HELD = windows(8, 2)


@pytest.fixture(scope="module")
def library() -> Library:
    """A tiny random Llama with statistics of ten windows, pruned."""
    torch.manual_seed(0)
    made = Library(budget=1 << 30)
    made.put("model", models.wrap(FAMILIES["llama"](), tiny_tokenizer(), "tiny"))
    key = run(work.collect_job(made, made.get("model"), windows(10, 1), HELD, Event()))
    session = Session(source="tiny", model="model", statistics=key, held_out=HeldOutKey(key),
                      settings=Settings(alpha=Alpha("share", 0.5), order="dense"))
    applied = run(work.apply_job(made, session, made.get("model"), made.get(key), session.settings))
    made.first = Session(**vars(session) | {"applied": applied, "applied_number": 1})
    made.ready.set()
    return made


def compared(visit: Visit, count: int) -> Rivalry:
    session, library = visit.session, visit.library
    text_draws.choose_count(visit, count)
    rivals = measuring.rivals(session, work.applied_masks(visit).settings)
    drawn = text_draws.draws_of(library, session, count)
    run(measuring.drawn_job(library, session, visit.model(), rivals, HELD, drawn))
    found = measuring.rivalry(library, session, rivals, HELD, count)
    assert found is not None
    return found


def test_a_visitor_compares_on_one_draw_unless_the_model_is_the_pocket_or_they_choose(visit: Visit) -> None:
    assert text_draws.chosen_count(visit) == 1
    text_draws.choose_count(visit, draws.USUAL)
    assert text_draws.chosen_count(visit) == draws.USUAL
    text_draws.choose_count(visit, 7)  # not offered
    assert text_draws.chosen_count(visit) == draws.USUAL
    few = Session(model="model", statistics=None)
    assert text_draws.draws_of(visit.library, few, 5) is text_draws.draws_of(visit.library, visit.session, 1) is None


def test_with_one_draw_the_page_says_it_may_turn_instead_of_a_verdict(visit: Visit, say: Any) -> None:
    found = compared(visit, 1)
    told = lost_text.methods_html(visit, HELD, say)
    judged = [found.against(name, "gblm") for name in found.settings if name != "gblm"]
    assert {one.verdict for one in judged} <= {"none", "one_draw"}
    assert told.count(say("verdict.one_draw")) == sum(one.verdict == "one_draw" for one in judged)
    assert say("verdict.less", method="gblm") not in told and say("verdict.more", method="gblm") not in told
    assert escape(say("verdict.over_one", windows=8)) in told


def test_over_draws_the_page_judges_by_both_sources_and_tells_the_cost_first(visit: Visit, say: Any) -> None:
    text_draws.choose_count(visit, 5)
    drawn = text_draws.draws_of(visit.library, visit.session, 5)
    assert drawn is not None and (drawn.samples, drawn.pool.count) == (5, 10)
    if measuring.rivalry(visit.library, visit.session, measuring.rivals(
            visit.session, work.applied_masks(visit).settings), HELD, 5) is None:
        cost = lost_text.methods_cost(visit, HELD, say)
        guess = text_draws.cost(visit, drawn, list(measuring.rivals(visit.session, visit.session.settings).values()),
                                HELD)
        assert guess.copies == 5 + 4 * 5 + 1 and f"{guess.copies}" in cost and f"{len(drawn.used)}" in cost
        assert guess.memory > 0
    found = compared(visit, 5)
    assert lost_text.methods_cost(visit, HELD, say) == ""
    told = lost_text.methods_html(visit, HELD, say)
    settings = measuring.rivals(visit.session, visit.session.settings)
    sums = run(draws.collect_draws(visit.model(), drawn, ("l1",)))
    losses = {name: run(draws.drawn_losses(visit.model(), sums, settings[name], HELD)) for name in ("gblm", "wanda")}
    alone = crossed(losses["gblm"], losses["wanda"])
    assert found.against("wanda", "gblm") == alone
    assert verdict_text.interval(say, alone.mean, alone.interval.low, alone.interval.high) in told
    assert escape(verdict_text.scope(say, drawn, 8, alone.block)) in told


def test_the_sweep_and_the_methods_share_each_draw(visit: Visit, monkeypatch: pytest.MonkeyPatch, say: Any) -> None:
    found = compared(visit, 5)
    session, library = visit.session, visit.library
    monkeypatch.setattr(sweep, "HIGHEST", 50)
    planned = sweeping.plan_of(visit, ["wanda", "gblm"], ["dense"], 10, "en")
    half = [one for one in planned.settings if one.sparsity == 0.5]
    plan = sweeping.Plan(planned.model, planned.statistics, planned.held_out, (sweep.DENSE, *half), planned.drawn)
    for one in half:
        library.values.pop(plan.point_key(one), None)
    assert plan.drawn is not None and plan.held_out.key == HELD.key
    taken: list[Settings] = []
    real: Callable[..., Any] = draws.drawn_losses
    monkeypatch.setattr(draws, "drawn_losses", lambda model, sums, settings, *rest: (
        taken.append(settings), real(model, sums, settings, *rest))[1])
    run(sweeping.sweep_job(library, plan))
    assert taken == []  # the methods have measured these already
    points, losses = sweeping.points_of(library, plan), sweeping.losses_of(library, plan)
    assert sweeping.done_of(library, plan) == 3 and set(losses) == set(half)
    apart = sweep.differences(points, losses)
    gblm = next(one for one in half if one.method == "gblm")
    assert list(apart) == [gblm] and apart[gblm] == found.against("gblm", "wanda")
    told = sweep_text.table(say, plan, points, losses)
    assert say("sweep.table.against", method="wanda") in told["heads"]
    cells = {row["cells"][1]: row["cells"][3] for row in told["rows"]}
    assert cells["wanda"] == cells[say("compare.dense")] == "–"
    assert cells["gblm"].endswith(say(f"verdict.{apart[gblm].verdict}", method="wanda"))
    assert session.statistics == plan.statistics


def test_report_tables_and_card_say_over_how_many_draws_a_verdict_holds(visit: Visit) -> None:
    found = compared(visit, 5)
    source = this_run.source_of(visit, "en")
    gathered = run(this_run.gather(source, work.pruned_model(visit), False))
    rows = {row.method: row for row in gathered.methods if row.which == "held"}
    wanda = found.against("wanda", "gblm")
    assert (rows["wanda"].mean, rows["wanda"].verdict, rows["wanda"].shown) == (wanda.mean, wanda.verdict, wanda.shown)
    assert (rows["wanda"].draws, rows["wanda"].samples, rows["wanda"].pool) == (5, 5, 10)
    for language in LANGUAGES:
        say = words(language)
        sentence = verdict_text.sentence(say, rows["wanda"], "gblm")
        assert html.escape(sentence) in report_file.html(gathered, say).decode()
        assert any(sentence in one for one in take_home.compared_sentences(source, say))
        assert verdict_text.scope_of(say, rows["wanda"]) in take_home.compared_sentences(source, say)
        done, _ = run(take_home.save_job(source, work.pruned_model(visit), say, None))
        assert done.weight_bytes > 0
    visit.remember(DRAWS, 1)
    alone = [row for row in this_run.method_rows(this_run.source_of(visit, "en")) if row.method == "wanda"]
    assert {row.draws for row in alone} == {1} and {row.verdict for row in alone} <= {"none", "one_draw"}
