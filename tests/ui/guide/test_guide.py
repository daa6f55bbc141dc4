"""The guide on a tiny model: steps go the way of the session and the signals, and tell the app's own numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import run
from gblm_viz.core.look import weight
from gblm_viz.core.measure.evaluate import Probe, ProbeResult, Verdict
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.ui.guide import guide, measures, readings, rules, shown
from gblm_viz.ui.guide.conditions import Now, Standing, is_met
from gblm_viz.ui.guide.measures import MEASURES, read, written
from gblm_viz.ui.guide.readings import Run
from gblm_viz.ui.guide.shown import step_value
from gblm_viz.ui.guide.ways import Condition, ways
from gblm_viz.ui.tabs import weight as weight_tab
from gblm_viz.ui.visit.keys import ProbesKey, PrunedKey
from gblm_viz.ui.visit.library import Visit
from gblm_viz.ui.visit.remembered import WEIGHT_HAND
from gblm_viz.ui.visit.session import Selection
from gblm_viz.ui.work import work
from gblm_viz.words import LANGUAGES, Words, words

EN = words("en")


@pytest.fixture
def at(visit: Visit) -> Run:
    return Run(visit, EN)


def apply(visit: Visit) -> None:
    key = run(work.apply_job(visit.library, visit.session, visit.model(), visit.statistics(), visit.session.settings))
    visit.update(applied=key, applied_number=1)


def test_a_run_without_a_result_has_no_number(at: Run) -> None:
    missing = ("probes_n", "right_dense", "right_at_60", "skills_letter", "bytes_dense", "knee", "relative_here",
               "versus_mean", "held_pruned", "own_kept", "measured_change", "removed_at_start", "removed_n", "skill_a")
    assert {name: read(at, name) for name in missing} == dict.fromkeys(missing)
    assert [written(at, name) for name in missing] == [None] * len(missing)


def test_numbers_are_those_of_the_session(at: Run) -> None:
    visit, model = at.visit, at.visit.model()
    name = model.layout.matrices[2].name
    visit.select(Selection(name, 0, 3, 5))
    report = weight_tab.report_of(visit, weight_tab.at_of(visit))
    assert read(at, "weight_value") == report.weight and read(at, "input_value") == report.input_norm
    part, whole = report.gradient_part, report.gradient_part + report.activation_part
    assert read(at, "share_of_gradient") == pytest.approx(part / whole, rel=1e-5)
    verdicts = {one.method: one.rank / one.group_size for one in report.verdicts}
    assert (read(at, "rank_wanda"), read(at, "rank_gblm")) == (verdicts["wanda"], verdicts["gblm"])
    norms = visit.statistics().input_norm(name).tolist()
    middle = sorted(norms)[len(norms) // 2 - 1:len(norms) // 2 + 1]
    assert read(at, "input_times_median") == pytest.approx(norms[5] / (sum(middle) / 2))
    assert (read(at, "row"), read(at, "column")) == (3, 5)
    assert read(at, "samples_n") == visit.statistics().count
    assert read(at, "calibration_perplexity") == pytest.approx(math.exp(float(visit.statistics().losses.mean())))
    apply(visit)
    assert read(at, "removed_n") == work.applied_masks(visit).removed
    assert read(at, "removed_share") == pytest.approx(read(at, "removed_now"), abs=1e-9)
    assert 0 <= read(at, "row_least") <= read(at, "row_most") <= 1
    assert read(at, "agreement_with_wanda") == pytest.approx(
        work.preview(visit, weight_tab.at_of(visit).settings).agreement_wanda)


def answered(rights: str) -> ProbeResult:
    skills = ["sums"] * 25 + ["echo"] * 25 + ["rare"] * 3
    return ProbeResult(tuple(Verdict(Probe(skill, "en", str(place), "x"), one == "1")
                             for place, (skill, one) in enumerate(zip(skills, rights, strict=True))))


@pytest.mark.parametrize(("after", "letter", "worst"), [
    ("1" * 25 + "0" * 25 + "000", "b", 0.0), ("1" * 53, "c", 1.0), ("1" * 12 + "0" * 13 + "1" * 12 + "0" * 13 + "000",
                                                                    "a", 12 / 25)])
def test_skills_are_judged_by_those_with_enough_questions(at: Run, after: str, letter: str, worst: float) -> None:
    apply(at.visit)
    library, session = at.visit.library, at.visit.session
    library.put(ProbesKey(session.model), answered("1" * 53))
    library.put(ProbesKey(PrunedKey(session.applied)), answered(after))
    assert read(at, "skills_letter") == letter
    assert read(at, "worst_kept") == pytest.approx(worst)
    assert "rare" not in readings.kept_by_skill(at)
    library.values.pop(ProbesKey(session.model))


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_measure_that_is_there_is_written(at: Run, language: str) -> None:
    apply(at.visit)
    at.visit.select(Selection(at.visit.model().layout.matrices[0].name, 0, 1, 2))
    own = replace(at, say=words(language), removed_at_start=0.5)
    told = {name: written(own, name) for name in MEASURES}
    assert all(text is None or (isinstance(text, str) and text and "nan" not in text) for text in told.values())
    assert sum(text is not None for text in told.values()) > 20


def test_a_harmful_weight_is_one_whose_measured_change_is_below_zero(at: Run) -> None:
    visit = at.visit
    settings = visit.session.settings
    found = run(rules.find_job(visit, "kept_though_harmful", settings))
    if found is None:
        pytest.skip("no weight of this random model is harmful")
    target = weight.Target(found.matrix, "weight", found.row, found.column, expert=found.expert)
    change, = run(weight.measured_changes(visit.model(), visit.statistics().calibration, (target,)))
    assert change < 0
    visit.select(rules.selection_of(found))
    assert not weight_tab.report_of(visit, weight_tab.at_of(visit)).removed


def test_the_rescued_weight_goes_by_wanda_and_stays_by_gblm(at: Run) -> None:
    found = run(rules.find_job(at.visit, "kept_by_gblm_dropped_by_wanda", at.visit.session.settings))
    assert found is not None
    at.visit.select(rules.selection_of(found))
    fates = {one.method: one.removed for one in weight_tab.report_of(at.visit, weight_tab.at_of(at.visit)).verdicts}
    assert fates["wanda"] and not fates["gblm"]
    assert read(at, "rank_gblm") > read(at, "rank_wanda")


def test_conditions_follow_the_session(at: Run) -> None:
    visit = at.visit
    now = Now(at, Standing("own.4", text=0), 0)
    applied, grouped = Condition("applied"), Condition("value", "#group", "matrix")
    assert not is_met(now, applied) and not is_met(now, grouped)
    apply(visit)
    assert is_met(now, applied)
    visit.update(settings=replace(visit.session.settings, group="matrix"))
    assert is_met(now, grouped) and not is_met(now, applied)


def test_a_weight_is_flipped_by_the_numbers_of_its_row(at: Run) -> None:
    visit, goes = at.visit, Condition("flipped", value="goes")
    visit.update(settings=replace(visit.session.settings.of_method("wanda"), sparsity=0.25))
    masks = work.preview_masks(visit, visit.session.settings).masks
    name = visit.model().layout.matrices[0].name
    column = int((~masks[name][0]).nonzero()[0])
    visit.select(Selection(name, 0, 0, column))
    now = Now(at, Standing("twenty.3"), 0)
    assert not is_met(now, goes)
    hand = weight_tab.fresh_row(weight_tab.at_of(visit))
    visit.remember(WEIGHT_HAND, replace(hand, changes=((("input_norm", column), 0.0),)))
    assert is_met(now, goes) and not is_met(now, Condition("flipped", value="stays"))


def made(visit: Visit, say: Words = EN) -> Any:
    signals = SimpleNamespace(visit="visit", settings="settings", selection="selection", applied="applied")
    page = SimpleNamespace(words=say, library=visit.library, signals=signals, status="status", tabs="tabs",
                           note=lambda told, kind="done": told)
    controls = {name: SimpleNamespace(choices=[]) for name in ("lost-view", "patterns-which", "sweep-order",
                                                               "lost-methods-draws")}
    page.follow = lambda visit, task, what, *more: _follow(task)
    return guide._Handlers(page, "panel", "standing", controls)


def _follow(task: Any) -> Any:
    task.done.wait(60)
    if task.error:
        raise task.error
    yield {}
    return task.result


COUNTS = (1, 1, 1, 1)


def test_a_step_sets_what_it_says_by_the_signals(visit: Visit) -> None:
    visit.update(settings=replace(visit.session.settings, sparsity=0.8))
    handlers = made(visit)
    first, *_, last = handlers.on_wish(visit, "go twenty.2", Standing(), *COUNTS)
    assert not first["panel"]["ready"] and first["panel"]["texts"]["title"] == EN("guide.twenty.2.title")
    assert last["panel"]["ready"] and last["settings"] == last["selection"] == 2 and "applied" not in last
    settings = visit.session.settings
    assert (settings.method, settings.sparsity, settings.alpha) == ("magnitude", 0.5, Alpha("share", 0.5))
    assert visit.session.selection.row is not None
    assert last["panel"]["settled"] is None and last["panel"]["texts"]["after"] == ""
    began = last["standing"]
    told, = handlers.on_wish(visit, "then twenty.2", began, *COUNTS)
    assert told["panel"]["settled"] == {"right": "c"} and "×" in told["panel"]["texts"]["after"]
    assert not told["panel"]["moved"]
    visit.update(settings=replace(settings, sparsity=0.1))
    moved, = handlers.on_wish(visit, "look twenty.2 guessed", began, *COUNTS)
    assert moved["panel"]["moved"]


def test_what_a_step_cannot_do_without_is_said_and_nothing_is_set(visit: Visit) -> None:
    before = visit.session.settings
    *_, last = made(visit).on_wish(visit, "go five.1", Standing(), *COUNTS)
    assert last["panel"]["lacks"] == EN("guide.frame.needs_probes")
    assert visit.session.settings == before


def test_a_step_that_measures_a_copy_applies_it_first(visit: Visit) -> None:
    *_, last = made(visit).on_wish(visit, "go twenty.10", Standing(), *COUNTS)
    assert last["panel"]["lacks"] == "" and last["applied"] == 2
    assert visit.session.applied == work.masks_key(visit.session, visit.session.settings)


@pytest.mark.parametrize("wish", ["", "go", "go five.7", "go luck.1", "fly five.1", "go five.1; x"])
def test_a_wish_that_no_panel_has_is_refused(visit: Visit, wish: str) -> None:
    with pytest.raises(GblmError):
        list(made(visit).on_wish(visit, wish, Standing(), *COUNTS))


def test_a_look_at_a_step_that_another_took_the_place_of_meanwhile_tells_nothing(visit: Visit) -> None:
    assert list(made(visit).on_wish(visit, "look five.1", Standing("five.2"), *COUNTS)) == [{}]


def test_a_number_is_told_in_the_unit_of_its_guess(visit: Visit) -> None:
    step = ways()["own"].steps[3]
    apply(visit)
    now = Now(Run(visit, EN), Standing(step.name), 0)
    value = step_value(step, now, {}, ready=True, guessed=True)
    assert value["settled"]["found"] == pytest.approx(100 * read(now.run, "agreement_with_wanda"))
    assert step_value(step, now, {}, ready=True, guessed=False)["settled"] is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_field_is_shown_while_its_number_is_not_there(visit: Visit, language: str,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "written", lambda run, name: None)
    for way in ways().values():
        for step in way.steps:
            for waiting, said in ((True, "preparing"), (False, "no_number")):
                texts = shown._texts(step, Run(visit, words(language)), False, waiting)
                assert not any("{" in text for text in texts.values()), step.name
                assert texts["title"] and (not dict(step.tell) or "{" not in words(language)(f"guide.{step.name}.text")
                                           or texts["text"] == words(language)(f"guide.frame.{said}"))
