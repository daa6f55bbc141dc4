"""The command line: collect, prune, evaluate, chat, compare. Flags go to core, what comes back to a person or to JSON.

Computes nothing itself and knows nothing of the app. Exit codes: 0 done, 2 unusable input, 130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stdout, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TextIO, TypeVar

from tqdm import tqdm
from transformers.utils import logging as transformers_logging

from gblm_viz import plan_told, verdict_told
from gblm_viz.amounts import amount
from gblm_viz.core.base.errors import GblmError, SettingError, TextError, shortened
from gblm_viz.core.base.files import refuse_unwritable
from gblm_viz.core.base.footprint import Peak, folder_bytes, parse_bytes
from gblm_viz.core.base.job import Job, Step, run
from gblm_viz.core.keep import export
from gblm_viz.core.look import report
from gblm_viz.core.mask import prune, reading
from gblm_viz.core.mask.mask_file import save_masks
from gblm_viz.core.mask.patterns import GROUPS, checked_sparsity, label, parse_pattern
from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.mask.reading import Reading
from gblm_viz.core.mask.settings import ORDERS, Settings, preview_settings
from gblm_viz.core.measure import draws, evaluate
from gblm_viz.core.measure.crossed import BLOCK, Crossed, crossed
from gblm_viz.core.measure.draws import Draws, Losses
from gblm_viz.core.measure.draws_estimate import DrawsEstimate, draws_estimate
from gblm_viz.core.model.models import DTYPES, LONGEST, Model, Opened, load, longest_input, opened, pick_device
from gblm_viz.core.model.tokenizer import vocabulary
from gblm_viz.core.score import alpha as alphas
from gblm_viz.core.score.alpha import parse_alpha
from gblm_viz.core.score.methods import (
    GRADIENT_NORMS,
    METHODS,
    PAPER_ALPHA,
    SHARED,
    Knob,
    knobs_of,
    norm_for,
    norm_of,
    own_knobs,
)
from gblm_viz.core.sums import estimate, statistics
from gblm_viz.core.sums.collect import PLANS, checkpoint_blocks, checkpoint_samples
from gblm_viz.core.sums.collect import collect as collect_sums
from gblm_viz.core.sums.estimate import Actual, Choice, ModelShape
from gblm_viz.core.sums.ranks import Ranks
from gblm_viz.core.sums.statistics import KEPT, NORMS, Statistics
from gblm_viz.core.talk import generate
from gblm_viz.core.talk.generate import Sampling
from gblm_viz.core.text import calibration
from gblm_viz.core.text.calibration import CalibrationSet
from gblm_viz.encoding import insist_on_utf8
from gblm_viz.model_told import beyond_told, template_told
from gblm_viz.words import words

T = TypeVar("T")
DONE, UNUSABLE, INTERRUPTED = 0, 2, 130
PROGRAM = "python -m gblm_viz"
SHORT_WORK = 1.0
"""Seconds; quicker work draws no progress bar."""
_WORDS = words("en")

_MODEL_KEYS = {
    "model": "the dense model's name: pocket, the hub id, or the folder's own name",
    "model_key": "SHA-256 over the model's config and weights, as in a statistics folder's manifest",
    "dtype": "what was computed in",
    "device": "where it was computed",
}
_TEXT_KEYS = {
    "text": "the text's file name",
    "text_sha256": "SHA-256 of the text (of the file, for --tokens)",
}
JSON_KEYS: dict[str, dict[str, str]] = {
    "collect": _MODEL_KEYS | _TEXT_KEYS | {
        "statistics": "the statistics folder",
        "samples": "N, the samples that entered the sums",
        "asked": "how many samples were asked for at most",
        "length": "tokens of the longest sample",
        "tokens": "tokens of all samples together",
        "rule": "how the samples were cut: windows, paragraphs, jsonl or tokens",
        "seed": "seed of the choice of samples",
        "left_out": "what the rule dropped, counted by kind",
        "keep": "the gradient sums in the folder",
        "halves": "whether the sums of even and odd samples are there too",
        "loss": "mean over samples of the dense model's loss, nats a token",
        "plan": "whole network at once, or streamed block by block",
        "why": "why that plan: fits, memory, disk, only_whole, asked, begun (by the folder), finished (nothing to do)",
        "estimate": "of it, made before: seconds, memory and its parts, disk when done and disk_peak, in bytes",
        "actual": "seconds, most memory held beyond what was held before loading, disk when done; null: not measured",
        "seconds": "time this run spent on the samples (0 where the folder was finished before)",
        "processes": "how many shared the samples (torchrun); the memory of estimate and actual is one's",
    },
    "prune": _MODEL_KEYS | _TEXT_KEYS | {
        "method": "how weights were scored",
        "norm": "gradient norm over samples",
        "alpha": "α as it was asked for",
        "alpha_value": "α as a number",
        "gradient_share": "mean over prunable weights of α·g/(x + α·g), dense statistics",
        "pattern": "group and sparsity, or n:m, which removes n of every m",
        "order": "sequential or dense",
        "seed": "seed of the method random",
        "sparsity": "share of the prunable weights that was removed",
        "removed": "how many weights were removed",
        "prunable": "how many weights could have been removed",
        "agreement_wanda": "share of prunable weights on which this mask and Wanda's, same pattern and order, agree",
        "agreement_gradient": "the same beside the mask of |W|·g",
        "agreement_preview": "the same beside this method's own mask in the dense order, which the app previews",
        "fallbacks": "what saw no token or no gradient and was scored by a simpler rule: matrix, expert, reason, rule",
        "equal_rows": "matrices with rows whose scores are all equal, and how many such rows",
        "matrices": "share removed of each matrix, by parameter name",
        "samples": "N of the statistics",
        "length": "tokens of the longest sample of the statistics",
        "by_block": "whether the model was read block by block from its folder, because it would not fit whole",
        "masks": "the mask file that was written",
        "out": "the folder of the pruned model, loaded again and found equal",
    },
    "evaluate": _MODEL_KEYS | _TEXT_KEYS | {
        "perplexity": "exp of the mean over windows of the mean loss; null where it overflows",
        "loss": "that mean loss, nats a token",
        "windows": "how many windows",
        "length": "tokens in a window",
    },
    "chat": _MODEL_KEYS | {
        "prompt": "what was asked",
        "answer": "the answer's text",
        "tokens": "the answer's token ids",
        "ended": "end (by the model) or length (at --max-tokens)",
        "chat_template": "whether the model has one; without it the prompt is continued as plain text",
        "seed": "seed of the answer",
        "max_tokens": "longest answer in tokens",
        "temperature": "0 takes the likeliest token each time",
        "top_p": "the probability that the tokens sampled from reach together",
    },
    "compare": _MODEL_KEYS | {
        "text": "the calibration text's file name",
        "text_sha256": "SHA-256 of that text",
        "on": "the text that was measured on",
        "on_sha256": "SHA-256 of that text",
        "pattern": "group and sparsity, or n:m, which removes n of every m",
        "order": "sequential or dense",
        "against": "the method the others are set against",
        "seeds": "the seed of each draw of the calibration text",
        "samples": "windows in each draw",
        "pool": "windows of the calibration text, of which a draw takes some",
        "length": "tokens in a window of either text, at most",
        "windows": "evaluation windows",
        "block": "neighbouring evaluation windows counted as one",
        "perplexity": "by method and dense: exp of the mean loss over draws and windows",
        "differences": "by method, its mean loss minus that of `against`, nats a token: mean; low, high of the 95 % "
                       "interval over draws and windows; degrees of freedom; verdict: more, less (loss), none, "
                       "one_draw (shown over windows alone), too_few; by_draw: seed, mean, and low, high over windows",
        "estimate": "made before: seconds, and memory in bytes",
        "seconds": "time the draws and the measuring took",
    },
}
"""What --json prints, key by key: the help texts and the README's table are made of this."""


