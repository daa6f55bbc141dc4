"""The command compare: compare methods over several draws of a text, with an interval."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gblm_viz import verdict_text
from gblm_viz.core.base.footprint import parse_bytes
from gblm_viz.core.mask.patterns import GROUPS, checked_sparsity, label, parse_pattern
from gblm_viz.core.mask.settings import ORDERS, Settings
from gblm_viz.core.measure import draws, evaluate
from gblm_viz.core.measure.crossed import BLOCK, Crossed, crossed
from gblm_viz.core.measure.draws import Draws, Losses
from gblm_viz.core.measure.draws_estimate import DrawsEstimate, draws_estimate
from gblm_viz.core.model.models import LONGEST, Model, longest_input, pick_device
from gblm_viz.core.score.alpha import parse_alpha
from gblm_viz.core.score.methods import (
    GRADIENT_NORMS,
    METHODS,
    PAPER_ALPHA,
    norm_for,
)
from gblm_viz.core.sums import estimate
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.text import calibration
from gblm_viz.core.text.calibration import CalibrationSet

from .flags import flag_help, knob_flags, own_values, seed_number, whole
from .models import MODEL_KEYS, encodable, load_model, model_values, open_model, read_text
from .terminal import WORDS, Result, Terminal, say

KEYS = MODEL_KEYS | {
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
}
"""Key → meaning of everything --json prints; shown in the help."""


def act(args: argparse.Namespace, terminal: Terminal) -> Result:
    """Compare methods over draws of the calibration text and over evaluation windows."""
    texts = read_text(args.text), read_text(args.on)
    settings = _rivals(args)
    known = open_model(args, terminal)
    device, shape = pick_device(args.device), estimate.shape_of_config(known.config, args.dtype)
    count = args.seeds or (draws.USUAL if args.model == "pocket" else 1)
    pool = calibration.from_text(known.tokenizer, texts[0], name=encodable(args.text.name), rule=args.cut or "windows",
                                 samples=calibration.LARGEST_TEXT, length=args.length,
                                 longest=longest_input(known.config))
    drawn = draws.draws_of(pool, args.samples, count, args.seed)
    model = load_model(args, terminal, known, False)
    held = evaluate.text_windows(model, texts[1], encodable(args.on.name), min(pool.length, model.default_length))
    work = estimate.work_of(drawn.sample(0), draws.keep_of(list(settings.values())), False, False)
    guess = draws_estimate(shape, drawn, list(settings.values()), held, estimate.measure_pace(shape, work, device),
                           estimate.room_of(device, limit=args.memory))
    if not terminal.json:
        print(verdict_text.cost(WORDS, drawn, guess, held.count), file=terminal.out, flush=True)
    started = time.monotonic()
    losses = _drawn(model, drawn, settings, held, guess, terminal)
    values = model_values(model) | {
        "text": pool.text_name, "text_sha256": pool.text_sha256, "on": held.text_name, "on_sha256": held.text_sha256,
        "pattern": label(next(iter(settings.values())).make_pattern()), "order": args.order,
        "against": next(iter(settings)), "seeds": drawn.seeds, "samples": drawn.samples, "pool": pool.count,
        "length": held.length, "windows": held.count, "estimate": {"seconds": guess.seconds, "memory": guess.memory},
        "seconds": time.monotonic() - started,
        "perplexity": {name: evaluate.perplexity_of(tuple(loss for draw in own for loss in draw), held,
                                                    model.dtype).value for name, own in losses.items()}}
    against, *others = settings
    found = {name: crossed(losses[against], losses[name], draws.depends_on_draw(settings[against], settings[name]))
             for name in others}
    values |= {"block": next((one.block for one in found.values()), BLOCK),
               "differences": {name: _difference_values(one, drawn) for name, one in found.items()}}
    return Result(values, tuple(_compared_lines(values, found, drawn)))


def _rivals(args: argparse.Namespace) -> dict[str, Settings]:
    """Return each method's settings from the shared flags; the others are compared with the first."""
    share = parse_pattern(args.pattern).sparsity if args.pattern else checked_sparsity(args.sparsity)
    return {name: Settings(name, norm_for(name, args.norm), parse_alpha(args.alpha), args.group, share,
                           args.pattern or "", args.order).with_knobs(**own_values(args, name)).check()
            for name in args.methods}


