"""What Compare asks about what was lost: each answer is what core gives, kept under all that it depends on."""

from __future__ import annotations

import math
from dataclasses import replace
from threading import Event

import pytest

from gblm_viz.core.base.errors import TextError
from gblm_viz.core.base.job import Job, Step, offset_steps, run
from gblm_viz.core.mask import prune
from gblm_viz.core.measure import evaluate
from gblm_viz.core.model import models
from gblm_viz.core.model.models import Model
from gblm_viz.ui.visit.keys import HeldOutKey, ProbesKey, PrunedKey
from gblm_viz.ui.visit.library import Library, Visit
from gblm_viz.ui.visit.session import Session
from gblm_viz.ui.visit.text_choice import TextChoice
from gblm_viz.ui.work import example, measuring, work
from tests.families import FAMILIES, tiny_tokenizer

CSV = ("prompt,answer,skill,choices\nWhat colour is grass?,Grass is green.,mine,Grass is red.|Grass is green.\n"
       "Tell me what a shark is.,A shark is a fish.,mine,A shark is a fish.|A shark is a tool.|A shark is a bird.\n"
       "Spell forest for me.,forest: f-o-r-e-s-t.,spelling,\n")


@pytest.fixture(scope="module")
def library() -> Library:
    """The example, live, on a shorter text."""
    made = Library(budget=1 << 30)
    model_key = run(work.load_job(made, "pocket"))
    choice = TextChoice(work.read_bundled("chat_en.txt")[:6000], "chat_en.txt", length=64)
    samples, held_out = work.samples_of(made.get(model_key), choice)
    key = run(work.collect_job(made, made.get(model_key), samples, held_out, Event()))
    session = Session(model=model_key, text=choice, statistics=key, held_out=HeldOutKey(key),
                      settings=example.SETTINGS)
    applied = run(work.apply_job(made, session, made.get(model_key), made.get(key), session.settings))
    made.first = replace(session, applied=applied, applied_number=1)
    made.ready.set()
    return made


@pytest.fixture
def visit(library: Library) -> Visit:
    return library.visit(None)


def both(visit: Visit) -> tuple[tuple[object, Model], ...]:
    return ((visit.session.model, visit.model()), (PrunedKey(visit.session.applied), work.pruned_model(visit)))


def test_windows_stand_in_the_texts_order_until_measured_and_then_the_most_lost_first(visit: Visit) -> None:
    windows = measuring.texts(visit, "en")["held"]
    assert windows.count > 2
    if measuring.losses(visit, windows) is None:
        assert measuring.worst_first(visit, windows) == [(index, None) for index in range(windows.count)]
        for key, model in both(visit):
            run(work.perplexity_job(visit.library, key, model, windows))
    order = measuring.worst_first(visit, windows)
    assert sorted(index for index, _ in order) == list(range(windows.count))
    gone = [lost for _, lost in order if lost is not None]
    assert gone == sorted(gone, reverse=True) and len(gone) == windows.count
    alone = [run(evaluate.perplexity(model, windows)).losses for _, model in both(visit)]
    assert gone[0] == pytest.approx(max(after - before for before, after in zip(*alone, strict=True)))


def test_a_windows_tokens_lose_what_the_window_lost_and_are_kept(visit: Visit) -> None:
    windows = measuring.texts(visit, "en")["own"]
    key = measuring.window_key(visit, windows, 1)
    tokens = run(measuring.window_job(visit.library, key, visit.model(), work.pruned_model(visit), windows, 1))
    losses = [run(evaluate.perplexity(model, windows.pick([1]))).losses[0] for _, model in both(visit)]
    assert math.fsum(one.difference for one in tokens) / (len(tokens) - 1) == pytest.approx(
        losses[1] - losses[0], abs=1e-5)
    assert visit.library.get(key) is tokens
    assert measuring.window_key(visit, windows, 2) != key


def test_own_probes_are_asked_of_both_models_exactly_and_by_choice(visit: Visit) -> None:
    with pytest.raises(TextError) as raised:
        measuring.probes_of(visit, "own")
    assert raised.value.key == "no_own_probes"
    assert measuring.verdicts_of(visit, "own") is None
    probes = measuring.store_own_probes(visit, CSV, "mine")
    steps: list[Step] = []
    run(measuring.ask_job(visit.library, both(visit), measuring.set_key(visit, "own"), probes, True), steps.append)
    found = measuring.verdicts_of(visit, "own")
    assert found is not None and found.chosen is not None
    for (_, model), exact, chosen in zip(both(visit), found.exact, found.chosen, strict=True):
        assert exact.verdicts == run(evaluate.ask_probes(model, probes)).verdicts
        assert chosen.verdicts == run(evaluate.choose_answers(model, probes)).verdicts
    assert len(found.chosen[0].verdicts) == 2
    assert {step.total for step in steps} == {2 * (3 + 5)}
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert [step.done for step in steps] == [0, 3, 8, 11]
    assert measuring.verdicts_of(visit.library.visit(None), "own") is None  # another visitor has none


