"""Statistics folders, checkpoints and mask files that somebody made to harm: each is one sentence that names the file.

Each case of the table is one change to a folder that is whole; that the unchanged one loads is a test too.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import gblm_viz.core.sums.checkpoints as checkpoints
from gblm_viz.core.base.errors import StatisticsError
from gblm_viz.core.base.job import run
from gblm_viz.core.mask.mask_file import read_masks
from gblm_viz.core.model.models import Model, wrap
from gblm_viz.core.sums import statistics
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.text.calibration import CalibrationSet, from_text
from gblm_viz.words import LANGUAGES, words
from tests.families import FAMILIES, tiny_tokenizer

TEXT = "The river carries sand to the sea. A weight that matters little may go; the others stay.\n" * 8
MANIFEST, CALIBRATION, SAMPLES = "manifest.json", "calibration.safetensors", "samples.safetensors"
BLOCK, CHECKPOINT = "block-0001.safetensors", "checkpoint.safetensors"
UP = "model.layers.1.mlp.up_proj.weight"
Change = Callable[[Path], object]


def samples() -> CalibrationSet:
    return from_text(tiny_tokenizer(), TEXT, name="river.txt", samples=4, length=16)


@pytest.fixture(scope="module")
def model() -> Model:
    return wrap(FAMILIES["llama"](), tiny_tokenizer(), "tiny")


@pytest.fixture(scope="module")
def whole(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "sums"
    run(collect(model, samples(), folder=folder, halves=True))
    return folder


# How a folder is changed

def field(name: str, value: Any) -> Change:
    """Set a field of the manifest; `...` takes it away."""
    def change(folder: Path) -> None:
        manifest = json.loads((folder / MANIFEST).read_text())
        manifest[name] = value
        if value is ...:
            del manifest[name]
        (folder / MANIFEST).write_text(json.dumps(manifest))
    return change


def manifest(content: bytes) -> Change:
    return lambda folder: (folder / MANIFEST).write_bytes(content)


def tensor(file: str, name: str, make: Callable[[Tensor], Tensor | None]) -> Change:
    """Put another tensor in the place of one; None takes it away. The metadata stays."""
    def change(folder: Path) -> None:
        tensors = load_file(folder / file)
        found = make(tensors.pop(name))
        if found is not None:
            tensors[name] = found.contiguous()
        save_file(tensors, folder / file, metadata_of(folder / file))
    return change


def metadata_of(file: Path) -> dict[str, str]:
    raw = file.read_bytes()
    found: dict[str, str] = json.loads(raw[8 : 8 + struct.unpack("<Q", raw[:8])[0]]).get("__metadata__", {})
    return found


def one(value: float) -> Callable[[Tensor], Tensor]:
    """The last number of a tensor is another."""
    def make(tensor: Tensor) -> Tensor:
        tensor.view(-1)[-1] = value
        return tensor
    return make


def extra(file: str, name: str, added: Tensor) -> Change:
    def change(folder: Path) -> None:
        save_file(load_file(folder / file) | {name: added}, folder / file, metadata_of(folder / file))
    return change


def header(file: str, edit: Callable[[dict[str, Any]], object]) -> Change:
    """Edit the header of a safetensors file and leave its bytes as they are."""
    def change(folder: Path) -> None:
        raw = (folder / file).read_bytes()
        size = struct.unpack("<Q", raw[:8])[0]
        told = json.loads(raw[8 : 8 + size])
        edit(told)
        text = json.dumps(told).encode()
        text += b" " * (-len(text) % 8)
        (folder / file).write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + size :])
    return change


def said(name: str, **values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda told: told[name].update(values)


def raw(file: str, edit: Callable[[bytes], bytes]) -> Change:
    return lambda folder: (folder / file).write_bytes(edit((folder / file).read_bytes()))


def instead(file: str, make: Change) -> Change:
    """Something else in the place of a file."""
    def change(folder: Path) -> None:
        (folder / file).unlink()
        make(folder / file)
    return change


def link_out(path: Path) -> None:
    """A link to what would be a whole file, if it lay in the folder."""
    outside = path.parent.with_name("outside")
    outside.mkdir()
    shutil.copy(path.parent.with_name("kept") / path.name, outside / path.name)
    path.symlink_to(outside / path.name)


NAN, INFINITE = float("nan"), float("inf")
HOSTILE: dict[str, tuple[str, Change]] = {
    # the manifest
    "manifest: empty": (MANIFEST, manifest(b"")),
    "manifest: no JSON": (MANIFEST, manifest(b"{")),
    "manifest: a list": (MANIFEST, manifest(b"[]")),
    "manifest: null": (MANIFEST, manifest(b"null")),
    "manifest: no UTF-8": (MANIFEST, manifest(b"\xff\xfe{}")),
    "manifest: a hundred thousand lists deep": (MANIFEST, manifest(b"[" * 100_000)),
    "manifest: 17 MiB": (MANIFEST, manifest(b" " * (17 << 20))),
    "manifest: a number of 5,000 digits": (MANIFEST, manifest(b'{"format": 1' + b"0" * 5000 + b"}")),
    "manifest: a pipe": (MANIFEST, instead(MANIFEST, os.mkfifo)),
    "manifest: a folder": (MANIFEST, instead(MANIFEST, Path.mkdir)),
    "manifest: a link to itself": (MANIFEST, instead(MANIFEST, lambda path: path.symlink_to(path))),
    **{f"manifest: no {name}": (MANIFEST, field(name, ...)) for name in (
        "format", "model", "samples", "keep", "blocks", "left_out", "tokens_sha256", "plan", "dtype", "rule")},
    "format: of tomorrow": (MANIFEST, field("format", 2)),
    "format: true": (MANIFEST, field("format", True)),
    "model: a list": (MANIFEST, field("model", ["tiny"])),
    "model_key: a number": (MANIFEST, field("model_key", 7)),
    "samples: fewer than complete": (MANIFEST, field("samples", 3)),
    "samples: text": (MANIFEST, field("samples", "4")),
    "samples: NaN": (MANIFEST, field("samples", NAN)),
    "samples_complete: 0": (MANIFEST, field("samples_complete", 0)),
    "samples_complete: negative": (MANIFEST, field("samples_complete", -4)),
    "samples_complete: a fraction": (MANIFEST, field("samples_complete", 3.5)),
    "samples_complete: more than there are": (CALIBRATION, lambda folder: (
        field("samples", 5)(folder), field("samples_complete", 5)(folder))),
    "length: absurd": (MANIFEST, field("length", 10**12)),
    "length: other than the tokens'": (CALIBRATION, field("length", 15)),
    "length: 1": (MANIFEST, field("length", 1)),
    "seed: a list": (MANIFEST, field("seed", [0])),
    "seed: beyond 64 bits": (MANIFEST, field("seed", 2**70)),
    "rule: unknown": (MANIFEST, field("rule", "dice")),
    "keep: nothing": (MANIFEST, field("keep", [])),
    "keep: twice the same": (MANIFEST, field("keep", ["l1", "l1"])),
    "keep: unknown": (MANIFEST, field("keep", ["l7"])),
    "keep: text": (MANIFEST, field("keep", "l1")),
    "keep: lists": (MANIFEST, field("keep", [["l1"]])),
    "keep: fewer than the files": ("block-0000.safetensors", field("keep", ["l1"])),
    "halves: text": (MANIFEST, field("halves", "no")),
    "halves: none, with halves in the files": ("block-0000.safetensors", field("halves", False)),
    "text_sha256: no hash": (MANIFEST, field("text_sha256", "../../etc/passwd")),
    "tokens_sha256: of other tokens": (MANIFEST, field("tokens_sha256", "0" * 64)),
    "plan: unknown": (MANIFEST, field("plan", "steal")),
    "left_out: a list": (MANIFEST, field("left_out", [1])),
    "left_out: negative": (MANIFEST, field("left_out", {"tail_tokens": -1})),
    "blocks: text": (MANIFEST, field("blocks", ["../../x"])),
    "blocks: negative": (MANIFEST, field("blocks", [-1])),
    "blocks: one missing": (MANIFEST, field("blocks", [0, 1])),
    "blocks: one too many": (MANIFEST, field("blocks", [0, 1, 2, 3])),
    "blocks: a number": (MANIFEST, field("blocks", 3)),
    "complete: false": (MANIFEST, field("complete", False)),
    "versions: a list": (MANIFEST, field("versions", ["1"])),
    # the samples
    "tokens: beyond the vocabulary": (CALIBRATION, tensor(CALIBRATION, "tokens", one(128))),
    "tokens: negative": (CALIBRATION, tensor(CALIBRATION, "tokens", one(-1))),
    "tokens: floats": (CALIBRATION, tensor(CALIBRATION, "tokens", Tensor.float)),
    "tokens: one row": (CALIBRATION, tensor(CALIBRATION, "tokens", lambda found: found[0])),
    "tokens: other ones": (MANIFEST, tensor(CALIBRATION, "tokens", one(5))),
    "tokens: missing": (CALIBRATION, tensor(CALIBRATION, "tokens", lambda found: None)),
    "lengths: negative": (CALIBRATION, tensor(CALIBRATION, "lengths", one(-3))),
    "lengths: absurd": (CALIBRATION, tensor(CALIBRATION, "lengths", one(2**62))),
    "lengths: one token": (CALIBRATION, tensor(CALIBRATION, "lengths", one(1))),
    "lengths: too many": (CALIBRATION, tensor(CALIBRATION, "lengths", lambda found: found.repeat(2))),
    "lengths: bools": (CALIBRATION, tensor(CALIBRATION, "lengths", Tensor.bool)),
    "calibration: a stranger inside": (CALIBRATION, extra(CALIBRATION, "more", torch.zeros(3))),
    "loss: NaN": (SAMPLES, tensor(SAMPLES, "loss", one(NAN))),
    "loss: infinite": (SAMPLES, tensor(SAMPLES, "loss", one(INFINITE))),
    "loss: negative": (SAMPLES, tensor(SAMPLES, "loss", one(-0.5))),
    "loss: too few": (SAMPLES, tensor(SAMPLES, "loss", lambda found: found[:-1])),
    "loss: float32": (SAMPLES, tensor(SAMPLES, "loss", Tensor.float)),
    "sample_l1: negative": (SAMPLES, tensor(SAMPLES, f"{UP}.sample_l1", one(-1))),
    "sample_l1: NaN": (SAMPLES, tensor(SAMPLES, f"{UP}.sample_l1", one(NAN))),
    "sample_l1: missing": (SAMPLES, tensor(SAMPLES, f"{UP}.sample_l1", lambda found: None)),
    "sample_l1: of no matrix": (SAMPLES, extra(SAMPLES, "a.sample_l1", torch.zeros(4, dtype=torch.float64))),
    # a block
    "input_sq: negative": (BLOCK, tensor(BLOCK, f"{UP}.input_sq", one(-1))),
    "input_sq: NaN": (BLOCK, tensor(BLOCK, f"{UP}.input_sq", one(NAN))),
    "input_sq: of another width": (BLOCK, tensor(BLOCK, f"{UP}.input_sq", lambda found: found[:-1])),
    "input_sq: missing": (BLOCK, tensor(BLOCK, f"{UP}.input_sq", lambda found: None)),
    "gradient_l1: negative": (BLOCK, tensor(BLOCK, f"{UP}.gradient_l1", one(-1e-30))),
    "gradient_l1: transposed": (BLOCK, tensor(BLOCK, f"{UP}.gradient_l1", Tensor.t)),
    "gradient_l1: doubles": (BLOCK, tensor(BLOCK, f"{UP}.gradient_l1", Tensor.double)),
    "gradient_l1: half precision": (BLOCK, tensor(BLOCK, f"{UP}.gradient_l1", Tensor.half)),
    "gradient_l1: missing": (BLOCK, tensor(BLOCK, f"{UP}.gradient_l1", lambda found: None)),
    "gradient_sq: negative": (BLOCK, tensor(BLOCK, f"{UP}.gradient_sq", one(-2))),
    "gradient_sq: infinite": (BLOCK, tensor(BLOCK, f"{UP}.gradient_sq", one(INFINITE))),
    "gradient_sum: NaN": (BLOCK, tensor(BLOCK, f"{UP}.gradient_sum", one(NAN))),
    "gradient_sum: −∞": (BLOCK, tensor(BLOCK, f"{UP}.gradient_sum", one(-INFINITE))),
    "halves: negative": (BLOCK, tensor(BLOCK, f"{UP}.gradient_l1_even", one(-1))),
    "halves: one missing": (BLOCK, tensor(BLOCK, f"{UP}.gradient_sq_odd", lambda found: None)),
    "block: a stranger inside": (BLOCK, extra(BLOCK, "evil.input_sq", torch.zeros(3))),
    "block: that of another": (BLOCK, lambda folder: shutil.copy(folder / "block-0000.safetensors", folder / BLOCK)),
    "block: a pipe": (BLOCK, instead(BLOCK, os.mkfifo)),
    "block: a folder": (BLOCK, instead(BLOCK, Path.mkdir)),
    "block: a device": (BLOCK, instead(BLOCK, lambda path: path.symlink_to("/dev/zero"))),
    "block: a link out of the folder": (BLOCK, instead(BLOCK, link_out)),
    "block: empty": (BLOCK, raw(BLOCK, lambda content: b"")),
    "block: cut off": (BLOCK, raw(BLOCK, lambda content: content[:-4])),
    "block: longer than it says": (BLOCK, raw(BLOCK, lambda content: content + b"more")),
    "block: a header of 2⁶³ bytes": (BLOCK, raw(BLOCK, lambda content: struct.pack("<Q", 2**63) + content[8:])),
    "block: a header of 40 MiB": (BLOCK, raw(BLOCK, lambda content: struct.pack("<Q", 40 << 20) + b"{" * (40 << 20))),
    "block: a header a thousand lists deep": (BLOCK, raw(
        BLOCK, lambda content: struct.pack("<Q", 8000) + b'{"a":' + b"[" * 7995)),
    "block: a header that is no JSON": (BLOCK, raw(BLOCK, lambda content: content[:8] + b"x" + content[9:])),
    "block: tensors that overlap": (BLOCK, header(BLOCK, said(f"{UP}.input_sq", data_offsets=[0, 128]))),
    "block: a tensor beyond the end": (BLOCK, header(BLOCK, said(f"{UP}.input_sq", data_offsets=[10**9, 10**9 + 128]))),
    "block: a negative offset": (BLOCK, header(BLOCK, said(f"{UP}.input_sq", data_offsets=[-128, 0]))),
    "block: a shape that is larger than its bytes": (BLOCK, header(BLOCK, said(f"{UP}.input_sq", shape=[2**62, 8]))),
    "block: a shape of −1": (BLOCK, header(BLOCK, said(f"{UP}.input_sq", shape=[-1]))),
    "block: another dtype of the same size": (BLOCK, header(BLOCK, said(f"{UP}.input_sq", dtype="I32"))),
    "block: a dtype that is none": (BLOCK, header(BLOCK, said(f"{UP}.input_sq", dtype="PICKLE"))),
}


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy to change, and one beside it to copy from."""
    shutil.copytree(whole, tmp_path / "kept")
    return Path(shutil.copytree(whole, tmp_path / "sums"))


