"""A tiny network whose every answer is known: after each token comes the one a table names. For tests of answers.

Knows nothing of pruning.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers import models as token_models
from torch.nn.functional import normalize
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from gblm_viz.core.model import models
from gblm_viz.core.model.models import Model

HIDDEN = 64
CERTAINTY = 4.0


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, so that a character of several bytes comes in pieces; `</s>` ends."""
    tokenizer = Tokenizer(token_models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator([], trainers.BpeTrainer(
        vocab_size=len(alphabet) + 1, special_tokens=["</s>"], initial_alphabet=alphabet, show_progress=False))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", clean_up_tokenization_spaces=False)


def automaton(tokenizer: Any, following: dict[int, int], longest: int = 64) -> Model:
    """A model that writes `following[token]` after each token of the table; what comes after others is not fixed.

    Its blocks add nothing, so that the logits see the last token alone: each output row points along the embedding of
    the token before it.
    """
    config = LlamaConfig(vocab_size=len(tokenizer), hidden_size=HIDDEN, intermediate_size=32, num_hidden_layers=2,
                         num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=longest,
                         tie_word_embeddings=False, bos_token_id=None, eos_token_id=tokenizer.eos_token_id)
    network = LlamaForCausalLM(config).eval()
    generator = torch.Generator().manual_seed(0)
    directions = normalize(torch.randn(len(tokenizer), HIDDEN, generator=generator), dim=-1)
    with torch.no_grad():
        network.get_input_embeddings().weight.copy_(directions)
        network.get_output_embeddings().weight.zero_()
        for token, successor in following.items():
            network.get_output_embeddings().weight[successor] += CERTAINTY * directions[token]
        for block in network.model.layers:
            block.self_attn.o_proj.weight.zero_()
            block.mlp.down_proj.weight.zero_()
    return models.wrap(network, tokenizer, "automaton")


def writes(tokenizer: Any, *texts: str) -> dict[int, int]:
    """The table of an automaton that writes each text, once its first character stands there, and then ends.

    No character may come twice, in one text or in two.
    """
    following: dict[int, int] = {}
    for text in texts:
        tokens = [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        assert not set(tokens[:-1]) & set(following)
        following |= dict(pairwise(tokens))
    return following
