"""Tokens of a model as text: the token that ends its turn, the piece of text for each token, and clean edges."""

from __future__ import annotations

import re
from typing import Any

from ..model.models import Model
from .calibration import CalibrationSet

_CUT = re.compile("^\ufffd{1,3}|\ufffd{1,3}$")
"""What decoding makes of a character of up to four bytes that a window's start or end cuts."""


def end_token(model: Model) -> int:
    """Return the token that ends the model's turn, by its generation config, else by its tokenizer."""
    end: Any = model.network.generation_config.eos_token_id
    end = model.tokenizer.eos_token_id if end is None else end
    return int(end[0] if isinstance(end, list) else end)


def token_texts(model: Model, samples: CalibrationSet, index: int) -> tuple[str, ...]:
    """Return a sample's text, special tokens included, as one piece per token; joined they are the decoded text.

    A token that is only part of a character gets the piece ""; the token that completes the character gets it whole.
    """
    tokens = samples.sample(index).tolist()

    def text(start: int, end: int) -> str:
        return model.tokenizer.decode(tokens[start:end], clean_up_tokenization_spaces=False)

    pieces = []
    before = done = 0  # decode the last piece again: some tokenizers drop a space at the start of a text
    for end in range(1, len(tokens) + 1):
        grown = text(before, end)
        if grown.endswith("\ufffd") and end < len(tokens):
            pieces.append("")
            continue
        pieces.append(grown[len(text(before, done)):])
        before, done = done, end
    return tuple(pieces)


def trim_cut_characters(text: str) -> str:
    """Return the decoded text of a window without the replacement characters of a character cut by its start or end."""
    return _CUT.sub("", text)
