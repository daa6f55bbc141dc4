"""Tiny random networks of many decoder-only families, built from configs alone, for tests that hold in all of them.

Knows nothing of pruning, nor of the product's code: the place of each family's blocks is written down here by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, processors, trainers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

VOCABULARY = 128
HIDDEN = 32
INNER = 64
EXPERT_INNER = 48
BLOCKS = 3
HEADS = 4
HEAD = HIDDEN // HEADS
POSITIONS = 64
WINDOW = 8  # shorter than the tests' samples, so that sliding attention really slides
SPREAD = 0.1  # wide enough that activations and gradients differ from weight to weight

SPECIALS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}


@dataclass(frozen=True)
class Family:
    """One family: its transformers `model_type`, where its blocks are, and what its config needs to be tiny."""

    model_type: str
    blocks: str  # the dotted path of the list of blocks, inside the causal language model
    settings: dict[str, Any] = field(default_factory=dict)


def modern(**more: Any) -> dict[str, Any]:
    """The setting names of Llama and most families after it."""
    return {
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": BLOCKS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": 2,
        "max_position_embeddings": POSITIONS,
        "attention_dropout": 0.0,
    } | more


def _short(**more: Any) -> dict[str, Any]:
    """The setting names of GPT-2 and its children."""
    return {
        "n_embd": HIDDEN,
        "n_layer": BLOCKS,
        "n_head": HEADS,
        "n_positions": POSITIONS,
        "n_inner": INNER,
        "resid_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "attn_pdrop": 0.0,
    } | more


_MIXED = ["sliding_attention", "sliding_attention", "full_attention"]
_STILL = {"hidden_dropout": 0.0}
_FEW = {"num_experts": 4, "num_experts_per_tok": 2}

TABLE: dict[str, Family] = {
    "llama": Family("llama", "model.layers", modern()),
    "mistral": Family("mistral", "model.layers", modern(head_dim=HEAD, sliding_window=WINDOW)),
    "qwen2": Family("qwen2", "model.layers", modern()),
    "qwen3": Family("qwen3", "model.layers", modern(head_dim=HEAD)),
    "gemma": Family("gemma", "model.layers", modern(head_dim=HEAD)),
    "gemma2": Family(
        "gemma2",
        "model.layers",
        modern(head_dim=HEAD, sliding_window=WINDOW, layer_types=_MIXED, query_pre_attn_scalar=HEAD),
    ),
    "gemma3": Family(
        "gemma3_text",
        "model.layers",
        modern(head_dim=HEAD, sliding_window=WINDOW, layer_types=_MIXED, query_pre_attn_scalar=HEAD),
    ),
    "phi": Family("phi", "model.layers", modern(resid_pdrop=0.0, embd_pdrop=0.0)),
    "phi3": Family("phi3", "model.layers", modern(resid_pdrop=0.0, embd_pdrop=0.0, sliding_window=WINDOW)),
    "gpt2": Family("gpt2", "transformer.h", _short()),
    "gpt_bigcode": Family("gpt_bigcode", "transformer.h", _short(multi_query=True)),
    "gptj": Family("gptj", "transformer.h", _short(rotary_dim=4)),
    "codegen": Family("codegen", "transformer.h", _short(rotary_dim=4, n_ctx=POSITIONS)),
    "gpt_neo": Family(
        "gpt_neo",
        "transformer.h",
        {
            "hidden_size": HIDDEN,
            "intermediate_size": INNER,
            "num_layers": BLOCKS,
            "num_heads": HEADS,
            "max_position_embeddings": POSITIONS,
            "attention_types": [[["global", "local", "global"], 1]],
            "window_size": WINDOW,
            "resid_dropout": 0.0,
            "embed_dropout": 0.0,
            "attention_dropout": 0.0,
        },
    ),
    "gpt_neox": Family("gpt_neox", "gpt_neox.layers", modern(**_STILL)),
    "opt": Family(
        "opt",
        "model.decoder.layers",
        modern(ffn_dim=INNER, word_embed_proj_dim=HIDDEN, dropout=0.0, activation_dropout=0.0),
    ),
    "bloom": Family(
        "bloom",
        "transformer.h",
        {"hidden_size": HIDDEN, "n_layer": BLOCKS, "n_head": HEADS, "hidden_dropout": 0.0, "attention_dropout": 0.0},
    ),
    "falcon": Family("falcon", "transformer.h", modern(ffn_hidden_size=INNER, alibi=False, **_STILL)),
    "falcon_alibi": Family(
        "falcon",
        "transformer.h",
        modern(
            ffn_hidden_size=INNER,
            alibi=True,
            new_decoder_architecture=True,
            num_kv_heads=2,
            **_STILL,
        ),
    ),
    "mpt": Family(
        "mpt",
        "transformer.blocks",
        {
            "d_model": HIDDEN,
            "n_heads": HEADS,
            "n_layers": BLOCKS,
            "expansion_ratio": 2,
            "max_seq_len": POSITIONS,
            "resid_pdrop": 0.0,
            "emb_pdrop": 0.0,
        },
    ),
    "stablelm": Family("stablelm", "model.layers", modern(**_STILL)),
    "starcoder2": Family(
        "starcoder2",
        "model.layers",
        modern(sliding_window=WINDOW, residual_dropout=0.0, embedding_dropout=0.0),
    ),
    "olmo": Family("olmo", "model.layers", modern()),
    "olmo2": Family("olmo2", "model.layers", modern()),
    "olmo3": Family("olmo3", "model.layers", modern(sliding_window=WINDOW, layer_types=_MIXED)),
    "granite": Family("granite", "model.layers", modern()),
    "cohere": Family("cohere", "model.layers", modern()),
    "cohere2": Family("cohere2", "model.layers", modern(sliding_window=WINDOW, layer_types=_MIXED, head_dim=HEAD)),
    "glm": Family("glm", "model.layers", modern(head_dim=HEAD)),
    "glm4": Family("glm4", "model.layers", modern(head_dim=HEAD)),
    "smollm3": Family("smollm3", "model.layers", modern()),
    "nemotron": Family("nemotron", "model.layers", modern(head_dim=HEAD, **_STILL)),
    "persimmon": Family("persimmon", "model.layers", modern(**_STILL)),
    "helium": Family("helium", "model.layers", modern(head_dim=HEAD)),
    "arcee": Family("arcee", "model.layers", modern(head_dim=HEAD)),
    "exaone4": Family("exaone4", "model.layers", modern(sliding_window=WINDOW, layer_types=_MIXED)),
    "ernie4_5": Family("ernie4_5", "model.layers", modern(head_dim=HEAD)),
    "hunyuan_dense": Family("hunyuan_v1_dense", "model.layers", modern(head_dim=HEAD)),
    "seed_oss": Family("seed_oss", "model.layers", modern(head_dim=HEAD, residual_dropout=0.0)),
    "biogpt": Family(
        "biogpt",
        "biogpt.layers",
        modern(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, layerdrop=0.0, activation_dropout=0.0),
    ),
    "xglm": Family(
        "xglm",
        "model.layers",
        {
            "d_model": HIDDEN,
            "ffn_dim": INNER,
            "num_layers": BLOCKS,
            "attention_heads": HEADS,
            "max_position_embeddings": POSITIONS,
            "dropout": 0.0,
            "attention_dropout": 0.0,
            "activation_dropout": 0.0,
            "layerdrop": 0.0,
        },
    ),
    "lfm2": Family(
        "lfm2",
        "model.layers",
        modern(layer_types=["conv", "full_attention", "conv"], block_auto_adjust_ff_dim=False),
    ),
    "mixtral": Family(
        "mixtral",
        "model.layers",
        modern(intermediate_size=EXPERT_INNER, num_local_experts=4, num_experts_per_tok=2, router_jitter_noise=0.0),
    ),
    "qwen2_moe": Family(
        "qwen2_moe",
        "model.layers",
        modern(moe_intermediate_size=EXPERT_INNER, shared_expert_intermediate_size=INNER, **_FEW),
    ),
    "qwen3_moe": Family(
        "qwen3_moe", "model.layers", modern(moe_intermediate_size=EXPERT_INNER, head_dim=HEAD, **_FEW)
    ),
    "olmoe": Family("olmoe", "model.layers", modern(**_FEW)),
    "phimoe": Family(
        "phimoe",
        "model.layers",
        modern(num_local_experts=4, num_experts_per_tok=2, router_jitter_noise=0.0, input_jitter_noise=0.0, **_STILL),
    ),
    "granitemoe": Family("granitemoe", "model.layers", modern(num_local_experts=4, num_experts_per_tok=2)),
    "deepseek_v3": Family(
        "deepseek_v3",
        "model.layers",
        modern(
            num_key_value_heads=HEADS,
            moe_intermediate_size=EXPERT_INNER,
            n_routed_experts=4,
            n_shared_experts=1,
            num_experts_per_tok=2,
            n_group=1,
            topk_group=1,
            first_k_dense_replace=1,
            q_lora_rank=16,
            kv_lora_rank=16,
            qk_rope_head_dim=8,
            qk_nope_head_dim=8,
            v_head_dim=8,
        ),
    ),
    "gpt_oss": Family(
        "gpt_oss",
        "model.layers",
        # Experts as wide as the hidden size: a square down projection, whose orientation no shape can tell.
        modern(
            intermediate_size=HIDDEN,
            num_local_experts=4,
            num_experts_per_tok=2,
            head_dim=HEAD,
            sliding_window=WINDOW,
            layer_types=_MIXED,
            rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        ),
    ),
    "jamba": Family(
        "jamba",
        "model.layers",
        modern(
            attn_layer_period=3,
            attn_layer_offset=1,
            expert_layer_period=2,
            expert_layer_offset=1,
            mamba_d_state=8,
            mamba_dt_rank=8,
            **_FEW,
        ),
    ),
    "qwen3_next": Family(
        "qwen3_next",
        "model.layers",
        modern(
            head_dim=HEAD,
            layer_types=["linear_attention", "linear_attention", "full_attention"],
            moe_intermediate_size=EXPERT_INNER,
            shared_expert_intermediate_size=EXPERT_INNER,
            linear_key_head_dim=HEAD,
            linear_value_head_dim=HEAD,
            linear_num_key_heads=2,
            linear_num_value_heads=HEADS,
            **_FEW,
        ),
    ),
}


def config_of(family: Family) -> PreTrainedConfig:
    """A tiny config of the family, as a folder would hold it."""
    return AutoConfig.for_model(family.model_type, vocab_size=VOCABULARY, **SPECIALS, **family.settings)


def build(family: Family, seed: int = 0) -> PreTrainedModel:
    """The family's network with weights drawn from the seed, float32, in eval mode, its experts one by one."""
    config = config_of(family)
    with torch.random.fork_rng(devices=[]):  # some families draw vectors from the process's own random state
        torch.manual_seed(seed)
        network = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    generator = torch.Generator("cpu").manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim >= 2:
                parameter.copy_(SPREAD * noise)
            else:  # norms and biases keep their starting value, a little disturbed: none may be mistaken for 1 or 0
                parameter.add_(SPREAD / 2 * noise)
    if hasattr(network, "set_experts_implementation"):
        network.set_experts_implementation("eager")
    return network


