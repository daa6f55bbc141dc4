"""The pruned folder: what transformers reads back is what was in memory, and nothing is put in place that is not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from gblm_viz.core.base import intervals
from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import run
from gblm_viz.core.keep import export
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.mask_file import read_masks
from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure import evaluate
from gblm_viz.core.model import models
from gblm_viz.core.model.matrices import parameters
from gblm_viz.core.model.models import Model, load
from gblm_viz.core.sums import statistics
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.text.calibration import from_text
from gblm_viz.words import words
from tests.families import save_tiny

TEXT = "The river carries sand to the sea, and the sea carries it back to the shore.\n" * 6


def made(folder: Path, family: str, settings: Settings) -> tuple[Model, Statistics, Masks]:
    model = run(load(str(save_tiny(folder, family)), "float32", "cpu"))
    found = run(collect(model, from_text(model.tokenizer, TEXT, name="river.txt", samples=3, length=16)))
    return model, found, run(prune.masks(model, found, settings))


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Statistics, Masks]:
    return made(tmp_path_factory.mktemp("dense") / "tiny", "llama", Settings(pattern="2:4"))


def refused(key: str, act: Any, *args: Any, **kwargs: Any) -> None:
    with pytest.raises(GblmError) as caught:
        act(*args, **kwargs)
    assert caught.value.key == key


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


# Transposed weights, tied embeddings, experts that are renamed in the file, experts of a square shape.
@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma3", "mixtral", "gpt_oss"])
def test_transformers_reads_back_the_pruned_model(family: str, tmp_path: Path) -> None:
    model, found, applied = made(tmp_path / "dense", family, Settings(sparsity=0.3))
    pruned = prune.pruned(model, applied)
    done = run(export.save(pruned, applied, tmp_path / "out", statistics=found))
    network = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    tokens = torch.tensor([tokenizer("The river carries")["input_ids"]])
    torch.testing.assert_close(network(tokens).logits, pruned.network(tokens).logits, rtol=1e-5, atol=1e-5)
    for name, weight in parameters(network, model.layout).items():
        assert not weight[applied.masks[name]].any()
        assert done.zeros[name] == float((weight == 0).double().mean())
        assert done.removed[name] == pytest.approx(0.3, abs=0.05)


def test_equal_runs_write_equal_bytes_and_an_earlier_export_may_be_written_again(
        llama: tuple[Model, Statistics, Masks], tmp_path: Path) -> None:
    model, found, applied = llama
    pruned = prune.pruned(model, applied)
    run(export.save(pruned, applied, tmp_path / "one", statistics=found))
    first = files(tmp_path / "one")
    run(export.save(pruned, applied, tmp_path / "one", statistics=found))
    assert files(tmp_path / "one") == first
    assert [entry.name for entry in tmp_path.iterdir()] == ["one"]  # nothing is left beside it


def test_settings_and_sparsity_are_in_the_folder(llama: tuple[Model, Statistics, Masks], tmp_path: Path) -> None:
    model, found, applied = llama
    run(export.save(prune.pruned(model, applied), applied, tmp_path / "out", statistics=found))
    written = json.loads((tmp_path / "out" / export.SETTINGS_FILE).read_text())
    assert written["method"] == "gblm"
    assert written["pattern_label"] == "2:4"
    assert written["alpha_value"] == 100
    assert written["sparsity_reached"] == 0.5
    assert set(written["zeros"]) == {matrix.name for matrix in model.layout.matrices}


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_card_names_protocol_and_limits_and_no_path(language: str, llama: tuple[Model, Statistics, Masks],
                                                        tmp_path: Path) -> None:
    model, found, applied = llama
    pruned = prune.pruned(model, applied)
    measured = run(evaluate.perplexity(pruned, evaluate.text_windows(pruned, TEXT, "river.txt", 32)))
    run(export.save(pruned, applied, tmp_path / "out", statistics=found, perplexities={"pruned": measured},
                    compared=("wanda: may turn", "over one draw"), language=language))
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    for needed in ("`2:4`", "sequential", "100", "river.txt", found.calibration.text_sha256, f"{measured.value:.3f}",
                   model.key, "50.0000\u00a0%", "arXiv 2311.04902", "- wanda: may turn\n- over one draw\n"):
        assert needed in card
    assert str(tmp_path) not in card
    assert str(Path(model.source).parent) not in card


def test_a_folder_of_somebody_else_is_never_written_over(llama: tuple[Model, Statistics, Masks],
                                                         tmp_path: Path) -> None:
    model, found, applied = llama
    pruned = prune.pruned(model, applied)
    dense = Path(model.source)
    before = files(dense)
    refused("export_taken", run, export.save(pruned, applied, dense, statistics=found))
    assert files(dense) == before
    (tmp_path / "file").write_text("mine")
    refused("cannot_write", run, export.save(pruned, applied, tmp_path / "file", statistics=found))
    refused("cannot_write", run, export.save(pruned, applied, tmp_path / "file" / "below", statistics=found))
    assert (tmp_path / "file").read_text() == "mine"


def test_another_runs_export_is_replaced_only_by_force(llama: tuple[Model, Statistics, Masks], tmp_path: Path) -> None:
    model, found, applied = llama
    run(export.save(prune.pruned(model, applied), applied, tmp_path / "out", statistics=found))
    before = files(tmp_path / "out")
    other = run(prune.masks(model, None, Settings("magnitude", sparsity=0.3)))
    pruned = prune.pruned(model, other)
    with pytest.raises(GblmError) as caught:
        run(export.save(pruned, other, tmp_path / "out"))
    assert caught.value.key == "export_other"
    assert "method gblm ≠ magnitude" in str(caught.value) and "sparsity 0.5 ≠ 0.3" in str(caught.value)
    assert files(tmp_path / "out") == before
    run(export.save(pruned, other, tmp_path / "out", force=True))
    assert json.loads((tmp_path / "out" / export.SETTINGS_FILE).read_text())["method"] == "magnitude"
    (tmp_path / "out" / "notes.txt").write_text("mine")
    refused("export_beside", run, export.save(pruned, other, tmp_path / "out"))
    refused("export_beside", run, export.save(prune.pruned(model, applied), applied, tmp_path / "out", force=True))
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    (tmp_path / "out" / export.SETTINGS_FILE).write_text("torn")
    refused("export_other", run, export.save(pruned, other, tmp_path / "out"))


def test_what_reads_back_differently_is_not_put_in_place(llama: tuple[Model, Statistics, Masks],
                                                         tmp_path: Path) -> None:
    model, found, applied = llama
    # The dense model under a mask: what the mask removed is still there.
    refused("export_differs", run, export.save(model, applied, tmp_path / "out", statistics=found))
    assert not list(tmp_path.iterdir())


def test_a_closed_job_leaves_nothing_behind(llama: tuple[Model, Statistics, Masks], tmp_path: Path) -> None:
    model, found, applied = llama
    job = export.save(prune.pruned(model, applied), applied, tmp_path / "out", statistics=found)
    next(job)
    next(job)
    job.close()
    assert not list(tmp_path.iterdir())


def test_masks_and_manifest_lie_in_the_folder_and_are_those_that_were_applied(
        llama: tuple[Model, Statistics, Masks], tmp_path: Path) -> None:
    model, found, applied = llama
    done = run(export.save(prune.pruned(model, applied), applied, tmp_path / "out", statistics=found))
    read = read_masks(tmp_path / "out" / "masks.safetensors")
    assert read.keys() == applied.masks.keys()
    assert all(torch.equal(mask, applied.masks[name]) for name, mask in read.items())
    statistics.save(found, tmp_path / "statistics")
    written = (tmp_path / "out" / export.MANIFEST_FILE).read_bytes()
    assert written == (tmp_path / "statistics" / "manifest.json").read_bytes()
    assert not {"carries", "shore"} & set(written.decode().replace('"', " ").split())  # no word of the text
    assert done.folder_bytes == sum(len(content) for content in files(tmp_path / "out").values())
    assert done.weight_bytes == (tmp_path / "out" / "model.safetensors").stat().st_size


def test_masks_beside_the_weights_are_no_weights_of_the_model(llama: tuple[Model, Statistics, Masks],
                                                              tmp_path: Path) -> None:
    model, _, _ = llama
    settings = Settings("magnitude", sparsity=0.5, order="dense")
    applied = run(prune.masks(model, None, settings))
    run(export.save(prune.pruned(model, applied), applied, tmp_path / "out"))
    assert not (tmp_path / "out" / export.MANIFEST_FILE).exists()  # no statistics, no manifest
    dense = models.estimate(model.source)
    assert models.estimate(str(tmp_path / "out")).parameters == dense.parameters
    assert run(models.load(str(tmp_path / "out"))).parameters == model.parameters


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_card_tells_the_probes_with_n_and_interval_and_calls_a_typed_text_so(
        language: str, llama: tuple[Model, Statistics, Masks], tmp_path: Path) -> None:
    model, found, applied = llama
    typed = replace(found, calibration=replace(found.calibration, text_name=""))
    run(export.save(prune.pruned(model, applied), applied, tmp_path / "out", statistics=typed,
                    probes={"pruned": intervals.Share(37, 200)}, language=language))
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    interval = intervals.wilson_interval(37, 200)
    for needed in ("37", "200", "18.5\u00a0%", f"{100 * interval.low:.1f}\u00a0%",
                   f"{100 * interval.high:.1f}\u00a0%", "masks.safetensors",
                   export.MANIFEST_FILE, words(language)("export.own_text")):
        assert needed in card
