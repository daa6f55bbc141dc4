"""Folders that are no model folder, and tokenizers that do not fit: each has its own sentence, alike on both plans."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import transformers
from tokenizers import AddedToken

from gblm_viz.core.base.errors import ModelError
from gblm_viz.core.base.job import run
from gblm_viz.core.model import tokenizer as tokenizers_of
from gblm_viz.core.model.models import Model, load
from gblm_viz.core.talk.generate import answer, prompt_tokens
from gblm_viz.core.text.calibration import from_text
from gblm_viz.words import LANGUAGES, words
from tests.families import tiny_tokenizer

Change = Callable[[Path], None]
CHATML = "{% for m in messages %}<|im_start|>{{ m['content'] }}{% endfor %}"


@pytest.fixture
def place(copied: Path) -> Path:
    return copied


def refused(place: Path, key: str) -> str:
    """The one sentence, by both plans."""
    found = set()
    for by_block in (False, True):
        with pytest.raises(ModelError) as caught:
            run(load(str(place), device="cpu", by_block=by_block))
        assert caught.value.key == key
        found.add(str(caught.value))
        for language in LANGUAGES:
            sentence = caught.value.say(words(language))
            assert "theirs" in sentence and "{" not in sentence
    (sentence,) = found
    return sentence


def only(*names: str) -> Change:
    def change(place: Path) -> None:
        for file in list(place.iterdir()):
            if not file.name.startswith("tokenizer"):
                file.unlink()
        for name in names:
            (place / name).write_bytes(b"x" * 100)
    return change


def without_weights(*names: str) -> Change:
    def change(place: Path) -> None:
        (place / "model.safetensors").unlink()
        for name in names:
            (place / name).write_bytes(b"x" * 100)
    return change


def adapter(place: Path, base: object = "owner/base") -> None:
    only("adapter_model.safetensors")(place)
    (place / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "base_model_name_or_path": base}))


def adapter_and_config(place: Path) -> None:
    config = (place / "config.json").read_bytes()
    adapter(place)
    (place / "config.json").write_bytes(config)


def adapter_beside(place: Path) -> None:
    shutil.copy(place / "model.safetensors", place / "adapter_model.safetensors")
    (place / "adapter_config.json").write_text('{"base_model_name_or_path": "owner/base"}')


KINDS: dict[str, tuple[Change, str, str]] = {
    "gguf": (only("model.Q4_K_M.gguf"), "gguf_only", "model.Q4_K_M.gguf"),
    "gguf_and_config": (without_weights("model.gguf"), "gguf_only", "safetensors folder"),
    "adapter": (adapter, "adapter", "owner/base"),
    "adapter_with_config": (adapter_and_config, "adapter", "owner/base"),
    "adapter_beside": (adapter_beside, "adapter_beside", "owner/base"),
    "adapter_of_nobody": (lambda place: adapter(place, [1]), "adapter", "for –"),
    "pipeline": (only("model_index.json"), "pipeline", "model_index.json"),
    "native": (only("params.json", "consolidated.00.pth"), "native_only", "params.json"),
    "onnx": (without_weights("model.onnx"), "other_format", "ONNX"),
    "tensorflow": (without_weights("tf_model.h5"), "other_format", "TensorFlow"),
    "flax": (without_weights("flax_model.msgpack"), "other_format", "Flax"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_folder_has_its_own_sentence_on_both_plans(kind: str, place: Path) -> None:
    change, key, said = KINDS[kind]
    change(place)
    assert said in refused(place, key)


@pytest.mark.parametrize("missing", [("sentencepiece", "google.protobuf"), ("google.protobuf",), ("tiktoken",)])
def test_a_tokenizer_that_needs_a_package_names_what_to_install(
        missing: tuple[str, ...], place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "tokenizer.json").unlink()
    content = b"IQ== 0\nIg== 1\n" if missing == ("tiktoken",) else b"\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02"
    (place / "tokenizer.model").write_bytes(content)
    monkeypatch.setattr(tokenizers_of, "_installed", lambda module: module not in missing)
    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", lambda *_, **__: 1 / 0)
    packages = " ".join(one.removeprefix("google.") for one in missing)
    assert f"pip install {packages})" in refused(place, "tokenizer_package")


def beyond(place: Path, ordinary: int = 0) -> None:
    """So many rows fewer than ordinary tokens, and two chat tokens beyond them."""
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens([AddedToken(one, special=True) for one in ("<|im_start|>", "<|im_end|>")])
    tokenizer.chat_template = CHATML
    tokenizer.save_pretrained(place)
    if ordinary:
        state = json.loads((place / "tokenizer.json").read_text())
        state["model"]["vocab"] |= {f"word{number}": 130 + number for number in range(ordinary)}
        (place / "tokenizer.json").write_text(json.dumps(state))


@pytest.fixture
def unfit(place: Path) -> Model:
    beyond(place)
    return run(load(str(place), device="cpu"))


def test_added_tokens_beyond_the_embedding_are_told_with_both_numbers_and_text_is_used(unfit: Model) -> None:
    found = unfit.tokens_beyond
    assert found is not None and (found.tokens, found.rows, found.beyond) == (130, 128, 2)
    assert from_text(unfit.tokenizer, "The river carries sand to the sea. " * 20, name="x", length=16).count > 1


def test_chat_and_text_that_hold_a_token_beyond_are_one_sentence_and_never_an_index_error(unfit: Model) -> None:
    works = (lambda: prompt_tokens(unfit, [{"role": "user", "content": "Hi"}]),
             lambda: answer(unfit, [{"role": "user", "content": "Hi"}]),
             lambda: from_text(unfit.tokenizer, "The sea <|im_end|> " * 40, name="x"))
    for work in works:
        with pytest.raises(ModelError) as caught:
            work()
        assert caught.value.key == "token_beyond" and "128" in str(caught.value) and "<|im_" in str(caught.value)


def test_a_tokenizer_whose_ordinary_tokens_have_no_row_is_refused_with_both_numbers(place: Path) -> None:
    beyond(place, ordinary=30)
    sentence = refused(place, "tokens_beyond")
    assert "160 tokens" in sentence and "128 rows" in sentence


def test_a_tokenizer_that_fits_is_not_spoken_of(original: Path) -> None:
    assert run(load(str(original), device="cpu")).tokens_beyond is None


def test_a_tokenizer_that_read_no_vocabulary_is_none(place: Path) -> None:
    state = json.loads((place / "tokenizer.json").read_text())
    state["model"] |= {"vocab": {name: number for name, number in state["model"]["vocab"].items() if number < 4},
                       "merges": []}
    (place / "tokenizer.json").write_text(json.dumps(state))
    refused(place, "no_tokenizer")
