"""A pruned model is written in the dtypes that its files had: bit for bit, on both plans, and as large as before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from gblm_viz.core.base.job import run
from gblm_viz.core.keep import export
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure import won
from gblm_viz.core.model.folder import weight_files
from gblm_viz.core.model.models import load
from gblm_viz.core.model.stored_dtype import narrow_to_stored
from tests.families import save_tiny

pytestmark = pytest.mark.usefixtures("one_thread")
SETTINGS = Settings("magnitude", sparsity=0.5)
MIXED = ("norm", "gate.weight")
"""Parts of names that are kept in float32 in the mixed folder."""


def stored(folder: Path) -> dict[str, Tensor]:
    return {key: tensor for file in weight_files(folder) for key, tensor in load_file(file).items()}


def narrow(folder: Path, wide: tuple[str, ...], dtype: torch.dtype) -> Path:
    """The folder's weights in `dtype`, but for those with `wide` in their names."""
    tensors = {name: one if any(part in name for part in wide) else one.to(dtype)
               for name, one in load_file(folder / "model.safetensors").items()}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"dtype": str(dtype).removeprefix("torch.")}))
    return folder


@pytest.mark.parametrize("by_block", [False, True])
@pytest.mark.parametrize(("family", "wide", "dtype"), [
    ("llama", (), torch.bfloat16), ("llama", MIXED, torch.bfloat16), ("mixtral", MIXED, torch.float16),
    ("gpt2", (), torch.bfloat16), ("llama", ("",), torch.float32)])
def test_what_was_not_removed_is_written_bit_for_bit_as_it_was_stored(
        family: str, wide: tuple[str, ...], dtype: torch.dtype, by_block: bool, tmp_path: Path) -> None:
    folder = narrow(save_tiny(tmp_path / "model", family), wide, dtype)
    model = run(load(str(folder), "float32", "cpu", by_block=by_block))
    applied = run(prune.masks(model, None, SETTINGS))
    done = run(export.save(prune.pruned(model, applied), applied, tmp_path / "out"))
    before, after = stored(folder), stored(tmp_path / "out")
    assert before.keys() == after.keys()
    for name, tensor in after.items():
        assert tensor.dtype == before[name].dtype, name
        assert torch.equal(tensor, torch.where(tensor == 0, 0, before[name])), name
    removed = sum(int((tensor == 0).sum()) - int((before[name] == 0).sum()) for name, tensor in after.items())
    assert removed == sum(int(mask.sum()) for mask in applied.masks.values())
    assert sum(one.nbytes for one in after.values()) == sum(one.nbytes for one in before.values())
    assert done.weight_bytes == pytest.approx(sum(file.stat().st_size for file in weight_files(folder)), rel=0.05)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dtype"] == str(dtype).removeprefix("torch.")
    told = ", ".join(sorted({str(one.dtype).removeprefix("torch.") for one in before.values()}))
    assert f"written in {told}, as the dense model stores them" in (tmp_path / "out" / "README.md").read_text()
    if not by_block:
        assert run(won.measure_bytes(prune.pruned(model, applied))).saved == done.weight_bytes


def test_loaded_narrow_from_wide_files_it_is_written_as_it_was_computed_with(tmp_path: Path) -> None:
    model = run(load(str(save_tiny(tmp_path / "model", "llama")), "bfloat16", "cpu"))
    applied = run(prune.masks(model, None, SETTINGS))
    run(export.save(prune.pruned(model, applied), applied, tmp_path / "out"))
    assert {one.dtype for one in stored(tmp_path / "out").values()} == {torch.bfloat16}
    assert "written in bfloat16; none was rounded" in (tmp_path / "out" / "README.md").read_text()


def test_a_number_that_a_narrow_dtype_does_not_hold_keeps_the_wide_one_and_ties_stay() -> None:
    exact, odd = torch.tensor([1.0, 0.5]), torch.tensor([1.0, 0.1])
    found = narrow_to_stored({"one": exact, "tied": exact, "odd": odd, "unknown": exact},
                             {"one": torch.bfloat16, "tied": torch.bfloat16, "odd": torch.bfloat16})
    assert found["one"].dtype == torch.bfloat16 and found["one"] is found["tied"]
    assert found["odd"] is odd and found["unknown"] is exact
