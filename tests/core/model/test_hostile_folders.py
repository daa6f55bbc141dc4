"""Model folders made to harm: each is one sentence or a plain success, soon, on every plan, and nothing of it is run.

Every folder also holds modules and pickles that leave a mark when they are run or opened. Knows nothing of screens.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import torch
import transformers.utils
from safetensors.torch import load_file, save_file
from torch.nn.modules import module

from gblm_viz.core.base.errors import GblmError, ModelError
from gblm_viz.core.base.footprint import available_memory
from gblm_viz.core.base.job import run
from gblm_viz.core.model import folder, models, outline
from gblm_viz.core.talk import generate
from gblm_viz.core.text.calibration import from_text
from gblm_viz.words import LANGUAGES, words
from tests.families import FAMILIES, save_tiny, tiny_tokenizer

pytestmark = pytest.mark.usefixtures("one_thread")

SECONDS = 20
"""On the clock, for all plans of one folder together: the guard against a hang. They take 0.2 at most."""
MARK = Path("mark-of-code-that-ran")
WEIGHTS, CONFIG = "model.safetensors", "config.json"
PYTHON = f"""from pathlib import Path
Path({MARK.name!r}).touch()
class Evil:
    def __init__(self, *given, **named): pass
    from_pretrained = classmethod(lambda cls, *given, **named: cls())
"""


class Pickled:
    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (MARK,)


def config(**more: Any) -> Callable[[Path], None]:
    def write(place: Path) -> None:
        (place / CONFIG).write_text(json.dumps(json.loads((place / CONFIG).read_text()) | more))
    return write


def text(name: str, content: str) -> Callable[[Path], None]:
    return lambda place: (place / name).write_text(content) and None


def merged(name: str, **more: Any) -> Callable[[Path], None]:
    """A JSON file of the folder with some of its values changed."""
    def write(place: Path) -> None:
        known = json.loads((place / name).read_text()) if (place / name).exists() else {}
        (place / name).write_text(json.dumps(known | more))
    return write


def large(name: str, size: int) -> Callable[[Path], None]:
    """A file of so many bytes, none of which are on the disk."""
    def write(place: Path) -> None:
        with (place / name).open("ab") as file:
            file.truncate(size)
    return write


def instead(name: str, make: Callable[[Path], Any]) -> Callable[[Path], None]:
    """Something else in the place of a file."""
    def write(place: Path) -> None:
        (place / name).unlink(missing_ok=True)
        make(place / name)
    return write


def listen(place: Path) -> None:
    here = Path.cwd()
    os.chdir(place.parent)  # the path of a socket must be short
    try:
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(place.name)
    finally:
        os.chdir(here)


def header(change: Callable[[dict[str, Any]], Any], length: int | None = None) -> Callable[[Path], None]:
    """The weights' header changed: in place, or to what `change` gives back; `length`: what its prefix says."""
    def write(place: Path) -> None:
        whole = (place / WEIGHTS).read_bytes()
        size = struct.unpack("<Q", whole[:8])[0]
        found = json.loads(whole[8:8 + size])
        changed = change(found)
        data = json.dumps(found if changed is None else changed).encode()
        (place / WEIGHTS).write_bytes(struct.pack("<Q", length or len(data)) + data + whole[8 + size:])
    return write


def first(**more: Any) -> Callable[[Path], None]:
    """A header whose first tensor has other values."""
    return header(lambda found: found[min(set(found) - {"__metadata__"})].update(more))


def cut(place: Path) -> None:
    whole = (place / WEIGHTS).read_bytes()
    (place / WEIGHTS).write_bytes(whole[:-7])


def overlapping(found: dict[str, Any]) -> None:
    one, other = [entry for name, entry in found.items() if name != "__metadata__"][:2]
    other["data_offsets"] = one["data_offsets"]
    other["shape"], other["dtype"] = one["shape"], one["dtype"]


def sharded(**files: str) -> Callable[[Path], None]:
    """An index in place of the one file, that names these for some weights."""
    def write(place: Path) -> None:
        (place / WEIGHTS).rename(place / "model-00001-of-00001.safetensors")
        (place / folder.INDEX).write_text(json.dumps({"weight_map": files}))
    return write


def many_files(place: Path) -> None:
    for number in range(folder.FILES):
        (place / f"{number}").symlink_to("x")


