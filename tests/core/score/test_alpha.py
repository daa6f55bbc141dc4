"""α: what can be asked for, what number it becomes, and the share it gives, against the reference.

Knows nothing of masks; its statistics are made by hand.
"""

from __future__ import annotations

import math

import pytest
import torch

from gblm_viz.core.base.errors import SettingError
from gblm_viz.core.score import alpha as alphas
from gblm_viz.core.score.alpha import Alpha, gradient_share, parse_alpha, resolve
from gblm_viz.core.sums.statistics import Statistics, Sums
from gblm_viz.core.text.calibration import CalibrationSet
from tests import reference


def made(count: int = 16, length: int = 128, spread: float = 1.0, seed: int = 0) -> Statistics:
    """Statistics of an ordinary matrix and a stack of three experts, the last of which saw nothing at all."""
    generator = torch.Generator().manual_seed(seed)
    sums = {}
    for name, shape in {"a": (6, 10), "b": (3, 4, 5)}.items():
        absolute = (spread * torch.randn(shape, generator=generator)).exp() * 1e-3
        inputs = (spread * torch.randn((*shape[:-2], shape[-1]), generator=generator)).exp()
        if len(shape) == 3:
            absolute[-1], inputs[-1] = 0, 0
        signed = absolute * torch.randn(shape, generator=generator).sign()
        sums[name] = Sums(inputs, {"l1": absolute, "sq": absolute.square(), "sum": signed}, torch.tensor(1))
    calibration = CalibrationSet(torch.zeros(count, length, dtype=torch.int64), torch.full((count,), length),
                                 "tokens", 0, "made", "")
    nothing = torch.zeros(count)
    return Statistics(calibration, "key", "made", "float32", "cpu", ("l1", "sq", "sum"), sums, nothing, {}, count)


def as_reference(statistics: Statistics) -> reference.Sums:
    kinds = ({name: one.gradients[kept] for name, one in statistics.sums.items()} for kept in ("l1", "sq", "sum"))
    return reference.Sums(statistics.count, statistics.losses, {}, *kinds,
                          {name: one.input_sq for name, one in statistics.sums.items()})


@pytest.mark.parametrize(("text", "expected"), [
    ("100", Alpha("number", 100.0)), ("0", Alpha("number", 0.0)), (" 2.5e3 ", Alpha("number", 2500.0)),
    (100, Alpha("number", 100.0)), ("balance", Alpha("balance")), ("share:0.5", Alpha("share", 0.5)),
])
def test_alpha_is_read(text: object, expected: Alpha) -> None:
    assert parse_alpha(text) == expected
    assert parse_alpha(str(expected)) == expected


@pytest.mark.parametrize("text", ["", "much", "-1", "nan", "inf", "-inf", "share:", "share:0", "share:1", "share:1.2",
                                  "share:-0.5", "share:nan", "share:half", "balance:2", ":5", "part:0.5", "1 0", None])
def test_what_is_no_alpha_is_refused_with_the_sentence(text: object) -> None:
    with pytest.raises(SettingError) as raised:
        parse_alpha(text)
    assert raised.value.key == "alpha_unreadable"
    assert repr(text) in str(raised.value)


def test_a_number_stays_itself() -> None:
    assert resolve(Alpha("number", 3.25), made(), "l1") == 3.25


def test_the_balance_is_the_papers_hundred_at_128_samples_of_2048() -> None:
    paper = made(128, 2048)
    assert resolve(Alpha("balance"), paper, "l1") == resolve(Alpha("balance"), paper, "l2") == 100.0
    assert resolve(Alpha("balance"), made(16, 1024), "l1") == 400.0
    assert resolve(Alpha("balance"), made(32, 1024), "l2") == 100.0
    for norm in ("l1", "l2"):
        found = resolve(Alpha("balance"), made(14, 96), norm)
        assert found == pytest.approx(reference.alpha_of_balance(norm, 14, 96), rel=1e-12)


def test_the_balance_reads_the_samples_own_lengths_not_the_padded_one() -> None:
    statistics = made(4, 64)
    statistics.calibration.lengths[:] = torch.tensor([64, 32, 16, 16])
    assert resolve(Alpha("balance"), statistics, "l1") == pytest.approx(100 * (128 / 4) * (32 / 2048))


@pytest.mark.parametrize("norm", ["l1", "l2", "sum"])
@pytest.mark.parametrize("alpha", [0.0, 1.0, 100.0, 1e6])
def test_the_gradients_share_is_the_references(norm: str, alpha: float) -> None:
    statistics = made()
    found = gradient_share(statistics, norm, alpha)
    assert found == pytest.approx(reference.gradient_share(as_reference(statistics), norm, alpha), rel=1e-5)


def test_the_share_of_one_weight_worked_by_hand() -> None:
    one = Sums(torch.tensor([36.0, 0.0]), {"l1": torch.tensor([[0.5, 0.0]])}, torch.tensor(2))
    calibration = CalibrationSet(torch.zeros(4, 2, dtype=torch.int64), torch.full((4,), 2), "tokens", 0, "", "")
    statistics = Statistics(calibration, "", "", "float32", "cpu", ("l1",), {"a": one}, torch.zeros(4), {}, 4)
    # x = sqrt(36 / 4) = 3 and alpha g = 2 · 0.5 = 1: a quarter; the weight with neither counts as 0
    assert gradient_share(statistics, "l1", 2.0) == pytest.approx(0.125)


@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.75])
@pytest.mark.parametrize("spread", [0.1, 3.0])
def test_bisection_reaches_the_asked_share(norm: str, share: float, spread: float) -> None:
    statistics = made(spread=spread)
    found = resolve(Alpha("share", share), statistics, norm)
    assert gradient_share(statistics, norm, found) == pytest.approx(share, abs=1e-4)
    assert reference.gradient_share(as_reference(statistics), norm, found) == pytest.approx(share, abs=1e-4)
    assert found == pytest.approx(reference.alpha_of_share(as_reference(statistics), norm, share), rel=1e-3)


def test_a_share_beyond_the_weights_that_have_a_gradient_is_refused() -> None:
    statistics = made()  # 20 of 120 weights have none, and count as 0
    assert math.isfinite(resolve(Alpha("share", 0.8), statistics, "l1"))
    with pytest.raises(SettingError) as raised:
        resolve(Alpha("share", 0.84), statistics, "l1")
    assert raised.value.key == "share_unreachable"
    assert (alphas.PAPER_SAMPLES, alphas.PAPER_LENGTH) == (128, 2048)


@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize("spread", [0.3, 3.0])
def test_the_curve_says_within_a_thousandth_what_the_exact_share_is(norm: str, spread: float) -> None:
    statistics = made(spread=spread)
    statistics.sums["a"].input_sq[3] = 0  # a column that is all gradient
    curve = alphas.share_curve(statistics, norm)
    for alpha in (1e-6, 1.0, 100.0, 1e5, 1e12):
        assert curve.share(alpha) == pytest.approx(gradient_share(statistics, norm, alpha), abs=1e-3)
    for share in (0.2, 0.5, 0.7):
        exact = resolve(Alpha("share", share), statistics, norm)
        assert gradient_share(statistics, norm, curve.alpha_at(share)) == pytest.approx(share, abs=1e-3)
        assert curve.alpha_at(share) == pytest.approx(exact, rel=0.02)
    assert curve.alpha_at(0.999) > 1e15  # a third of the weights has no gradient: no α gives that share
