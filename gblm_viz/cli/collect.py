"""The command collect: sum gradients and inputs over a text into a statistics folder."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path

from gblm_viz import plan_text
from gblm_viz.core.base.files import refuse_unwritable
from gblm_viz.core.base.footprint import Peak, folder_bytes, parse_bytes
from gblm_viz.core.base.threads import Threads
from gblm_viz.core.measure.tolerance import is_text_foreign
from gblm_viz.core.model.models import LONGEST, Model, Opened, longest_input, pick_device
from gblm_viz.core.sums import estimate, statistics
from gblm_viz.core.sums.checkpoints import checkpoint_blocks, checkpoint_samples
from gblm_viz.core.sums.collect import PLANS
from gblm_viz.core.sums.collect import collect as collect_sums
from gblm_viz.core.sums.estimate import Actual, Choice, ModelShape
from gblm_viz.core.sums.ranks import Ranks
from gblm_viz.core.sums.statistics import KEPT
from gblm_viz.core.text import calibration
from gblm_viz.core.text.calibration import CalibrationSet
from gblm_viz.shipped import usual_perplexity

from .flags import flag_help, seed_number, whole
from .models import MODEL_KEYS, TEXT_KEYS, encodable, load_model, model_values, open_model, read_text
from .terminal import WORDS, InterruptionError, Result, Terminal, patient_interrupt, say

KEYS = MODEL_KEYS | TEXT_KEYS | {
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
    "foreign": "whether the model does not understand the text: no better than guessing; null: too short to tell",
    "loss": "mean over samples of the dense model's loss, nats a token",
    "plan": "whole network at once, or streamed block by block",
    "why": "why that plan: fits, memory, disk, only_whole, asked, begun (by the folder), finished (nothing to do)",
    "estimate": "of it, made before: seconds, memory and its parts, disk when done and disk_peak, in bytes",
    "actual": "seconds, most memory held beyond what was held before loading, disk when done; null: not measured",
    "seconds": "time this run spent on the samples (0 where the folder was finished before)",
    "processes": "how many shared the samples (torchrun); the memory of estimate and actual is one's",
}
"""Key → meaning of everything --json prints; shown in the help."""


def act(args: argparse.Namespace, terminal: Terminal) -> Result:
    """Write a statistics folder from a text. Started by torchrun, several processes share the samples."""
    with Ranks.of_environment().joined(pick_device(args.device)) as ranks:
        return _collect(args, terminal, ranks)


def _collect(args: argparse.Namespace, terminal: Terminal, ranks: Ranks) -> Result:
    text = ""  # read before the model, so that a wrong path fails at once
    if args.tokens is None:
        text = read_text(args.text) if args.text else read_text(args.jsonl, None)  # no limit: documents are cut singly
    refuse_unwritable(args.out)
    statistics.refuse_overwrite(args.out)
    known = open_model(args, terminal)
    device, shape = pick_device(args.device), estimate.shape_of_config(known.config, args.dtype)
    Threads(args.threads).use_for(max(block.largest for block in shape.blocks))  # the pace is measured on as many
    samples = _samples(args, known, shape.vocabulary, text)
    choice = _choice(args, shape, samples, device, ranks)
    if samples.count < args.samples and not terminal.json:
        print(say("fewer", asked=args.samples, given=samples.count), file=terminal.out, flush=True)
    if choice is not None and not terminal.json:
        print(plan_text.estimate_sentence(WORDS, choice), file=terminal.out, flush=True)
        if ranks.count > 1:
            print(say("processes", count=ranks.count), file=terminal.out, flush=True)
    peak = Peak.begin(device)
    plan = choice.chosen.plan if choice else "whole"
    model = load_model(args, terminal, known, plan == "streamed")
    started = time.monotonic()
    with patient_interrupt(terminal, ranks) as watch:
        try:
            found = terminal.follow(collect_sums(model, samples, keep=args.keep, halves=args.halves, folder=args.out,
                                                 plan=plan, inputs_in_memory=choice.chosen.inputs_in_memory
                                                 if choice else None, ranks=ranks, batch=args.batch), watch)
        except KeyboardInterrupt:
            raise InterruptionError(_checkpointed(args.out, model, samples)) from None
    if not ranks.first:
        return Result({}, ())
    actual = Actual(time.monotonic() - started, peak.extra(), folder_bytes(args.out))
    used = found.calibration
    values = model_values(model) | {
        "text": used.text_name, "text_sha256": used.text_sha256, "statistics": args.out, "samples": found.count,
        "asked": args.samples, "length": used.length, "tokens": used.token_count, "rule": used.rule, "seed": used.seed,
        "left_out": dict(used.left_out), "keep": found.keep, "halves": bool(found.halves),
        "plan": found.plan, "why": choice.why if choice else "finished", "estimate": _estimate_values(choice),
        "actual": asdict(actual), "loss": float(found.losses.mean()), "seconds": found.seconds,
        "foreign": is_text_foreign(found, usual_perplexity(model.source)), "processes": ranks.count}
    lines = [say("collected", model=model.name, samples=found.count, length=used.length, tokens=used.token_count,
                  text=used.text_name, folder=args.out, loss=values["loss"], sha256=used.text_sha256)]
    if values["foreign"]:
        lines.append(WORDS("text.foreign"))
    if used.left_out:
        lines.append(say("left_out", what=", ".join(f"{name} {count}" for name, count in used.left_out)))
    if choice is not None:
        lines.append(plan_text.cost_sentence(WORDS, choice.chosen, actual))
    return Result(values, tuple(lines))


def _choice(args: argparse.Namespace, shape: ModelShape, samples: CalibrationSet, device: str,
            ranks: Ranks) -> Choice | None:
    """Return the plan, chosen by its estimated cost; None if the folder is finished and there is nothing to choose.

    Each process measures the machine itself; the plan that the first one chooses is used by all.
    """
    found = statistics.read_manifest(args.out)
    if found is not None and found["samples_complete"] == found["samples"]:
        return None
    work = estimate.work_of(samples, args.keep or statistics.keep_for(shape.prunable), args.halves, True, ranks.count,
                            args.batch)
    pace = estimate.measure_pace(shape, work, device, args.out)
    room = estimate.room_of(device, args.out, args.memory, ranks.neighbours)
    plans, plan = tuple(PLANS), args.plan
    if not ranks.first:
        plan = plans[ranks.of_first(0)]
    choice = estimate.plan_for(shape, work, pace, room, weights="by_block", folder=args.out, plan=plan)
    if ranks.first:
        ranks.of_first(plans.index(choice.chosen.plan))
    return choice


def _estimate_values(choice: Choice | None) -> dict[str, object] | None:
    """Return the chosen plan's estimate for --json."""
    return None if choice is None else asdict(choice.chosen) | {"parts": dict(choice.chosen.parts)}


