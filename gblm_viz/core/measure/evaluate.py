"""What a model can do, in numbers with their protocol: perplexity over windows, probes by skill, paired differences.

Knows nothing of methods, masks or screens; a pruned model is a model like any other.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..base.errors import TextError
from ..base.intervals import (
    Share,
)
from ..base.job import Job, Step
from ..model.models import Model
from ..model.tokenizer import encoded
from ..sums.observe import sample_loss
from ..talk.generate import answer, prompt_tokens
from ..text.calibration import CalibrationSet, checked_length, checked_text, sha256, tokenise
from ..text.tokens import end_token


@dataclass(frozen=True, eq=False)
class Perplexity:
    """exp of the mean over windows of the mean loss, with the protocol that belongs beside it. `losses` in nats."""

    value: float
    losses: tuple[float, ...]
    length: int
    dtype: str
    text_name: str
    text_sha256: str

    @property
    def windows(self) -> int:
        return len(self.losses)


def text_windows(model: Model, text: str, name: str, length: int | None = None) -> CalibrationSet:
    """The evaluation's own cut (lib/eval.py): tokenised once, windows without overlap, tail dropped.

    A text shorter than a window is one shorter window.
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
    """Over the windows as they are; steps count windows."""
    losses = []
    for index in range(windows.count):
        yield Step(index, windows.count, "window")
        losses.append(float(sample_loss(model.network, windows.sample(index).to(model.device))))
    return perplexity_of(tuple(losses), windows, model.dtype)


def perplexity_of(losses: tuple[float, ...], windows: CalibrationSet, dtype: str) -> Perplexity:
    """The perplexity that the windows' mean losses (nats a token) give."""
    mean = math.fsum(losses) / len(losses)
    value = math.exp(mean) if mean < 700 else math.inf
    return Perplexity(value, losses, windows.length, dtype, windows.text_name, windows.text_sha256)


@dataclass(frozen=True)
class Probe:
    """One held-out question. Right = greedy answer equal to `answer`, or holding every word of `contains`.

    `choices`, where there are any, are answers to choose from by likelihood; the first is the right one.
    """

    skill: str
    language: str
    prompt: str
    answer: str = ""
    contains: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """How a model did on one probe.

    `log_probability` (nats) of the exact answer with the end of its turn, over `tokens` tokens; nan and 0 where only
    words are asked for, or where nobody measured it. `rank`: the worst place any of those tokens has among all that
    could stand there, 1 = greedy decoding writes the answer; among the choices, where there was a choice; 0 as above.
    """

    probe: Probe
    right: bool
    log_probability: float = math.nan
    tokens: int = 0
    rank: int = 0

    @property
    def probability(self) -> float:
        return math.exp(self.log_probability)


@dataclass(frozen=True, eq=False)
class ProbeResult:
    """All verdicts, and right of n by skill and in all."""

    verdicts: tuple[Verdict, ...]

    @property
    def skills(self) -> dict[str, Share]:
        found: dict[str, list[bool]] = {}
        for verdict in self.verdicts:
            found.setdefault(verdict.probe.skill, []).append(verdict.right)
        return {skill: Share(sum(rights), len(rights)) for skill, rights in found.items()}

    @property
    def perplexities(self) -> dict[str, float]:
        """By skill, exp of the mean loss a token of the right answers; skills that were not measured are left out."""
        losses: dict[str, list[float]] = {}
        counts: dict[str, int] = {}
        for verdict in self.verdicts:
            if verdict.tokens:
                losses.setdefault(verdict.probe.skill, []).append(-verdict.log_probability)
                counts[verdict.probe.skill] = counts.get(verdict.probe.skill, 0) + verdict.tokens
        return {skill: math.exp(math.fsum(found) / counts[skill]) for skill, found in losses.items()}

    @property
    def total(self) -> Share:
        return Share(sum(verdict.right for verdict in self.verdicts), len(self.verdicts))


def read_probes(folder: Path) -> tuple[Probe, ...]:
    """Every line of every <skill>.jsonl of a folder, skills in file order; an absent folder has no probes."""
    probes = []
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            probes.append(Probe(entry["skill"], entry["language"], entry["prompt"], entry.get("answer", ""),
                                tuple(entry.get("contains", ())), tuple(entry.get("choices", ()))))
    return tuple(probes)


