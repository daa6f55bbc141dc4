"""Evaluate a model, with the protocol of each number: perplexity over windows, probes by skill.

Independent of methods, masks and screens; a pruned model is evaluated like any other.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import TextError
from ..base.intervals import (
    Share,
)
from ..base.job import Job, Step
from ..base.lazy import torch
from ..model.models import Model
from ..model.tokenizer import encode
from ..sums.observe import sample_loss
from ..talk.generate import answer, prompt_tokens
from ..text.calibration import CalibrationSet, checked_length, checked_text, sha256, tokenise
from ..text.tokens import end_token

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Perplexity:
    """exp of the mean over windows of the mean loss, with its protocol. `losses`: one per window, in nats per token."""

    value: float
    losses: tuple[float, ...]
    length: int
    dtype: str
    text_name: str
    text_sha256: str

    @property
    def windows(self) -> int:
        """How many windows were measured."""
        return len(self.losses)


def text_windows(model: Model, text: str, name: str, length: int | None = None) -> CalibrationSet:
    """Return a text cut as in lib/eval.py: tokenised once, windows without overlap, the tail dropped.

    A text shorter than a window becomes one shorter window. Raises TextError for a text of fewer than 2 tokens.
    """
    text = checked_text(text, name)
    size = checked_length(length, model.longest, model.default_length)
    tokens = torch.tensor(tokenise(model.tokenizer, text), dtype=torch.int64)
    if len(tokens) < 2:
        raise TextError("too_short", name=name)
    size = min(size, len(tokens))
    count = len(tokens) // size
    return CalibrationSet(tokens[: count * size].reshape(count, size), torch.full((count,), size), "windows", 0, name,
                          sha256(text))


@torch.no_grad()
def perplexity(model: Model, windows: CalibrationSet) -> Job[Perplexity]:
    """Return the perplexity over the given windows; steps count windows."""
    losses = []
    for index in range(windows.count):
        yield Step(index, windows.count, "window")
        losses.append(float(sample_loss(model.network, windows.sample(index).to(model.device))))
    return perplexity_of(tuple(losses), windows, model.dtype)


def perplexity_of(losses: tuple[float, ...], windows: CalibrationSet, dtype: str) -> Perplexity:
    """Return the perplexity computed from the windows' mean losses (nats per token)."""
    mean = math.fsum(losses) / len(losses)
    value = math.exp(mean) if mean < 700 else math.inf
    return Perplexity(value, losses, windows.length, dtype, windows.text_name, windows.text_sha256)


@dataclass(frozen=True)
class Probe:
    """One held-out question. Right = greedy answer equal to `answer`, or containing every word of `contains`.

    `choices`, if any, are answers to choose from by likelihood; the first is the right one.
    """

    skill: str
    language: str
    prompt: str
    answer: str = ""
    contains: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """A model's result on one probe.

    `log_probability` (nats) of the exact answer with its end of turn, over `tokens` tokens; nan and 0 if only words are
    asked for, or if it was not measured. `rank`: the worst rank of any of those tokens in the vocabulary, 1 = greedy
    decoding writes the answer; for multiple choice the rank among the choices; 0 if not measured.
    """

    probe: Probe
    right: bool
    log_probability: float = math.nan
    tokens: int = 0
    rank: int = 0

    @property
    def probability(self) -> float:
        """The probability of the whole answer."""
        return math.exp(self.log_probability)


@dataclass(frozen=True, eq=False)
class ProbeResult:
    """All verdicts, with the fraction of right answers by skill and in total."""

    verdicts: tuple[Verdict, ...]

    @property
    def skills(self) -> dict[str, Share]:
        """The share answered right, by skill."""
        found: dict[str, list[bool]] = {}
        for verdict in self.verdicts:
            found.setdefault(verdict.probe.skill, []).append(verdict.right)
        return {skill: Share(sum(rights), len(rights)) for skill, rights in found.items()}

    @property
    def perplexities(self) -> dict[str, float]:
        """Skill → exp of the mean loss per token of the right answers; skills without a measurement are left out."""
        losses: dict[str, list[float]] = {}
        counts: dict[str, int] = {}
        for verdict in self.verdicts:
            if verdict.tokens:
                losses.setdefault(verdict.probe.skill, []).append(-verdict.log_probability)
                counts[verdict.probe.skill] = counts.get(verdict.probe.skill, 0) + verdict.tokens
        return {skill: math.exp(math.fsum(found) / counts[skill]) for skill, found in losses.items()}

    @property
    def total(self) -> Share:
        """The share answered right over all skills."""
        return Share(sum(verdict.right for verdict in self.verdicts), len(self.verdicts))


def read_probes(folder: Path) -> tuple[Probe, ...]:
    """Return the probes of every line of every <skill>.jsonl in a folder, files sorted; none if it does not exist."""
    probes = []
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            probes.append(Probe(entry["skill"], entry["language"], entry["prompt"], entry.get("answer", ""),
                                tuple(entry.get("contains", ())), tuple(entry.get("choices", ()))))
    return tuple(probes)


LONGEST_STORY = 160
"""Maximum number of tokens of a story; a longer one is cut."""


AT_ONCE = 32
"""Probes in one pass: measured three times as fast on one core as one by one; more gain little."""