def _checkpointed(folder: Path, model: Model, samples: CalibrationSet) -> str:
    """Return the line that tells how far an interrupted collection can be resumed."""
    done, left, blocks = checkpoint_samples(folder), checkpoint_blocks(folder), len(model.layout.blocks)
    if left is not None:
        return say("checkpoint_blocks", done=blocks - left, total=blocks, folder=folder)
    return say("checkpoint", done=done, total=samples.count, folder=folder) if done else say("interrupted")


def _samples(args: argparse.Namespace, known: Opened, vocabulary: int, text: str) -> CalibrationSet:
    longest = longest_input(known.config)
    if args.tokens is not None:
        return calibration.from_tokens(args.tokens, vocabulary=vocabulary, samples=args.samples, longest=longest)
    common = {"name": encodable((args.text or args.jsonl).name), "samples": args.samples, "length": args.length,
              "seed": args.seed, "longest": longest}
    if args.jsonl is not None:
        return calibration.from_jsonl(known.tokenizer, text, **common)
    return calibration.from_text(known.tokenizer, text, rule=args.cut or "windows", **common)


def _keep(given: str) -> tuple[str, ...]:
    asked = {part.strip() for part in given.split(",")}
    if not asked <= set(KEPT):
        raise argparse.ArgumentTypeError(WORDS("cli.refuse.keep", given=given))
    return tuple(kept for kept in KEPT if kept in asked)


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    text = parser.add_mutually_exclusive_group(required=True)
    text.add_argument("--text", type=Path, metavar="FILE", help=flag_help("text"))
    text.add_argument("--jsonl", type=Path, metavar="FILE", help=flag_help("jsonl"))
    text.add_argument("--tokens", type=Path, metavar="FILE", help=flag_help("tokens"))
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help=flag_help("out_statistics"))
    parser.add_argument("--samples", type=whole(1), default=calibration.DEFAULT_SAMPLES, metavar="N",
                        help=flag_help("samples", default=calibration.DEFAULT_SAMPLES))
    parser.add_argument("--length", type=whole(2), metavar="L", help=flag_help("length", longest=LONGEST))
    parser.add_argument("--cut", choices=("windows", "paragraphs"), help=flag_help("cut"))
    parser.add_argument("--seed", type=seed_number, default=0, metavar="S", help=flag_help("seed_samples"))
    parser.add_argument("--keep", type=_keep, metavar="l1,sq,sum", help=flag_help("keep"))
    parser.add_argument("--halves", action="store_true", help=flag_help("halves"))
    parser.add_argument("--batch", type=whole(1), metavar="B", help=flag_help("batch"))
    parser.add_argument("--plan", choices=("auto", *PLANS), default="auto", help=flag_help("plan"))
    parser.add_argument("--memory", type=parse_bytes, metavar="6GB", help=flag_help("memory"))
