"""What is foretold of a collection against what it takes, and which plan is chosen for it.

Seconds are not tested against a clock that other programs share: tests/benchmarks/estimate_ratio.py prints them.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from gblm_viz.core.base import footprint
from gblm_viz.core.base.errors import GblmError, SettingError
from gblm_viz.core.base.footprint import parse_bytes
from gblm_viz.core.base.job import run
from gblm_viz.core.model.models import Model, wrap
from gblm_viz.core.sums import estimate, statistics
from gblm_viz.core.sums.checkpoints import checkpoint_plan
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.sums.estimate import ModelShape, Pace, PlanEstimate, Room, Work, choose, estimates, shape_of
from gblm_viz.core.text.calibration import CalibrationSet
from tests.benchmarks.estimate_ratio import apart
from tests.families import FAMILIES

STEADY = Pace(1e11, 1e10, 2e-6, 2e9, 5e8)
GB = 10**9


def plan(name: str, memory: int, peak: int = GB) -> PlanEstimate:
    return PlanEstimate(name, 1.0, memory, GB // 2, peak, (("sums", memory),))


def tiny(blocks: int = 3, hidden: int = 32, vocabulary: int = 96) -> Model:
    torch.manual_seed(0)
    return wrap(LlamaForCausalLM(LlamaConfig(
        vocab_size=vocabulary, hidden_size=hidden, intermediate_size=3 * hidden, num_hidden_layers=blocks,
        num_attention_heads=4, num_key_value_heads=2)).eval(), None, "tiny")


def given(samples: int = 4, length: int = 12) -> CalibrationSet:
    tokens = torch.randint(0, 96, (samples, length), generator=torch.Generator().manual_seed(0))
    return CalibrationSet(tokens, torch.full((samples,), length), "windows", 0, "random", "")


BOTH = {"whole": plan("whole", 8 * GB, 4 * GB), "streamed": plan("streamed", 2 * GB, 2 * GB)}
CASES: list[tuple[Room, dict[str, Any], tuple[str, str]]] = [
    (Room(9 * GB, 9 * GB), {}, ("whole", "fits")),
    (Room(8 * GB, 4 * GB), {}, ("whole", "fits")),
    (Room(None, None), {}, ("whole", "fits")),
    (Room(8 * GB - 1, 9 * GB), {}, ("streamed", "memory")),
    (Room(9 * GB, 3 * GB), {}, ("streamed", "disk")),
    (Room(9 * GB, 9 * GB), {"plan": "streamed"}, ("streamed", "asked")),
    (Room(9 * GB, 9 * GB), {"plan": "whole"}, ("whole", "asked")),
    (Room(9 * GB, 9 * GB), {"earlier": "streamed"}, ("streamed", "begun")),
    (Room(9 * GB, 9 * GB), {"earlier": "streamed", "plan": "whole"}, ("streamed", "begun")),
    (Room(9 * GB, 9 * GB), {"alone": False}, ("whole", "only_whole")),
]


@pytest.mark.parametrize(("room", "asked", "expected"), CASES)
def test_whole_where_it_fits_else_streamed_unless_a_folder_or_a_person_says_otherwise(
        room: Room, asked: dict[str, Any], expected: tuple[str, str]) -> None:
    found = choose(BOTH, room, **asked)
    assert (found.chosen.plan, found.why) == expected
    assert found.whole == BOTH["whole"]


def test_where_a_model_is_spread_over_gpus_one_block_at_a_time_has_but_one_of_them() -> None:
    assert choose(BOTH, Room(9 * GB, one=GB)).chosen.plan == "whole"
    assert choose(BOTH, Room(7 * GB, one=2 * GB)).chosen.plan == "streamed"
    with pytest.raises(GblmError) as caught:
        choose(BOTH, Room(7 * GB, one=GB))
    assert (caught.value.fields["needed"], caught.value.fields["free"]) == ("2.00", "1.00")


@pytest.mark.parametrize(("room", "asked", "key", "needed"), [
    (Room(GB), {}, "memory_short", 2.0),
    (Room(GB, None, GB // 2), {}, "memory_short", 2.5),
    (Room(-GB, None, 3 * GB), {}, "memory_short", 5.0),
    (Room(7 * GB), {"plan": "whole"}, "memory_short_only", 8.0),
    (Room(7 * GB), {"alone": False}, "memory_short_whole", 8.0),
    (Room(9 * GB, GB), {}, "folder_short", 2.0),
    (Room(9 * GB, GB), {"alone": False}, "folder_short", 4.0),
])
def test_what_cannot_fit_is_refused_with_the_number_that_would(room: Room, asked: dict[str, Any], key: str,
                                                               needed: float) -> None:
    with pytest.raises(GblmError) as caught:
        choose(BOTH, room, **asked)
    assert caught.value.key == key
    assert float(str(caught.value.fields["needed"])) == needed
    enough = int(needed * GB)
    given_that = Room(room.memory, enough) if key == "folder_short" else Room(enough - room.held, room.disk, room.held)
    choose(BOTH, given_that, **asked)


def test_the_number_that_would_do_is_never_rounded_down() -> None:
    for size in (1, 10**7, 10**7 + 1, 123_456_789, 6 * GB):
        assert float(estimate.ceil_gigabytes(size)) * 1e9 >= size > float(estimate.ceil_gigabytes(size)) * 1e9 - 1e7


@pytest.mark.parametrize(("text", "size"), [
    ("6GB", 6 * 10**9), ("6gb", 6 * 10**9), ("1.5 GiB", 3 * 2**29), ("512MiB", 2**29), ("800MB", 8 * 10**8),
    ("2TB", 2 * 10**12), ("64KiB", 2**16), ("123456", 123456), ("7B", 7)])
def test_an_amount_of_memory_is_read_as_it_is_written(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-6GB", "6 apples", "0", "0.1B", "6GBs", "1e9", "nan", "6,5GB", "9" * 400])
def test_what_is_no_amount_of_memory_is_a_sentence(text: str) -> None:
    with pytest.raises(SettingError, match="6GB"):
        parse_bytes(text)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_config_alone_gives_the_shape_of_the_loaded_model(family: str) -> None:
    model = wrap(FAMILIES[family]().eval(), None, family)
    dtype_before = model.network.config.dtype
    assert estimate.shape_of_config(model.network.config, "float32") == shape_of(model)
    assert model.network.config.dtype == dtype_before


def test_a_shape_counts_what_a_loop_over_the_parameters_counts() -> None:
    model, work = tiny(), Work(4, 12, 48, 3, True)
    shape = shape_of(model)
    stored = dict(model.network.named_parameters())
    sizes = [stored[matrix.name].numel() for matrix in model.layout.matrices]
    assert shape.prunable == sum(sizes)
    assert shape.parameters == sum(one.numel() for one in stored.values())
    inputs = sum(stored[matrix.name].shape[1] for matrix in model.layout.matrices)
    assert sum(estimate.sums_bytes(block, work) for block in shape.blocks) == 4 * (3 * sum(sizes) + inputs)
    assert {block.largest for block in shape.blocks} == {3 * 32 * 32}
    assert (shape.hidden, shape.vocabulary, shape.heads, shape.eager, shape.streamable) == (32, 96, 4, False, True)


def test_blocks_that_share_a_weight_can_only_be_collected_whole() -> None:
    network = tiny().network
    network.model.layers[2].mlp = network.model.layers[0].mlp
    shape = shape_of(wrap(network, None, "shared"))
    assert not shape.streamable
    found = estimate.plan_for(shape, Work(4, 12, 48, 3, False), STEADY, Room(10 * GB))
    assert (found.chosen.plan, found.why) == ("whole", "only_whole")


def test_parts_add_up_and_each_cost_grows_with_what_causes_it() -> None:
    shape = shape_of(tiny())
    base = Work(4, 12, 48, 1, True)
    found = estimates(shape, base, STEADY, "loaded")
    for one in found.values():
        assert one.memory == sum(size for _, size in one.parts)
        assert one.largest[1] == max(size for _, size in one.parts)
        assert dict(one.parts)["weights"] == 4 * shape.parameters
    assert dict(estimates(shape, base, STEADY, "by_block")["streamed"].parts)["weights"] < 4 * shape.parameters
    assert "weights" not in dict(estimates(shape, base, STEADY)["whole"].parts)
    for name in ("whole", "streamed"):
        longer, kept = Work(4, 1200, 4800, 1, True), Work(4, 12, 48, 9, True)
        assert estimates(shape, longer, STEADY)[name].memory > estimates(shape, base, STEADY)[name].memory
        assert estimates(shape, longer, STEADY)[name].seconds > estimates(shape, base, STEADY)[name].seconds
        assert estimates(shape, kept, STEADY)[name].disk > estimates(shape, base, STEADY)[name].disk
        assert estimates(shape, base, STEADY, left=0.5)[name].seconds == pytest.approx(
            estimates(shape, base, STEADY)[name].seconds / 2)
    assert found["streamed"].seconds > found["whole"].seconds
    no_folder = estimates(shape, Work(4, 12, 48, 1, False), STEADY)
    assert {one.disk_peak for one in no_folder.values()} == {0}
    assert no_folder["streamed"].memory > estimates(shape, base, STEADY)["streamed"].memory


def test_sums_without_a_folder_stand_in_memory_at_the_end_of_the_streamed_plan() -> None:
    shape = shape_of(tiny(blocks=8, hidden=64))
    work = Work(1, 4, 4, 3, False)
    parts = dict(estimates(shape, work, STEADY)["streamed"].parts)
    assert parts["sums"] == sum(estimate.sums_bytes(block, work) for block in shape.blocks)


def test_a_correction_multiplies_the_time_of_every_plan() -> None:
    shape, work = shape_of(tiny()), Work(4, 12, 48, 3, True)
    found, slower = estimates(shape, work, STEADY), estimates(shape, work, replace(STEADY, correction=3.0))
    assert {name: one.seconds for name, one in slower.items()} == pytest.approx(
        {name: 3 * one.seconds for name, one in found.items()})


def test_the_probe_is_short_and_finds_rates() -> None:
    shape, work = shape_of(tiny()), Work(4, 12, 48, 3, True)
    found = estimate.measure_pace(shape, work)
    assert min(found.multiply, found.touch, found.operation, found.fill) > 0
    assert (found.correction, found.store) == (None, math.inf)


def test_the_probe_writes_where_a_folder_is_or_will_be_and_leaves_nothing(tmp_path: Path) -> None:
    shape, work = shape_of(tiny()), Work(4, 12, 48, 3, True)
    for folder in (tmp_path, tmp_path / "not" / "yet"):
        assert 0 < estimate.measure_pace(shape, work, folder=folder).store < math.inf
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_and_what_is_read_block_by_block_takes_its_time() -> None:
    shape, work = shape_of(tiny()), Work(4, 12, 48, 1, True)
    sums = sum(estimate.sums_bytes(block, work) for block in shape.blocks)
    found, nowhere = (estimates(shape, replace(work, folder=folder), STEADY) for folder in (True, False))
    assert found["whole"].seconds - nowhere["whole"].seconds == pytest.approx(sums / STEADY.store)
    assert found["streamed"].seconds - nowhere["streamed"].seconds == pytest.approx(
        (sums + 48 * shape.hidden * 4 * len(shape.blocks)) / STEADY.store)
    by_block = estimates(shape, work, STEADY, "by_block")
    inside = 4 * sum(block.parameters for block in shape.blocks)
    assert by_block["streamed"].seconds - found["streamed"].seconds == pytest.approx(
        estimate.READS * inside / STEADY.fill)
    assert by_block["whole"].seconds == found["whole"].seconds


@pytest.mark.parametrize(("name", "halves"), itertools.product(("whole", "streamed"), (False, True)))
def test_the_folder_takes_what_was_foretold(name: str, halves: bool, tmp_path: Path) -> None:
    model, samples = tiny(hidden=128), given()
    run(collect(model, samples, folder=tmp_path, plan=name, halves=halves))
    work = estimate.work_of(samples, ("l1", "sq", "sum"), halves, True)
    guess = estimates(shape_of(model), work, STEADY)[name].disk
    assert guess == pytest.approx(footprint.folder_bytes(tmp_path), rel=0.02)
    assert statistics.read_manifest(tmp_path)["plan"] == name  # type: ignore[index]


def test_a_folder_goes_on_by_the_plan_it_began_with_for_what_is_left(tmp_path: Path) -> None:
    model, samples = tiny(), given()
    work = estimate.work_of(samples, ("l1", "sq", "sum"), False, True)
    shape = shape_of(model)
    for name, at, left in (("whole", 3, 1 / 4), ("streamed", 28, (1 + 3 * 2 / 3) / 4)):
        folder = tmp_path / name
        job = collect(model, samples, folder=folder, plan=name, batch=1)
        while next(job).done < at:
            pass
        job.close()
        other = "streamed" if name == "whole" else "whole"
        found = estimate.plan_for(shape, work, STEADY, Room(10 * GB), folder=folder, plan=other)
        assert (found.chosen.plan, found.why, checkpoint_plan(folder)) == (name, "begun", name)
        assert found.chosen.seconds == pytest.approx(estimates(shape, work, STEADY)[name].seconds * left)
    (tmp_path / "whole" / "checkpoint.safetensors").write_bytes(b"torn")
    with pytest.raises(GblmError, match="damaged"):
        checkpoint_plan(tmp_path / "whole")


def test_a_limit_counts_what_the_process_holds_already() -> None:
    held = footprint.resident_bytes()
    assert held is not None
    room = estimate.room_of("cpu", None, 6 * GB)
    assert room.memory is not None and room.disk is None
    assert room.memory + room.held == 6 * GB
    assert room.held == pytest.approx(held, rel=0.1)
    free = estimate.room_of("cpu", Path("not/there/yet"))
    assert free.held == 0 and free.memory is not None and free.disk is not None


def test_the_peak_is_that_of_what_was_held_since_the_beginning() -> None:
    large = torch.ones(40_000_000)  # before it begins: no part of it
    del large
    peak = footprint.Peak.begin()
    assert (peak.extra() or 0) < 40e6
    large = torch.ones(20_000_000)
    del large
    assert peak.extra() == pytest.approx(80e6, rel=0.2)


@pytest.mark.parametrize(("hidden", "blocks", "name"), [(256, 4, "whole"), (512, 2, "streamed")])
def test_the_memory_foretold_is_within_twice_the_measured_peak(hidden: int, blocks: int, name: str) -> None:
    found = apart(hidden, blocks, 4096, 2, 256, name)
    assert 0.5 < found["guess_memory"] / found["memory"] < 2


def test_a_shape_without_experts_meets_all_its_weights_and_one_with_experts_its_few() -> None:
    def met(family: str) -> list[float]:
        shape: ModelShape = shape_of(wrap(FAMILIES[family]().eval(), None, family))
        return [block.visited / block.prunable for block in shape.blocks]

    assert set(met("llama")) == {1.0}
    assert all(0 < share < 1 for share in met("mixtral"))
