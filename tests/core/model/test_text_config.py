"""Models that read pictures or sound beside text: read as language models where transformers does, else said to be what
they are, and what the sentence advises gives the same predictions. Knows nothing of pictures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

from gblm_viz.core.base.errors import ModelError
from gblm_viz.core.base.job import run
from gblm_viz.core.model.models import load
from gblm_viz.core.model.text_config import TWINS, causal_types, more_than_text, not_causal
from gblm_viz.words import LANGUAGES, words
from tests.families import BLOCKS, HEAD, SPECIALS, VOCABULARY, modern, tiny_samples, tiny_tokenizer
from tests.more_families import MORE, with_pictures

HALVES = {"gemma3": MORE["gemma3-pictures"].settings, "git": MORE["git"].settings | SPECIALS,
          "qwen3_5": with_pictures(MORE["qwen3_5_text"].settings, depth=1, out_hidden_size=32)}
ROPE = {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}}
WHOLE = {
    "llava": with_pictures(modern() | {"model_type": "llama"}),
    "qwen2_vl": with_pictures(modern(**ROPE), depth=1, embed_dim=32, hidden_size=32, num_heads=2),
    "qwen2_5_vl": with_pictures(modern(**ROPE), depth=1, num_heads=2, out_hidden_size=32),
    "qwen3_vl": with_pictures(modern(head_dim=HEAD, **ROPE), depth=1, num_heads=2, out_hidden_size=32),
}
"""Tiny models that are refused, and whose advice is followed here."""


def built(model_type: str, settings: dict[str, Any], kind: Any) -> Any:
    config = AutoConfig.for_model(model_type, vocab_size=VOCABULARY, **settings)
    torch.manual_seed(0)
    network = kind.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.1 * torch.randn(parameter.shape))
    return network


def logits(network: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = network(input_ids=tiny_samples(1)[0][None], use_cache=False).logits
    return found


@pytest.mark.parametrize("model_type", HALVES)
def test_a_model_whose_text_half_transformers_reads_is_read_alike_on_both_plans(
        model_type: str, tmp_path: Path) -> None:
    network = built(model_type, HALVES[model_type], AutoModelForImageTextToText)
    network.save_pretrained(tmp_path / "whole")
    tiny_tokenizer().save_pretrained(tmp_path / "whole")
    whole, by_block = (run(load(str(tmp_path / "whole"), device="cpu", by_block=one)) for one in (False, True))
    assert whole.key == by_block.key and by_block.weights is not None and len(whole.layout.blocks) == BLOCKS
    torch.testing.assert_close(logits(whole.network), logits(network), rtol=0, atol=1e-5)
    assert torch.equal(logits(whole.network), logits(by_block.network))


@pytest.fixture(scope="module")
def sentences() -> dict[str, ModelError]:
    """By model type: why each that is no causal language model of transformers is refused."""
    return {kind: not_causal(CONFIG_MAPPING[kind](), "theirs") for kind in more_than_text()
            if kind not in causal_types()}


def test_every_other_model_that_reads_more_than_text_is_said_to_be_one(sentences: dict[str, ModelError]) -> None:
    assert len(sentences) > 80
    for kind, error in sentences.items():
        assert error.key in {"pictures", "pictures_half"}, kind
        for language in LANGUAGES:
            said = error.say(words(language))
            assert "theirs" in said and kind in said and "{" not in said
        assert "see later" not in str(error)
        if error.key == "pictures_half":
            assert error.fields["text_type"] in causal_types()
    assert {"llava", "mistral3", "qwen2_5_vl", "internvl"} <= {
        kind for kind, error in sentences.items() if error.key == "pictures_half"}


@pytest.mark.parametrize("model_type", WHOLE)
def test_what_the_sentence_advises_gives_a_folder_with_the_same_predictions(
        model_type: str, tmp_path: Path, sentences: dict[str, ModelError]) -> None:
    network = built(model_type, WHOLE[model_type], AutoModelForImageTextToText)
    network.save_pretrained(tmp_path / "whole")
    tiny_tokenizer().save_pretrained(tmp_path / "whole")
    with pytest.raises(ModelError) as caught:
        run(load(str(tmp_path / "whole"), device="cpu"))
    text_type = str(caught.value.fields["text_type"])
    assert caught.value.key == "pictures_half" and text_type in str(caught.value)
    assert caught.value.fields["auto"] == "AutoModelForImageTextToText"

    half = network.config.get_text_config().to_dict()
    config = AutoConfig.for_model(**half | {"model_type": text_type})
    text = AutoModelForCausalLM.from_config(config)
    text.model.load_state_dict(network.model.language_model.state_dict())
    text.lm_head.load_state_dict(network.lm_head.state_dict())
    text.save_pretrained(tmp_path / "half")
    tiny_tokenizer().save_pretrained(tmp_path / "half")
    found = run(load(str(tmp_path / "half"), device="cpu"))
    torch.testing.assert_close(logits(found.network), logits(network), rtol=0, atol=1e-5)


def test_every_twin_was_tried() -> None:
    tried = {CONFIG_MAPPING[kind]().get_text_config().model_type for kind in WHOLE}
    assert set(TWINS) <= tried
