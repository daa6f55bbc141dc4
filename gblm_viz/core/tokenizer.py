"""A model folder's tokenizer, opened and asked within limits. Knows nothing of networks, texts or screens.

The rules of a tokenizer.json run in compiled code that nothing here could stop: a few of them, each of which writes a
letter as four, would make 10¹² letters of one. So what they can make of a letter is counted before they run.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transformers import AutoTokenizer

from .errors import GblmError, ModelError, is_failure
from .folder import Folder

MOST_GROWTH = 500
"""Characters that all rules together may make of one. Unicode's own longest (NFKC of U+FDFA) makes 18."""
MOST_ADDED = 1000
"""Tokens that may be put around a text."""
_RULES = ("normalizer", "pre_tokenizer", "decoder")


def open_tokenizer(found: Folder) -> Any:
    """The tokenizer of a judged folder. Raises ModelError: none that loads, or one whose rules blow texts up."""
    with _known("no_tokenizer", found.source):
        tokenizer = AutoTokenizer.from_pretrained(found.place, local_files_only=True, trust_remote_code=False)
        rules = getattr(tokenizer, "backend_tokenizer", None)
        grown = max((_growth(_state(getattr(rules, name, None))) for name in _RULES), default=1.0)
        if grown > MOST_GROWTH or _added(_state(getattr(rules, "post_processor", None))) > MOST_ADDED:
            raise ModelError("tokenizer_grows", source=found.source, most=MOST_GROWTH)
        return tokenizer


def encoded(tokenizer: Any, text: str, **how: Any) -> list[int]:
    """A text's token ids. Raises ModelError where the tokenizer fails on it, as one whose expressions never end does.
    """
    with _known("tokenizer_failed"):
        ids: list[int] = tokenizer(text, verbose=False, **how)["input_ids"]
        return ids


@contextmanager
def _known(key: str, source: str = "") -> Iterator[None]:
    """Whatever goes wrong inside is this ModelError: transformers raises many kinds for a missing or broken tokenizer.
    """
    try:
        yield
    except GblmError:
        raise
    except BaseException as error:
        if not is_failure(error):
            raise
        raise ModelError(key, source=source) from error


def _state(rule: Any) -> Any:
    return json.loads(rule.__getstate__()) if hasattr(rule, "__getstate__") and rule is not None else None


def _growth(rule: Any) -> float:
    """At most so many characters come out for one that goes in."""
    if not isinstance(rule, dict):
        return 1.0
    grown = 1.0
    for inside in (one for value in rule.values() if isinstance(value, list) for one in value):
        grown *= _growth(inside)
    return grown * _ALONE.get(rule.get("type", ""), lambda _: 1.0)(rule)


def _replaced(rule: dict[str, Any]) -> float:
    pattern, content = rule["pattern"], str(rule["content"])
    if "String" in pattern:
        return max(1.0, len(content) / max(1, len(pattern["String"])))
    return 1.0 + len(content)  # an expression may match between any two letters


def _prepended(rule: dict[str, Any]) -> float:
    return 1.0 + len(str(rule["prepend"]))


def _precompiled(rule: dict[str, Any]) -> float:
    """SentencePiece's map: the size of its index, the index, then what letters become, between null bytes."""
    data = base64.b64decode(rule["precompiled_charsmap"] or "")
    return float(max(map(len, data[4 + int.from_bytes(data[:4], "little"):].split(b"\0")), default=1) or 1)


_ALONE = {"Replace": _replaced, "Prepend": _prepended, "Precompiled": _precompiled}


def _added(rule: Any) -> int:
    """How many tokens a template puts around a text."""
    if isinstance(rule, dict):
        own = len(rule["single"]) if isinstance(rule.get("single"), list) else 0
        ids = sum(len(one.get("ids", ())) for one in rule.get("special_tokens", {}).values()
                  if isinstance(one, dict)) if isinstance(rule.get("special_tokens"), dict) else 0
        return own * max(1, ids) + sum(_added(one) for one in rule.get("processors", ()))
    return 0
