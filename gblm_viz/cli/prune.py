"""The command prune: masks and a pruned copy from a statistics folder."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from gblm_viz.amounts import format_bytes
from gblm_viz.core.base.errors import SettingError
from gblm_viz.core.base.files import refuse_unwritable
from gblm_viz.core.base.footprint import parse_bytes
from gblm_viz.core.base.job import Job
from gblm_viz.core.keep import export
from gblm_viz.core.look.mask_numbers import comparison_settings, model_agreement
from gblm_viz.core.mask import prune, reading
from gblm_viz.core.mask.mask_file import save_masks
from gblm_viz.core.mask.patterns import GROUPS, checked_sparsity, label, parse_pattern
from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.mask.reading import Reading
from gblm_viz.core.mask.settings import ORDERS, Settings, preview_settings
from gblm_viz.core.model.models import Opened, pick_device
from gblm_viz.core.score import alpha as alphas
from gblm_viz.core.score.alpha import parse_alpha
from gblm_viz.core.score.methods import (
    GRADIENT_NORMS,
    METHODS,
    PAPER_ALPHA,
    SHARED,
    knobs_of,
    norm_of,
)
from gblm_viz.core.sums import estimate, statistics
from gblm_viz.core.sums.statistics import NORMS, Statistics

from .flags import flag_help, knob_flags, own_values, seed_number
from .models import MODEL_KEYS, TEXT_KEYS, load_model, model_values, open_model
from .terminal import WORDS, Result, Terminal, say

KEYS = MODEL_KEYS | TEXT_KEYS | {
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
}
"""Key → meaning of everything --json prints; shown in the help."""


def act(args: argparse.Namespace, terminal: Terminal) -> Result:
    """Compute masks and, if requested, write a mask file and a folder with the pruned model."""
    settings = _settings(args)
    if settings.needs and args.statistics is None:
        raise SettingError("needs_statistics", method=settings.method)
    manifest = statistics.read_manifest(args.statistics) if settings.needs else None
    # a first check before the model is read; the second one includes the model's key
    _refuse_overwrite(args, export.run_identity(settings, None, manifest["tokens_sha256"] if manifest else None))
    for place in (args.out, args.masks):
        if place is not None:
            refuse_unwritable(place.absolute().parent)
    known = open_model(args, terminal)
    way = _reading(args, known, settings)
    if way.by_block and not terminal.json:
        print(say("by_block", whole=format_bytes(WORDS, way.whole), room=format_bytes(WORDS, max(0, way.room or 0)),
                   memory=format_bytes(WORDS, way.memory)), file=terminal.out, flush=True)
    model = load_model(args, terminal, known, way.by_block)
    found = statistics.load(args.statistics, model) if args.statistics is not None else None
    used = found.calibration.key if found is not None and settings.needs else ""
    _refuse_overwrite(args, export.run_identity(settings, model.key, used))
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
    values = model_values(model) | _mask_values(applied, share) | {
        f"agreement_{name}": value for name, value in beside.items()} | _statistics_values(found, settings) | {
        "by_block": model.weights is not None, "masks": args.masks, "out": args.out}
    return Result(values, tuple(_mask_lines(values)))


def _refuse_overwrite(args: argparse.Namespace, run: dict[str, object]) -> None:
    """Raise ModelError, before the work, if the model or the masks of another run would be overwritten."""
    if args.out is not None:
        export.refuse_overwrite(args.out, run, args.force)
    if args.masks is not None:
        export.refuse_file_overwrite(args.masks, run, args.force)


def _reading(args: argparse.Namespace, known: Opened, settings: Settings) -> Reading:
    """Choose whether the model is loaded whole or read block by block."""
    manifest = statistics.read_manifest(args.statistics) if args.statistics is not None else None
    samples, longest = (manifest["samples_complete"], manifest["length"]) if manifest is not None else (0, 0)
    return reading.choose(estimate.shape_of_config(known.config, args.dtype), settings,
                          estimate.room_of(pick_device(args.device), limit=args.memory), tokens=samples * longest,
                          longest=longest, exported=args.out is not None)


def _settings(args: argparse.Namespace) -> Settings:
    share = parse_pattern(args.pattern).sparsity if args.pattern else checked_sparsity(args.sparsity)
    return Settings(args.method, args.norm, parse_alpha(args.alpha), args.group, share, args.pattern or "", args.order,
                    args.seed).with_knobs(**own_values(args, args.method)).check()


def _comparisons(mask: Callable[[Settings], Job[Masks]], found: Statistics | None, settings: Settings, applied: Masks,
                 terminal: Terminal) -> dict[str, float | None]:
    """Return the agreement with Wanda's mask in the same order, the gradient-only and the own dense-order mask."""
    wanda, gradient = comparison_settings(settings)
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
            else model_agreement(applied, terminal.follow(mask(other)))
            for name, other in others.items()}


