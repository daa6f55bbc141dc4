"""Make the samples that a model is calibrated on from a text: frozen, hashable tokens, cut by a rule of core/README.md.

Uses only the longest input of a network; independent of methods.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from ..base.errors import SettingError, TextError, refuse_unknown
from ..base.files import require_path
from ..base.lazy import torch
from ..model.tokenizer import Tokenizer, encode

if TYPE_CHECKING:
    from torch import Tensor

RULES = ("windows", "paragraphs", "auto", "jsonl", "tokens")
TEXT_RULES = ("windows", "paragraphs", "auto")
"""The rules that apply to a plain text."""
DEFAULT_SAMPLES = 128
AUTO_WINDOWS = 16
"""Number of windows that `auto` aims at, so that three sentences do not become a single sample."""
AUTO_SHORTEST, AUTO_LONGEST = 16, 2048
LARGEST_TEXT = 20_000_000
"""Limit in characters, checked before tokenising, which would take minutes for a longer text."""
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True, eq=False)
class CalibrationSet:
    """N samples. `tokens` int64 (N, length), zero beyond a sample's own length; `lengths` int64 (N,).

    `left_out` counts what the rule dropped: samples under 2 tokens, paragraphs' tokens beyond `length`, tail tokens,
    JSONL documents shorter than `length`.
    """

    tokens: Tensor
    lengths: Tensor
    rule: str
    seed: int
    text_name: str
    text_sha256: str
    left_out: tuple[tuple[str, int], ...] = ()

    @property
    def count(self) -> int:
        """How many samples there are."""
        return int(self.tokens.shape[0])

    @property
    def length(self) -> int:
        """Tokens of the longest sample."""
        return int(self.tokens.shape[1])

    @property
    def token_count(self) -> int:
        """Tokens of all samples together, without padding."""
        return int(self.lengths.sum())

    def sample(self, index: int) -> Tensor:
        """Return one sample, int64 (own length,), without padding, which never enters the model."""
        return self.tokens[index, : int(self.lengths[index])]

    def first(self, count: int) -> CalibrationSet:
        """Return the first `count` samples, for a collection that was cancelled."""
        return replace(self, tokens=self.tokens[:count], lengths=self.lengths[:count])

    def pick(self, indices: list[int]) -> CalibrationSet:
        """Return the set of only these samples, in this order."""
        return replace(self, tokens=self.tokens[indices], lengths=self.lengths[indices])

    @property
    def key(self) -> str:
        """SHA-256 of everything in the samples that the sums depend on: the tokens and their lengths."""
        return hashlib.sha256(self.tokens.numpy().tobytes() + self.lengths.numpy().tobytes()).hexdigest()


def sha256(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hex; lone surrogates are encoded as they are."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def checked_seed(seed: object) -> int:
    """Return the seed. Raises SettingError unless it is an int from 0 to LARGEST_SEED, valid for every generator."""
    if type(seed) is not int:
        raise SettingError("seed_not_number", given=seed)
    if not 0 <= seed <= LARGEST_SEED:
        raise SettingError("seed_outside", given=seed)
    return seed


def read_given(path: Path, most: int | None = None) -> bytes:
    """Return the bytes of a file that a user named, or of a pipe that is being written to. Raises TextError.

    most: a file of more bytes is refused without reading it. Anything but a file or pipe is refused too: a device may
    be endless.
    """
    require_path(path)
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            mode, size = os.fstat(handle).st_mode, os.fstat(handle).st_size
            if stat.S_ISDIR(mode):
                raise TextError("cannot_read", name=str(path), why="Is a directory")
            if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
                raise TextError("cannot_read", name=str(path), why="it is neither a file nor a pipe")
            if hasattr(os, "set_blocking"):
                os.set_blocking(handle, True)  # opened without blocking: a pipe without a writer is empty
            if most is None:
                return file.read()
            raw = file.read(most + 1) if size <= most else b""
    except FileNotFoundError:
        raise TextError("no_such_file", name=str(path)) from None
    except (OSError, ValueError) as error:
        raise TextError("cannot_read", name=str(path), why=getattr(error, "strerror", None) or str(error)) from error
    if max(size, len(raw)) > most:
        raise TextError("text_file_too_large", name=path.name, megabytes=max(size, len(raw)) / 1e6, most=most // 10**6)
    return raw


def tokenise(tokenizer: Tokenizer, text: str) -> list[int]:
    """Tokenise the whole text as the tokenizer does by default (special tokens included), without its length warning.

    Raises TextError for a text of more than LARGEST_TEXT characters.
    """
    if len(text) > LARGEST_TEXT:
        raise TextError("text_too_long", characters=len(text), most=LARGEST_TEXT)
    return encode(tokenizer, text)


def checked_text(raw: bytes | str, name: str) -> str:
    """Return a person's text, decoded. Raises TextError for binary data, null bytes or empty text."""
    if isinstance(raw, bytes):
        try:
            raw = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise TextError("not_text", name=name) from None
    if "\x00" in raw:
        raise TextError("null_bytes", name=name)
    if not raw.strip():
        raise TextError("empty_text", name=name)
    return _encodable(raw)