@dataclass(frozen=True)
class Result:
    """`values` for --json, keyed as JSON_KEYS says; `lines` for a person."""

    values: dict[str, Any]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Terminal:
    """Where a command speaks: results to `out`, progress and errors to `err`."""

    out: TextIO
    err: TextIO
    json: bool

    def follow(self, job: Job[T], also: Callable[[Step], None] | None = None) -> T:
        """Run a job behind a progress bar; `also` sees every step and may raise to end the job there."""
        shown = not self.json or self.err.isatty()
        with closing(job), _progress(self.err, shown) as draw:
            def watch(step: Step) -> None:
                draw(step)
                if also is not None:
                    also(step)
            return run(job, watch)


@contextmanager
def _progress(stream: TextIO, shown: bool) -> Iterator[Callable[[Step], None]]:
    """A bar with the time left, a new one for each unit of work; nothing of it stays on the screen."""
    bars: dict[str, Any] = {}

    def draw(step: Step) -> None:
        if step.what not in bars:
            for finished in bars.values():
                finished.close()
            bars[step.what] = tqdm(
                total=step.total, initial=step.done, desc=_WORDS(f"units.{step.what}"), file=stream, leave=False,
                disable=not shown, delay=SHORT_WORK, mininterval=0.2 if stream.isatty() else 10, unit="",
                unit_scale=step.what == "byte",
                bar_format="{desc} {percentage:3.0f}% |{bar:30}| {n_fmt}/{total_fmt}, {remaining} left")
        bar = bars[step.what]
        bar.total = step.total
        bar.update(step.done - bar.n)

    try:
        yield draw
    finally:
        for bar in bars.values():
            bar.close()


@contextmanager
def _patient_interrupt(terminal: Terminal, ranks: Ranks) -> Iterator[Callable[[Step], None]]:
    """The first Ctrl-C or SIGTERM ends the job at its next step, where every sample is whole; the second at once.

    One of several processes ends at once: their next steps are not the same, and the last checkpoint is there.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ours = [number for number, handler in before.items()
            if callable(handler) or (number == signal.SIGTERM and handler == signal.SIG_DFL)]
    asked = threading.Event()

    def on_interrupt(number: int, frame: object) -> None:
        asked.set()
        restore()
        with suppress(RuntimeError):  # the signal may arrive in the middle of the bar's own writing
            print(_say("finishing"), file=terminal.err)

    def restore() -> None:
        for one in ours:
            signal.signal(one, before[one])

    def watch(step: Step) -> None:
        if asked.is_set():
            raise KeyboardInterrupt

    if ranks.count > 1 or threading.current_thread() is not threading.main_thread():
        yield watch
        return
    for number in ours:
        signal.signal(number, on_interrupt)
    try:
        yield watch
    finally:
        restore()


class InterruptionError(Exception):
    """Ctrl-C, with the line that says what remains."""


class UsageError(Exception):
    """A command line that makes no sense, as one line."""


class Parser(argparse.ArgumentParser):
    """argparse, but a wrong flag is one line and an exception instead of a page and an exit."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(_WORDS("cli.refuse.usage", program=self.prog, message=message))


def _say(key: str, **fields: Any) -> str:
    return _WORDS(f"cli.say.{key}", **fields)