def refused(file: str, act: Callable[[], object]) -> StatisticsError:
    """One line in every language, which names the file and nothing of Python's."""
    with pytest.raises(StatisticsError) as caught:
        act()
    for language in LANGUAGES:
        sentence = caught.value.say(words(language))
        assert file in sentence and len(sentence) < 1000 and "Error" not in sentence and "Traceback" not in sentence
    return caught.value


def test_there_are_at_least_fifty_of_them() -> None:
    assert len(HOSTILE) >= 50


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_folder_is_a_sentence_that_names_the_file(case: str, model: Model, folder: Path) -> None:
    file, change = HOSTILE[case]
    change(folder)
    refused(file, lambda: statistics.load(folder, model))


def test_an_unchanged_copy_loads_and_a_link_inside_the_folder_is_no_harm(model: Model, folder: Path) -> None:
    (folder / BLOCK).rename(folder / "elsewhere")
    (folder / BLOCK).symlink_to("elsewhere")
    assert statistics.load(folder, model).count == 4
    assert statistics.load(folder).keep == ("l1", "sq", "sum")


WITHOUT_MODEL = [case for case in HOSTILE if case not in {
    "tokens: beyond the vocabulary", "length: absurd", "blocks: one missing", "gradient_l1: transposed",
    "input_sq: missing"}]


