"""Evaluate a model, with the protocol of each number: perplexity over windows, probes by skill.

Independent of methods, masks and screens; a pruned model is evaluated like any other.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import TextError
from ..base.intervals import (
    Share,
)
from ..base.job import Job, Step
from ..base.lazy import F, torch
from ..model.models import Model
from ..model.tokenizer import encode
from ..talk import together
from ..talk.generate import Prompt, answer, prompt_tokens
from ..text.calibration import CalibrationSet, checked_length, checked_text, sha256, tokenise
from ..text.tokens import end_token
from .passes import split_into_passes, tokens_at_once

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
    """Return the perplexity over the given windows; steps count windows.

    Windows of one length go through the model together (see passes.py); each window's loss is that of the window alone.
    """
    lengths, losses, done = windows.lengths.tolist(), [0.0] * windows.count, 0
    for part in split_into_passes(lengths, tokens_at_once(model, max(lengths))):
        yield Step(done, windows.count, "window")
        tokens = windows.tokens[list(part), : lengths[part[0]]].to(model.device)
        logits: Tensor = model.network(tokens, use_cache=False).logits
        for place, row, own in zip(part, logits, tokens, strict=True):
            losses[place] = float(F.cross_entropy(row[:-1].float(), own[1:]))
        done += len(part)
    return perplexity_of(tuple(losses), windows, model.dtype)


def perplexity_value(losses: Sequence[float]) -> float:
    """Return exp of the mean of the windows' mean losses (nats per token); ∞ where that has no end."""
    mean = math.fsum(losses) / len(losses)
    return math.exp(mean) if mean < 700 else math.inf


def perplexity_of(losses: tuple[float, ...], windows: CalibrationSet, dtype: str) -> Perplexity:
    """Return the perplexity computed from the windows' mean losses (nats per token)."""
    return Perplexity(perplexity_value(losses), losses, windows.length, dtype, windows.text_name, windows.text_sha256)


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


FREE = "free_"
"""Begins the name of a file of questions without a known answer, which are no probes (gblm_viz.pocket.free)."""


def read_probes(folder: Path) -> tuple[Probe, ...]:
    """Return the probes of every line of every <skill>.jsonl in a folder, files sorted; none if it does not exist."""
    probes = []
    for file in sorted(file for file in folder.glob("*.jsonl") if not file.name.startswith(FREE)):
        for line in file.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            probes.append(Probe(entry["skill"], entry["language"], entry["prompt"], entry.get("answer", ""),
                                tuple(entry.get("contains", ())), tuple(entry.get("choices", ()))))
    return tuple(probes)


LONGEST_STORY = 160
"""Maximum number of tokens of a story; a longer one is cut."""


AT_ONCE = 32
"""Most probes in one pass: measured three times as fast on one core as one by one; more gain little."""
NEAR = {2: 2e-2, 4: together.NEAR}
"""Bytes of a number of the model → difference of two logits, relative to the largest, up to which a pass of several
rows does not decide: the order of sums depends on the number of rows, so the question is then asked by itself. Chosen
wide: in float32 the tolerance of `core.model.models`, where rows in one pass differed by at most 5e-7; in half
precision a few roundings of the largest logit."""


@dataclass(frozen=True, eq=False)
class Questions:
    """Probes as tokens, the same for a model and its pruned copies. `exact`: of each probe without `contains`;
    `offered`: the choices of each probe that has any, empty if nothing is to be chosen."""

    probes: tuple[Probe, ...]
    exact: tuple[_Question, ...]
    offered: tuple[tuple[_Question, ...], ...]

    def __len__(self) -> int:
        return len(self.probes)


def questions(model: Model, probes: tuple[Probe, ...], exact: bool = True, choosing: bool = False) -> Questions:
    """Return the probes as tokens: their answers if `exact`, their choices if `choosing`. Each prompt is written once:
    a chat template runs in a process of its own. Raises TextError for a probe that the model cannot take."""
    written: dict[str, Prompt] = {}

    def tokens(probe: Probe, said: str) -> _Question:
        if probe.prompt not in written:
            written[probe.prompt] = prompt_tokens(model, [{"role": "user", "content": probe.prompt}])
        return _Question.of(model, probe.prompt, written[probe.prompt], said)

    return Questions(
        probes, tuple(tokens(probe, probe.answer) for probe in probes if exact and not probe.contains),
        tuple(tuple(tokens(probe, choice) for choice in probe.choices) for probe in probes
              if choosing and probe.choices))