def _encodable(text: str) -> str:
    """What a terminal in another encoding handed over, without bytes that are no character."""
    return text.encode("utf-8", "replace").decode("utf-8")


def read_text(path: Path, most: int | None = 4 * calibration.LARGEST_TEXT) -> str:
    """A person's text file. Raises TextError: not there, not readable, too large, not text, empty."""
    return calibration.checked_text(calibration.read_given(path, most), _encodable(path.name))


def _model(args: argparse.Namespace, terminal: Terminal) -> Model:
    return _loaded(args, terminal, _opened(args, terminal), False)


def _opened(args: argparse.Namespace, terminal: Terminal) -> Opened:
    """The model without its weights; what is odd about it is said, but is no error."""
    known = terminal.follow(opened(args.model))
    beside = vocabulary(known.tokenizer)
    if beside is not None and beside.beyond:
        print(beyond_told(_WORDS, beside), file=terminal.err)
    return known


def _loaded(args: argparse.Namespace, terminal: Terminal, known: Opened, by_block: bool) -> Model:
    """The model; what of its files is no part of it is said on `err`."""
    model = terminal.follow(load(args.model, args.dtype, args.device, known, by_block))
    if model.unused:
        print(_say("unused", model=model.name, count=len(model.unused), name=shortened(model.unused[0])),
              file=terminal.err)
    return model


def _model_values(model: Model) -> dict[str, Any]:
    return {"model": model.name, "model_key": model.key, "dtype": model.dtype, "device": model.device.type}


# collect

def collect(args: argparse.Namespace, terminal: Terminal) -> Result:
    """A statistics folder from a text. Started by torchrun, several processes share the samples."""
    with Ranks.of_environment().joined(pick_device(args.device)) as ranks:
        return _collect(args, terminal, ranks)


def _collect(args: argparse.Namespace, terminal: Terminal, ranks: Ranks) -> Result:
    text = ""  # read before the model: a typo shows at once
    if args.tokens is None:
        text = read_text(args.text) if args.text else read_text(args.jsonl, None)  # whose documents are cut one by one
    refuse_unwritable(args.out)
    statistics.refuse_taken(args.out)
    known = _opened(args, terminal)
    device, shape = pick_device(args.device), estimate.shape_of_config(known.config, args.dtype)
    samples = _samples(args, known, shape.vocabulary, text)
    choice = _choice(args, shape, samples, device, ranks)
    if samples.count < args.samples and not terminal.json:
        print(_say("fewer", asked=args.samples, given=samples.count), file=terminal.out, flush=True)
    if choice is not None and not terminal.json:
        print(plan_told.before(_WORDS, choice), file=terminal.out, flush=True)
        if ranks.count > 1:
            print(_say("processes", count=ranks.count), file=terminal.out, flush=True)
    peak = Peak.begin(device)
    plan = choice.chosen.plan if choice else "whole"
    model = _loaded(args, terminal, known, plan == "streamed")
    started = time.monotonic()
    with _patient_interrupt(terminal, ranks) as watch:
        try:
            found = terminal.follow(collect_sums(model, samples, keep=args.keep, halves=args.halves, folder=args.out,
                                                 plan=plan, inputs_in_memory=choice.chosen.inputs_in_memory
                                                 if choice else None, ranks=ranks), watch)
        except KeyboardInterrupt:
            raise InterruptionError(_checkpointed(args.out, model, samples)) from None
    if not ranks.first:
        return Result({}, ())
    actual = Actual(time.monotonic() - started, peak.extra(), folder_bytes(args.out))
    used = found.calibration
    values = _model_values(model) | {
        "text": used.text_name, "text_sha256": used.text_sha256, "statistics": args.out, "samples": found.count,
        "asked": args.samples, "length": used.length, "tokens": used.token_count, "rule": used.rule, "seed": used.seed,
        "left_out": dict(used.left_out), "keep": found.keep, "halves": bool(found.halves),
        "plan": found.plan, "why": choice.why if choice else "finished", "estimate": _estimate_values(choice),
        "actual": asdict(actual), "loss": float(found.losses.mean()), "seconds": found.seconds,
        "processes": ranks.count}
    lines = [_say("collected", model=model.name, samples=found.count, length=used.length, tokens=used.token_count,
                  text=used.text_name, folder=args.out, loss=values["loss"], sha256=used.text_sha256)]
    if used.left_out:
        lines.append(_say("left_out", what=", ".join(f"{name} {count}" for name, count in used.left_out)))
    if choice is not None:
        lines.append(plan_told.beside(_WORDS, choice.chosen, actual))
    return Result(values, tuple(lines))


def _choice(args: argparse.Namespace, shape: ModelShape, samples: CalibrationSet, device: str,
            ranks: Ranks) -> Choice | None:
    """The plan by what it is estimated to take; None where the folder is finished and nothing is left to choose.

    Each process looks at the machine for itself; what the first one then chooses holds for all.
    """
    found = statistics.read_manifest(args.out)
    if found is not None and found["samples_complete"] == found["samples"]:
        return None
    work = estimate.work_of(samples, args.keep or statistics.keep_for(shape.prunable), args.halves, True, ranks.count)
    pace = estimate.measure_pace(shape, work, device, args.out)
    room = estimate.room_of(device, args.out, args.memory, ranks.neighbours)
    plans, plan = tuple(PLANS), args.plan
    if not ranks.first:
        plan = plans[ranks.of_first(0)]
    choice = estimate.plan_for(shape, work, pace, room, weights="by_block", folder=args.out, plan=plan)
    if ranks.first:
        ranks.of_first(plans.index(choice.chosen.plan))
    return choice