@pytest.mark.parametrize("case", WITHOUT_MODEL)
def test_without_a_model_a_folder_must_still_agree_with_itself(case: str, folder: Path) -> None:
    HOSTILE[case][1](folder)
    with pytest.raises(StatisticsError):
        statistics.load(folder)


@pytest.mark.parametrize("family", ["mixtral", "gpt_oss", "gpt2"])
def test_stacked_and_transposed_matrices_are_checked_as_they_are_stored(family: str, tmp_path: Path) -> None:
    model = wrap(FAMILIES[family](), tiny_tokenizer(), "tiny")
    run(collect(model, samples(), folder=tmp_path, halves=True))
    assert set(statistics.load(tmp_path, model).sums) == set(statistics.load(tmp_path).sums)
    stacked = next((matrix.name for matrix in model.layout.of_block(1) if matrix.experts), None)
    if stacked is not None:
        tensor(BLOCK, f"{stacked}.tokens", one(-1))(tmp_path)
        assert refused(BLOCK, lambda: statistics.load(tmp_path, model)).fields["field"] == f"{stacked}.tokens"


def test_a_wrong_number_anywhere_in_a_large_tensor_is_found(tmp_path: Path) -> None:
    """Pieces are looked at one by one; the last number of the last one counts like the first."""
    from gblm_viz.core.base.checked_files import Kind, check_tensors, read_header

    for place in (0, 300_000, 700_000, 999_999):
        values = torch.ones(1_000_000)
        values[place] = -1
        save_file({"a": torch.zeros(3), "b": values, "c": torch.zeros(3)}, tmp_path / "t.safetensors")
        three = Kind("F32", (3,), 0)
        wanted = {"a": three, "b": Kind("F32", (1_000_000,), 0), "c": three}
        error = refused("t.safetensors", lambda wanted=wanted: check_tensors(  # type: ignore[misc]
            read_header(tmp_path, "t.safetensors"), wanted))
        assert (error.fields["field"], error.fields["found"]) == ("b", "-1")