def _encodable(text: str) -> str:
    """Return the text with lone surrogates replaced: they have no UTF-8 encoding, but a JSON escape can contain one."""
    return text.encode("utf-8", "replace").decode("utf-8")


def auto_length(token_count: int, longest: int | None) -> int:
    """Return clamp(T // 16, 16, min(2048, the model's maximum)) for T tokens (core/README.md, Samples)."""
    return max(AUTO_SHORTEST, min(token_count // AUTO_WINDOWS, AUTO_LONGEST, longest or AUTO_LONGEST))


def seeded_choice(total: int, count: int, seed: int) -> list[int]:
    """Return the indices of a seeded random choice of `count` out of `total`, in text order; all if there are fewer."""
    checked_seed(seed)
    if total <= count:
        return list(range(total))
    return sorted(torch.randperm(total, generator=torch.Generator().manual_seed(seed))[:count].tolist())


def _windows(tokens: list[int], length: int) -> list[list[int]]:
    """Cut windows from the start, without overlap; a shorter last window is dropped unless it is the only one."""
    if len(tokens) < length:
        return [tokens]
    return [tokens[start : start + length] for start in range(0, len(tokens) - length + 1, length)]


def _assembled(samples: list[list[int]], rule: str, seed: int, name: str, digest: str,
               left_out: dict[str, int]) -> CalibrationSet:
    long_enough = [sample for sample in samples if len(sample) >= 2]
    if len(long_enough) < len(samples):
        left_out["under_two_tokens"] = len(samples) - len(long_enough)
    if not long_enough:
        raise TextError("too_short", name=name)
    lengths = torch.tensor([len(sample) for sample in long_enough], dtype=torch.int64)
    tokens = torch.zeros(len(long_enough), int(lengths.max()), dtype=torch.int64)
    for row, sample in enumerate(long_enough):
        tokens[row, : len(sample)] = torch.tensor(sample, dtype=torch.int64)
    return CalibrationSet(tokens, lengths, rule, seed, name, digest, tuple(sorted(left_out.items())))


def checked_length(length: int | None, longest: int | None, default: int) -> int:
    """Return `length`, or `default` if None. Raises TextError if it is below 2 or above the model's maximum."""
    chosen = default if length is None else length
    _refuse_no_number(chosen)
    if chosen < 2:
        raise TextError("length_too_small", length=chosen)
    if longest is not None and chosen > longest:
        raise TextError("length_too_large", length=chosen, longest=longest)
    return chosen


def _refuse_no_samples(samples: int) -> None:
    _refuse_no_number(samples)
    if samples < 1:
        raise TextError("no_samples", samples=samples)


def _refuse_no_number(given: object) -> None:
    if type(given) is not int:
        raise TextError("not_whole", given=given)


def from_text(tokenizer: Tokenizer, text: str, *, name: str, rule: str = "windows",
              samples: int = DEFAULT_SAMPLES, length: int | None = None, seed: int = 0,
              longest: int | None = None) -> CalibrationSet:
    """Cut a text by `windows`, `paragraphs` or `auto`. Raises TextError for a length beyond the model's maximum."""
    refuse_unknown("rule_unknown", rule, TEXT_RULES)
    _refuse_no_samples(samples)
    text = checked_text(text, name)
    digest = sha256(text)
    left_out: dict[str, int] = {}
    if rule == "paragraphs":
        most = checked_length(length, longest, min(AUTO_LONGEST, longest or AUTO_LONGEST))
        parts = [tokenise(tokenizer, part) for part in _paragraphs(text)]
        beyond = sum(max(0, len(part) - most) for part in parts)
        if beyond:
            left_out["beyond_length"] = beyond
        usable = [part[:most] for part in parts]
        kept = [part for part in usable if len(part) >= 2]
        if len(kept) < len(usable):
            left_out["under_two_tokens"] = len(usable) - len(kept)
        chosen = [kept[index] for index in seeded_choice(len(kept), samples, seed)]
        return _assembled(chosen, rule, seed, name, digest, left_out)
    tokens = tokenise(tokenizer, text)
    default = auto_length(len(tokens), longest) if rule == "auto" else min(AUTO_LONGEST, longest or AUTO_LONGEST)
    most = checked_length(length, longest, default)
    cut = _windows(tokens, most)
    tail = len(tokens) - sum(len(window) for window in cut)
    if tail:
        left_out["tail_tokens"] = tail
    windows = [cut[index] for index in seeded_choice(len(cut), samples, seed)]
    return _assembled(windows, rule, seed, name, digest, left_out)


def _paragraphs(text: str) -> list[str]:
    """Return the pieces between blank lines, each unchanged."""
    pieces: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            pieces[-1].append(line)
        elif pieces[-1]:
            pieces.append([])
    return ["\n".join(lines) for lines in pieces if lines]


def from_jsonl(tokenizer: Tokenizer, text: str, *, name: str, samples: int = DEFAULT_SAMPLES,
               length: int | None = None, seed: int = 0, longest: int | None = None) -> CalibrationSet:
    """Cut one seeded random window from each of N long documents, one document a line: {"text": …} or a bare string.

    This is how the paper's authors sample C4 (core/README.md, Samples). Documents shorter than `length` are skipped.
    """
    _refuse_no_samples(samples)
    text = checked_text(text, name)
    most = checked_length(length, longest, min(AUTO_LONGEST, longest or AUTO_LONGEST))
    checked_seed(seed)
    documents: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):  # not splitlines: a JSON string may contain U+2028
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            raise TextError("bad_json_line", name=name, line=number) from None
        document = entry.get("text") if isinstance(entry, dict) else entry
        if not isinstance(document, str):
            raise TextError("bad_json_line", name=name, line=number)
        documents.append(_encodable(document))
    chance = random.Random(seed)
    order = list(range(len(documents)))
    chance.shuffle(order)
    cut: dict[int, list[int]] = {}
    short = 0
    for index in order:
        if len(cut) == samples:
            break
        tokens = tokenise(tokenizer, documents[index])
        if len(tokens) < most:
            short += 1
            continue
        start = chance.randint(0, len(tokens) - most)
        cut[index] = tokens[start : start + most]
    if not cut:
        raise TextError("no_long_document", name=name, length=most, documents=len(documents))
    left_out = {"short_documents": short} if short else {}
    return _assembled([cut[index] for index in sorted(cut)], "jsonl", seed, name, sha256(text), left_out)


def from_tokens(path: Path, *, vocabulary: int, samples: int = DEFAULT_SAMPLES,
                longest: int | None = None) -> CalibrationSet:
    """Read ready-made tokens: a calibration.safetensors (`tokens`, `lengths`), or .jsonl: a list of integers a line."""
    from safetensors.torch import load

    _refuse_no_samples(samples)
    name = require_path(path).name
    raw = read_given(path)
    try:
        if path.suffix == ".safetensors":
            rows = _stored_rows(load(raw))
        else:
            rows = [json.loads(line) for line in raw.decode("utf-8").splitlines() if line.strip()]
    except (SafetensorError, KeyError, ValueError, RecursionError):
        raise TextError("bad_tokens", name=name) from None
    if not all(isinstance(row, list) and all(type(token) is int for token in row) for row in rows):
        raise TextError("bad_tokens", name=name)
    strange = next((token for row in rows for token in row if not 0 <= token < vocabulary), None)
    if strange is not None:
        raise TextError("tokens_outside", name=name, token=strange, vocabulary=vocabulary)
    if longest is not None and any(len(row) > longest for row in rows):
        raise TextError("length_too_large", length=max(len(row) for row in rows), longest=longest)
    digest = hashlib.sha256(raw).hexdigest()
    return _assembled(rows[:samples], "tokens", 0, name, digest, {})


def _stored_rows(stored: dict[str, Tensor]) -> list[list[int]]:
    """Return each sample's tokens without padding. Raises ValueError for other values than integers or bad lengths."""
    tokens = stored["tokens"]
    lengths = stored.get("lengths", torch.full(tokens.shape[:1], tokens.shape[-1] if tokens.dim() else 0))
    if tokens.dim() != 2 or lengths.shape != tokens.shape[:1] or {tokens.dtype, lengths.dtype} - {
            getattr(torch, name) for name in _WHOLE}:
        raise ValueError("tokens (N, length) and lengths (N,) are whole numbers")
    if not all(0 <= length <= tokens.shape[1] for length in lengths.tolist()):
        raise ValueError("a length is outside its row")
    return [row[:length] for row, length in zip(tokens.tolist(), lengths.tolist(), strict=True)]


_WHOLE = ("uint8", "int8", "int16", "int32", "int64", "uint16", "uint32")


def held_out_indices(total: int, seed: int) -> list[int]:
    """Return the indices of the samples, out of `total`, that `hold_out` sets aside, in text order; [] if under 5."""
    return seeded_choice(total, max(2, total // 5), seed) if total >= 5 else []


def hold_out(calibration: CalibrationSet, seed: int) -> tuple[CalibrationSet, CalibrationSet | None]:
    """Return (calibration, held out): a seeded random fifth, at least 2, is not used in statistics; None if under 5."""
    held = held_out_indices(calibration.count, seed)
    if not held:
        return calibration, None
    kept = [index for index in range(calibration.count) if index not in set(held)]
    return calibration.pick(kept), calibration.pick(held)
