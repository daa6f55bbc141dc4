"""What holds in the families of tests.families holds in many more; every other causal model of transformers is refused.

Knows nothing of trained models. The README's table of families is held against what is measured here.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import run
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model import models
from gblm_viz.core.model.matrices import share_weights
from gblm_viz.core.model.models import Model
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.sums.statistics import Statistics
from tests import reference, support_table
from tests.core.test_families import RELATIVE, cut_samples, differing, dressed, recipe_of, refuse_other_sums
from tests.families import Family, build
from tests.more_families import MORE, REFUSED, UNBUILT
from tests.support_table import SUPPORTED, calibration, may_stream, same_bits

UNLIKE = ("gemma3n_text", "glm_moe_dsa", "hy_v4", "mamba2", "minimax", "nemotron_h", "rwkv", "xlstm", "zamba", "zaya")
"""State spaces and recurrences, blocks that share weights, that hand on more than a hidden state, or hold several."""
NEAR = 1e-4
"""Of a weight's ℓ1, for the families marked ≈."""

pytestmark = pytest.mark.usefixtures("one_thread")


@dataclass(frozen=True, eq=False)
class Case:
    """One family's network, and what was collected from it by both plans; `streamed` None where it is not offered."""

    name: str
    model: Model
    whole: Statistics
    streamed: Statistics | None

    @property
    def blocks(self) -> list[torch.nn.Module]:
        return list(self.model.network.get_submodule(MORE[self.name].blocks).children())


@pytest.fixture(scope="module", params=list(MORE))
def case(request: pytest.FixtureRequest) -> Case:
    model = models.wrap(build(MORE[request.param]), None, request.param)
    streamed = run(collect(model, calibration(), plan="streamed")) if may_stream(model) else None
    return Case(request.param, model, run(collect(model, calibration())), streamed)


def test_its_blocks_and_prunable_parameters_are_the_references(case: Case) -> None:
    expected = reference.prunable(case.model.network, case.blocks)
    found = {matrix.name: matrix.shape for matrix in case.model.layout.matrices}
    assert found == {name: tuple(matrix.view().shape) for name, matrix in expected.items()}
    assert len(case.model.layout.blocks) == len(case.blocks) > 1
    left_out = {one.name for one in case.model.layout.left_out}
    assert left_out.isdisjoint(expected)
    assert left_out | set(expected) == {name for name, _ in case.model.network.named_parameters()}
    stacks = [one.name for one in case.model.layout.left_out if "experts" in one.name and len(one.shape) > 2]
    assert stacks == [], "a family whose experts are left alone belongs to REFUSED"


def test_its_sums_are_within_the_contracts_tolerances(case: Case) -> None:
    refuse_other_sums(case.name, dressed(case.whole), reference.sums(case.model.network, case.blocks, cut_samples()))


def test_its_sums_block_by_block_are_the_whole_ones(case: Case) -> None:
    """Bitwise, but where torch takes another kernel for attention without gradients: ≈ in the README."""
    for name, sums in (case.streamed.sums if case.streamed else {}).items():
        l1, found = (one.gradients["l1"] for one in (case.whole.sums[name], sums))
        assert bool(((found - l1).abs() <= NEAR * l1).all()), name
        torch.testing.assert_close(sums.input_sq, case.whole.sums[name].input_sq, rtol=RELATIVE, atol=0)
        assert torch.equal(sums.tokens, case.whole.sums[name].tokens)


@pytest.mark.parametrize("case", UNLIKE, indirect=True)
def test_masks_of_families_unlike_the_others_are_the_references(case: Case) -> None:
    shared = share_weights(case.model.network, case.model.layout.blocks)
    orders = {"gblm": "dense"} if shared else {"gblm": "dense", "wanda": "sequential"}
    for method, order in orders.items():  # a weight that blocks share: the reference measures it at its last place
        settings = Settings(method, order=order)
        expected = {"dense": reference.dense_masks, "sequential": reference.sequential_masks}[order](
            case.model.network, case.blocks, cut_samples(), recipe_of(settings), dressed(case.whole))
        assert differing(run(prune.masks(case.model, case.whole, settings)).masks, expected) == {}, order


@pytest.mark.parametrize(("name", "expected"), [("zaya", True), ("hy_v4", True), ("bitnet", False), ("rwkv", False)])
def test_blocks_that_hand_on_more_than_the_hidden_state_are_known_by_it(name: str, expected: bool) -> None:
    model = models.wrap(build(MORE[name]), None, name)
    assert not share_weights(model.network, model.layout.blocks)
    assert may_stream(model) is not expected


def test_its_line_in_the_readme_is_what_is_measured(case: Case) -> None:
    bitwise = None if case.streamed is None else same_bits(case.whole, case.streamed)
    assert support_table.written_rows()[case.name] == support_table.row(case.name, case.model, bitwise)


@pytest.mark.parametrize("name", list(REFUSED))
def test_a_network_that_is_no_such_family_is_refused_for_the_reason_given(name: str) -> None:
    refused = REFUSED[name]
    network = build(Family(name, "", refused.settings))
    if refused.left:
        found = models.wrap(network, None, name).layout.left_out
        assert any(refused.left in one.name and len(one.shape) > 1 and one.reason in {"other", "outside"}
                   for one in found)
        return
    with pytest.raises(GblmError) as raised:
        run(collect(models.wrap(network, None, name), calibration()))
    assert raised.value.key == refused.key


def test_every_causal_model_of_transformers_is_a_family_of_the_tests_or_has_a_reason() -> None:
    """A new transformers brings new ones: build them tiny in tests/more_families.py, or say there why not."""
    families = {kind for name in SUPPORTED for kind in support_table.model_types(name)}
    assert families.isdisjoint(REFUSED) and families.isdisjoint(UNBUILT) and set(REFUSED).isdisjoint(UNBUILT)
    assert families | set(REFUSED) | set(UNBUILT) == set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)


def test_the_readme_has_a_line_for_every_family_and_a_reason_for_every_other() -> None:
    lines = support_table.written_rows()
    assert list(lines) == sorted(SUPPORTED)
    assert support_table.written() == support_table.text(list(lines.values()))