# What a killed run left

@pytest.fixture(scope="module")
def left(model: Model, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Plan → a folder of a run that was closed on its way."""
    place = tmp_path_factory.mktemp("left")
    for plan, until in (("whole", 2), ("streamed", 32)):
        job = collect(model, samples(), folder=place / plan, plan=plan, halves=True, batch=1)
        while next(job).done < until:
            pass
        job.close()
        assert (place / plan / CHECKPOINT).is_file()
    return {plan: place / plan for plan in ("whole", "streamed")}


def metadata(**values: Any) -> Change:
    """Other fields in what a checkpoint says was asked for; `gblm` itself replaces all of it."""
    def change(folder: Path) -> None:
        kept = json.loads(metadata_of(folder / CHECKPOINT)["gblm"])
        text = values["gblm"] if "gblm" in values else json.dumps(kept | values)
        save_file(load_file(folder / CHECKPOINT), folder / CHECKPOINT, {"gblm": text})
    return change


L1 = f"gradients/{UP}/l1"
STREAMED_BLOCK = "block-0002.safetensors"
UPSTREAM = "upstream-0002-000001.safetensors"
LEFT: dict[str, tuple[str, str, Change]] = {
    "metadata: a list": ("whole", CHECKPOINT, metadata(gblm="[]")),
    "metadata: no JSON": ("whole", CHECKPOINT, metadata(gblm="{")),
    "metadata: deep": ("whole", CHECKPOINT, metadata(gblm="[" * 100_000)),
    "metadata: none": ("whole", CHECKPOINT, lambda folder: save_file(load_file(folder / CHECKPOINT),
                                                                    folder / CHECKPOINT)),
    "metadata: a plan that is none": ("whole", CHECKPOINT, metadata(plan="steal")),
    "metadata: a name that is none": ("whole", CHECKPOINT, metadata(model=None)),
    "losses: NaN": ("whole", CHECKPOINT, tensor(CHECKPOINT, "losses", one(NAN))),
    "losses: none": ("whole", CHECKPOINT, tensor(CHECKPOINT, "losses", lambda found: found[:0])),
    "losses: more than samples": ("whole", CHECKPOINT, tensor(CHECKPOINT, "losses", lambda found: found.repeat(9))),
    "losses: missing": ("whole", CHECKPOINT, tensor(CHECKPOINT, "losses", lambda found: None)),
    "sums: negative": ("whole", CHECKPOINT, tensor(CHECKPOINT, L1, one(-1))),
    "sums: transposed": ("whole", CHECKPOINT, tensor(CHECKPOINT, L1, Tensor.t)),
    "sums: missing": ("whole", CHECKPOINT, tensor(CHECKPOINT, L1, lambda found: None)),
    "tokens: negative": ("whole", CHECKPOINT, tensor(CHECKPOINT, f"tokens/{UP}", one(-1))),
    "a stranger inside": ("whole", CHECKPOINT, extra(CHECKPOINT, "more", torch.zeros(3))),
    "a pipe": ("whole", CHECKPOINT, instead(CHECKPOINT, os.mkfifo)),
    "blocks_left: negative": ("streamed", CHECKPOINT, tensor(CHECKPOINT, "blocks_left", one(-1))),
    "blocks_left: too many": ("streamed", CHECKPOINT, tensor(CHECKPOINT, "blocks_left", one(3))),
    "blocks_left: two": ("streamed", CHECKPOINT, tensor(CHECKPOINT, "blocks_left", lambda found: found.repeat(2))),
    "blocks_left: missing": ("streamed", CHECKPOINT, tensor(CHECKPOINT, "blocks_left", lambda found: None)),
    "sample_l1: missing": ("streamed", CHECKPOINT, tensor(
        CHECKPOINT, "sample_l1/model.layers.2.mlp.up_proj.weight", lambda found: None)),
    "a block that is done: negative": ("streamed", STREAMED_BLOCK, tensor(
        STREAMED_BLOCK, "model.layers.2.mlp.up_proj.weight.gradient_l1", one(-1))),
    "a block that is done: a pipe": ("streamed", STREAMED_BLOCK, instead(STREAMED_BLOCK, os.mkfifo)),
    "upstream: NaN": ("streamed", UPSTREAM, tensor(UPSTREAM, "upstream", one(NAN))),
    "upstream: of another shape": ("streamed", UPSTREAM, tensor(UPSTREAM, "upstream", lambda found: found[:, 1:])),
    "upstream: of another dtype": ("streamed", UPSTREAM, tensor(UPSTREAM, "upstream", Tensor.double)),
    "upstream: a pipe": ("streamed", UPSTREAM, instead(UPSTREAM, os.mkfifo)),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_a_killed_run_left_is_checked_before_it_goes_on(case: str, model: Model, left: dict[str, Path],
                                                             tmp_path: Path) -> None:
    plan, file, change = LEFT[case]
    folder = Path(shutil.copytree(left[plan], tmp_path / "left"))
    change(folder)
    refused(file, lambda: run(collect(model, samples(), folder=folder, plan=plan, halves=True, batch=1)))
    for ask in (checkpoints.checkpoint_plan, checkpoints.checkpoint_samples, checkpoints.checkpoint_blocks):
        with suppress(StatisticsError):  # a value or a sentence
            ask(folder)


def test_a_file_that_is_damaged_after_its_header_was_read_is_a_sentence(left: dict[str, Path], tmp_path: Path) -> None:
    from gblm_viz.core.base.checked_files import read_header, read_tensors

    folder = Path(shutil.copytree(left["streamed"], tmp_path / "left"))
    header = read_header(folder, CHECKPOINT)
    (folder / CHECKPOINT).write_bytes((folder / CHECKPOINT).read_bytes()[:-8])
    refused(CHECKPOINT, lambda: read_tensors(header))
    refused(CHECKPOINT, lambda: read_tensors(header, ["blocks_left"]))
    (folder / CHECKPOINT).unlink()
    refused(CHECKPOINT, lambda: read_tensors(header))


# Mask files

def masks(**tensors: Tensor) -> bytes:
    from safetensors.torch import save

    return save(tensors)


MASKS = {
    "a number that is none": masks(a=torch.full((2, 2), 2, dtype=torch.uint8)),
    "floats": masks(a=torch.zeros(2, 2)),
    "one row": masks(a=torch.zeros(2, dtype=torch.uint8)),
    "a single number": masks(a=torch.zeros((), dtype=torch.uint8)),
    "cut off": masks(a=torch.zeros(2, 2, dtype=torch.uint8))[:-1],
}


@pytest.mark.parametrize("case", MASKS)
def test_a_hostile_mask_file_is_a_sentence(case: str, tmp_path: Path) -> None:
    (tmp_path / "masks.safetensors").write_bytes(MASKS[case])
    refused("masks.safetensors", partial(read_masks, tmp_path / "masks.safetensors"))


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_a_mask_file_that_is_no_file_is_a_sentence(make: Change, tmp_path: Path) -> None:
    make(tmp_path / "masks.safetensors")
    refused("masks.safetensors", partial(read_masks, tmp_path / "masks.safetensors"))