LONGEST_STORY = 160
"""Tokens a story may take before it is cut."""


AT_ONCE = 32
"""Probes in one pass: on one core measured three times as fast as one by one; more win little."""


@torch.no_grad()
def ask_probes(model: Model, probes: tuple[Probe, ...]) -> Job[ProbeResult]:
    """Every probe asked greedily; steps count probes.

    An exact answer is judged in one pass: greedy decoding writes it if and only if each of its tokens, and the
    end of turn after it, is the most likely one behind the tokens before it.
    """
    asked = [_Asked.of(model, probe.prompt, probe.answer) for probe in probes if not probe.contains]
    found = iter((yield from _answers(model, asked, len(probes))))
    verdicts: list[Verdict] = []
    done = len(asked)
    for probe in probes:
        if probe.contains:
            yield Step(done, len(probes), "probe")
            verdicts.append(_story(model, probe))
            done += 1
        else:
            verdicts.append(Verdict(probe, *next(found)))
    return ProbeResult(tuple(verdicts))


@torch.no_grad()
def choose_answers(model: Model, probes: tuple[Probe, ...]) -> Job[ProbeResult]:
    """Multiple choice by likelihood over the probes that have choices; steps count answers.

    Right = the right answer, with the end of its turn, is more probable than every other (the sum over its tokens, not
    divided by their number: the answers differ in a word).
    """
    chosen = tuple(probe for probe in probes if probe.choices)
    offered = [_Asked.of(model, probe.prompt, choice) for probe in chosen for choice in probe.choices]
    found = iter((yield from _answers(model, offered, len(offered))))
    verdicts = []
    for probe in chosen:
        (_, right, tokens, _), *others = (next(found) for _ in probe.choices)
        rank = 1 + sum(other >= right for _, other, _, _ in others)
        verdicts.append(Verdict(probe, rank == 1, right, tokens, rank))
    return ProbeResult(tuple(verdicts))


def chance(probes: tuple[Probe, ...]) -> dict[str, float]:
    """By skill, the share that choosing blindly gets right, of the probes that have choices."""
    shares: dict[str, list[float]] = {}
    for probe in probes:
        if probe.choices:
            shares.setdefault(probe.skill, []).append(1 / len(probe.choices))
    return {skill: math.fsum(found) / len(found) for skill, found in shares.items()}


@dataclass(frozen=True)
class _Asked:
    """One question and one answer as tokens; the end of the turn belongs to the answer."""

    prompt: list[int]
    answer: list[int]

    @classmethod
    def of(cls, model: Model, prompt: str, answer: str) -> _Asked:
        """Raises TextError if question and answer do not fit into the context; cutting would change the question."""
        said = [*encoded(model.tokenizer, answer, add_special_tokens=False), end_token(model)]
        asked = prompt_tokens(model, [{"role": "user", "content": prompt}], len(said))
        longest = model.longest or math.inf
        if asked.cut or len(asked.tokens) + len(said) > longest:
            raise TextError("probe_too_long", prompt=prompt[:60], tokens=len(asked.tokens) + asked.cut + len(said),
                            longest=longest)
        return cls(asked.tokens, said)

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


def _answers(model: Model, asked: list[_Asked], total: int) -> Job[list[tuple[bool, float, int, int]]]:
    """For each: whether greedy decoding writes it, the logarithm of its probability, its tokens, the worst one's rank.

    Passes hold questions of about the same length; what stands behind an answer cannot reach it in a causal model, so
    the shorter ones are filled up with zeros and need no mask.
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
    """int64 (tokens,): the place of each wanted token, 1 = the most likely; of equal ones the first stands before.

    logits float (tokens, vocabulary); wanted int64 (tokens,). What is not a number stands before everything.
    """
    own = logits.gather(-1, wanted[:, None])
    before = torch.arange(logits.shape[-1], device=logits.device) < wanted[:, None]
    return 1 + (~(logits <= own)).sum(-1) + ((logits == own) & before).sum(-1)


def _story(model: Model, probe: Probe) -> Verdict:
    text = answer(model, [{"role": "user", "content": probe.prompt}], most=LONGEST_STORY).text.lower()
    return Verdict(probe, all(word.lower() in text for word in probe.contains))
