"""More decoder-only families than tests.families, tiny; and every other causal model of transformers, and why not.

Knows nothing of pruning. The refusals are measured: tests/core/test_more_families.py builds each network of REFUSED.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.families import (
    BLOCKS,
    EXPERT_INNER,
    HEAD,
    HEADS,
    HIDDEN,
    INNER,
    POSITIONS,
    SPECIALS,
    TABLE,
    VOCABULARY,
    WINDOW,
    Family,
    modern,
)

_SLIDING = ["sliding_attention", "full_attention", "sliding_attention"]
_FULL = ["full_attention", "sliding_attention", "full_attention"]
_LINEAR = ["linear_attention", "full_attention", "linear_attention"]
_LATENT = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8}
_INDEX = {"index_topk": 8, "index_head_dim": 8, "index_n_heads": 2}
_STILL_TOO = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
_GROUPS = {"n_group": 1, "topk_group": 1}
_DELTA = {
    "linear_key_head_dim": HEAD,
    "linear_value_head_dim": HEAD,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": HEADS,
}
_SCAN = {"mamba_d_state": 8, "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_chunk_size": 8}


def _experts(**more: Any) -> dict[str, Any]:
    """Four experts, two of them for a token, under each of the names that families give them."""
    return (
        modern(
            num_experts=4,
            num_local_experts=4,
            n_routed_experts=4,
            num_experts_per_tok=2,
            moe_intermediate_size=EXPERT_INNER,
        )
        | more
    )


_PICTURE = {
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_hidden_layers": BLOCKS + 1,  # more than the language half has: its blocks must not be taken for the model's
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "image_size": 28,
    "patch_size": 14,
}


def with_pictures(text: dict[str, Any], **pictures: Any) -> dict[str, Any]:
    """A language half as `text` has it, beside one that reads pictures."""
    return {"text_config": text | {"vocab_size": VOCABULARY, **SPECIALS}, "vision_config": _PICTURE | pictures,
            "image_token_id": 5}


_GEMMA = modern(head_dim=HEAD, sliding_window=WINDOW, layer_types=_SLIDING)

MORE: dict[str, Family] = {
    "emu3": Family("emu3", "model.layers", {"text_config": modern() | {"vocab_size": VOCABULARY, **SPECIALS}}),
    "fuyu": Family("fuyu", "model.language_model.layers", {
        "text_config": TABLE["persimmon"].settings | {"model_type": "persimmon", "vocab_size": VOCABULARY, **SPECIALS},
        "image_token_id": 5, "image_size": 28, "patch_size": 14}),
    "gemma3-pictures": Family(
        "gemma3", "model.language_model.layers", with_pictures(_GEMMA | {"query_pre_attn_scalar": HEAD})
    ),
    "gemma4-pictures": Family("gemma4", "model.language_model.layers", with_pictures(_GEMMA | {
        "global_head_dim": HEAD, "vocab_size_per_layer_input": VOCABULARY, "hidden_size_per_layer_input": 8})),
    "gemma4_unified": Family("gemma4_unified", "model.language_model.layers", with_pictures(
        _GEMMA | {"global_head_dim": HEAD})),
    "moss_transcribe_diarize": Family("moss_transcribe_diarize", "model.language_model.layers", {
        "text_config": modern(head_dim=HEAD) | {"model_type": "qwen3", "vocab_size": VOCABULARY, **SPECIALS},
        "audio_config": {"d_model": HIDDEN, "encoder_layers": BLOCKS + 1, "encoder_attention_heads": 2,
                         "encoder_ffn_dim": INNER, "num_mel_bins": 8, "max_source_positions": 32}}),
    "phi4_multimodal": Family("phi4_multimodal", "model.layers", modern(
        vision_config=_PICTURE | {"crop_size": 28},
        audio_config={"hidden_size": HIDDEN, "intermediate_size": INNER, "num_blocks": BLOCKS + 1,
                      "num_attention_heads": 2, "ext_pw_out_channel": HIDDEN, "input_size": 8,
                      "nemo_conv_channels": HIDDEN, "depthwise_separable_out_channel": HIDDEN})),
    "git": Family("git", "git.encoder.layer", modern(vision_config=_PICTURE, **_STILL_TOO)),
    "got_ocr2": Family("got_ocr2", "model.language_model.layers", with_pictures(
        modern() | {"model_type": "qwen2"})),
    "afmoe": Family("afmoe", "model.layers", _experts(head_dim=HEAD, sliding_window=WINDOW, layer_types=_SLIDING)),
    "apertus": Family("apertus", "model.layers", modern()),
    "aria_text": Family("aria_text", "model.layers", _experts(head_dim=HEAD, moe_num_experts=4)),
    "axk1": Family("axk1", "model.layers", _experts(num_key_value_heads=HEADS, head_dim=HEAD, **_LATENT, **_GROUPS)),
    "axk2": Family(
        "axk2",
        "model.layers",
        _experts(
            num_key_value_heads=HEADS,
            head_dim=HEAD,
            layer_types=["indexed_attention"] * BLOCKS,
            **_LATENT,
            **_INDEX,
            **_GROUPS,
        ),
    ),
    "bailing_hybrid": Family(
        "bailing_hybrid",
        "model.layers",
        _experts(
            num_key_value_heads=HEADS,
            head_dim=HEAD,
            first_k_dense_replace=1,
            kv_lora_rank=16,
            qk_rope_head_dim=8,
            qk_nope_head_dim=8,
            v_head_dim=8,
            layer_types=_LINEAR,
            **_GROUPS,
        ),
    ),
    "bamba": Family("bamba", "model.layers", modern(**_SCAN, attn_layer_indices=[1])),
    "beam": Family(
        "beam", "model.layers", _experts(head_dim=HEAD, sliding_window=WINDOW, layer_types=_SLIDING, **_GROUPS)
    ),
    "bitnet": Family("bitnet", "model.layers", modern()),
    "cohere2_moe": Family(
        "cohere2_moe", "model.layers", _experts(head_dim=HEAD, sliding_window=WINDOW, layer_types=_SLIDING)
    ),
    "cohere_compass_text": Family(
        "cohere_compass_text",
        "model.layers",
        modern(
            head_dim=HEAD,
            sliding_window=WINDOW,
            layer_types=["sliding_attention", "full_attention", "full_attention"],
            rope_parameters={
                "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]},
                "full_attention": None,
            },
        ),
    ),
    "cwm": Family("cwm", "model.layers", modern(head_dim=HEAD, sliding_window=WINDOW, layer_types=_FULL)),
    "deepseek_v2": Family(
        "deepseek_v2",
        "model.layers",
        _experts(
            num_key_value_heads=HEADS, head_dim=HEAD, n_shared_experts=1, first_k_dense_replace=1, **_LATENT, **_GROUPS
        ),
    ),
    "deepseek_v32": Family(
        "deepseek_v32",
        "model.layers",
        _experts(
            num_key_value_heads=HEADS,
            head_dim=HEAD,
            first_k_dense_replace=1,
            layer_types=["indexed_attention"] * BLOCKS,
            **_LATENT,
            **_INDEX,
            **_GROUPS,
        ),
    ),
    "deepseek_v4": Family(
        "deepseek_v4",
        "model.layers",
        _experts(
            head_dim=HEAD,
            q_lora_rank=16,
            qk_rope_head_dim=8,
            sliding_window=WINDOW,
            layer_types=["heavily_compressed_attention", "compressed_sparse_attention", "heavily_compressed_attention"],
            o_groups=2,
            o_lora_rank=16,
            index_n_heads=2,
            index_head_dim=8,
            index_topk=8,
        ),
    ),
    "diffllama": Family("diffllama", "model.layers", modern(head_dim=HEAD)),
    "doge": Family("doge", "model.layers", _experts(sliding_window=WINDOW)),
    "dots1": Family(
        "dots1",
        "model.layers",
        _experts(
            n_shared_experts=1, first_k_dense_replace=1, sliding_window=WINDOW, layer_types=["full_attention"] * BLOCKS
        ),
    ),
    "dots3_note_text": Family(
        "dots3_note_text",
        "model.layers",
        _experts(
            head_dim=HEAD,
            q_lora_rank=16,
            qk_rope_head_dim=8,
            v_head_dim=8,
            sliding_window=WINDOW,
            layer_types=["indexed_attention", "sliding_attention", "indexed_attention"],
            num_key_value_heads=HEADS,
            shared_experts_intermediate_size=EXPERT_INNER,
            swa_num_attention_heads=4,
            swa_num_key_value_heads=4,
            swa_head_dim=16,
            swa_qk_nope_head_dim=8,
            swa_v_head_dim=8,
            swa_q_lora_rank=16,
            swa_kv_lora_rank=16,
            **_INDEX,
            kv_lora_rank=16,
            qk_nope_head_dim=8,
        ),
    ),
    "ernie4_5_moe": Family("ernie4_5_moe", "model.layers", _experts(moe_num_experts=4, moe_k=2)),
    "exaone_moe": Family("exaone_moe", "model.layers", _experts(sliding_window=WINDOW, layer_types=_SLIDING)),
    "falcon_h1": Family(
        "falcon_h1", "model.layers", modern(mamba_d_state=8, mamba_n_heads=8, mamba_d_ssm=INNER, mamba_chunk_size=8)
    ),
    "flex_olmo": Family("flex_olmo", "model.layers", _experts()),
    "flint": Family(
        "flint",
        "model.layers",
        _experts(shared_expert_intermediate_size=EXPERT_INNER, head_dim=HEAD, sliding_window=WINDOW, layer_types=_FULL),
    ),
    "gemma3n_text": Family(
        "gemma3n_text",
        "model.layers",
        modern(
            head_dim=HEAD,
            sliding_window=WINDOW,
            layer_types=_SLIDING,
            num_kv_shared_layers=0,
            vocab_size_per_layer_input=VOCABULARY,
            hidden_size_per_layer_input=8,
            laurel_rank=4,
            activation_sparsity_pattern=[0.5, 0.0, 0.0],
        ),
    ),
    "gemma4_text": Family(
        "gemma4_text",
        "model.layers",
        _experts(
            sliding_window=WINDOW,
            layer_types=_SLIDING,
            vocab_size_per_layer_input=VOCABULARY,
            hidden_size_per_layer_input=8,
            num_kv_shared_layers=0,
            global_head_dim=HEAD,
        ),
    ),
    "gemma4_unified_text": Family(
        "gemma4_unified_text", "model.layers", modern(sliding_window=WINDOW, layer_types=_SLIDING, global_head_dim=HEAD)
    ),
    "glm4_moe": Family("glm4_moe", "model.layers", _experts()),
    "glm4_moe_lite": Family(
        "glm4_moe_lite", "model.layers", _experts(num_key_value_heads=HEADS, head_dim=HEAD, **_LATENT)
    ),
    "glm_moe_dsa": Family(
        "glm_moe_dsa",
        "model.layers",
        _experts(
            num_key_value_heads=HEADS,
            head_dim=HEAD,
            first_k_dense_replace=1,
            layer_types=["indexed_attention"] * BLOCKS,
            **_LATENT,
            **_INDEX,
        ),
    ),
    "granite_swa": Family("granite_swa", "model.layers", modern(sliding_window=WINDOW, layer_types=_FULL)),
    "granitemoe_swa": Family(
        "granitemoe_swa",
        "model.layers",
        _experts(shared_intermediate_size=EXPERT_INNER, sliding_window=WINDOW, layer_types=_FULL),
    ),
    "granitemoehybrid": Family(
        "granitemoehybrid",
        "model.layers",
        _experts(shared_intermediate_size=EXPERT_INNER, **_SCAN, layer_types=_LINEAR),
    ),
    "granitemoeshared": Family("granitemoeshared", "model.layers", _experts(shared_intermediate_size=EXPERT_INNER)),
    "hunyuan_v1_moe": Family("hunyuan_v1_moe", "model.layers", _experts(head_dim=HEAD, moe_topk=2)),
    "hy_v3": Family("hy_v3", "model.layers", _experts(head_dim=HEAD)),
    "hy_v4": Family(
        "hy_v4",
        "model.layers",
        _experts(head_dim=HEAD, layer_types=["indexed_attention"] * BLOCKS, **_LATENT, **_INDEX),
    ),
    "hyperclovax": Family("hyperclovax", "model.layers", modern(head_dim=HEAD)),
    "inkling2_text": Family(
        "inkling2_text",
        "model.layers",
        _experts(
            head_dim=HEAD,
            sliding_window=WINDOW,
            layer_types=["hybrid_sliding", "hybrid", "hybrid_sliding"],
            swa_num_attention_heads=HEADS,
            swa_num_key_value_heads=2,
            swa_head_dim=HEAD,
        ),
    ),
    "jais2": Family("jais2", "model.layers", modern(head_dim=HEAD)),
    "kimi_linear": Family(
        "kimi_linear",
        "model.layers",
        _experts(
            num_key_value_heads=HEADS,
            head_dim=HEAD,
            layer_types=_LINEAR,
            linear_head_dim=8,
            linear_num_heads=4,
            **_LATENT,
        ),
    ),
    "kolibri1": Family(
        "kolibri1",
        "model.layers",
        _experts(
            shared_expert_intermediate_size=EXPERT_INNER, head_dim=HEAD, sliding_window=WINDOW, layer_types=_SLIDING
        ),
    ),
    "laguna": Family(
        "laguna",
        "model.layers",
        _experts(
            shared_expert_intermediate_size=EXPERT_INNER,
            head_dim=HEAD,
            sliding_window=WINDOW,
            layer_types=["full_attention"] * BLOCKS,
        ),
    ),
    "lfm2_moe": Family("lfm2_moe", "model.layers", _experts(layer_types=["conv", "full_attention", "conv"])),
    "lfm3": Family(
        "lfm3",
        "model.layers",
        modern(head_dim=HEAD, sliding_window=WINDOW, layer_types=["conv", "full_attention", "sliding_attention"]),
    ),
    "mamba2": Family(
        "mamba2",
        "backbone.layers",
        {
            "hidden_size": HIDDEN,
            "num_hidden_layers": BLOCKS,
            "head_dim": HEAD,
            "num_heads": 8,
            "state_size": 8,
            "n_groups": 1,
            "chunk_size": 8,
        },
    ),
    "mellum": Family(
        "mellum",
        "model.layers",
        _experts(head_dim=HEAD, sliding_window=WINDOW, layer_types=["full_attention"] * BLOCKS),
    ),
    "mimo_v2_flash": Family(
        "mimo_v2_flash", "model.layers", _experts(head_dim=HEAD, v_head_dim=8, sliding_window=WINDOW, layer_types=_FULL)
    ),
    "minicpm3": Family("minicpm3", "model.layers", modern(num_key_value_heads=HEADS, head_dim=HEAD, **_LATENT)),
    "minimax": Family(
        "minimax",
        "model.layers",
        _experts(
            head_dim=HEAD, sliding_window=WINDOW, layer_types=["full_attention", "linear_attention", "full_attention"]
        ),
    ),
    "minimax_m2": Family("minimax_m2", "model.layers", _experts(head_dim=HEAD)),
    "minimax_m3_vl_text": Family(
        "minimax_m3_vl_text",
        "model.layers",
        _experts(shared_intermediate_size=EXPERT_INNER, head_dim=HEAD, layer_types=["full_attention"] * BLOCKS),
    ),
    "ministral": Family(
        "ministral",
        "model.layers",
        modern(head_dim=HEAD, sliding_window=WINDOW, layer_types=["sliding_attention"] * BLOCKS),
    ),
    "ministral3": Family("ministral3", "model.layers", modern(head_dim=HEAD, sliding_window=WINDOW)),
    "modernbert-decoder": Family(
        "modernbert-decoder", "model.layers", modern(sliding_window=WINDOW, layer_types=_FULL)
    ),
    "moshi": Family("moshi", "model.layers", modern(ffn_dim=INNER, head_dim=HEAD, sliding_window=WINDOW)),
    "nanochat": Family("nanochat", "model.layers", modern()),
    "nemotron_h": Family(
        "nemotron_h",
        "model.layers",
        _experts(
            moe_shared_expert_intermediate_size=EXPERT_INNER,
            head_dim=HEAD,
            sliding_window=WINDOW,
            chunk_size=8,
            mamba_num_heads=8,
            mamba_head_dim=8,
            ssm_state_size=8,
            n_groups=1,
            layer_types=["linear_attention", "moe", "full_attention"],
        ),
    ),
    "olmo_hybrid": Family("olmo_hybrid", "model.layers", modern(layer_types=_LINEAR, **_DELTA)),
    "qwen3_5_moe_text": Family(
        "qwen3_5_moe_text",
        "model.layers",
        _experts(shared_expert_intermediate_size=EXPERT_INNER, head_dim=HEAD, layer_types=_LINEAR, **_DELTA),
    ),
    "qwen3_5_text": Family("qwen3_5_text", "model.layers", modern(head_dim=HEAD, layer_types=_LINEAR, **_DELTA)),
    "qwen4_exp_text": Family(
        "qwen4_exp_text",
        "model.layers",
        _experts(
            shared_expert_intermediate_size=EXPERT_INNER,
            head_dim=HEAD,
            layer_types=["linear_attention", "indexed_attention", "linear_attention"],
            indexer_n_heads=2,
            indexer_kv_heads=1,
            indexer_head_dim=8,
            indexer_budget=8,
            indexer_compress_ratio=4,
            hc_lowrank=8,
            ngram_vocab_size_base=100,
            split_ngram_parts=2,
            **_DELTA,
        ),
    ),
    "rwkv": Family("rwkv", "rwkv.blocks", modern()),
    "solar_open": Family("solar_open", "model.layers", _experts(head_dim=HEAD)),
    "vaultgemma": Family(
        "vaultgemma",
        "model.layers",
        modern(head_dim=HEAD, sliding_window=WINDOW, query_pre_attn_scalar=HEAD, layer_types=_SLIDING),
    ),
    "xlstm": Family("xlstm", "backbone.blocks", {"hidden_size": HIDDEN, "num_hidden_layers": BLOCKS, "chunk_size": 8}),
    "youtu": Family("youtu", "model.layers", modern(num_key_value_heads=HEADS, head_dim=HEAD, **_LATENT)),
    "zamba": Family(
        "zamba",
        "model.layers",
        modern(
            num_hidden_layers=6,
            head_dim=HEAD,
            mamba_d_state=8,
            mamba_dt_rank=8,
            attn_layer_period=2,
            attn_layer_offset=1,
            n_mamba_heads=2,
        ),
    ),
    "zamba2": Family(
        "zamba2",
        "model.layers",
        modern(
            num_hidden_layers=4,
            layer_types=["linear_attention", "hybrid"] * 2,
            hybrid_layer_ids=[1, 3],
            num_mem_blocks=1,
            n_mamba_heads=8,
            head_dim=HEAD,
            mamba_d_state=8,
        ),
    ),
    "zaya": Family(
        "zaya",
        "model.layers",
        _experts(
            head_dim=HEAD,
            sliding_window=WINDOW,
            layer_types=["hybrid"] * BLOCKS,
            num_experts_per_tok=1,
            router_hidden_size=16,
        ),
    ),
}


@dataclass(frozen=True)
class Refused:
    """A network that is built tiny and then refused. `key`: of the error that says so.

    Where `left` is given there is no error: weights of that name are left alone, too many for the family to count.
    """

    settings: dict[str, Any]
    key: str
    reason: str
    left: str = ""


_SEES_AHEAD = "an encoder: its predictions see later tokens"
_NO_BLOCKS = "its blocks are no list of transformers' GradientCheckpointingLayer"
_HALF = "the decoder half of an encoder-decoder model: its attention to the encoder receives no input"
_UNCALLED = "multiplies the weight of `dt_proj` itself, past the module, so that its inputs are not seen"


def _encoder(**more: Any) -> Refused:
    return Refused(modern(**more), "not_decoder", _SEES_AHEAD)


def _half(**more: Any) -> Refused:
    settings = {
        "d_model": HIDDEN,
        "decoder_layers": BLOCKS,
        "encoder_layers": 1,
        "decoder_attention_heads": HEADS,
        "encoder_attention_heads": HEADS,
        "decoder_ffn_dim": INNER,
        "encoder_ffn_dim": INNER,
        "max_position_embeddings": POSITIONS,
    }
    return Refused(settings | more, "unobserved", _HALF)


def _listless(**settings: Any) -> Refused:
    return Refused(settings, "no_blocks", _NO_BLOCKS)


_SHORT = {"n_embd": HIDDEN, "n_layer": BLOCKS, "n_head": HEADS, "n_positions": POSITIONS, "dff": INNER}

REFUSED: dict[str, Refused] = {
    "bert": _encoder(),
    "bert-generation": _encoder(),
    "big_bird": _encoder(),
    "camembert": _encoder(),
    "data2vec-text": _encoder(),
    "electra": _encoder(embedding_size=HIDDEN),
    "ernie": _encoder(),
    "megatron-bert": _encoder(),
    "rembert": _encoder(input_embedding_size=HIDDEN, output_embedding_size=HIDDEN),
    "roberta": _encoder(),
    "roberta-prelayernorm": _encoder(),
    "roc_bert": _encoder(
        pronunciation_vocab_size=30, shape_vocab_size=30, pronunciation_embed_dim=8, shape_embed_dim=8
    ),
    "roformer": _encoder(embedding_size=HIDDEN),
    "xlm-roberta": _encoder(),
    "xlm-roberta-xl": _encoder(),
    "xmod": _encoder(default_language="en_XX"),
    "prophetnet": Refused(
        {
            "hidden_size": HIDDEN,
            "num_encoder_layers": 1,
            "num_decoder_layers": BLOCKS,
            "num_encoder_attention_heads": HEADS,
            "num_decoder_attention_heads": HEADS,
            "encoder_ffn_dim": INNER,
            "decoder_ffn_dim": INNER,
        },
        "unobserved",
        _HALF,
    ),
    "bart": _half(),
    "bigbird_pegasus": _half(),
    "blenderbot": _half(),
    "blenderbot-small": _half(),
    "marian": _half(),
    "mbart": _half(),
    "mvp": _half(),
    "pegasus": _half(),
    "plbart": _half(),
    "trocr": _half(),
    "whisper": _half(max_target_positions=POSITIONS, max_source_positions=POSITIONS),
    "cpmant": _listless(
        hidden_size=HIDDEN, num_attention_heads=HEADS, dim_head=HEAD, dim_ff=INNER, num_hidden_layers=BLOCKS
    ),
    "ctrl": _listless(**_SHORT),
    "gpt_neox_japanese": _listless(hidden_size=HIDDEN, num_hidden_layers=BLOCKS, num_attention_heads=HEADS),
    "openai-gpt": _listless(**_SHORT),
    "reformer": _listless(
        hidden_size=HIDDEN,
        num_attention_heads=HEADS,
        attention_head_size=HEAD,
        feed_forward_size=INNER,
        is_decoder=True,
        axial_pos_embds=False,
        max_position_embeddings=POSITIONS,
    ),
    "xlm": _listless(emb_dim=HIDDEN, n_layers=BLOCKS, n_heads=HEADS),
    "xlnet": _listless(d_model=HIDDEN, n_layer=BLOCKS, n_head=HEADS, d_inner=INNER),
    "mamba": Refused(
        {"hidden_size": HIDDEN, "num_hidden_layers": BLOCKS, "state_size": 8, "time_step_rank": 8},
        "unobserved",
        _UNCALLED,
    ),
    "falcon_mamba": Refused(
        {"hidden_size": HIDDEN, "num_hidden_layers": BLOCKS, "state_size": 8, "time_step_rank": 8},
        "unobserved",
        _UNCALLED,
    ),
    "jamba": Refused(TABLE["jamba"].settings, "unobserved", _UNCALLED),
    "dbrx": Refused(
        {
            "d_model": HIDDEN,
            "n_heads": HEADS,
            "n_layers": BLOCKS,
            "max_seq_len": POSITIONS,
            "attn_config": {"kv_n_heads": 2, "rope_theta": 10000.0, "clip_qkv": 8},
            "ffn_config": {"ffn_hidden_size": INNER, "moe_num_experts": 4, "moe_top_k": 2},
        },
        "",
        "its experts are stacked in two dimensions, (experts × inner, hidden)",
        left="ffn.experts.mlp.w1",
    ),
    "jetmoe": Refused(
        modern(kv_channels=HEAD, num_local_experts=4, num_experts_per_tok=2),
        "",
        "its stacked experts do not say their orientation (no is_transposed)",
        left="mlp.input_linear.weight",
    ),
    "llama4_text": Refused(
        _experts(head_dim=HEAD),
        "",
        "its stacked experts do not say their orientation (no is_transposed)",
        left="feed_forward.experts.gate_up_proj",
    ),
    "inkling_text": Refused(
        _experts(
            head_dim=HEAD,
            n_shared_experts=1,
            sliding_window=WINDOW,
            swa_num_attention_heads=HEADS,
            swa_num_key_value_heads=2,
            swa_head_dim=HEAD,
            layer_types=["hybrid_sliding", "hybrid", "hybrid_sliding"],
        ),
        "",
        "its shared experts are stacks that do not say their orientation",
        left="mlp.shared_experts.gate_proj",
    ),
    "longcat_flash": Refused(
        _experts(
            num_hidden_layers=6,
            num_layers=3,
            num_key_value_heads=HEADS,
            ffn_hidden_size=INNER,
            expert_ffn_hidden_size=EXPERT_INNER,
            moe_topk=2,
            **_LATENT,
            zero_expert_num=2,
            head_dim=HEAD,
        ),
        "",
        "its stacked experts do not say their orientation (no is_transposed)",
        left="mlp.experts.gate_up_proj",
    ),
    "llama4": Refused(
        with_pictures(_experts(head_dim=HEAD)),
        "",
        "its stacked experts do not say their orientation (no is_transposed)",
        left="feed_forward.experts.gate_up_proj",
    ),
    "mllama": Refused(
        with_pictures(modern(cross_attention_layers=[1])),
        "unobserved",
        "its blocks that look at a picture receive no input from text",
    ),
    "hrm_text": Refused(
        modern(head_dim=HEAD),
        "",
        "it has two stacks of blocks of one length, of which one is taken for all",
        left="model.H_module.layers.0.self_attn.q_proj",
    ),
}

_DRAFT = "drafts tokens for another network, whose states it needs"

UNBUILT: dict[str, str] = {
    **dict.fromkeys(("musicgen", "musicgen_melody"), "writes sound, several codes at a time"),
    **dict.fromkeys(("gemma4_assistant", "gemma4_unified_assistant"), _DRAFT),
    "gemma3n": "its half that reads pictures needs the package timm",
    "blt": "reads bytes by three networks, one of them over patches of bytes",
    "recurrent_gemma": "its recurrent gates are stacks of square blocks, neither linear layers nor experts",
}