def test_the_shipped_right_or_wrong_gives_way_to_what_is_asked_here(visit: Visit) -> None:
    probes = work.probes_of(visit.model())[:4]
    key = "some model"
    visit.library.put(ProbesKey(key), evaluate.ProbeResult(tuple(evaluate.Verdict(one, False) for one in probes)))
    found = run(measuring.answers_job(visit.library, key, visit.model(), "pocket", probes))
    assert all(one.tokens and one.rank for one in found.verdicts)
    assert visit.library.get(ProbesKey(key)) is found
    again = measuring.answers_job(visit.library, key, visit.model(), "pocket", probes)
    with pytest.raises(StopIteration) as finished:  # nothing is asked twice
        next(again)
    assert finished.value.value is found


def test_other_models_get_general_knowledge_and_own_probes_never_the_pockets() -> None:
    other = models.wrap(FAMILIES["llama"](), tiny_tokenizer(), "tiny")
    library = Library(budget=1 << 30)
    library.put("tiny", other)
    library.first = Session(source="tiny", model="tiny")
    visit = library.visit(None)
    assert measuring.sets_of(other) == ("general", "own")
    with pytest.raises(TextError):
        measuring.probes_of(visit, "pocket")
    general = measuring.probes_of(visit, "general")
    assert len(general) == 48 and {len(probe.choices) for probe in general} == {4}
    assert {probe.skill for probe in general} == {"general_en", "general_ja"}
    assert len({probe.prompt for probe in general}) == 48


def test_every_method_is_pruned_alike_and_measured_on_the_same_windows(visit: Visit) -> None:
    settings = work.applied_masks(visit).settings
    rivals = measuring.rivals(visit.session, settings)
    assert list(rivals) == ["random", "magnitude", "wanda", "gradient", "gblm"]
    assert {(one.sparsity, one.group, one.pattern, one.order) for one in rivals.values()} == {(0.5, "row", "", "dense")}
    windows = measuring.method_texts(visit.library, visit.session, visit.model(), "en")["held"]
    job = measuring.methods_job(visit.library, visit.session, visit.model(), rivals, windows)
    assert measuring.compared(visit.library, visit.session, rivals, windows) == {}
    steps: list[Step] = []
    run(job, steps.append)
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert steps[-1].done <= steps[-1].total and len({step.total for step in steps}) == 1
    found = measuring.compared(visit.library, visit.session, rivals, windows)
    assert list(found) == ["dense", *rivals]
    for name in ("magnitude", "gblm"):
        masks = run(prune.dense_masks(visit.model(), visit.statistics(), rivals[name]))
        alone = run(evaluate.perplexity(prune.pruned(visit.model(), masks), windows))
        assert found[name].losses == pytest.approx(alone.losses, rel=1e-5), name
    assert found["dense"].value < found["gblm"].value < found["random"].value


def test_the_authors_threshold_is_compared_per_matrix_and_a_foil_has_no_place_in_gblm(visit: Visit) -> None:
    settings = replace(example.SETTINGS, method="magnitude", group="authors", norm="sum")
    rivals = measuring.rivals(visit.session, settings)
    assert {one.group for one in rivals.values()} == {"matrix"}
    assert (rivals["gradient"].norm, rivals["gblm"].norm) == ("sum", "l1")
    assert all(one.check() for one in rivals.values())
    without = replace(visit.session, statistics=None)
    assert list(measuring.rivals(without, settings)) == ["random", "magnitude"]


def test_methods_are_also_offered_a_longer_text_and_only_that_without_a_held_out_fifth(visit: Visit) -> None:
    found = measuring.method_texts(visit.library, visit.session, visit.model(), "en")
    assert list(found) == ["held", "bundled"] and found["bundled"].count > found["held"].count
    assert found["bundled"].text_name == work.held_out_text("en")
    visit.update(held_out=None)
    assert list(measuring.method_texts(visit.library, visit.session, visit.model(), "en")) == ["bundled"]


def test_a_part_of_a_longer_job_counts_on_and_is_closed_with_it() -> None:
    closed = []

    def counting() -> Job[str]:
        try:
            for done in range(3):
                yield Step(done, 3, "window")
        finally:
            closed.append(True)
        return "result"

    steps: list[Step] = []
    assert run(offset_steps(counting(), 10, 20), steps.append) == "result"
    assert steps == [Step(done, 20, "window") for done in (10, 11, 12)]
    begun = offset_steps(counting(), 0, 3)
    next(begun)
    begun.close()
    assert closed == [True, True]