def _estimate_values(choice: Choice | None) -> dict[str, Any] | None:
    """The chosen plan's estimate for --json."""
    return None if choice is None else asdict(choice.chosen) | {"parts": dict(choice.chosen.parts)}


def _checkpointed(folder: Path, model: Model, samples: CalibrationSet) -> str:
    """What an interrupted collection leaves to go on from."""
    done, left, blocks = checkpoint_samples(folder), checkpoint_blocks(folder), len(model.layout.blocks)
    if left is not None:
        return _say("checkpoint_blocks", done=blocks - left, total=blocks, folder=folder)
    return _say("checkpoint", done=done, total=samples.count, folder=folder) if done else _say("interrupted")


def _samples(args: argparse.Namespace, known: Opened, vocabulary: int, text: str) -> CalibrationSet:
    longest = longest_input(known.config)
    if args.tokens is not None:
        return calibration.from_tokens(args.tokens, vocabulary=vocabulary, samples=args.samples, longest=longest)
    common = {"name": _encodable((args.text or args.jsonl).name), "samples": args.samples, "length": args.length,
              "seed": args.seed, "longest": longest}
    if args.jsonl is not None:
        return calibration.from_jsonl(known.tokenizer, text, **common)
    return calibration.from_text(known.tokenizer, text, rule=args.cut or "windows", **common)


# prune

def prune_model(args: argparse.Namespace, terminal: Terminal) -> Result:
    """Masks, and where asked for a mask file and a pruned model's folder."""
    settings = _settings(args)
    if settings.needs and args.statistics is None:
        raise SettingError("needs_statistics", method=settings.method)
    manifest = statistics.read_manifest(args.statistics) if settings.needs else None
    # what is known before the model is read; its key comes with it
    _refuse_taken(args, export.identity(settings, None, manifest["tokens_sha256"] if manifest else None))
    for place in (args.out, args.masks):
        if place is not None:
            refuse_unwritable(place.absolute().parent)
    known = _opened(args, terminal)
    way = _reading(args, known, settings)
    if way.by_block and not terminal.json:
        print(_say("by_block", whole=amount(_WORDS, way.whole), room=amount(_WORDS, max(0, way.room or 0)),
                   memory=amount(_WORDS, way.memory)), file=terminal.out, flush=True)
    model = _loaded(args, terminal, known, way.by_block)
    found = statistics.load(args.statistics, model) if args.statistics is not None else None
    used = found.calibration.key if found is not None and settings.needs else ""
    _refuse_taken(args, export.identity(settings, model.key, used))
    place = next((place.absolute().parent for place in (args.out, args.masks) if place is not None), None)
    mask = partial(prune.masks, model, found, inputs_in_memory=way.inputs_in_memory, folder=place)
    applied = terminal.follow(mask(settings))
    beside = _comparisons(mask, found, settings, applied, terminal)
    share = None
    if found is not None and applied.alpha is not None:
        share = alphas.gradient_share(found, settings.norm, applied.alpha)
    if args.masks is not None:
        save_masks(applied, args.masks)
    if args.out is not None:
        terminal.follow(export.save(prune.pruned(model, applied), applied, args.out, statistics=found,
                                    force=args.force))
    values = _model_values(model) | _mask_values(applied, share) | {
        f"agreement_{name}": value for name, value in beside.items()} | _statistics_values(found, settings) | {
        "by_block": model.weights is not None, "masks": args.masks, "out": args.out}
    return Result(values, tuple(_mask_lines(values)))


def _refuse_taken(args: argparse.Namespace, run: dict[str, Any]) -> None:
    """Raises ModelError, before the work, where the model or the masks of another run would be written over."""
    if args.out is not None:
        export.refuse_taken(args.out, run, args.force)
    if args.masks is not None:
        export.refuse_taken_file(args.masks, run, args.force)


def _reading(args: argparse.Namespace, known: Opened, settings: Settings) -> Reading:
    """Whether the model is loaded whole or read block by block."""
    manifest = statistics.read_manifest(args.statistics) if args.statistics is not None else None
    samples, longest = (manifest["samples_complete"], manifest["length"]) if manifest is not None else (0, 0)
    return reading.choose(estimate.shape_of_config(known.config, args.dtype), settings,
                          estimate.room_of(pick_device(args.device), limit=args.memory), tokens=samples * longest,
                          longest=longest, exported=args.out is not None)


def _settings(args: argparse.Namespace) -> Settings:
    share = parse_pattern(args.pattern).sparsity if args.pattern else checked_sparsity(args.sparsity)
    return Settings(args.method, args.norm, parse_alpha(args.alpha), args.group, share, args.pattern or "", args.order,
                    args.seed).with_knobs(**_own(args, args.method)).check()


def _comparisons(mask: Callable[[Settings], Job[Masks]], found: Statistics | None, settings: Settings, applied: Masks,
                 terminal: Terminal) -> dict[str, float | None]:
    """Agreement with Wanda's mask in the same order, the gradient-only mask, and the method's own dense-order mask."""
    wanda, gradient = report.comparison_settings(settings)
    if wanda is not None:
        wanda = replace(wanda, order=settings.order)
    if found is None:
        wanda = gradient = None
    elif gradient is not None and NORMS[gradient.norm] not in found.keep:
        gradient = None
    others = {"wanda": wanda, "gradient": gradient, "preview": preview_settings(settings)}
    same = {"wanda": settings.method == "wanda", "gradient": settings.method == "gradient",
            "preview": not _orders_differ(settings.method, settings.order)}
    return {name: None if other is None else 1.0 if same[name]
            else report.model_agreement(applied, terminal.follow(mask(other)))
            for name, other in others.items()}