@torch.no_grad()
def ask_probes(model: Model, probes: tuple[Probe, ...] | Questions) -> Job[ProbeResult]:
    """Ask every probe with greedy decoding; steps count probes. Several models: prepare the `questions` once.

    An exact answer is judged in one pass: greedy decoding writes it if and only if each of its tokens, and the
    end of turn after it, is the most likely one given the tokens before it.
    """
    known = probes if isinstance(probes, Questions) else questions(model, probes)
    total = len(known.probes)
    found = iter((yield from _answers(model, known.exact, total)))
    verdicts: list[Verdict] = []
    done = len(known.exact)
    for probe in known.probes:
        if probe.contains:
            yield Step(done, total, "probe")
            verdicts.append(_ask_story(model, probe))
            done += 1
        else:
            verdicts.append(Verdict(probe, *next(found)))
    return ProbeResult(tuple(verdicts))


@torch.no_grad()
def choose_answers(model: Model, probes: tuple[Probe, ...] | Questions) -> Job[ProbeResult]:
    """Answer the probes that have choices by likelihood; steps count answers.

    Right = the right answer, with its end of turn, is more probable than every other (log probability summed over its
    tokens, not divided by their number, since the answers differ in one word).
    """
    known = probes if isinstance(probes, Questions) else questions(model, probes, exact=False, choosing=True)
    chosen = tuple(probe for probe in known.probes if probe.choices)
    offered = [one for choices in known.offered for one in choices]
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

    prompt: tuple[int, ...]
    answer: tuple[int, ...]

    @classmethod
    def of(cls, model: Model, prompt: str, written: Prompt, answer: str) -> _Question:
        """Raises TextError if question and answer do not fit into the context; cutting would change the question."""
        said = (*encode(model.tokenizer, answer, add_special_tokens=False), end_token(model))
        whole, longest = len(written.tokens) + written.cut + len(said), model.longest or math.inf
        if whole > longest:
            raise TextError("probe_too_long", prompt=prompt[:60], tokens=whole, longest=longest)
        return cls(tuple(written.tokens), said)

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


_Answered = tuple[bool, float, int, int]
"""Whether greedy decoding writes the answer, its log probability, its token count, its worst token's rank."""


def _answers(model: Model, asked: Sequence[_Question], total: int) -> Job[list[_Answered]]:
    """Return what was found for each question. Equal questions are asked once, questions of about one length in one
    pass, and one that a pass cannot decide (NEAR) again by itself, so that right and wrong are those of one by one."""
    times, found, done = Counter(asked), dict[_Question, _Answered](), 0
    order = sorted(times, key=len)
    lengths = [len(one) for one in order]
    for part in split_into_passes(lengths, tokens_at_once(model, max(lengths)), AT_ONCE, padded=True) if order else ():
        yield Step(done, total, "probe")
        those = [order[place] for place in part]
        for one, (answered, close) in zip(those, _in_one_pass(model, those), strict=True):
            found[one] = _in_one_pass(model, [one])[0][0] if close and len(those) > 1 else answered
            done += times[one]
    return [found[one] for one in asked]


def _in_one_pass(model: Model, those: list[_Question]) -> list[tuple[_Answered, bool]]:
    """Return what was found for each question, and whether greedy decoding nearly writes another or this answer.

    In a causal model, tokens after an answer cannot affect it, so shorter rows are padded with zeros and need no mask.
    """
    tokens = torch.zeros(len(those), max(map(len, those)), dtype=torch.int64)
    for row, one in zip(tokens, those, strict=True):
        row[: len(one)] = torch.tensor(one.prompt + one.answer)
    logits: Tensor = model.network(tokens[:, :-1].to(model.device), use_cache=False).logits
    found = []
    for row, one in zip(logits, those, strict=True):
        said = row[len(one.prompt) - 1 : len(one) - 1].float()
        wanted = torch.tensor(one.answer, device=said.device)[:, None]
        own = said.gather(-1, wanted)
        logarithm, rank = torch.log_softmax(said, -1).gather(-1, wanted).sum(), int(ranks(said, wanted[:, 0]).max())
        ahead = float((own - said.scatter(-1, wanted, -math.inf).amax(-1, keepdim=True)).min())
        close = abs(ahead) <= NEAR[model.network.dtype.itemsize] * float(said.abs().max())
        found.append(((rank == 1, float(logarithm), len(one.answer), rank), close))
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