def only(name: str) -> Callable[[Path], None]:
    """Weights in this file, a pickle, and nowhere else."""
    def write(place: Path) -> None:
        (place / WEIGHTS).unlink()
        (place / name).write_bytes(pickle.dumps(Pickled()))
    return write


def both(*writers: Callable[[Path], None]) -> Callable[[Path], None]:
    def write(place: Path) -> None:
        for writer in writers:
            writer(place)
    return write


def value(of: float) -> Callable[[Path], None]:
    def write(place: Path) -> None:
        weights = load_file(place / WEIGHTS)
        weights["model.norm.weight"][0] = of
        save_file(weights, place / WEIGHTS, {"format": "pt"})
    return write


def emptied(place: Path) -> None:
    save_file({}, place / WEIGHTS, {"format": "pt"})


def growing(where: str, pattern: dict[str, str], content: str, times: int) -> Callable[[Path], None]:
    one = {"type": "Replace", "pattern": pattern, "content": content}
    kind = {"normalizer": "normalizers", "decoder": "decoders"}[where]
    return merged("tokenizer.json", **{where: {"type": "Sequence", kind: [one] * times}})


OUTSIDE = Path("outside.json")
KINDS: dict[str, tuple[Callable[[Path], Any], str]] = {
    # what lies in a file's place
    "pipe_weights": (instead(WEIGHTS, os.mkfifo), "odd_file"),
    "pipe_second_weights": (instead("z.safetensors", os.mkfifo), "odd_file"),
    "pipe_config": (instead(CONFIG, os.mkfifo), "odd_file"),
    "pipe_tokenizer": (instead("tokenizer.json", os.mkfifo), "odd_file"),
    "pipe_tokenizer_config": (instead("tokenizer_config.json", os.mkfifo), "odd_file"),
    "pipe_template": (instead("chat_template.jinja", os.mkfifo), "odd_file"),
    "pipe_generation": (instead("generation_config.json", os.mkfifo), "odd_file"),
    "pipe_index": (instead(folder.INDEX, os.mkfifo), "odd_file"),
    "pipe_legacy_tokenizer": (instead("added_tokens.json", os.mkfifo), "odd_file"),
    "pipe_more_templates": (both(lambda place: (place / folder.TEMPLATES).mkdir(),
                                 instead(f"{folder.TEMPLATES}/rag.jinja", os.mkfifo)), "odd_file"),
    "pipe_nobody_reads": (instead("notes.log", os.mkfifo), ""),
    "socket_weights": (instead(WEIGHTS, listen), "odd_file"),
    "folder_weights": (instead(WEIGHTS, os.mkdir), "odd_file"),
    "folder_config": (instead(CONFIG, os.mkdir), "odd_file"),
    "device_weights": (instead(WEIGHTS, lambda file: file.symlink_to("/dev/zero")), "odd_file"),
    "device_config": (instead(CONFIG, lambda file: file.symlink_to("/dev/zero")), "odd_file"),
    "device_template": (instead("chat_template.jinja", lambda file: file.symlink_to("/dev/urandom")), "odd_file"),
    "link_out": (instead(CONFIG, lambda file: file.symlink_to(Path("..") / OUTSIDE)), "odd_file"),
    "link_out_template": (instead("chat_template.jinja", lambda file: file.symlink_to("/etc/hostname")), "odd_file"),
    "link_out_templates": (instead(folder.TEMPLATES, lambda file: file.symlink_to("/etc")), "odd_file"),
    "link_nowhere": (instead("tokenizer.json", lambda file: file.symlink_to("nowhere")), "odd_file"),
    "link_to_itself": (instead(WEIGHTS, lambda file: file.symlink_to(WEIGHTS)), "odd_file"),
    "link_inside": (lambda place: (place / WEIGHTS).rename(place / "data") and (place / WEIGHTS).symlink_to("data"),
                    ""),
    "many_files": (many_files, "too_many_files"),
    # JSON
    "deep_config": (text(CONFIG, '{"model_type": ' + "[" * 200_000 + "]" * 200_000 + "}"), "broken_config"),
    "rather_deep_config": (config(more=json.loads("[" * 300 + "]" * 300)), "broken_config"),
    "open_config": (text(CONFIG, "[" * 1_000_000), "broken_config"),
    "quotes_config": (text(CONFIG, '"' + '\\"' * 1_000_000), "broken_config"),
    "large_config": (large(CONFIG, 11 * 2**20), "file_too_large"),
    "huge_config": (large(CONFIG, 2**40), "file_too_large"),
    "list_config": (text(CONFIG, "[]"), "broken_config"),
    "twice_config": (lambda place: (place / CONFIG).write_text(
        (place / CONFIG).read_text().replace("{", '{"model_type": "gpt2", ', 1)), ""),
    "long_number": (text(CONFIG, '{"model_type": "llama", "hidden_size": ' + "9" * 100_000 + "}"), "broken_config"),
    "bytes_config": (lambda place: (place / CONFIG).write_bytes(b"\xff\xfe\x00" * 100), "broken_config"),
    "type_is_a_list": (config(model_type=["llama"]), "broken_config"),
    "type_is_long": (config(model_type="x" * 1_000_000), "unknown_type"),
    "architectures_is_a_number": (config(architectures=5), "broken_config"),
    "architectures_of_numbers": (config(architectures=[5]), "broken_config"),
    "config_elsewhere": (config(configuration_files=["../config.4.0.0.json"]), "broken_config"),
    "deep_generation": (text("generation_config.json", "[" * 200_000), "broken_json"),
    "list_generation": (text("generation_config.json", "[]"), "broken_json"),
    "odd_generation": (text("generation_config.json", '{"eos_token_id": [[1], "a", 10000000000000000000000]}'), ""),
    "deep_tokenizer": (text("tokenizer.json", '{"model": ' + "[" * 200_000 + "]" * 200_000 + "}"), "no_tokenizer"),
    "deep_tokenizer_config": (text("tokenizer_config.json", "[" * 200_000), "broken_json"),
    "huge_tokenizer": (large("tokenizer.json", 2**40), "file_too_large"),
    "huge_vocabulary": (large("vocab.txt", 2**40), "file_too_large"),
    "huge_template": (large("chat_template.jinja", 2**40), "file_too_large"),
    # numbers
    "million_layers": (config(num_hidden_layers=1_000_000), "layers_beyond"),
    "quintillion_layers": (config(num_hidden_layers=10**18), "layers_beyond"),
    "thousand_layers": (config(num_hidden_layers=1_000), "config_beyond"),
    "minus_a_million_layers": (config(num_hidden_layers=-1_000_000), "layers_beyond"),
    "layers_no_number": (config(num_hidden_layers="many"), "broken_config"),
    "layers_infinite": (config(num_hidden_layers=float("inf")), "layers_beyond"),
    "layers_not_a_number": (config(num_hidden_layers=float("nan")), "broken_config"),
    "no_layers": (config(num_hidden_layers=0), "no_blocks"),
    "layers_within": (config(text_config={"num_hidden_layers": 10**9}), "layers_beyond"),
    "million_layers_gpt2": (config(model_type="gpt2", n_layer=1_000_000, architectures=["GPT2LMHeadModel"]),
                            "layers_beyond"),
    "billion_heads": (config(num_attention_heads=10**9, num_key_value_heads=10**9), "number_beyond"),
    "no_heads": (config(num_attention_heads=0), "broken_config"),
    "minus_heads": (config(num_attention_heads=-4, num_key_value_heads=-2), "unreadable"),
    "width_is_text": (config(hidden_size="wide"), "broken_config"),
    "width_is_negative": (config(hidden_size=-32), "unreadable"),
    "width_is_absurd": (config(hidden_size=10**18), "unreadable"),
    "width_is_large": (config(hidden_size=10**6), "config_beyond"),
    "vocabulary_is_absurd": (config(vocab_size=10**11), "config_beyond"),
    "inner_is_absurd": (config(intermediate_size=10**10), "config_beyond"),
    "head_dim_is_absurd": (config(head_dim=10**9), "config_beyond"),
    "positions_are_negative": (config(max_position_embeddings=-1), ""),
    "billion_experts": (config(model_type="mixtral", architectures=["MixtralForCausalLM"], num_local_experts=10**9),
                        "number_beyond"),
    "many_experts": (config(model_type="mixtral", architectures=["MixtralForCausalLM"], num_local_experts=10**6),
                     "config_beyond"),
    "positions_of_a_table": (config(model_type="gptj", architectures=["GPTJForCausalLM"], n_embd=32, n_layer=3,
                                    n_head=4, rotary_dim=10**9), "config_beyond"),
    "other_shapes": (config(intermediate_size=80), "unreadable"),
    "quantised_by_nobody": (config(quantization_config={"quant_method": "evil"}), ""),
    # headers
    "header_longer_than_the_file": (header(lambda found: None, 2**63), "broken_weights"),
    "header_as_long_as_the_file": (header(lambda found: None, 10**6), "broken_weights"),
    "header_is_a_list": (header(lambda found: [1, 2]), "broken_weights"),
    "header_is_deep": (header(lambda found: {"a": json.loads("[" * 500 + "]" * 500)}), "broken_weights"),
    "header_entry_is_text": (header(lambda found: {"a": "b"}), "broken_weights"),
    "dtype_unknown": (first(dtype="F1"), "broken_weights"),
    "dtype_is_a_list": (first(dtype=["F32"]), "broken_weights"),
    "shape_is_text": (first(shape="ab"), "broken_weights"),
    "shape_is_negative": (first(shape=[-1, -4096]), "broken_weights"),
    "shape_is_absurd": (first(shape=[10**18, 10**18]), "broken_weights"),
    "shape_of_fractions": (first(shape=[0.5, 8192]), "broken_weights"),
    "offsets_are_absurd": (first(data_offsets=[0, 10**18]), "broken_weights"),
    "offsets_are_turned": (first(data_offsets=[100, 0]), "broken_weights"),
    "offsets_are_one": (first(data_offsets=[1]), "broken_weights"),
    "offsets_missing": (header(lambda found: {"a": {"dtype": "F32", "shape": [1]}}), "broken_weights"),
    "two_in_one_place": (header(overlapping), "broken_weights"),
    "cut_short": (cut, "broken_weights"),
    "more_than_named": (large(WEIGHTS, 2**20), "broken_weights"),
    "empty_weights": (text(WEIGHTS, ""), "broken_weights"),
    "no_tensors": (emptied, "config_beyond"),
    "index_leads_out": (sharded(**{"lm_head.weight": "../../outside.safetensors"}), "odd_file"),
    "index_is_absolute": (sharded(**{"lm_head.weight": "/etc/passwd"}), "odd_file"),
    "index_names_a_pickle": (sharded(**{"lm_head.weight": "pytorch_model.bin"}), "odd_file"),
    "index_names_what_is_missing": (sharded(**{"lm_head.weight": "model-00002.safetensors"}), "missing_shard"),
    "index_is_deep": (both(sharded(), text(folder.INDEX, "[" * 200_000)), "broken_json"),
    "index_is_a_list": (both(sharded(), text(folder.INDEX, '{"weight_map": [1]}')), "broken_json"),
    "not_finite": (value(float("nan")), "not_finite"),
    # code
    "only_a_pickle": (only("pytorch_model.bin"), "pickle_only"),
    "only_a_checkpoint": (only("model.ckpt"), "pickle_only"),
    "pickle_as_weights": (lambda place: (place / WEIGHTS).write_bytes(pickle.dumps(Pickled())), "broken_weights"),
    "pickle_as_config": (lambda place: (place / CONFIG).write_bytes(pickle.dumps(Pickled())), "broken_config"),
    "own_type": (config(model_type="evil", auto_map={"AutoConfig": "evil.Evil", "AutoModelForCausalLM": "evil.Evil"}),
                 "remote_code"),
    "own_model_of_a_known_type": (config(auto_map={"AutoConfig": "evil.Evil", "AutoModelForCausalLM": "evil.Evil"}),
                                  ""),
    "own_model_of_another_folder": (config(auto_map={"AutoModelForCausalLM": "owner/name--evil.Evil"}), ""),
    "own_tokenizer": (merged("tokenizer_config.json", tokenizer_class="Evil",
                             auto_map={"AutoTokenizer": ["evil.Evil", "evil.Evil"]}), "any"),
    "own_attention": (config(attn_implementation="owner/kernel"), "remote_code"),
    "own_attention_within": (config(text_config={"_attn_implementation": {"": "owner/kernel@main:f"}}), "remote_code"),
    "own_experts": (config(experts_implementation="owner/kernel"), "remote_code"),
    "own_generation": (both(lambda place: (place / "custom_generate").mkdir(),
                            text("custom_generate/generate.py", PYTHON),
                            merged("generation_config.json", custom_generate="custom_generate")), "any"),
    # tokenizers
    "tokenizer_of_numbers": (text("tokenizer.json", '{"version": 1, "model": 2, "added_tokens": 3}'), "no_tokenizer"),
    "tokenizer_of_no_name": (merged("tokenizer_config.json", tokenizer_class=5), "no_tokenizer"),
    "tokenizer_files_elsewhere": (merged("tokenizer_config.json", fast_tokenizer_files=["../tokenizer.4.0.0.json"]),
                                  "any"),
    "letters_become_more": (growing("normalizer", {"String": "a"}, "aaaa", 40), "tokenizer_grows"),
    "letters_become_more_by_expression": (growing("normalizer", {"Regex": "."}, "a" * 100, 2), "tokenizer_grows"),
    "tokens_become_more": (growing("decoder", {"String": "a"}, "aaaa", 40), "tokenizer_grows"),
    "padded_without_end": (merged("tokenizer.json", padding={
        "strategy": {"Fixed": 10**12}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
        "pad_type_id": 0, "pad_token": "<pad>"}), ""),
    "template_is_a_number": (merged("tokenizer_config.json", chat_template=5), "any"),
}


