"""Open and use a model folder's tokenizer within limits. Independent of networks, texts and the user interface.

The rules of a tokenizer.json run in compiled code that cannot be stopped from here: a few rules, each of which replaces
a character by four, would turn one into 10¹². So the growth that they can cause is computed before they run.
"""

from __future__ import annotations

import base64
import importlib.util
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..base.errors import ModelError, reraise_as, shortened
from ..base.lazy import transformers
from .folder import Folder

MOST_GROWTH = 500
"""Characters that all rules together may turn one into. The longest in Unicode itself (NFKC of U+FDFA) is 18."""
MOST_ADDED = 1000
"""Tokens that the post-processor may add around a text."""
_BESIDE = "beside_its_model"
EVERYDAY = "The river carries sand to the sea. 川は砂を海へ運ぶ。 123"
"""Test text of which every language model's tokenizer knows at least one token."""
_RULES = ("normalizer", "pre_tokenizer", "decoder")


class Tokenizer(Protocol):
    """What is used of a tokenizer; those of transformers have it, whatever their class."""

    @property
    def unk_token_id(self) -> int | None:
        """The id of the token for what the vocabulary lacks."""

    @property
    def eos_token_id(self) -> int | None:
        """The id of the token that ends a text."""

    @property
    def special_tokens_map(self) -> Mapping[str, object]:
        """The special tokens by their roles, as templates name them."""

    @property
    def added_tokens_decoder(self) -> Mapping[int, object]:
        """The added tokens by id."""

    def __call__(self, text: str, *, verbose: bool = True, add_special_tokens: bool = True) -> Mapping[str, list[int]]:
        """Return the text's token ids as `input_ids`."""

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool = False,
               clean_up_tokenization_spaces: bool | None = None) -> str:
        """Return the text of the ids."""

    def convert_ids_to_tokens(self, ids: int) -> object:
        """Return the token of an id as the vocabulary has it."""

    def get_vocab(self) -> dict[str, int]:
        """Return every token with its id."""

    def get_chat_template(self) -> object:
        """Return the chat template; raise if there is none, or several without a default."""

    def save_pretrained(self, save_directory: Path) -> object:
        """Write the tokenizer's files to a folder."""


def open_tokenizer(found: Folder) -> Tokenizer:
    """Return the tokenizer of a checked folder. Raises ModelError if none loads, or if it expands texts too much."""
    with _reading("no_tokenizer", found.source, lambda: _missing_packages(found)):
        tokenizer: Any = transformers.AutoTokenizer.from_pretrained(found.place, local_files_only=True,
                                                                    trust_remote_code=False)
        rules = getattr(tokenizer, "backend_tokenizer", None)
        grown = max((_growth(_state(getattr(rules, name, None))) for name in _RULES), default=1.0)
        if grown > MOST_GROWTH or _added(_state(getattr(rules, "post_processor", None))) > MOST_ADDED:
            raise ModelError("tokenizer_grows", source=found.source, most=MOST_GROWTH)
        if set(tokenizer(EVERYDAY, add_special_tokens=False)["input_ids"]) <= {tokenizer.unk_token_id}:
            raise ValueError("it knows no letter: its vocabulary was not read")
        return tokenizer