def _orders_differ(method: str, order: str) -> bool:
    """Whether the order matters at all: it only moves the inputs (fidelity.md, Two orders)."""
    return order != "dense" and "inputs" in METHODS[method].needs


def _mask_values(applied: Masks, share: float | None) -> dict[str, Any]:
    settings = applied.settings
    method = METHODS[settings.method]
    return {
        "method": settings.method, "norm": settings.norm if norm_of(method()) else None,
        "alpha": None if applied.alpha is None else str(settings.alpha), "alpha_value": applied.alpha,
        "gradient_share": share, "pattern": label(settings.make_pattern()), "order": settings.order,
        "seed": settings.seed, "sparsity": applied.sparsity, "removed": applied.removed, "prunable": applied.prunable,
        "fallbacks": [asdict(one) for one in applied.fallbacks], "equal_rows": applied.equal_rows,
        "matrices": applied.shares} | _own_values(settings)


def _own_values(settings: Settings) -> dict[str, Any]:
    return {name: settings.knob(name) for name in settings.knobs if name not in SHARED}


def _statistics_values(found: Statistics | None, settings: Settings) -> dict[str, Any]:
    """The text that shaped the mask; null for a method that looks at none."""
    if found is None or not settings.needs:
        return dict.fromkeys(("text", "text_sha256", "samples", "length"))
    used = found.calibration
    return {"text": used.text_name, "text_sha256": used.text_sha256, "samples": used.count, "length": used.length}


def _mask_lines(values: dict[str, Any]) -> Iterator[str]:
    yield _say("sparsity", **{name: values[name] for name in ("model", "removed", "prunable", "sparsity")})
    yield _say("settings", **{name: values[name] for name in ("method", "pattern", "order")})
    if values["norm"] is not None:
        yield _say("norm", norm=values["norm"])
    if values["alpha_value"] is not None:
        yield _say("alpha", value=values["alpha_value"], asked=values["alpha"], share=values["gradient_share"])
    for name in knobs_of(values["method"]):
        if name not in SHARED:
            yield _say("knob", name=name, value=values[name])
    names = {"wanda": f"wanda, {values['order']} order", "gradient": "gradient",
             "preview": f"{values['method']}, dense order"}
    for name, shown in names.items():
        same = name == values["method"] or (name == "preview" and not _orders_differ(values["method"], values["order"]))
        if values[f"agreement_{name}"] is not None and not same:
            yield _say("agreement", method=shown, value=values[f"agreement_{name}"])
    if values["text"] is not None:
        yield _say("calibration", samples=values["samples"], length=values["length"], text=values["text"],
                   sha256=values["text_sha256"])
    if values["fallbacks"]:
        yield _say("fallbacks", count=len(values["fallbacks"]))
        for one in values["fallbacks"]:
            yield _say("fallback" if one["expert"] is None else "fallback_expert", **one)
    if values["equal_rows"]:
        yield _say("equal_rows", rows=sum(values["equal_rows"].values()), matrices=len(values["equal_rows"]))
    if values["masks"] is not None:
        yield _say("masks", file=values["masks"])
    if values["out"] is not None:
        yield _say("out", folder=values["out"])


# evaluate, chat

def evaluate_model(args: argparse.Namespace, terminal: Terminal) -> Result:
    """Perplexity with its protocol."""
    text = read_text(args.text)
    model = _model(args, terminal)
    found = terminal.follow(evaluate.perplexity(
        model, evaluate.text_windows(model, text, _encodable(args.text.name), args.length)))
    values = _model_values(model) | {
        "perplexity": found.value, "loss": math.fsum(found.losses) / found.windows, "windows": found.windows,
        "length": found.length, "text": found.text_name, "text_sha256": found.text_sha256}
    protocol = _say("protocol", windows=found.windows, length=found.length, dtype=found.dtype,
                    device=model.device.type, text=found.text_name, sha256=found.text_sha256)
    return Result(values, (_say("perplexity", model=model.name, value=found.value), protocol))


def chat(args: argparse.Namespace, terminal: Terminal) -> Result:
    """One answer; streamed unless it goes into JSON."""
    prompt = _encodable(args.prompt)
    if not prompt.strip():
        raise TextError("empty_prompt")
    sampling = Sampling(args.seed, args.temperature, args.top_p, args.max_tokens)
    model = _model(args, terminal)
    messages = [{"role": "user", "content": prompt}]
    asked = generate.fitted(model, messages, sampling)
    if asked.how != "given":
        print(template_told(_WORDS, asked), file=terminal.err)
    if not terminal.json:
        for token in generate.stream(model, messages, sampling):
            print(token.text, end="", file=terminal.out, flush=True)
        return Result({}, ("",))
    found = generate.answer(model, messages, sampling)
    return Result(_model_values(model) | {
        "prompt": prompt, "answer": found.text, "tokens": [token.token for token in found.tokens],
        "ended": found.ended, "chat_template": model.has_chat_template, "seed": sampling.seed,
        "max_tokens": sampling.most, "temperature": sampling.temperature, "top_p": sampling.top_p}, ())


# compare