def _drawn(model: Model, drawn: Draws, settings: dict[str, Settings], held: CalibrationSet, guess: DrawsEstimate,
           terminal: Terminal) -> dict[str, Losses]:
    """Return the dense model's losses, and each method's for every draw."""
    statistics: tuple[Statistics, ...] | tuple[None, ...] = (None,) * drawn.count
    if guess.choice is not None:
        chosen = guess.choice.chosen
        statistics = terminal.follow(draws.collect_draws(model, drawn, draws.keep_of(list(settings.values())),
                                                         chosen.plan, chosen.inputs_in_memory))
    dense = terminal.follow(evaluate.perplexity(model, held)).losses
    return {"dense": (dense,) * drawn.count} | {
        name: terminal.follow(draws.drawn_losses(model, statistics, one, held)) for name, one in settings.items()}


def _difference_values(found: Crossed, drawn: Draws) -> dict[str, object]:
    by_draw = [{"seed": seed, "mean": one.mean, "low": one.interval.low, "high": one.interval.high}
               for seed, one in zip(drawn.seeds, found.by_draw, strict=True)]
    return {"mean": found.mean, "low": found.interval.low, "high": found.interval.high, "degrees": found.degrees,
            "verdict": found.verdict, "by_draw": by_draw}


def _compared_lines(values: dict[str, Any], found: dict[str, Crossed], drawn: Draws) -> Iterator[str]:
    yield say("compared", **{name: values[name] for name in ("model", "pattern", "order", "on", "windows", "length")})
    for name, perplexity in values["perplexity"].items():
        yield say("compared_perplexity", method=name, value=perplexity)
    for name, one in found.items():
        yield say("compared_difference", method=name, against=values["against"],
                   interval=verdict_text.interval(WORDS, one.mean, one.interval.low, one.interval.high),
                   verdict=verdict_text.verdict(WORDS, one, values["against"]))
        for seed, alone in zip(drawn.seeds, one.by_draw if drawn.count > 1 else (), strict=drawn.count > 1):
            yield say("compared_draw", seed=seed, interval=verdict_text.interval(
                WORDS, alone.mean, alone.interval.low, alone.interval.high))
    yield verdict_text.scope(WORDS, drawn if drawn.count > 1 else None, values["windows"], values["block"])


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    plain = Settings()
    share = parser.add_mutually_exclusive_group(required=True)
    parser.add_argument("--text", type=Path, required=True, metavar="FILE", help=flag_help("text"))
    parser.add_argument("--on", type=Path, required=True, metavar="FILE", help=flag_help("on"))
    parser.add_argument("--methods", type=_methods, default=("wanda", "gblm"), metavar="wanda,gblm",
                        help=flag_help("methods"))
    parser.add_argument("--seeds", type=whole(1, draws.MOST), metavar="K", help=flag_help("seeds", usual=draws.USUAL))
    parser.add_argument("--seed", type=seed_number, default=0, metavar="S", help=flag_help("seed_draws"))
    parser.add_argument("--samples", type=whole(1), default=calibration.DEFAULT_SAMPLES, metavar="N",
                        help=flag_help("samples_draw", default=calibration.DEFAULT_SAMPLES))
    parser.add_argument("--length", type=whole(2), metavar="L", help=flag_help("length", longest=LONGEST))
    parser.add_argument("--cut", choices=("windows", "paragraphs"), help=flag_help("cut"))
    parser.add_argument("--norm", choices=GRADIENT_NORMS, default=plain.norm, help=flag_help("norm"))
    parser.add_argument("--alpha", default=str(plain.alpha), help=flag_help("alpha", default=f"{PAPER_ALPHA:g}"))
    share.add_argument("--sparsity", metavar="S", help=flag_help("sparsity"))
    share.add_argument("--pattern", metavar="N:M", help=flag_help("pattern"))
    parser.add_argument("--order", choices=ORDERS, default="dense", help=flag_help("order_compare"))
    parser.add_argument("--group", choices=GROUPS, default=plain.group, help=flag_help("group"))
    knob_flags(parser)
    parser.add_argument("--memory", type=parse_bytes, metavar="6GB", help=flag_help("memory"))


def _methods(given: str) -> tuple[str, ...]:
    asked = tuple(dict.fromkeys(part.strip() for part in given.split(",")))
    if len(asked) < 2 or not set(asked) <= set(METHODS):
        raise argparse.ArgumentTypeError(WORDS("cli.refuse.methods", given=given, known=", ".join(METHODS)))
    return asked