# Networks that read a linear layer's weight without calling the layer, so that its inputs pass no hook: here the Mamba
# mixer multiplies `dt_proj.weight` itself. For tests that a missed matrix is an error.
UNOBSERVED: dict[str, Callable[[], PreTrainedModel]] = {"jamba": partial(build, TABLE["jamba"])}

FAMILIES: dict[str, Callable[..., PreTrainedModel]] = {
    name: partial(build, family) for name, family in TABLE.items() if name not in UNOBSERVED
}


def block_list(name: str, network: PreTrainedModel) -> list[torch.nn.Module]:
    """The blocks, in order, of a network that `FAMILIES[name]` or `UNOBSERVED[name]` built: by the table's path."""
    return list(network.get_submodule(TABLE[name].blocks).children())


def tiny_samples(count: int = 2, length: int = 16, seed: int = 0) -> list[torch.Tensor]:
    """`count` samples, each int64 (length,), random tokens without the special ones."""
    generator = torch.Generator("cpu").manual_seed(seed)
    first = max(SPECIALS.values()) + 2  # one more for the unknown token
    return [torch.randint(first, VOCABULARY, (length,), generator=generator) for _ in range(count)]


_LINES = (
    "The river carries sand to the sea, and the sea carries it back to the shore.",
    "A weight that matters little may go; the others stay where they are.",
    "In the morning the baker counts the loaves, in the evening the children count the crumbs.",
)


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of at most 128 entries that fits every family here: printable ASCII, the newline and a few merges.

    It puts `<s>` before each text, as Llama's does; other characters become `<unk>`; ASCII text comes back unchanged.
    """
    names = ["<pad>", "<s>", "</s>", "<unk>"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    alphabet = [chr(code) for code in range(32, 127)] + ["\n"]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=names, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(_LINES, trainer)
    tokenizer.decoder = decoders.Fuse()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", names.index("<s>"))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=POSITIONS,
        clean_up_tokenization_spaces=False,
    )


def save_tiny(folder: Path | str, family: str, tokenizer: PreTrainedTokenizerFast | None = None) -> Path:
    """Write `family`'s network and a tokenizer as a local transformers folder (safetensors); gives the folder back."""
    folder = Path(folder)
    FAMILIES[family]().save_pretrained(folder)
    (tokenizer or tiny_tokenizer()).save_pretrained(folder)
    return folder