def compare(args: argparse.Namespace, terminal: Terminal) -> Result:
    """Methods against each other over draws of the calibration text and over evaluation windows."""
    texts = read_text(args.text), read_text(args.on)
    settings = _rivals(args)
    known = _opened(args, terminal)
    device, shape = pick_device(args.device), estimate.shape_of_config(known.config, args.dtype)
    count = args.seeds or (draws.USUAL if args.model == "pocket" else 1)
    pool = calibration.from_text(known.tokenizer, texts[0], name=_encodable(args.text.name), rule=args.cut or "windows",
                                 samples=calibration.LARGEST_TEXT, length=args.length,
                                 longest=longest_input(known.config))
    drawn = draws.draws_of(pool, args.samples, count, args.seed)
    model = _loaded(args, terminal, known, False)
    held = evaluate.text_windows(model, texts[1], _encodable(args.on.name), min(pool.length, model.default_length))
    work = estimate.work_of(drawn.sample(0), draws.keep_of(list(settings.values())), False, False)
    guess = draws_estimate(shape, drawn, list(settings.values()), held, estimate.measure_pace(shape, work, device),
                           estimate.room_of(device, limit=args.memory))
    if not terminal.json:
        print(verdict_told.cost(_WORDS, drawn, guess, held.count), file=terminal.out, flush=True)
    started = time.monotonic()
    losses = _drawn(model, drawn, settings, held, guess, terminal)
    values = _model_values(model) | {
        "text": pool.text_name, "text_sha256": pool.text_sha256, "on": held.text_name, "on_sha256": held.text_sha256,
        "pattern": label(next(iter(settings.values())).make_pattern()), "order": args.order,
        "against": next(iter(settings)), "seeds": drawn.seeds, "samples": drawn.samples, "pool": pool.count,
        "length": held.length, "windows": held.count, "estimate": {"seconds": guess.seconds, "memory": guess.memory},
        "seconds": time.monotonic() - started,
        "perplexity": {name: evaluate.perplexity_of(tuple(loss for draw in own for loss in draw), held,
                                                    model.dtype).value for name, own in losses.items()}}
    against, *others = settings
    found = {name: crossed(losses[against], losses[name], draws.turns(settings[against], settings[name]))
             for name in others}
    values |= {"block": next((one.block for one in found.values()), BLOCK),
               "differences": {name: _difference_values(one, drawn) for name, one in found.items()}}
    return Result(values, tuple(_compared_lines(values, found, drawn)))


def _rivals(args: argparse.Namespace) -> dict[str, Settings]:
    """Each method with the flags that all share; the first is the one the others are set against."""
    share = parse_pattern(args.pattern).sparsity if args.pattern else checked_sparsity(args.sparsity)
    return {name: Settings(name, norm_for(name, args.norm), parse_alpha(args.alpha), args.group, share,
                           args.pattern or "", args.order).with_knobs(**_own(args, name)).check()
            for name in args.methods}


def _drawn(model: Model, drawn: Draws, settings: dict[str, Settings], held: CalibrationSet, guess: DrawsEstimate,
           terminal: Terminal) -> dict[str, Losses]:
    """The dense model's losses, and each method's at every draw."""
    statistics: tuple[Statistics, ...] | tuple[None, ...] = (None,) * drawn.count
    if guess.choice is not None:
        chosen = guess.choice.chosen
        statistics = terminal.follow(draws.collect_draws(model, drawn, draws.keep_of(list(settings.values())),
                                                         chosen.plan, chosen.inputs_in_memory))
    dense = terminal.follow(evaluate.perplexity(model, held)).losses
    return {"dense": (dense,) * drawn.count} | {
        name: terminal.follow(draws.drawn_losses(model, statistics, one, held)) for name, one in settings.items()}


def _difference_values(found: Crossed, drawn: Draws) -> dict[str, Any]:
    by_draw = [{"seed": seed, "mean": one.mean, "low": one.interval.low, "high": one.interval.high}
               for seed, one in zip(drawn.seeds, found.by_draw, strict=True)]
    return {"mean": found.mean, "low": found.interval.low, "high": found.interval.high, "degrees": found.degrees,
            "verdict": found.verdict, "by_draw": by_draw}


def _compared_lines(values: dict[str, Any], found: dict[str, Crossed], drawn: Draws) -> Iterator[str]:
    yield _say("compared", **{name: values[name] for name in ("model", "pattern", "order", "on", "windows", "length")})
    for name, perplexity in values["perplexity"].items():
        yield _say("compared_perplexity", method=name, value=perplexity)
    for name, one in found.items():
        yield _say("compared_difference", method=name, against=values["against"],
                   interval=verdict_told.interval(_WORDS, one.mean, one.interval.low, one.interval.high),
                   verdict=verdict_told.verdict(_WORDS, one, values["against"]))
        for seed, alone in zip(drawn.seeds, one.by_draw if drawn.count > 1 else (), strict=drawn.count > 1):
            yield _say("compared_draw", seed=seed, interval=verdict_told.interval(
                _WORDS, alone.mean, alone.interval.low, alone.interval.high))
    yield verdict_told.scope(_WORDS, drawn if drawn.count > 1 else None, values["windows"], values["block"])


# The flags.

def _whole(low: int, high: int | None = None) -> Callable[[str], int]:
    """A whole number from `low` (to `high`)."""
    span = f"≥ {low}" if high is None else f"{low} … {high}"

    def read(given: str) -> int:
        with suppress(ValueError):
            value = int(given)
            if low <= value and (high is None or value <= high):
                return value
        raise argparse.ArgumentTypeError(_WORDS("cli.refuse.whole", given=given, range=span))
    return read


def _between(holds: Callable[[float], bool], span: str) -> Callable[[str], float]:
    def read(given: str) -> float:
        with suppress(ValueError):
            value = float(given)
            if math.isfinite(value) and holds(value):
                return value
        raise argparse.ArgumentTypeError(_WORDS("cli.refuse.between", given=given, range=span))
    return read


