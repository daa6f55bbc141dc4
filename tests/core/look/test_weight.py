"""One weight's standing against slow loops, its predicted and measured cost against whole runs in doubles.

Knows nothing of pictures.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from gblm_viz.core.base.errors import TextError
from gblm_viz.core.base.job import Step, run
from gblm_viz.core.look import weight
from gblm_viz.core.look.weight import Target, WeightReport, answer_changes, explain, measured_changes, predicted_change
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.patterns import Global, label
from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model import models
from gblm_viz.core.model.matrices import Matrix, parameters
from gblm_viz.core.model.models import Model
from gblm_viz.core.score import alpha as alphas
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.core.score.scores import dense_scores
from gblm_viz.core.sums import statistics
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.sums.statistics import Statistics
from tests import reference
from tests.core.mask.test_prune import narrow_mixtral
from tests.core.test_families import calibration_of, cut_samples, recipe_of, weights_hash
from tests.families import FAMILIES, HEAD, block_list, tiny_tokenizer
from tests.reference import Place

METHODS = ("random", "magnitude", "wanda", "gradient", "gblm")
PATTERNS = (Settings(sparsity=0.3), Settings(sparsity=0.0), Settings(group="matrix", sparsity=0.55),
            Settings(group="global", sparsity=0.5), Settings(group="authors", sparsity=0.45),
            Settings(group="authors", sparsity=0.0), Settings(pattern="2:4"), Settings(pattern="3:8"))
ALLOWED = tuple(
    replace(pattern, method=method, norm=norm, alpha=Alpha("number", 3.0), order="dense", seed=4)
    for pattern in PATTERNS for method, norm in ((*((method, "l1") for method in METHODS), ("gradient", "sum")))
    if pattern.group != "authors" or method == "magnitude")


def told(settings: Settings) -> str:
    return f"{settings.method}-{settings.norm}-{label(settings.make_pattern()).replace(' ', '-')}"


def coarse(family: str) -> nn.Module:
    """A network of few different weights, many of them 0, so that many scores are equal by every method."""
    network = FAMILIES[family]()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim >= 2:
                parameter.copy_((parameter * 10).round() / 10)
    return network


def blocks_of(model: Model) -> list[nn.Module]:
    return block_list(model.source, model.network)


@pytest.fixture(scope="module", params=["llama", "gpt2", "mixtral"])
def tied(request: pytest.FixtureRequest) -> tuple[Model, Statistics]:
    model = models.wrap(coarse(request.param), None, request.param)
    return model, run(collect(model, calibration_of(cut_samples())))


@pytest.fixture(scope="module", params=["llama", "gpt2", "mixtral"])
def pair(request: pytest.FixtureRequest) -> tuple[Model, Statistics]:
    model = models.wrap(FAMILIES[request.param](), None, request.param)
    return model, run(collect(model, calibration_of(cut_samples())))


@pytest.fixture(scope="module")
def llama() -> tuple[Model, Statistics]:
    model = models.wrap(FAMILIES["llama"](), tiny_tokenizer(), "llama")
    return model, run(collect(model, calibration_of(cut_samples())))


def some(model: Model, count: int, seed: int = 0) -> list[tuple[Matrix, Place]]:
    """`count` weights, of experts beyond the first where there are any."""
    generator = torch.Generator().manual_seed(seed)

    def below(most: int) -> int:
        return int(torch.randint(most, (), generator=generator))

    found = []
    for index in range(count):
        matrix = model.layout.matrices[(index * 5) % len(model.layout.matrices)]
        found.append((matrix, (max(0, matrix.experts - 1 - index % 3), below(matrix.rows), below(matrix.columns))))
    return found


def explained(model: Model, sums: Statistics | None, masks: Masks, matrix: Matrix, place: Place) -> WeightReport:
    expert, row, column = place
    return explain(model, sums, masks.settings, masks, matrix.name, row, column, expert)


def all_scores(model: Model, sums: Statistics | None, settings: Settings) -> dict[str, Tensor]:
    method, weights = settings.make_method(sums), parameters(model.network, model.layout)
    return {matrix.name: dense_scores(model, sums, method, matrix, weights[matrix.name])[0]
            for matrix in model.layout.matrices}


def at(tensor: Tensor, place: Place) -> Tensor:
    return tensor[place] if tensor.dim() == 3 else tensor[place[1:]]


def same(found: float, expected: float) -> bool:
    return found == expected or (math.isnan(found) and math.isnan(expected))


# How it stands

@pytest.mark.parametrize("settings", ALLOWED, ids=told)
def test_a_weights_standing_is_the_slow_loops_with_ties(tied: tuple[Model, Statistics], settings: Settings) -> None:
    stands_as_in_the_loop(*tied, settings)


@pytest.mark.parametrize("settings", [one for one in ALLOWED if one.method == "magnitude"], ids=told)
def test_a_weights_standing_is_the_slow_loops_where_all_scores_differ(pair: tuple[Model, Statistics],
                                                                      settings: Settings) -> None:
    stands_as_in_the_loop(*pair, settings)


def stands_as_in_the_loop(model: Model, sums: Statistics, settings: Settings) -> None:
    masks = run(prune.dense_masks(model, sums, settings))
    scores = all_scores(model, sums, settings)
    for matrix, place in some(model, 2 if settings.group == "global" else 12):
        found = explained(model, sums, masks, matrix, place)
        rank, size, cut, low, high = reference.standing(scores, masks.masks, recipe_of(settings), matrix.name, place)
        assert (found.rank, found.group_size, found.cut) == (rank, size, cut)
        assert same(found.cut_low, low) and same(found.cut_high, high)
        assert found.removed == bool(at(masks.masks[matrix.name], place)) == (rank < cut)
        assert found.score == float(at(scores[matrix.name], place))
        assert found.group == ("n:m" if settings.pattern else settings.group)


def test_the_tested_weights_have_equals(tied: tuple[Model, Statistics]) -> None:
    model, sums = tied
    for method in ("magnitude", "wanda", "gradient", "gblm"):
        scores = all_scores(model, sums, Settings(method))
        equals = sum(int((scores[matrix.name] == at(scores[matrix.name], place)).sum()) > 1
                     for matrix, place in some(model, 12))
        assert equals >= 3, method


@pytest.mark.parametrize("settings", [one for one in ALLOWED if not one.pattern],
                         ids=told)
def test_a_weight_goes_from_exactly_the_named_sparsity_on(tied: tuple[Model, Statistics], settings: Settings) -> None:
    model, sums = tied
    masks = run(prune.dense_masks(model, sums, settings))
    scores = all_scores(model, sums, settings)

    def goes(sparsity: float, matrix: Matrix, place: Place) -> bool:
        pattern = replace(settings, sparsity=sparsity).make_pattern()
        mask = (pattern.remove_all(scores) if isinstance(pattern, Global)
                else {matrix.name: pattern.remove(scores[matrix.name])})[matrix.name]
        return bool(at(mask, place))

    weights = some(model, 3 if settings.group == "global" else 12)
    heaviest, _ = weights[0]
    top = int(scores[heaviest.name].reshape(-1, heaviest.columns)[0].argmax())
    for matrix, place in [*weights, (heaviest, (0, 0, top))]:
        share = explained(model, sums, masks, matrix, place).goes_from
        if math.isnan(share):
            assert not goes(math.nextafter(1.0, 0.0), matrix, place)
        else:
            assert goes(share, matrix, place)
            assert not goes(math.nextafter(share, -math.inf) if share > 5e-324 else 0.0, matrix, place)


def test_the_last_of_its_row_never_goes_and_no_sparsity_is_named_for_n_of_m(pair: tuple[Model, Statistics]) -> None:
    model, sums = pair
    matrix = model.layout.matrices[0]
    scores = all_scores(model, sums, Settings("wanda"))[matrix.name]
    masks = run(prune.dense_masks(model, sums, Settings("wanda", order="dense")))
    found = explained(model, sums, masks, matrix, (0, 3, int(scores[3].argmax())))
    assert found.rank == matrix.columns - 1 and math.isnan(found.goes_from)
    first = explained(model, sums, masks, matrix, (0, 3, int(scores[3].argmin())))
    assert (first.rank, first.goes_from) == (0, 1 / matrix.columns)
    masks = run(prune.dense_masks(model, sums, Settings("wanda", pattern="2:4", order="dense")))
    assert math.isnan(explained(model, sums, masks, matrix, (0, 3, 5)).goes_from)


@pytest.mark.parametrize(("size", "count", "expected"), [(100, 29, 0.29), (100, 100, math.nan), (3, 1, 1 / 3)])
def test_the_smallest_share_reaches_its_count_and_the_one_before_does_not(size: int, count: int,
                                                                          expected: float) -> None:
    found = weight._smallest_share(size, count)
    assert found == pytest.approx(expected, rel=1e-15, nan_ok=True)
    for length in (7, 32, 100, 384, 11008):
        for wanted in range(1, length):
            share = weight._smallest_share(length, wanted)
            assert int(length * share) >= wanted > int(length * math.nextafter(share, 0.0))
    assert int(100 * 0.29) == 28 and weight._smallest_share(100, 29) > 0.29


@pytest.mark.parametrize("settings", [one for one in ALLOWED if one.method in {"random", "gblm"} and one.norm == "l1"],
                         ids=told)
def test_each_methods_verdict_is_its_own_mask_and_the_opposite_ones_save(pair: tuple[Model, Statistics],
                                                                         settings: Settings) -> None:
    model, sums = pair
    masks = {method: run(prune.dense_masks(model, sums, replace(settings, method=method)))
             for method in {*weight.JUDGES, settings.method}}
    saved = 0
    for matrix, place in some(model, 20, seed=1):
        found = explained(model, sums, masks[settings.method], matrix, place)
        assert [verdict.method for verdict in found.verdicts] == list(weight.JUDGES)
        for verdict in found.verdicts:
            alone = explained(model, sums, masks[verdict.method], matrix, place)
            assert verdict.removed == bool(at(masks[verdict.method].masks[matrix.name], place)) == alone.removed
            assert (verdict.rank, verdict.group_size, verdict.cut) == (alone.rank, alone.group_size, alone.cut)
        assert found.saved_by == tuple(
            method for method in weight.JUDGES
            if bool(at(masks[method].masks[matrix.name], place)) != found.removed)
        saved += len(found.saved_by)
    assert saved or settings.sparsity == 0


def test_methods_that_statistics_or_group_do_not_allow_have_no_verdict(llama: tuple[Model, Statistics]) -> None:
    model, sums = llama
    matrix, place = some(model, 1)[0]

    def judges(given: Statistics | None, settings: Settings) -> list[str]:
        masks = run(prune.dense_masks(model, given, settings))
        return [verdict.method for verdict in explained(model, given, masks, matrix, place).verdicts]

    magnitude = Settings("magnitude", order="dense")
    only_squares = run(collect(model, sums.calibration, keep=("sq",)))
    assert judges(None, magnitude) == ["magnitude"]
    assert judges(sums, replace(magnitude, group="authors")) == ["magnitude"]
    assert judges(only_squares, magnitude) == ["magnitude", "wanda"]
    assert judges(only_squares, replace(magnitude, norm="l2")) == list(weight.JUDGES)
    assert judges(sums, replace(magnitude, method="gradient", norm="sum")) == list(weight.JUDGES)  # GBLM's by ℓ1
    assert judges(sums, replace(magnitude, alpha=Alpha("number", 1e300))) == ["magnitude", "wanda", "gradient"]


def test_the_parts_add_up_to_the_score_and_what_does_not_apply_is_nan(llama: tuple[Model, Statistics]) -> None:
    model, sums = llama
    matrix, place = some(model, 2)[1]
    index = place[1:]
    own = float(parameters(model.network, model.layout)[matrix.name][index])
    x = float(reference_norm(sums, matrix)[place[2]])
    g = {"l1": float(sums.sums[matrix.name].gradients["l1"][index]),
         "sum": abs(float(sums.sums[matrix.name].gradients["sum"][index]))}
    nan = math.nan
    for settings, alpha, activation, gradient in (
            (Settings("gblm", alpha=Alpha("number", 7.0)), 7.0, abs(own) * x, abs(own) * 7.0 * g["l1"]),
            (Settings("wanda"), nan, abs(own) * x, nan),
            (Settings("gradient", "sum"), nan, nan, abs(own) * g["sum"]),
            (Settings("magnitude"), nan, nan, nan)):
        masks = run(prune.dense_masks(model, sums, replace(settings, order="dense")))
        found = explained(model, sums, masks, matrix, place)
        assert (found.weight, found.fallback) == (own, "")
        assert (found.input_norm, found.gradient_norm) == pytest.approx((x, g[settings.norm]), rel=1e-6)
        assert (found.alpha, found.activation_part, found.gradient_part) == pytest.approx(
            (alpha, activation, gradient), rel=1e-6, nan_ok=True)
        parts = [part for part in (activation, gradient) if not math.isnan(part)]
        assert found.score == pytest.approx(sum(parts) if parts else abs(own), rel=1e-6)
    bare = explained(model, None, run(prune.dense_masks(model, None, Settings("magnitude", order="dense"))), matrix,
                     place)
    assert all(math.isnan(value) for value in (bare.input_norm, bare.gradient_norm, bare.predicted))


def reference_norm(sums: Statistics, matrix: Matrix) -> Tensor:
    return (sums.sums[matrix.name].input_sq / sums.count).sqrt()


def test_alpha_by_share_is_the_masks_own(llama: tuple[Model, Statistics], monkeypatch: pytest.MonkeyPatch) -> None:
    model, sums = llama
    masks = run(prune.dense_masks(model, sums, Settings(alpha=Alpha("share", 0.5), order="dense")))
    monkeypatch.setattr(alphas, "resolve", lambda given, *_: given.value if given.kind == "number" else 1 / 0)
    matrix, place = some(model, 1)[0]
    assert explained(model, sums, masks, matrix, place).alpha == masks.alpha


@pytest.mark.parametrize(("method", "rule"), [("gradient", "|W|"), ("gblm", "|W| · x")])
def test_a_weight_scored_by_a_simpler_rule_says_so(llama: tuple[Model, Statistics], method: str, rule: str) -> None:
    model, sums = llama
    matrix, place = some(model, 1)[0]
    still = statistics.Sums(sums.sums[matrix.name].input_sq,
                            {kept: torch.zeros(matrix.shape) for kept in sums.keep}, sums.sums[matrix.name].tokens)
    zeroed = replace(sums, sums=sums.sums | {matrix.name: still})
    masks = run(prune.dense_masks(model, zeroed, Settings(method, order="dense")))
    found = explained(model, zeroed, masks, matrix, place)
    assert found.fallback == rule
    assert math.isnan(found.gradient_part)
    assert found.score == pytest.approx(found.activation_part if method == "gblm" else abs(found.weight))


def test_experts_that_saw_no_token_are_scored_alone_by_their_weights() -> None:
    model = narrow_mixtral()
    sums = run(collect(model, calibration_of(cut_samples())))
    masks = run(prune.dense_masks(model, sums, Settings("wanda", order="dense")))
    matrix = next(matrix for matrix in model.layout.matrices if matrix.experts)
    seen, unseen = (explained(model, sums, masks, matrix, (expert, 4, 5)) for expert in (0, 2))
    assert (seen.fallback, unseen.fallback) == ("", "|W|")
    assert math.isnan(unseen.activation_part)
    assert unseen.score == abs(unseen.weight)
    reached = weight.scatter_targets(model, sums, 400, 0, matrix.name)
    assert {target.expert for target in reached} == {0, 1}


@pytest.mark.parametrize("target", [
    Target("q", "weight", 32, 0), Target("q", "weight", 0, -1), Target("q", "row", -1),
    Target("q", "column", column=32), Target("q", "head", head=4), Target("k", "head", head=2),
    Target("up", "head", head=0), Target("q", "row", 0, expert=1)])
def test_a_target_outside_its_matrix_is_refused(llama: tuple[Model, Statistics], target: Target) -> None:
    model, sums = llama
    name = next(matrix.name for matrix in model.layout.matrices if matrix.role == target.name)
    with pytest.raises(IndexError):
        predicted_change(model, sums, replace(target, name=name))


# What it costs

def places_of(matrix: Matrix, target: Target) -> list[Place]:
    """Every weight of a target, found one by one."""
    def within(row: int, column: int) -> bool:
        along = column if matrix.role == "o" else row
        return {"weight": (row, column) == (target.row, target.column), "row": row == target.row,
                "column": column == target.column, "head": along // HEAD == target.head}[target.kind]

    return [(target.expert, row, column) for row in range(matrix.rows) for column in range(matrix.columns)
            if within(row, column)]


def targets_of(model: Model, blocks: Iterable[int] = (0, 2)) -> list[tuple[Matrix, Target]]:
    """Of each matrix of some blocks: a weight, a row, a column and its last head, of the last expert."""
    found = []
    for matrix in (matrix for block in blocks for matrix in model.layout.of_block(block)):
        expert = max(0, matrix.experts - 1)
        found += [(matrix, Target(matrix.name, "weight", 3, 5, expert=expert)),
                  (matrix, Target(matrix.name, "row", 7, expert=expert)),
                  (matrix, Target(matrix.name, "column", column=6, expert=expert))]
        if weight.heads(model, matrix):
            found.append((matrix, Target(matrix.name, "head", head=weight.heads(model, matrix) - 1)))
    return found


def test_heads_lie_in_the_rows_of_q_k_v_and_in_the_columns_of_o(llama: tuple[Model, Statistics]) -> None:
    counted = {matrix.role: weight.heads(llama[0], matrix) for matrix in llama[0].layout.of_block(0)}
    assert counted == {"q": 4, "k": 2, "v": 2, "o": 4, "gate": 0, "up": 0, "down": 0}


def test_the_prediction_is_the_loops_of_weights_and_gradients(pair: tuple[Model, Statistics]) -> None:
    model, sums = pair
    for matrix, target in targets_of(model, (1,)):
        places = places_of(matrix, target)
        expected = reference.predicted_change(model.network, blocks_of(model), cut_samples(), matrix.name, places)
        # core/README.md: signed sums are held to 1e-6 of the gradients' ℓ1
        ones = [abs(float(at(parameters(model.network, model.layout)[matrix.name], place)))
                * float(at(sums.sums[matrix.name].gradients["l1"], place)) for place in places]
        assert abs(predicted_change(model, sums, target) - expected) <= 1e-6 * sum(ones) / sums.count, target


def test_the_reports_prediction_is_the_weights_own_and_nan_without_signed_sums(pair: tuple[Model, Statistics]) -> None:
    model, sums = pair
    masks = run(prune.dense_masks(model, sums, Settings("wanda", order="dense")))
    matrix, place = some(model, 3)[2]
    target = Target(matrix.name, "weight", *place[1:], expert=place[0])
    assert explained(model, sums, masks, matrix, place).predicted == predicted_change(model, sums, target) != 0
    without = replace(sums, keep=("l1", "sq"))
    assert math.isnan(explained(model, without, masks, matrix, place).predicted)
    assert math.isnan(predicted_change(model, without, target))


def test_llamas_measured_changes_are_those_of_llama_written_out_in_doubles(llama: tuple[Model, Statistics]) -> None:
    model, sums = llama
    given = targets_of(model)
    steps: list[Step] = []
    found = run(measured_changes(model, sums.calibration, tuple(target for _, target in given)), steps.append)
    for (matrix, target), change in list(zip(given, found, strict=True))[::7]:
        expected = reference.measured_change(model.network, blocks_of(model), cut_samples(), matrix.name,
                                             places_of(matrix, target), reference.llama_logits)
        assert abs(change - expected) < 1e-13, target
        assert abs(change) > 1e-9
    assert [step.done for step in steps] == list(range(len(given) * sums.count + 1))
    assert {(step.total, step.what) for step in steps} == {(len(given) * sums.count, "sample")}


def test_gpt2s_measured_changes_are_those_of_a_plain_copy_in_doubles() -> None:
    model = models.wrap(FAMILIES["gpt2"](), None, "gpt2")
    given = targets_of(model)
    found = run(measured_changes(model, calibration_of(cut_samples()), tuple(target for _, target in given)))
    for (matrix, target), change in zip(given, found, strict=True):
        expected = reference.measured_change(model.network, blocks_of(model), cut_samples(), matrix.name,
                                             places_of(matrix, target))
        assert abs(change - expected) < 1e-13, target
        assert abs(change) > 1e-9


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "xglm"])
def test_every_familys_measured_changes_are_a_whole_runs(family: str) -> None:
    """As far as transformers' own float32 inside a double copy can tell; xglm's does not run there."""
    model = models.wrap(FAMILIES[family](), None, family)
    before = weights_hash(model.network)
    samples = cut_samples()[1:]
    given = [(matrix, Target(matrix.name, "row", 3)) for matrix in
             (model.layout.of_block(0)[-1], model.layout.of_block(1)[0], model.layout.of_block(2)[-1])]
    found = run(measured_changes(model, calibration_of(samples), tuple(target for _, target in given)))
    for (matrix, target), change in zip(given, found, strict=True):
        expected = reference.measured_change(model.network, blocks_of(model), samples, matrix.name,
                                             places_of(matrix, target))
        assert abs(change - expected) < 2e-7, target
    assert max(map(abs, found)) > 1e-4
    assert weights_hash(model.network) == before


@pytest.mark.parametrize("family", FAMILIES)
def test_every_familys_changes_are_doubles_throughout(family: str) -> None:
    """Where two nearly equal changes differ by the change of one tiny weight, as its gradient says it must."""
    network = FAMILIES[family]()
    model = models.wrap(network, None, family)
    matrix = model.layout.of_block(1)[0]
    with torch.no_grad():
        matrix.view(network.get_parameter(matrix.name).data)[..., 4, 5:7] = torch.tensor([1e-7, 2e-7])
    samples = calibration_of(cut_samples()[:1])
    one, two = run(measured_changes(model, samples, (Target(matrix.name, "weight", 4, 5),
                                                     Target(matrix.name, "weight", 4, 6))))
    sums = run(collect(model, samples, keep=("sum",)))
    for change, column in ((one, 5), (two, 6)):
        expected = predicted_change(model, sums, Target(matrix.name, "weight", 4, column))
        assert change == pytest.approx(expected, rel=2e-4, abs=2e-13), column


@pytest.mark.parametrize("size", [1e-3, 1e-4, 1e-5])
def test_what_the_prediction_misses_shrinks_with_the_square_of_the_weight(llama: tuple[Model, Statistics],
                                                                          size: float) -> None:
    network = FAMILIES["llama"]()
    with torch.no_grad():
        for block in network.model.layers:
            block.mlp.down_proj.weight[:8, :8] = size
            block.self_attn.q_proj.weight[:8, :8] = size
    model = models.wrap(network, None, "llama")
    sums = run(collect(model, calibration_of(cut_samples())))
    targets = tuple(Target(matrix.name, "weight", place, place) for matrix in model.layout.matrices
                    if matrix.role in {"q", "down"} for place in range(8))
    found = run(measured_changes(model, sums.calibration, targets))
    for target, change in zip(targets, found, strict=True):
        expected = predicted_change(model, sums, target)
        l1 = float(sums.sums[target.name].gradients["l1"][target.row, target.column])
        assert abs(change - expected) <= 2 * size**2 + 1e-6 * size * l1 / sums.count, target


def test_changes_depend_neither_on_the_other_targets_nor_on_their_order(pair: tuple[Model, Statistics]) -> None:
    model, sums = pair
    targets = tuple(target for _, target in targets_of(model))
    together = run(measured_changes(model, sums.calibration, targets))
    assert run(measured_changes(model, sums.calibration, targets[::-1])) == together[::-1]
    assert run(measured_changes(model, sums.calibration, targets[9:10])) == together[9:10]
    assert run(measured_changes(model, sums.calibration, ())) == ()


def test_a_head_is_exactly_its_rows_or_columns(llama: tuple[Model, Statistics]) -> None:
    """Seen while the network runs: its weights are 0, all others as they were; afterwards all are."""
    model, _ = llama
    for matrix in model.layout.of_block(1):
        for head in range(weight.heads(model, matrix)):
            target = Target(matrix.name, "head", head=head)
            copy = weight._DoubleCopy(model, (target,))
            dense = {name: tensor.clone() for name, tensor in parameters(copy.network, model.layout).items()}
            copy.dense(cut_samples()[0])
            during: dict[str, Tensor] = {}
            handle = copy.network.lm_head.register_forward_hook(lambda *_, during=during, copy=copy: during.update(
                {name: tensor.clone() for name, tensor in parameters(copy.network, model.layout).items()}))
            copy.without(target)
            handle.remove()
            for name, before in dense.items():
                expected = before.clone()
                if name == matrix.name:
                    for _, row, column in places_of(matrix, target):
                        expected[row, column] = 0.0
                assert torch.equal(during[name], expected)
                assert torch.equal(parameters(copy.network, model.layout)[name], before)
            assert len(places_of(matrix, target)) == HEAD * 32


def test_the_shared_network_stays_as_it_is_finished_or_closed_midway(pair: tuple[Model, Statistics]) -> None:
    model, sums = pair
    before = weights_hash(model.network)
    tokens = cut_samples()[0][None]
    with torch.no_grad():
        said = model.network(tokens, use_cache=False).logits
    targets = tuple(target for _, target in targets_of(model))
    for steps in (1, 2, 30):
        job = measured_changes(model, sums.calibration, targets)
        for _ in range(steps):
            next(job)
            with torch.no_grad():
                assert torch.equal(model.network(tokens, use_cache=False).logits, said)
        job.close()
    run(measured_changes(model, sums.calibration, targets[:3]))
    assert weights_hash(model.network) == before
    assert not any(module._forward_hooks or "forward" in vars(module) for module in model.network.modules())
    assert all(parameter.dtype == torch.float32 for parameter in model.network.parameters())


def test_a_bfloat16_models_change_is_that_of_its_weights_in_float32() -> None:
    narrow = models.wrap(FAMILIES["llama"]().bfloat16(), None, "llama")
    wide = models.wrap(FAMILIES["llama"]().bfloat16().float(), None, "llama")
    targets = tuple(target for _, target in targets_of(narrow))
    samples = calibration_of(cut_samples())
    found, expected = (run(measured_changes(model, samples, targets)) for model in (narrow, wide))
    # the rotary frequencies are kept in the model's own dtype
    assert found == pytest.approx(expected, rel=1e-12)


def test_only_above_fifty_million_parameters_is_a_model_too_large(llama: tuple[Model, Statistics]) -> None:
    model = models.Model(llama[0].network, None, llama[0].layout, "llama", "")
    assert not weight.too_large(model)
    vars(model)["parameters"] = 50_000_000
    assert not weight.too_large(model)
    vars(model)["parameters"] = 50_000_001
    assert weight.too_large(model)


def test_scattered_targets_are_seeded_distinct_and_of_all_matrices(pair: tuple[Model, Statistics]) -> None:
    model, sums = pair
    found = weight.scatter_targets(model, sums, 600, 3)
    assert found == weight.scatter_targets(model, sums, 600, 3) != weight.scatter_targets(model, sums, 600, 4)
    assert len(set(found)) == 600
    assert {target.kind for target in found} == {"weight"}
    order = [matrix.name for matrix in model.layout.matrices]
    assert [order.index(target.name) for target in found] == sorted(order.index(target.name) for target in found)
    for matrix in model.layout.matrices:
        share = sum(target.name == matrix.name for target in found) / 600
        assert abs(share - matrix.weights / model.layout.prunable) < 0.07
        assert all(float(sums.sums[matrix.name].gradients["l1"][weight._index(model, target)]) > 0
                   for target in found if target.name == matrix.name)
    name = order[1]
    own = weight.scatter_targets(model, sums, 10**9, 3, name)
    assert {target.name for target in own} == {name}
    assert len(own) == int((sums.sums[name].gradients["l1"] != 0).sum())


# Asking the model

def test_an_answers_probabilities_are_those_of_llama_written_out_in_doubles(llama: tuple[Model, Statistics]) -> None:
    model, _ = llama
    given = targets_of(model, (1,))[::5]
    steps: list[Step] = []
    found = run(answer_changes(model, "What does the sea do?", "It sings.", tuple(target for _, target in given)),
                steps.append)
    asked = model.tokenizer("What does the sea do?")["input_ids"]
    said = [*model.tokenizer("It sings.", add_special_tokens=False)["input_ids"], model.tokenizer.eos_token_id]
    tokens = torch.tensor(asked + said)

    def logarithm(network: nn.Module) -> float:
        logits = reference.llama_logits(network, tokens)
        return sum(float(torch.log_softmax(logits[len(asked) + place - 1], -1)[token])
                   for place, token in enumerate(said))

    before = logarithm(reference.in_doubles_without(model.network, blocks_of(model)))
    for (matrix, target), change in zip(given, found, strict=True):
        after = logarithm(reference.in_doubles_without(model.network, blocks_of(model), matrix.name,
                                                       places_of(matrix, target)))
        assert (change.before, change.after) == pytest.approx((before, after), rel=1e-13)
        assert change.before != change.after
    assert steps == [Step(done, len(given), "sample") for done in range(len(given) + 1)]


def test_a_prompt_too_long_loses_its_beginning_and_an_answer_too_long_is_refused() -> None:
    model = models.wrap(FAMILIES["gpt2"](), tiny_tokenizer(), "gpt2")  # which has no position beyond its longest input
    target = Target(model.layout.matrices[0].name, "row", 0)
    assert len(run(answer_changes(model, "What does the sea do? " * 40, "It sings.", (target,)))) == 1
    with pytest.raises(TextError):
        run(answer_changes(model, "What?", "It sings. " * 40, (target,)))
    with pytest.raises(TextError):
        run(answer_changes(model, " ", "It sings.", (target,)))


def test_asking_leaves_the_shared_network_as_it_was(llama: tuple[Model, Statistics]) -> None:
    model, _ = llama
    before = weights_hash(model.network)
    job = answer_changes(model, "What?", "It sings.", tuple(target for _, target in targets_of(model)))
    for _ in range(5):
        next(job)
    job.close()
    assert weights_hash(model.network) == before