def encode(tokenizer: Tokenizer, text: str, **how: bool) -> list[int]:
    """Return a text's token ids.

    Raises ModelError if the tokenizer fails, for example with regular expressions that never end, or if an id has no
    row in the model's embedding.
    """
    with _reading("tokenizer_failed"):
        ids: list[int] = tokenizer(text, verbose=False, **how)["input_ids"]
        known = vocabulary(tokenizer)
        if known is not None and ids and max(ids) >= known.rows:
            raise ModelError("token_beyond", token=str(tokenizer.convert_ids_to_tokens(max(ids))), number=max(ids),
                             rows=known.rows)
        return ids


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer compared with its model. `rows`: of the model's embedding; `tokens`: the tokenizer's highest id + 1;
    `beyond`: how many of its tokens have no row, all of them added tokens."""

    rows: int
    tokens: int
    beyond: int


def fit_vocabulary(tokenizer: Tokenizer, rows: int, source: str) -> None:
    """Compare a tokenizer with its model's embedding. From now on `encode` returns no id without a row in it.

    Raises ModelError if ordinary tokens have no row: then the tokenizer belongs to another model. Added tokens may
    lack one: they appear in templates, and only texts that spell them out contain them, so the model can be used.
    """
    with _reading("no_tokenizer", source):
        numbers = set(tokenizer.get_vocab().values())
        beyond = {one for one in numbers if one >= rows}
        tokens = max(numbers, default=-1) + 1
        if beyond - set(tokenizer.added_tokens_decoder):
            raise ModelError("tokens_beyond", source=source, tokens=f"{tokens:,}", rows=f"{rows:,}")
        setattr(tokenizer, _BESIDE, Vocabulary(rows, tokens, len(beyond)))


def vocabulary(tokenizer: Tokenizer) -> Vocabulary | None:
    """Return what `fit_vocabulary` found; None if the tokenizer was not compared with a model."""
    return getattr(tokenizer, _BESIDE, None)


def encode_prefix(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return a text's token ids with the special tokens before it but without those after it: an end-of-text token
    would end the text that is to be continued."""
    ids, own = encode(tokenizer, text), encode(tokenizer, text, add_special_tokens=False)
    begins = (place for place in range(len(ids) - len(own) + 1) if ids[place:place + len(own)] == own)
    place = next(begins, None) if own else None
    return ids if place is None else ids[:place + len(own)]


def _reading(key: str, source: str = "",
             better: Callable[[], ModelError | None] = lambda: None) -> AbstractContextManager[None]:
    """Turn any failure inside into a ModelError: transformers raises many types for a missing or broken tokenizer.

    better: returns an error that says more, or None.
    """
    return reraise_as(lambda _: better() or ModelError(key, source=source))


def _missing_packages(found: Folder) -> ModelError | None:
    """Return the error that names packages not installed but needed by a tokenizer without tokenizer.json; else None.

    Measured with transformers 5.23: a SentencePiece file is read by sentencepiece and protobuf together; without one of
    them its message asks for tiktoken, which does not help.
    """
    if (found.place / "tokenizer.json").exists():
        return None
    for file in sorted(found.place.glob("*")):
        if file.suffix not in (".model", ".spm", ".tiktoken"):
            continue
        with file.open("rb") as stream:
            sentencepiece = stream.read(1) == b"\n" and file.suffix != ".tiktoken"  # protobuf: first field is 1
        needed = {"sentencepiece": "sentencepiece", "google.protobuf": "protobuf"} if sentencepiece else {
            "tiktoken": "tiktoken"}
        missing = [name for module, name in needed.items() if not _installed(module)]
        if missing:
            return ModelError("tokenizer_package", source=found.source, file=shortened(file.name),
                              packages=" ".join(missing))
    return None


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the parent package is missing: google, of google.protobuf
        return False


def _state(rule: Any) -> object:
    return json.loads(rule.__getstate__()) if hasattr(rule, "__getstate__") and rule is not None else None


def _growth(rule: object) -> float:
    """Return an upper limit of the characters that a rule makes of one."""
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
    return 1.0 + len(content)  # a regular expression may match between any two characters


def _prepended(rule: dict[str, Any]) -> float:
    return 1.0 + len(str(rule["prepend"]))


def _precompiled(rule: dict[str, Any]) -> float:
    """Return the longest replacement, in bytes, in SentencePiece's map.

    Format: size of the index, the index, then the replacements, separated by null bytes.
    """
    data = base64.b64decode(rule["precompiled_charsmap"] or "")
    return float(max(map(len, data[4 + int.from_bytes(data[:4], "little"):].split(b"\0")), default=1) or 1)


_ALONE = {"Replace": _replaced, "Prepend": _prepended, "Precompiled": _precompiled}


def _added(rule: object) -> int:
    """Return at most how many tokens a post-processor adds around a text."""
    if isinstance(rule, dict):
        own = len(rule["single"]) if isinstance(rule.get("single"), list) else 0
        ids = sum(len(one.get("ids", ())) for one in rule.get("special_tokens", {}).values()
                  if isinstance(one, dict)) if isinstance(rule.get("special_tokens"), dict) else 0
        return own * max(1, ids) + sum(_added(one) for one in rule.get("processors", ()))
    return 0