def _keep(given: str) -> tuple[str, ...]:
    asked = {part.strip() for part in given.split(",")}
    if not asked <= set(KEPT):
        raise argparse.ArgumentTypeError(_WORDS("cli.refuse.keep", given=given))
    return tuple(kept for kept in KEPT if kept in asked)


_seed = _whole(0, calibration.LARGEST_SEED)


def _collect_flags(parser: argparse.ArgumentParser) -> None:
    text = parser.add_mutually_exclusive_group(required=True)
    text.add_argument("--text", type=Path, metavar="FILE", help=_help("text"))
    text.add_argument("--jsonl", type=Path, metavar="FILE", help=_help("jsonl"))
    text.add_argument("--tokens", type=Path, metavar="FILE", help=_help("tokens"))
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help=_help("out_statistics"))
    parser.add_argument("--samples", type=_whole(1), default=calibration.DEFAULT_SAMPLES, metavar="N",
                        help=_help("samples", default=calibration.DEFAULT_SAMPLES))
    parser.add_argument("--length", type=_whole(2), metavar="L", help=_help("length", longest=LONGEST))
    parser.add_argument("--cut", choices=("windows", "paragraphs"), help=_help("cut"))
    parser.add_argument("--seed", type=_seed, default=0, metavar="S", help=_help("seed_samples"))
    parser.add_argument("--keep", type=_keep, metavar="l1,sq,sum", help=_help("keep"))
    parser.add_argument("--halves", action="store_true", help=_help("halves"))
    parser.add_argument("--plan", choices=("auto", *PLANS), default="auto", help=_help("plan"))
    parser.add_argument("--memory", type=parse_bytes, metavar="6GB", help=_help("memory"))


def _prune_flags(parser: argparse.ArgumentParser) -> None:
    plain = Settings()
    formulas = "; ".join(f"{name}: {method.formula}" for name, method in METHODS.items())
    parser.add_argument("--statistics", type=Path, metavar="DIR", help=_help("statistics"))
    parser.add_argument("--method", choices=tuple(METHODS), required=True, help=_help("method", formulas=formulas))
    parser.add_argument("--norm", choices=GRADIENT_NORMS, default=plain.norm, help=_help("norm"))
    parser.add_argument("--alpha", default=str(plain.alpha), help=_help("alpha", default=f"{PAPER_ALPHA:g}"))
    share = parser.add_mutually_exclusive_group(required=True)
    share.add_argument("--sparsity", metavar="S", help=_help("sparsity"))
    share.add_argument("--pattern", metavar="N:M", help=_help("pattern"))
    parser.add_argument("--order", choices=ORDERS, default=plain.order, help=_help("order"))
    parser.add_argument("--group", choices=GROUPS, default=plain.group, help=_help("group"))
    parser.add_argument("--seed", type=_seed, default=plain.seed, metavar="S", help=_help("seed_random"))
    _knob_flags(parser)
    parser.add_argument("--out", type=Path, metavar="MODEL_DIR", help=_help("out_model"))
    parser.add_argument("--masks", type=Path, metavar="FILE", help=_help("masks"))
    parser.add_argument("--force", action="store_true", help=_help("force"))
    parser.add_argument("--memory", type=parse_bytes, metavar="6GB", help=_help("memory"))


def _evaluate_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--text", type=Path, required=True, metavar="FILE", help=_help("evaluate_text"))
    parser.add_argument("--length", type=_whole(2), metavar="L", help=_help("window", longest=LONGEST))


def _chat_flags(parser: argparse.ArgumentParser) -> None:
    plain = Sampling()
    parser.add_argument("--prompt", required=True, metavar="TEXT", help=_help("prompt"))
    parser.add_argument("--seed", type=_seed, default=plain.seed, metavar="S", help=_help("seed_answer"))
    parser.add_argument("--max-tokens", type=_whole(1), default=plain.most, metavar="K",
                        help=_help("max_tokens", default=plain.most))
    parser.add_argument("--temperature", type=_between(lambda value: value >= 0, "≥ 0"), default=plain.temperature,
                        metavar="T", help=_help("temperature", default=plain.temperature))
    parser.add_argument("--top-p", type=_between(lambda value: 0 < value <= 1, "0 < P ≤ 1"), default=plain.top_p,
                        metavar="P", help=_help("top_p", default=plain.top_p))


def _compare_flags(parser: argparse.ArgumentParser) -> None:
    plain = Settings()
    share = parser.add_mutually_exclusive_group(required=True)
    parser.add_argument("--text", type=Path, required=True, metavar="FILE", help=_help("text"))
    parser.add_argument("--on", type=Path, required=True, metavar="FILE", help=_help("on"))
    parser.add_argument("--methods", type=_methods, default=("wanda", "gblm"), metavar="wanda,gblm",
                        help=_help("methods"))
    parser.add_argument("--seeds", type=_whole(1, draws.MOST), metavar="K", help=_help("seeds", usual=draws.USUAL))
    parser.add_argument("--seed", type=_seed, default=0, metavar="S", help=_help("seed_draws"))
    parser.add_argument("--samples", type=_whole(1), default=calibration.DEFAULT_SAMPLES, metavar="N",
                        help=_help("samples_draw", default=calibration.DEFAULT_SAMPLES))
    parser.add_argument("--length", type=_whole(2), metavar="L", help=_help("length", longest=LONGEST))
    parser.add_argument("--cut", choices=("windows", "paragraphs"), help=_help("cut"))
    parser.add_argument("--norm", choices=GRADIENT_NORMS, default=plain.norm, help=_help("norm"))
    parser.add_argument("--alpha", default=str(plain.alpha), help=_help("alpha", default=f"{PAPER_ALPHA:g}"))
    share.add_argument("--sparsity", metavar="S", help=_help("sparsity"))
    share.add_argument("--pattern", metavar="N:M", help=_help("pattern"))
    parser.add_argument("--order", choices=ORDERS, default="dense", help=_help("order_compare"))
    parser.add_argument("--group", choices=GROUPS, default=plain.group, help=_help("group"))
    _knob_flags(parser)
    parser.add_argument("--memory", type=parse_bytes, metavar="6GB", help=_help("memory"))