def _orders_differ(method: str, order: str) -> bool:
    """Return whether the order changes the masks: it only changes the inputs (core/README.md, Two orders)."""
    return order != "dense" and "inputs" in METHODS[method].needs


def _mask_values(applied: Masks, share: float | None) -> dict[str, object]:
    settings = applied.settings
    method = METHODS[settings.method]
    return {
        "method": settings.method, "norm": settings.norm if norm_of(method()) else None,
        "alpha": None if applied.alpha is None else str(settings.alpha), "alpha_value": applied.alpha,
        "gradient_share": share, "pattern": label(settings.make_pattern()), "order": settings.order,
        "seed": settings.seed, "sparsity": applied.sparsity, "removed": applied.removed, "prunable": applied.prunable,
        "fallbacks": [asdict(one) for one in applied.fallbacks], "equal_rows": applied.equal_rows,
        "matrices": applied.shares} | _own_knobs(settings)


def _own_knobs(settings: Settings) -> dict[str, object]:
    return {name: settings.knob(name) for name in settings.knobs if name not in SHARED}


def _statistics_values(found: Statistics | None, settings: Settings) -> dict[str, object]:
    """Return the calibration text's facts; null for a method that uses none."""
    if found is None or not settings.needs:
        return dict.fromkeys(("text", "text_sha256", "samples", "length"))
    used = found.calibration
    return {"text": used.text_name, "text_sha256": used.text_sha256, "samples": used.count, "length": used.length}


def _mask_lines(values: Mapping[str, Any]) -> Iterator[str]:
    yield say("sparsity", **{name: values[name] for name in ("model", "removed", "prunable", "sparsity")})
    yield from _settings_lines(values)
    yield from _agreement_lines(values)
    if values["text"] is not None:
        yield say("calibration", samples=values["samples"], length=values["length"], text=values["text"],
                   sha256=values["text_sha256"])
    if values["fallbacks"]:
        yield say("fallbacks", count=len(values["fallbacks"]))
        for one in values["fallbacks"]:
            yield say("fallback" if one["expert"] is None else "fallback_expert", **one)
    if values["equal_rows"]:
        yield say("equal_rows", rows=sum(values["equal_rows"].values()), matrices=len(values["equal_rows"]))
    if values["masks"] is not None:
        yield say("masks", file=values["masks"])
    if values["out"] is not None:
        yield say("out", folder=values["out"])


def _settings_lines(values: Mapping[str, Any]) -> Iterator[str]:
    yield say("settings", **{name: values[name] for name in ("method", "pattern", "order")})
    if values["norm"] is not None:
        yield say("norm", norm=values["norm"])
    if values["alpha_value"] is not None:
        yield say("alpha", value=values["alpha_value"], asked=values["alpha"], share=values["gradient_share"])
    for name in knobs_of(values["method"]):
        if name not in SHARED:
            yield say("knob", name=name, value=values[name])


def _agreement_lines(values: Mapping[str, Any]) -> Iterator[str]:
    """How far the mask agrees with those that it is compared with, but for one of the same settings."""
    names = {"wanda": f"wanda, {values['order']} order", "gradient": "gradient",
             "preview": f"{values['method']}, dense order"}
    for name, shown in names.items():
        same = name == values["method"] or (name == "preview" and not _orders_differ(values["method"], values["order"]))
        if values[f"agreement_{name}"] is not None and not same:
            yield say("agreement", method=shown, value=values[f"agreement_{name}"])


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    plain = Settings()
    formulas = "; ".join(f"{name}: {method.formula}" for name, method in METHODS.items())
    parser.add_argument("--statistics", type=Path, metavar="DIR", help=flag_help("statistics"))
    parser.add_argument("--method", choices=tuple(METHODS), required=True, help=flag_help("method", formulas=formulas))
    parser.add_argument("--norm", choices=GRADIENT_NORMS, default=plain.norm, help=flag_help("norm"))
    parser.add_argument("--alpha", default=str(plain.alpha), help=flag_help("alpha", default=f"{PAPER_ALPHA:g}"))
    share = parser.add_mutually_exclusive_group(required=True)
    share.add_argument("--sparsity", metavar="S", help=flag_help("sparsity"))
    share.add_argument("--pattern", metavar="N:M", help=flag_help("pattern"))
    parser.add_argument("--order", choices=ORDERS, default=plain.order, help=flag_help("order"))
    parser.add_argument("--group", choices=GROUPS, default=plain.group, help=flag_help("group"))
    parser.add_argument("--seed", type=seed_number, default=plain.seed, metavar="S", help=flag_help("seed_random"))
    knob_flags(parser)
    parser.add_argument("--out", type=Path, metavar="MODEL_DIR", help=flag_help("out_model"))
    parser.add_argument("--masks", type=Path, metavar="FILE", help=flag_help("masks"))
    parser.add_argument("--force", action="store_true", help=flag_help("force"))
    parser.add_argument("--memory", type=parse_bytes, metavar="6GB", help=flag_help("memory"))
