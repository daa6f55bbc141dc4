"""Draws of a text: each window's gradients are taken once, and every draw's sums are those of the draw by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from gblm_viz.core.base.errors import GblmError, TextError
from gblm_viz.core.base.job import Step, run
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure import draws, evaluate
from gblm_viz.core.measure.draws_estimate import DrawsEstimate, draws_estimate
from gblm_viz.core.model import models
from gblm_viz.core.model.models import Model
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.sums.estimate import Pace, Room, shape_of
from gblm_viz.core.text import calibration
from gblm_viz.core.text.calibration import CalibrationSet
from tests.families import FAMILIES, tiny_tokenizer

WANDA, GBLM = (Settings(method, sparsity=0.5, order="dense") for method in ("wanda", "gblm"))


def tiny(family: str) -> Model:
    torch.manual_seed(0)
    return models.wrap(FAMILIES[family](), tiny_tokenizer(), family)


def windows(count: int, seed: int = 1) -> CalibrationSet:
    tokens = torch.randint(2, 90, (count, 16), generator=torch.Generator().manual_seed(seed))
    return CalibrationSet(tokens, torch.full((count,), 16), "windows", 0, f"text {seed}", "0" * 64)


@pytest.mark.parametrize(("family", "plan"), [("llama", "whole"), ("llama", "streamed"), ("mixtral", "whole")])
def test_draws_collected_together_are_bit_for_bit_the_draws_by_themselves(family: str, plan: str) -> None:
    model, keep = tiny(family), ("l1", "sq", "sum")
    drawn = draws.draws_of(windows(9), 4, 3, seed=7)
    together = run(draws.collect_draws(model, drawn, keep, plan, batch=1))
    for draw, found in enumerate(together):
        alone = run(collect(model, drawn.sample(draw), keep=keep, plan=plan, batch=1))
        assert found.calibration.key == alone.calibration.key
        assert torch.equal(found.losses, alone.losses)
        for name, sums in alone.sums.items():
            assert torch.equal(found.sums[name].input_sq, sums.input_sq)
            assert torch.equal(found.sums[name].tokens, sums.tokens)
            assert torch.equal(found.sample_l1[name], alone.sample_l1[name])
            for kept in keep:
                assert torch.equal(found.sums[name].gradients[kept], sums.gradients[kept]), (name, kept)
        for settings in (WANDA, GBLM):
            one, other = (run(prune.masks(model, those, settings)).masks for those in (found, alone))
            assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("plan", ["whole", "streamed"])
def test_draws_in_batches_are_the_draws_by_themselves_up_to_the_last_digits(plan: str) -> None:
    model, keep = tiny("llama"), ("l1", "sq", "sum")
    drawn = draws.draws_of(windows(9), 4, 3, seed=7)
    for draw, found in enumerate(run(draws.collect_draws(model, drawn, keep, plan))):
        alone = run(collect(model, drawn.sample(draw), keep=keep, plan=plan, batch=1))
        torch.testing.assert_close(found.losses, alone.losses, rtol=1e-6, atol=0)
        for name, sums in alone.sums.items():
            assert torch.equal(found.sums[name].tokens, sums.tokens)
            torch.testing.assert_close(found.sums[name].input_sq, sums.input_sq, rtol=1e-5, atol=1e-7)
            torch.testing.assert_close(found.sample_l1[name], alone.sample_l1[name], rtol=1e-5, atol=0)
            for kept in ("l1", "sq"):
                torch.testing.assert_close(found.sums[name].gradients[kept], sums.gradients[kept], rtol=1e-5,
                                           atol=1e-7 * float(sums.gradients[kept].max()))
            off = (found.sums[name].gradients["sum"] - sums.gradients["sum"]).abs()
            assert bool((off <= 1e-6 * sums.gradients["l1"]).all())


def test_the_gradients_of_a_window_are_taken_once_whatever_draws_it_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    real = torch.autograd.backward

    def counting(*args: Any, **kwargs: Any) -> Any:
        taken.append(True)
        return real(*args, **kwargs)

    monkeypatch.setattr(torch.autograd, "backward", counting)
    drawn = draws.draws_of(windows(8), 4, 5)
    steps: list[Step] = []
    run(draws.collect_draws(tiny("llama"), drawn, ("l1",)), steps.append)
    assert len(drawn.used) < sum(len(own) for own in drawn.places) == 20
    assert len(taken) == len(drawn.used) == steps[-1].total


def test_a_draw_is_what_collecting_with_its_seed_would_take() -> None:
    text, tokenizer = "A hen sat in the sun. The sea was calm and grey. " * 40, tiny_tokenizer()
    pool = calibration.from_text(tokenizer, text, name="t", length=16, samples=10**6)
    drawn = draws.draws_of(pool, 5, 3, seed=2)
    for draw, seed in enumerate((2, 3, 4)):
        alone = calibration.from_text(tokenizer, text, name="t", length=16, samples=5, seed=seed)
        assert (drawn.sample(draw).key, drawn.sample(draw).seed) == (alone.key, alone.seed)


def test_a_draw_is_half_of_a_short_text_at_most_and_three_windows_are_none() -> None:
    assert draws.draws_of(windows(9), 100, 2).samples == 4
    assert draws.draws_of(windows(9), 3, 2).samples == 3
    with pytest.raises(TextError) as raised:
        draws.draws_of(windows(3), 1, 2)
    assert raised.value.key == "too_few_to_draw"


def test_a_methods_losses_on_each_draw_are_those_of_masks_copy_and_measure() -> None:
    model, held = tiny("llama"), windows(3, 2)
    drawn = draws.draws_of(windows(8), 4, 3)
    statistics = run(draws.collect_draws(model, drawn, draws.keep_of([WANDA, GBLM])))
    for settings in (WANDA, Settings("random", order="dense"), Settings("magnitude", order="dense")):
        steps: list[Step] = []
        found = run(draws.drawn_losses(model, statistics, settings, held), steps.append)
        for draw, losses in enumerate(found):
            own = draws.of_draw(settings, draw)
            masks = run(prune.masks(model, statistics[draw] if own.needs else None, own))
            assert losses == run(evaluate.perplexity(prune.pruned(model, masks), held)).losses
        assert len(set(found)) == draws.copies_of(settings, 3) == (1 if settings.method == "magnitude" else 3)
        assert [step.done for step in steps] == sorted(step.done for step in steps)


def test_sums_are_kept_for_the_methods_that_are_compared() -> None:
    assert draws.keep_of([WANDA]) == ("l1",)
    assert draws.keep_of([WANDA, GBLM, Settings("gradient", "sum"), Settings("gradient", "l2")]) == ("l1", "sq", "sum")
    assert draws.depends_on_draw(WANDA, GBLM) and draws.depends_on_draw(WANDA, Settings("magnitude"))
    assert not draws.depends_on_draw(Settings("random"), Settings("magnitude"))


def test_what_draws_cost_is_told_by_their_windows_sums_and_copies() -> None:
    shape, pace = shape_of(tiny("llama")), Pace(1e9, 1e9, 1e-5, 1e9)
    held, room = windows(6, 2), Room(10**9)

    def guess(count: int, *settings: Settings) -> DrawsEstimate:
        drawn = draws.draws_of(windows(80), 40, count)  # long enough to go in batches, each draw alone too
        return draws_estimate(shape, drawn, settings, held, pace, room)

    one, five = guess(1, WANDA, GBLM), guess(5, WANDA, GBLM)
    assert one.choice is not None and five.choice is not None
    sums = [dict(found.choice.chosen.parts)["sums"] for found in (one, five) if found.choice is not None]
    assert sums[1] - sums[0] == 4 * 4 * shape.prunable  # float32, one kept sum more a draw
    assert one.choice.chosen.seconds < five.choice.chosen.seconds < 5 * one.choice.chosen.seconds
    assert (one.copies, five.copies) == (2, 10)
    assert guess(5, Settings("magnitude", order="dense")).choice is None
    assert guess(5, replace(WANDA, order="sequential"), GBLM).seconds > five.seconds > five.choice.chosen.seconds
    with pytest.raises(GblmError):
        draws_estimate(shape, draws.draws_of(windows(40), 12, 5), [GBLM], held, pace, Room(10**5))