def _knob_flags(parser: argparse.ArgumentParser) -> None:
    """A flag for each knob that only some methods have."""
    for name, knob in own_knobs().items():
        methods = ", ".join(method for method in METHODS if name in knobs_of(method))
        parser.add_argument("--" + name.replace("_", "-"), type=_knob(knob), default=knob.default, metavar="VALUE",
                            help=_help("knob", methods=methods, wanted=knob.wanted, default=knob.default))


def _knob(knob: Knob) -> Callable[[str], Any]:
    def read(given: str) -> Any:
        with suppress(ValueError):
            if knob.takes(value := knob.read(given)):
                return value
        raise argparse.ArgumentTypeError(_WORDS("cli.refuse.knob", given=given, wanted=knob.wanted))

    return read


def _own(args: argparse.Namespace, method: str) -> dict[str, Any]:
    """The values of the flags that this method alone, or with few others, has."""
    return {name: getattr(args, name) for name in own_knobs() if name in knobs_of(method)}


def _methods(given: str) -> tuple[str, ...]:
    asked = tuple(dict.fromkeys(part.strip() for part in given.split(",")))
    if len(asked) < 2 or not set(asked) <= set(METHODS):
        raise argparse.ArgumentTypeError(_WORDS("cli.refuse.methods", given=given, known=", ".join(METHODS)))
    return asked


def _help(key: str, **fields: Any) -> str:
    return _WORDS(f"cli.help.{key}", **fields)


@dataclass(frozen=True)
class Command:
    """One command: its flags beyond those that all share, and what it does."""

    flags: Callable[[argparse.ArgumentParser], None]
    act: Callable[[argparse.Namespace, Terminal], Result]


COMMANDS = {
    "collect": Command(_collect_flags, collect),
    "prune": Command(_prune_flags, prune_model),
    "evaluate": Command(_evaluate_flags, evaluate_model),
    "chat": Command(_chat_flags, chat),
    "compare": Command(_compare_flags, compare),
}


def make_parser() -> argparse.ArgumentParser:
    """The whole command line; each command's help ends with the keys of its JSON."""
    parser = Parser(prog=PROGRAM, description=_help("program"), allow_abbrev=False)
    chosen = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for name, command in COMMANDS.items():
        width = max(len(key) for key in JSON_KEYS[name])
        keys = "\n".join(f"  {key:<{width}}  {meaning}" for key, meaning in JSON_KEYS[name].items())
        own = chosen.add_parser(name, help=_help(name), description=_help(name), allow_abbrev=False,
                                epilog=f"{_help('json_keys')}\n{keys}",
                                formatter_class=argparse.RawDescriptionHelpFormatter)
        own.add_argument("--model", required=True, metavar="SRC", help=_help("model"))
        command.flags(own)
        own.add_argument("--dtype", choices=tuple(DTYPES), default="float32", help=_help("dtype"))
        own.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help=_help("device"))
        own.add_argument("--json", action="store_true", help=_help("json"))
    return parser


def _parsed(argv: list[str] | None) -> argparse.Namespace:
    """The flags, with the pairs refused that would be silently ignored. Raises UsageError."""
    parser = make_parser()
    args = parser.parse_args(argv)
    if args.command is None:
        parser.error(_WORDS("cli.refuse.no_command", commands=", ".join(COMMANDS)))
    if args.command == "collect" and args.text is None and args.cut is not None:
        parser.error(_WORDS("cli.refuse.only_text", flag="--cut"))
    if args.command == "collect" and args.tokens is not None and args.length is not None:
        parser.error(_WORDS("cli.refuse.not_tokens", flag="--length"))
    if args.command != "collect" and Ranks.of_environment().count > 1:
        parser.error(_WORDS("cli.refuse.only_collect", command=args.command))
    return args


def _plain(value: Any) -> Any:
    """Values as JSON has them: paths as text, a number that is not finite as null."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _show(result: Result, terminal: Terminal) -> None:
    if terminal.json:
        print(json.dumps(_plain(result.values), allow_nan=False), file=terminal.out)
    for line in () if terminal.json else result.lines:
        print(line, file=terminal.out)
    terminal.out.flush()


def main(argv: list[str] | None = None) -> int:
    """Run one command and give its exit code. `--help` exits by itself, as argparse does."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without Greek letters still shows the rest
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        args = _parsed(argv)
        # of several processes all but the first are silent, unless something is wrong
        ours = (sys.stdout, sys.stderr) if Ranks.of_environment().first else (io.StringIO(), io.StringIO())
        terminal = Terminal(*ours, args.json)
        with redirect_stdout(sys.stderr):  # whatever a library prints stays out of the result
            result = COMMANDS[args.command].act(args, terminal)
        _show(result, terminal)
    except (UsageError, GblmError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return UNUSABLE
    except InterruptionError as interrupted:
        print(interrupted, file=sys.stderr)
        return INTERRUPTED
    except KeyboardInterrupt:
        print(_say("interrupted"), file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE


if __name__ == "__main__":
    insist_on_utf8()
    raise SystemExit(main())