def test_there_are_as_many_kinds_as_were_promised() -> None:
    assert len(KINDS) > 99


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny", "llama")


@pytest.fixture
def place(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy with code beside it, to be named from the folder above it, where its traces would be seen."""
    found = Path(shutil.copytree(original, tmp_path / "hostile"))
    for name in ("evil.py", "modeling_llama.py", "setup.py", "generate.py"):
        (found / name).write_text(PYTHON)
    for name in ("training_args.bin", "optimizer.pt", "adapter_model.bin"):
        (found / name).write_bytes(pickle.dumps(Pickled()))
    shutil.copy(original / CONFIG, tmp_path / OUTSIDE)
    monkeypatch.chdir(tmp_path)
    for holder in (huggingface_hub.constants, transformers.utils.hub):
        for name in ("HF_HUB_CACHE", "HF_MODULES_CACHE"):
            if hasattr(holder, name):
                monkeypatch.setattr(holder, name, str(tmp_path / "cache"))
    return found


@contextmanager
def soon() -> Iterator[None]:
    """What takes longer is interrupted, also while it waits for a pipe."""
    def late(*_: object) -> None:
        raise TimeoutError("a hostile folder held the process up")
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def tree(place: Path) -> set[str]:
    return {str(file.relative_to(place)) for file in place.rglob("*")}


def outcome(work: Callable[[], Any]) -> str:
    """The error's key, or nothing. Any other exception is the test's failure."""
    try:
        work()
    except ModelError as error:
        raised = error
    else:
        return ""
    for language in LANGUAGES:
        sentence = raised.say(words(language))
        assert len(sentence) < 600 and "\n" not in sentence
        assert "hostile" in sentence or raised.key == "no_blocks", "the folder as the person named it"
        assert str(Path.cwd()) not in sentence and "site-packages" not in sentence, "and no other place"
    return raised.key


def test_the_copy_that_is_damaged_loads_as_it_is(place: Path) -> None:
    for by_block in (False, True):
        assert outcome(lambda by_block=by_block: run(models.load("hostile", device="cpu", by_block=by_block))) == ""
    assert not MARK.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_folder_is_one_sentence_soon_and_runs_nothing(kind: str, place: Path) -> None:
    write, expected = KINDS[kind]
    write(place)
    before = tree(place.parent)
    with soon():
        found = {name: outcome(work) for name, work in {
            "whole": lambda: run(models.load("hostile", device="cpu")),
            "by block": lambda: run(models.load("hostile", device="cpu", by_block=True)),
            "estimate": lambda: models.estimate("hostile")}.items()}
    assert not MARK.exists(), "code of the folder ran"
    assert tree(place.parent) == before, "a file was made"
    if expected != "any":
        assert {found["whole"], found["by block"]} == {expected}
        assert found["estimate"] in {expected, ""}


@pytest.mark.parametrize("kind", ["million_layers", "thousand_layers", "many_experts"])
def test_what_would_be_built_for_ever_is_refused_after_few_parts(kind: str, place: Path) -> None:
    """The original's own network has fewer than 100 parts; a limit that does not hold builds a million."""
    KINDS[kind][0](place)
    built: list[str] = []
    counting = module.register_module_module_registration_hook(lambda _owner, name, _part: built.append(name))
    try:
        with soon():
            assert outcome(lambda: models.estimate("hostile")) != ""
    finally:
        counting.remove()
    assert len(built) <= outline.PER_TENSOR * 100 + outline.MORE


def test_no_memory_is_taken_for_tables_that_no_file_tells_of(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network's buffers come from its config alone: they are counted with its weights."""
    size = models._size(models._config(folder.check_folder(place, "hostile")), folder.check_folder(place, "hostile"))
    monkeypatch.setattr(models, "available_memory", lambda: size.parameters * 4 + size.buffers - 1)
    assert size.buffers > 0 and available_memory() is not None
    assert outcome(lambda: run(models.load("hostile", device="cpu"))) == "too_large"


def test_the_hubs_cache_with_its_links_goes_on_loading(original: Path, tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    stored, commit = cache / "models--nobody--tiny", "0" * 40
    snapshot, blobs = stored / "snapshots" / commit, stored / "blobs"
    for made in (snapshot, blobs, stored / "refs", tmp_path / "laid out"):
        made.mkdir(parents=True)
    (stored / "refs" / "main").write_text(commit)
    for number, file in enumerate(sorted(original.iterdir())):
        shutil.copy(file, blobs / f"{number:040}")
        (snapshot / file.name).symlink_to(Path("..") / ".." / "blobs" / f"{number:040}")
        (tmp_path / "laid out" / file.name).symlink_to(blobs / f"{number:040}")  # as huggingface_hub before 0.23 did
    key = run(models.load(str(original), device="cpu")).key
    for source in ("nobody/tiny", str(snapshot), str(tmp_path / "laid out")):
        assert run(models.load(source, device="cpu")).key == key
    (snapshot / "chat_template.jinja").symlink_to(tmp_path / "laid out")
    with pytest.raises(ModelError) as caught:
        run(models.load("nobody/tiny", device="cpu"))
    assert caught.value.key == "odd_file"
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("family", ["llama", "gpt2", "mixtral"])
def test_an_outline_is_the_network_and_counts_what_is_loaded(family: str) -> None:
    network = FAMILIES[family]()
    laid = outline.outline(network.config, torch.float32, len(network.state_dict()))
    assert {name: one.shape for name, one in laid.named_parameters()} == {
        name: one.shape for name, one in network.named_parameters()}
    assert all(one.is_meta for one in laid.parameters())
    assert outline.size(laid)[0] == sum(one.numel() for one in network.parameters())


def test_an_outline_ends_at_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    config = FAMILIES["llama"]().config
    for limit, value in (("MORE", 10), ("SECONDS", -1.0)):
        with monkeypatch.context() as changed:
            changed.setattr(outline, limit, value)
            with pytest.raises(outline.BeyondLimitsError):
                outline.outline(config, torch.float32, 0)
    assert outline.outline(config, torch.float32, 10) is not None, "no limit outlives the building it was for"


@pytest.mark.parametrize("inside", ["1", '"[[["', '{"a": [1, {}]}'])
def test_what_is_as_deep_as_allowed_is_not_too_deep(inside: str) -> None:
    levels = 3 if inside.startswith("{") else 0
    for deep, too_deep in ((folder.DEPTH - levels, False), (folder.DEPTH - levels + 1, True)):
        assert folder._too_deep(json.loads("[" * deep + inside + "]" * deep)) == too_deep


def test_a_librarys_message_names_no_place_but_the_given_one() -> None:
    place = Path("/home/ann/.cache/hub/models--a--b/snapshots/0")
    said = f"Error opening {place}/x.json, see /usr/lib/python3/json.py and C:\\Users\\ann\\x"
    said = folder.without_paths(said, place, "a/b")
    assert said == "Error opening a/b/x.json, see … and …"
    assert folder.without_paths("size 3/4, layers.0.weight and/or bias", place, "a/b") == (
        "size 3/4, layers.0.weight and/or bias")


def test_expressions_that_never_end_are_one_sentence(place: Path) -> None:
    """The compiled tokenizer ends them itself, by a panic that is no Exception."""
    merged("tokenizer.json", normalizer={"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": ""})(place)
    with soon():
        model = run(models.load("hostile", device="cpu"))
        for work in (lambda: generate.prompt_tokens(model, [{"role": "user", "content": "a" * 40 + "!"}]),
                     lambda: from_text(model.tokenizer, "a" * 40 + "!", name="a")):
            with pytest.raises(GblmError) as caught:
                work()
            assert caught.value.key == "tokenizer_failed"


def test_odd_end_tokens_end_nothing(place: Path) -> None:
    KINDS["odd_generation"][0](place)
    model = run(models.load("hostile", device="cpu"))
    assert generate.answer(model, [{"role": "user", "content": "The sea"}], most=2).tokens
    assert tiny_tokenizer().eos_token_id in generate._ends(model)
