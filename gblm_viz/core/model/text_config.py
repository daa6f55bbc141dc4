"""Models that read images or sound besides text: find the config of the causal language model that transformers loads
from them; if it loads none, say what they are and how to save their text half as a model of its own.

Decided by transformers' own tables, and by measurements of each type. Independent of files and weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..base.errors import ModelError, shortened
from ..base.lazy import transformers

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

TWINS = {"qwen2_vl_text": "qwen2", "qwen2_5_vl_text": "qwen2", "qwen3_vl_text": "qwen3"}
"""Text halves without a causal class of their own → type that gives the same predictions for text with their weights.
Positions in an image have three numbers, which are equal for text."""


def causal_types() -> Mapping[str, str]:
    """Return model_type → the class of the causal language model that transformers loads."""
    return _tables().MODEL_FOR_CAUSAL_LM_MAPPING_NAMES


def more_than_text() -> Mapping[str, str]:
    """Return model_type → class, of the models that read images or sound besides text."""
    return {**_pictures(), **_tables().MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES}


def _pictures() -> Mapping[str, str]:
    return _tables().MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES


def _tables() -> Any:
    from transformers.models.auto import modeling_auto

    return modeling_auto


def find_text_config(config: PreTrainedConfig) -> PreTrainedConfig:
    """Return the config that AutoModelForCausalLM builds from: the text config, if the class it picks reads text only.

    This follows transformers' own auto classes (auto_factory.py), so that reading by block builds the same network.
    """
    text: type[PreTrainedConfig] | None = getattr(config, "sub_configs", {}).get("text_config")
    causal = transformers.MODEL_FOR_CAUSAL_LM_MAPPING
    kind = causal[type(config)]
    if text is None or text not in causal or getattr(kind, "config_class", None) is not text:
        return config
    half = config.get_text_config()
    for name in ("quantization_config", "dtype"):
        if getattr(half, name, None) is None and getattr(config, name, None) is not None:
            setattr(half, name, getattr(config, name))
    return half


def not_causal(config: PreTrainedConfig, source: str) -> ModelError:
    """Return the error that says why transformers loads no causal language model from this config, and what to do."""
    tables = _tables()
    sees_all = {**tables.MODEL_FOR_MASKED_LM_MAPPING_NAMES, **tables.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES}
    kind = shortened(config.model_type)
    subs = getattr(config, "sub_configs", {})
    if config.model_type not in more_than_text() and not {"vision_config", "audio_config"} & set(subs):
        return ModelError("not_decoder" if config.model_type in sees_all else "not_language",
                          source=source, model_type=kind)
    half = config.get_text_config()
    ordinary = TWINS.get(half.model_type, half.model_type)
    if getattr(config, "is_encoder_decoder", False) or half is config or ordinary not in causal_types():
        return ModelError("pictures", source=source, model_type=kind)
    auto = "AutoModelForImageTextToText" if config.model_type in _pictures() else "AutoModelForMultimodalLM"
    return ModelError("pictures_half", source=source, model_type=kind, text_type=ordinary, auto=auto)
