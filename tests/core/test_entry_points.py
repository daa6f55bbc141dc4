"""What a notebook may get wrong is a sentence at every door of the core: names, dtypes, folders given as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import run
from gblm_viz.core.keep import export
from gblm_viz.core.look import fields
from gblm_viz.core.look.gradient_sums import gradient_summaries
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.mask_file import read_masks, save_masks
from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure import evaluate
from gblm_viz.core.model import models
from gblm_viz.core.model.models import Model
from gblm_viz.core.score import alpha
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.core.sums import estimate, statistics
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.text import calibration
from gblm_viz.core.text.calibration import CalibrationSet
from gblm_viz.words import LANGUAGES, words
from tests.families import FAMILIES, tiny_tokenizer

TEXT = "The river carries sand to the sea.\n\n" * 8


class Given:
    """A tiny model with statistics and masks."""

    def __init__(self) -> None:
        self.model: Model = models.wrap(FAMILIES["llama"](), tiny_tokenizer(), "tiny")
        tokens = torch.randint(2, 90, (2, 8), generator=torch.Generator().manual_seed(1))
        self.samples = CalibrationSet(tokens, torch.full((2,), 8), "windows", 0, "text", "0" * 64)
        self.found: Statistics = run(collect(self.model, self.samples))
        self.masks: Masks = run(prune.masks(self.model, self.found, Settings()))
        self.name = self.model.layout.matrices[0].name


@pytest.fixture(scope="module")
def given() -> Given:
    return Given()


WRONG: dict[str, tuple[str, Callable[[Given], Any]]] = {
    "load, dtype float16": ("dtype_unknown", lambda _: run(models.load("pocket", "float16"))),
    "load, dtype as torch has it": ("dtype_unknown", lambda _: run(models.load("pocket", torch.bfloat16))),  # type: ignore[arg-type]
    "load, device": ("device_unknown", lambda _: run(models.load("pocket", "float32", "gpu"))),
    "estimate, dtype": ("dtype_unknown", lambda _: models.estimate("pocket", "int8")),
    "shape, dtype": ("dtype_unknown", lambda given: estimate.shape_of_config(given.model.network.config, "float16")),
    "collect, keep": ("sum_unknown", lambda given: run(collect(given.model, given.samples, keep=("fisher",)))),
    "collect, keep beside one": ("sum_unknown", lambda given: run(collect(given.model, given.samples,
                                                                          keep=("l1", "fisher")))),
    "collect, keep as text": ("sum_unknown", lambda given: run(collect(given.model, given.samples, keep="l2"))),  # type: ignore[arg-type]
    "collect, keep nothing": ("sum_unknown", lambda given: run(collect(given.model, given.samples, keep=()))),
    "collect, plan": ("plan_unknown", lambda given: run(collect(given.model, given.samples, plan="blocks"))),
    "collect, folder": ("not_a_path", lambda given: run(collect(given.model, given.samples, folder="sums"))),  # type: ignore[arg-type]
    "statistics.load": ("not_a_path", lambda given: statistics.load("sums", given.model)),  # type: ignore[arg-type]
    "statistics.save": ("not_a_path", lambda given: statistics.save(given.found, "sums")),  # type: ignore[arg-type]
    "read_manifest": ("not_a_path", lambda _: statistics.read_manifest("sums")),  # type: ignore[arg-type]
    "gradient_norm, norm": ("gradient_norm_unknown", lambda given: given.found.gradient_norm(given.name, "l3")),
    "gradient_norm, matrix": ("no_such_matrix", lambda given: given.found.gradient_norm("nowhere", "l1")),
    "input_norm, matrix": ("no_such_matrix", lambda given: given.found.input_norm("nowhere")),
    "summaries, norm": ("gradient_norm_unknown", lambda given: gradient_summaries(given.model, given.found,
                                                                                        "l3")),
    "share, norm": ("gradient_norm_unknown", lambda given: alpha.gradient_share(given.found, "l3", 1.0)),
    "field, which": ("field_unknown", lambda given: fields.field(given.model, given.found, given.name, "fisher")),
    "field, matrix": ("no_such_matrix", lambda given: fields.field(given.model, given.found, "nowhere", "weight")),
    "from_text, rule": ("rule_unknown", lambda given: calibration.from_text(given.model.tokenizer, TEXT, name="t",
                                                                            rule="sentences")),
    "from_text, a rule of files": ("rule_unknown", lambda given: calibration.from_text(
        given.model.tokenizer, TEXT, name="t", rule="jsonl")),
    "from_tokens": ("not_a_path", lambda _: calibration.from_tokens("a.jsonl", vocabulary=9)),  # type: ignore[arg-type]
    "masks, method": ("method_unknown", lambda given: run(prune.masks(given.model, given.found, Settings("obs")))),
    "masks, norm": ("norm_unknown", lambda given: run(prune.masks(given.model, given.found, Settings(norm="l3")))),
    "masks, group": ("group_unknown", lambda given: run(prune.masks(given.model, given.found, Settings(group="all")))),
    "masks, order": ("order_unknown", lambda given: run(prune.masks(given.model, given.found, Settings(order="up")))),
    "masks, alpha": ("alpha_unreadable", lambda given: run(prune.masks(given.model, given.found,
                                                                       Settings(alpha=Alpha("half"))))),
    "masks, folder": ("not_a_path", lambda given: run(prune.masks(given.model, given.found, Settings(),
                                                                  folder="here"))),  # type: ignore[arg-type]
    "save_masks": ("not_a_path", lambda given: save_masks(given.masks, "masks.safetensors")),  # type: ignore[arg-type]
    "read_masks": ("not_a_path", lambda _: read_masks("masks.safetensors")),  # type: ignore[arg-type]
    "statistics.save, a name that nothing has": ("odd_path", lambda given: statistics.save(given.found, Path("a\0b"))),
    "read_manifest, half a character": ("odd_path", lambda _: statistics.read_manifest(Path("a\ud800"))),
    "export.save, too long a name": ("odd_path", lambda given: run(export.save(given.model, given.masks,
                                                                               Path("x" * 5000)))),
    "export.save": ("not_a_path", lambda given: run(export.save(given.model, given.masks, "out"))),  # type: ignore[arg-type]
    "text_windows, length": ("length_too_small", lambda given: evaluate.text_windows(given.model, TEXT, "t", 1)),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_name_dtype_or_folder_is_a_sentence_that_names_it(what: str, given: Given, tmp_path: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    key, act = WRONG[what]
    with pytest.raises(GblmError) as caught:
        act(given)
    assert caught.value.key == key
    for language in LANGUAGES:
        assert len(caught.value.say(words(language))) > 20
    assert list(tmp_path.iterdir()) == [], "nothing is written under a name that was refused"


def test_sums_that_are_asked_for_are_taken_in_any_order_and_are_no_zeros(given: Given) -> None:
    found = run(collect(given.model, given.samples, keep=("sum", "l1", "sum")))
    assert found.keep == ("l1", "sum")
    for name, sums in found.sums.items():
        assert all(bool(sums.gradients[kept].any()) for kept in found.keep), name


def test_statistics_of_the_same_name_and_other_weights_say_why(given: Given, tmp_path: Path) -> None:
    other = models.wrap(FAMILIES["llama"](seed=1), tiny_tokenizer(), "tiny")
    statistics.save(given.found, tmp_path)
    acts: tuple[Callable[[], Any], ...] = (
        lambda: statistics.load(tmp_path, other), lambda: run(collect(other, given.samples, folder=tmp_path)),
        lambda: run(prune.masks(other, given.found, Settings())))
    for act in acts:
        with pytest.raises(GblmError) as caught:
            act()
        assert caught.value.key == "other_weights"
        for language in LANGUAGES:
            told = caught.value.say(words(language))
            assert given.model.key[:12] in told and other.key[:12] in told and told.count("tiny") == 1


@pytest.mark.parametrize("name", ["calibration.safetensors", "samples.safetensors", "block-0001.safetensors"])
def test_files_of_somebody_else_are_not_written_over_by_a_collection(name: str, given: Given, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"mine": torch.ones(2)}, tmp_path / name)
    before = (tmp_path / name).read_bytes()
    acts: tuple[Callable[[], Any], ...] = (lambda: run(collect(given.model, given.samples, folder=tmp_path)),
                                           lambda: statistics.save(given.found, tmp_path))
    for act in acts:
        with pytest.raises(GblmError) as caught:
            act()
        assert caught.value.key == "statistics_taken" and name in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == [name] and (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize(("changed", "named"), [
    ({"settings": Settings(sparsity=0.3)}, "sparsity"), ({"settings": Settings("wanda")}, "method"),
    ({"calibration_key": "0" * 64}, "calibration_key"), ({"model_key": "1" * 64}, "model_key")])
def test_a_run_that_differs_is_told_by_what(changed: dict[str, Any], named: str, given: Given) -> None:
    one, other = given.masks, replace(given.masks, **changed)
    first, second = (export.run_identity(masks.settings, masks.model_key, masks.calibration_key)
                     for masks in (one, other))
    assert export.run_differences(first, first) == "" and export.run_differences(first, second).startswith(f"{named} ")
