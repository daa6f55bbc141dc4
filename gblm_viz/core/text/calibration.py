"""A text → the samples a model is calibrated on: frozen, hashable tokens, cut by one of core/README.md's rules.

Knows nothing of networks but their longest input, and nothing of methods.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from ..base.errors import SettingError, TextError, refuse_unknown
from ..base.files import a_path
from ..model.tokenizer import encoded

RULES = ("windows", "paragraphs", "auto", "jsonl", "tokens")
TEXT_RULES = ("windows", "paragraphs", "auto")
"""Those that cut a plain text."""
DEFAULT_SAMPLES = 128
AUTO_WINDOWS = 16
"""`auto` aims at this many windows, so that three sentences are not one sample."""
AUTO_SHORTEST, AUTO_LONGEST = 16, 2048
LARGEST_TEXT = 20_000_000
"""Characters; more is refused before tokenising, which would take minutes."""
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True, eq=False)
class CalibrationSet:
    """N samples. `tokens` int64 (N, length), zero beyond a sample's own length; `lengths` int64 (N,).

    `left_out` counts what the rule dropped: samples under 2 tokens, paragraphs' tokens beyond `length`, tail tokens.
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
        return int(self.tokens.shape[0])

    @property
    def length(self) -> int:
        return int(self.tokens.shape[1])

    @property
    def token_count(self) -> int:
        return int(self.lengths.sum())

    def sample(self, index: int) -> Tensor:
        """int64 (own length,): padding never enters the model."""
        return self.tokens[index, : int(self.lengths[index])]

    def first(self, count: int) -> CalibrationSet:
        """The first `count` samples: what remains of a cancelled collection."""
        return replace(self, tokens=self.tokens[:count], lengths=self.lengths[:count])

    def pick(self, indices: list[int]) -> CalibrationSet:
        return replace(self, tokens=self.tokens[indices], lengths=self.lengths[indices])

    @property
    def key(self) -> str:
        """SHA-256 of everything the sums depend on: the tokens and their lengths."""
        return hashlib.sha256(self.tokens.numpy().tobytes() + self.lengths.numpy().tobytes()).hexdigest()


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def checked_seed(seed: object) -> int:
    """A whole number that every generator of random numbers takes; anything else is refused."""
    if type(seed) is not int:
        raise SettingError("seed_not_number", given=seed)
    if not 0 <= seed <= LARGEST_SEED:
        raise SettingError("seed_outside", given=seed)
    return seed


def read_given(path: Path, most: int | None = None) -> bytes:
    """The bytes of a file that somebody named, of a pipe too if somebody writes to it. Raises TextError.

    most: bytes beyond which it is refused, unread. Nothing else is read: a device may have no end.
    """
    a_path(path)
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            mode, size = os.fstat(handle).st_mode, os.fstat(handle).st_size
            if stat.S_ISDIR(mode):
                raise TextError("cannot_read", name=str(path), why="Is a directory")
            if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
                raise TextError("cannot_read", name=str(path), why="it is neither a file nor a pipe")
            if hasattr(os, "set_blocking"):
                os.set_blocking(handle, True)  # opened without waiting: a pipe that nobody writes to is empty
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


def tokenise(tokenizer: Any, text: str) -> list[int]:
    """The whole text once, as the tokenizer does by default (special tokens included), without its length warning."""
    if len(text) > LARGEST_TEXT:
        raise TextError("text_too_long", characters=len(text), most=LARGEST_TEXT)
    return encoded(tokenizer, text)


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
    """Without lone surrogates, which have no bytes a tokenizer could take; a JSON escape can hold one."""
    return text.encode("utf-8", "replace").decode("utf-8")


def auto_length(token_count: int, longest: int | None) -> int:
    """clamp(T // 16, 16, min(2048, the model's maximum)): core/README.md, Samples."""
    return max(AUTO_SHORTEST, min(token_count // AUTO_WINDOWS, AUTO_LONGEST, longest or AUTO_LONGEST))


def seeded_choice(total: int, count: int, seed: int) -> list[int]:
    """A seeded choice of `count` of `total`, in text order."""
    checked_seed(seed)
    if total <= count:
        return list(range(total))
    return sorted(torch.randperm(total, generator=torch.Generator().manual_seed(seed))[:count].tolist())


def _windows(tokens: list[int], length: int) -> list[list[int]]:
    """Without overlap, from the start; a shorter last window is dropped unless it is the only one."""
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
    """A length the model can take; 1 or less, or more than its maximum, is refused with the number."""
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


def from_text(tokenizer: Any, text: str, *, name: str, rule: str = "windows", samples: int = DEFAULT_SAMPLES,
              length: int | None = None, seed: int = 0, longest: int | None = None) -> CalibrationSet:
    """Cut a text by `windows`, `paragraphs` or `auto`. A length the model cannot take is refused."""
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
    """Pieces between blank lines, each as it stands."""
    pieces: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            pieces[-1].append(line)
        elif pieces[-1]:
            pieces.append([])
    return ["\n".join(lines) for lines in pieces if lines]


def from_jsonl(tokenizer: Any, text: str, *, name: str, samples: int = DEFAULT_SAMPLES, length: int | None = None,
               seed: int = 0, longest: int | None = None) -> CalibrationSet:
    """A document a line ({"text": …} or a bare string): one seeded random window from each of N long documents.

    The authors' way of drawing from C4 (core/README.md, Samples). Documents shorter than `length` are passed over.
    """
    _refuse_no_samples(samples)
    text = checked_text(text, name)
    most = checked_length(length, longest, min(AUTO_LONGEST, longest or AUTO_LONGEST))
    checked_seed(seed)
    documents: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):  # not splitlines: a JSON string may hold U+2028
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
    """Ready-made tokens: a calibration.safetensors (`tokens`, `lengths`), or .jsonl: a list of integers a line."""
    _refuse_no_samples(samples)
    name = a_path(path).name
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
    """Each sample's own tokens. Raises ValueError for anything but whole numbers, each length within its row."""
    tokens = stored["tokens"]
    lengths = stored.get("lengths", torch.full(tokens.shape[:1], tokens.shape[-1] if tokens.dim() else 0))
    if tokens.dim() != 2 or lengths.shape != tokens.shape[:1] or {tokens.dtype, lengths.dtype} - _WHOLE:
        raise ValueError("tokens (N, length) and lengths (N,) are whole numbers")
    if not all(0 <= length <= tokens.shape[1] for length in lengths.tolist()):
        raise ValueError("a length is outside its row")
    return [row[:length] for row, length in zip(tokens.tolist(), lengths.tolist(), strict=True)]


_WHOLE = {torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32}


def held_out_indices(total: int, seed: int) -> list[int]:
    """Which of `total` samples `hold_out` sets aside, in text order; none where fewer than 5 exist."""
    return seeded_choice(total, max(2, total // 5), seed) if total >= 5 else []


def hold_out(calibration: CalibrationSet, seed: int) -> tuple[CalibrationSet, CalibrationSet | None]:
    """(calibration, held out): a seeded fifth, at least 2, that enters no statistic; None under 5 samples."""
    held = held_out_indices(calibration.count, seed)
    if not held:
        return calibration, None
    kept = [index for index in range(calibration.count) if index not in set(held)]
    return calibration.pick(kept), calibration.pick(held)