@torch.no_grad()
def ask_probes(model: Model, probes: tuple[Probe, ...]) -> Job[ProbeResult]:
    """Ask every probe with greedy decoding; steps count probes.

    An exact answer is judged in one pass: greedy decoding writes it if and only if each of its tokens, and the
    end of turn after it, is the most likely one given the tokens before it.
    """
    asked = [_Question.of(model, probe.prompt, probe.answer) for probe in probes if not probe.contains]
    found = iter((yield from _answers(model, asked, len(probes))))
    verdicts: list[Verdict] = []
    done = len(asked)
    for probe in probes:
        if probe.contains:
            yield Step(done, len(probes), "probe")
            verdicts.append(_ask_story(model, probe))
            done += 1
        else:
            verdicts.append(Verdict(probe, *next(found)))
    return ProbeResult(tuple(verdicts))


@torch.no_grad()
def choose_answers(model: Model, probes: tuple[Probe, ...]) -> Job[ProbeResult]:
    """Answer the probes that have choices by likelihood; steps count answers.

    Right = the right answer, with its end of turn, is more probable than every other (log probability summed over its
    tokens, not divided by their number, since the answers differ in one word).
    """
    chosen = tuple(probe for probe in probes if probe.choices)
    offered = [_Question.of(model, probe.prompt, choice) for probe in chosen for choice in probe.choices]
    found = iter((yield from _answers(model, offered, len(offered))))
    verdicts = []
    for probe in chosen:
        (_, right, tokens, _), *others = (next(found) for _ in probe.choices)
        rank = 1 + sum(other >= right for _, other, _, _ in others)
        verdicts.append(Verdict(probe, rank == 1, right, tokens, rank))
    return ProbeResult(tuple(verdicts))


def chance(probes: tuple[Probe, ...]) -> dict[str, float]:
    """Return skill → fraction of right answers by random choice, over the probes that have choices."""
    shares: dict[str, list[float]] = {}
    for probe in probes:
        if probe.choices:
            shares.setdefault(probe.skill, []).append(1 / len(probe.choices))
    return {skill: math.fsum(found) / len(found) for skill, found in shares.items()}


@dataclass(frozen=True)
class _Question:
    """One question and one answer as tokens; the end of the turn belongs to the answer."""

    prompt: list[int]
    answer: list[int]

    @classmethod
    def of(cls, model: Model, prompt: str, answer: str) -> _Question:
        """Raises TextError if question and answer do not fit into the context; cutting would change the question."""
        said = [*encode(model.tokenizer, answer, add_special_tokens=False), end_token(model)]
        asked = prompt_tokens(model, [{"role": "user", "content": prompt}], len(said))
        longest = model.longest or math.inf
        if asked.cut or len(asked.tokens) + len(said) > longest:
            raise TextError("probe_too_long", prompt=prompt[:60], tokens=len(asked.tokens) + asked.cut + len(said),
                            longest=longest)
        return cls(asked.tokens, said)

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


def _answers(model: Model, asked: list[_Question], total: int) -> Job[list[tuple[bool, float, int, int]]]:
    """Return for each: whether greedy decoding writes it, its log probability, its token count, its worst token's rank.

    Each pass batches questions of about the same length. In a causal model, tokens after an answer cannot affect it, so
    shorter rows are padded with zeros and need no mask.
    """
    found: list[tuple[bool, float, int, int]] = [(False, 0.0, 0, 0)] * len(asked)
    order = sorted(range(len(asked)), key=lambda index: len(asked[index]))
    for start in range(0, len(order), AT_ONCE):
        yield Step(start, total, "probe")
        part = [asked[index] for index in order[start : start + AT_ONCE]]
        tokens = torch.zeros(len(part), len(part[-1]), dtype=torch.int64)
        for row, one in zip(tokens, part, strict=True):
            row[: len(one)] = torch.tensor(one.prompt + one.answer)
        logits: Tensor = model.network(tokens[:, :-1].to(model.device), use_cache=False).logits
        for index, row, one in zip(order[start:], logits, part, strict=False):
            said = row[len(one.prompt) - 1 : len(one) - 1].float()
            wanted = torch.tensor(one.answer, device=said.device)
            logarithm = torch.log_softmax(said, -1).gather(-1, wanted[:, None]).sum()
            rank = int(ranks(said, wanted).max())
            found[index] = (rank == 1, float(logarithm), len(wanted), rank)
    return found


def ranks(logits: Tensor, wanted: Tensor) -> Tensor:
    """Return the rank of each wanted token, int64 (tokens,), 1 = the most likely; ties are ordered by token id.

    logits float (tokens, vocabulary); wanted int64 (tokens,). nan ranks before every number.
    """
    own = logits.gather(-1, wanted[:, None])
    before = torch.arange(logits.shape[-1], device=logits.device) < wanted[:, None]
    return 1 + (~(logits <= own)).sum(-1) + ((logits == own) & before).sum(-1)


def _ask_story(model: Model, probe: Probe) -> Verdict:
    text = answer(model, [{"role": "user", "content": probe.prompt}], most=LONGEST_STORY).text.lower()
    return Verdict(probe, all(word.lower() in text for word in probe.contains))
