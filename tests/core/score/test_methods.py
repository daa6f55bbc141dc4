"""Every method's score against numbers worked by hand and against the reference. Knows nothing of networks or masks."""

from __future__ import annotations

import pytest
import torch

from gblm_viz.core.model.matrices import Matrix
from gblm_viz.core.score import methods
from gblm_viz.core.score.methods import METHODS, Gblm, Gradient, Magnitude, Method, Random, Wanda, norm_of
from gblm_viz.core.score.scores import score_matrix
from tests import reference

WEIGHT = torch.tensor([[1.0, -2.0, 3.0, -4.0], [4.0, 3.0, -2.0, -0.0]])
INPUT = torch.tensor([4.0, 1.0, 1.0, 0.5])
GRADIENT = torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]])


@pytest.mark.parametrize(("method", "expected"), [
    (Magnitude(), [[1, 2, 3, 4], [4, 3, 2, 0]]),
    (Wanda(), [[4, 2, 3, 2], [16, 3, 2, 0]]),
    (Gradient("l1"), [[0, 2, 0, 0], [0, 0, 4, 0]]),
    (Gblm("l1", 10.0), [[4, 22, 3, 2], [16, 3, 42, 0]]),
    (Gblm("l2", 0.0), [[4, 2, 3, 2], [16, 3, 2, 0]]),
])
def test_scores_are_those_worked_by_hand(method: Method, expected: list[list[float]]) -> None:
    assert method.score(WEIGHT, INPUT, GRADIENT, "a.weight").tolist() == expected


@pytest.mark.parametrize("shape", [(6, 10), (3, 6, 10)])
def test_scores_are_the_references(shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(5)
    weight = torch.randn(shape, generator=generator)
    inputs = torch.rand((*shape[:-2], shape[-1]), generator=generator)
    gradient = torch.rand(shape, generator=generator)
    for name, method in {"magnitude": Magnitude(), "wanda": Wanda(), "gradient": Gradient(), "gblm": Gblm()}.items():
        found = method.score(weight, inputs, gradient, "a.weight")
        parts = [(weight, inputs, gradient)] if len(shape) == 2 else list(zip(weight, inputs, gradient, strict=True))
        expected = [reference.matrix_score(name, *part, 100.0)[0] for part in parts]
        assert torch.equal(found, expected[0] if len(shape) == 2 else torch.stack(expected))


def test_scores_of_half_precision_weights_are_float32() -> None:
    weight = torch.tensor([[1.0, -300.0]], dtype=torch.bfloat16)
    for method in (Magnitude(), Wanda(), Gradient(), Gblm(), Random()):
        score = method.score(weight, torch.tensor([1.0, 1e6]), torch.ones(1, 2), "a")
        assert score.dtype == torch.float32
    assert Wanda().score(weight, torch.tensor([1.0, 1e6]), None, "a").tolist() == [[1.0, 3e8]]


def test_random_hangs_on_seed_and_name_alone_as_in_the_reference() -> None:
    one = Random(3).score(torch.zeros(4, 5), None, None, "a.weight")
    assert torch.equal(one, Random(3).score(torch.ones(4, 5), INPUT, GRADIENT, "a.weight"))
    assert torch.equal(one, reference.random_score("a.weight", (4, 5), 3))
    assert not torch.equal(one, Random(4).score(torch.zeros(4, 5), None, None, "a.weight"))
    assert not torch.equal(one, Random(3).score(torch.zeros(4, 5), None, None, "b.weight"))
    assert bool(((one >= 0) & (one < 1)).all())


def test_scoring_leaves_its_arguments_as_they_were() -> None:
    weight, inputs, gradient = WEIGHT.clone(), INPUT.clone(), torch.zeros(2, 4)
    for method in (Magnitude(), Wanda(), Gradient(), Gblm()):
        score_matrix(Matrix("a", "a", 0, "q", 2, 4), weight, method, inputs, gradient, torch.tensor(0))
    assert torch.equal(weight, WEIGHT)
    assert torch.equal(inputs, INPUT)
    assert not bool(gradient.any())


def test_the_table_names_each_method_and_what_it_needs_as_the_reference_does() -> None:
    assert list(METHODS) == ["random", "magnitude", "wanda", "gradient", "gblm"]
    for name, kind in METHODS.items():
        assert kind.name == name
        assert set(kind.needs) == reference.needs(name)
        assert kind.formula
        assert kind.source
    assert [norm_of(kind()) for kind in METHODS.values()] == [None, None, None, "l1", "l1"]
    assert Gblm().alpha == methods.PAPER_ALPHA == 100.0


def test_a_method_has_a_norm_if_and_only_if_it_needs_gradients_and_another_one_fails_at_once() -> None:
    class Bare(Method):
        name, needs = "bare", frozenset({"gradients"})

    assert {name for name, kind in METHODS.items() if norm_of(kind())} == {
        name for name, kind in METHODS.items() if "gradients" in kind.needs} == {"gradient", "gblm"}
    assert norm_of(Gradient("sum")) == "sum"
    with pytest.raises(AssertionError, match="the knob norm"):
        norm_of(Bare())


@pytest.mark.parametrize(("given", "value"), [
    ("9007199254740993", 9007199254740993), (" 12 ", 12), (7.0, 7), ("3e2", 300)])
def test_a_whole_number_is_read_to_its_last_digit(given: object, value: int) -> None:
    assert methods.Knob("whole", 0).read(given) == value


@pytest.mark.parametrize("given", ["1.5", "inf", "nan", "", "two", None])
def test_what_is_no_whole_number_is_refused(given: object) -> None:
    with pytest.raises(ValueError):
        methods.Knob("whole", 0).read(given)
