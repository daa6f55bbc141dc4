"""Write a pruned model as a transformers folder with masks, settings and a card, then load it again and compare.

Independent of how the masks were made and of screens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from gblm_viz.words import words

from ..base.checked_files import has_entry, read_json
from ..base.errors import ModelError, StatisticsError
from ..base.files import cannot_write, remove_leftovers, replace_folder, temporary_beside, usable_path, write_json
from ..base.intervals import Share
from ..base.job import Job, Step
from ..base.lazy import torch
from ..mask.mask_file import read_mask_settings, save_masks
from ..mask.patterns import label
from ..mask.prune import Masks
from ..mask.settings import Settings
from ..measure.evaluate import Perplexity
from ..model import shards
from ..model.block_weights import OUTSIDE
from ..model.folder import weight_files
from ..model.headers import dtypes_of
from ..model.matrices import embedding_weight
from ..model.model_files import MASKS_FILE
from ..model.model_source import is_hub_id, split_revision
from ..model.models import Model, load, part_loaded, private_copy
from ..model.stored_dtype import narrow_to_stored, write_config_dtype
from ..score.methods import METHODS, SHARED
from ..sums.statistics import SHORT_KEY, Statistics, manifest_of

if TYPE_CHECKING:
    from torch import Tensor

SETTINGS_FILE = "pruning.json"
"""Settings, sparsity per matrix, the other files' names. A folder with this file counts as an export of this app."""
CARD_FILE = "README.md"
MANIFEST_FILE = "statistics-manifest.json"
"""The manifest of the statistics, if the method used any."""
_WEIGHTS = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?")
"""Names of weight files; their number depends on how the model was read."""
CUDA_TOLERANCE = 1e-3
"""Relative; the order of summation on CUDA is not fixed (core/README.md, Tolerances)."""


@dataclass(frozen=True)
class Exported:
    """A folder that was written, loaded again and found equal. `removed`, `zeros`: parameter name → fraction.

    weight_bytes: of the model's safetensors files; folder_bytes: of all files, including masks and card; dtypes: of the
    weights in the files.
    """

    folder: Path
    weight_bytes: int
    folder_bytes: int
    removed: dict[str, float]
    zeros: dict[str, float]
    dtypes: tuple[str, ...] = ()


def run_identity(settings: Settings, model_key: str | None = None,
                 calibration_key: str | None = None) -> dict[str, object]:
    """Return what identifies a run: settings, dense model, samples; keys that are not known yet are left out."""
    known = {"model_key": model_key, "calibration_key": calibration_key}
    return settings.as_dict() | {name: value for name, value in known.items() if value is not None}


def refuse_overwrite(folder: Path, run: Mapping[str, object], force: bool = False) -> None:
    """Raise ModelError if `folder` holds anything but an earlier export of the same `run` (see `run_identity`).

    `force` allows overwriting the export of another run, but never a folder that is not an export, nor files added to
    an export. The error names what differs. Raises StatisticsError if the path cannot be written."""
    usable_path(folder)
    if folder.exists() and not folder.is_dir():
        raise StatisticsError("cannot_write", file=str(folder), why="it is a file")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / SETTINGS_FILE).is_file():
        raise ModelError("export_taken", folder=str(folder))
    if not folder.is_dir() or not has_entry(folder, SETTINGS_FILE):
        return
    found = _settings_in(folder)
    other = run_differences(found, run)
    if other and not force:
        raise ModelError("export_other", folder=str(folder), what=other)
    ours = found.get("files")
    names = sorted(entry.name for entry in folder.iterdir())
    beside_it = [name for name in names if name not in ours and not _WEIGHTS.fullmatch(name)] if isinstance(
        ours, list) else []
    if beside_it:
        raise ModelError("export_beside", folder=str(folder), file=beside_it[0], count=len(beside_it))


def refuse_file_overwrite(path: Path, run: Mapping[str, object], force: bool = False) -> None:
    """Raise ModelError if the file exists and holds anything but the masks of the same `run`, unless `force`."""
    if force or not usable_path(path).exists():
        return
    found = read_mask_settings(path)
    if found is None:
        raise ModelError("masks_taken", file=str(path), what=path.name)
    other = run_differences(found | {"calibration_key": found["calibration"]}, run)
    if other:
        raise ModelError("masks_taken", file=str(path), what=other)


def _settings_in(folder: Path) -> dict[str, object]:
    """Return the settings file of an export; an empty dict if it cannot be read."""
    try:
        found = read_json(folder, SETTINGS_FILE)
    except StatisticsError:
        return {}
    return found if isinstance(found, dict) else {}


def run_differences(found: Mapping[str, object], run: Mapping[str, object]) -> str:
    """Return how an earlier run differs from `run`, as "sparsity 0.3 ≠ 0.5"; empty if it is the same."""
    return ", ".join(f"{name} {_short(found.get(name))} ≠ {_short(wanted)}" for name, wanted in run.items()
                     if found.get(name) != wanted)


def _short(value: object) -> str:
    """Return a value as text; a long key is shortened to its first digits, enough to distinguish two keys."""
    told = "–" if value in (None, "") else str(value)
    return told if len(told) <= SHORT_KEY else f"{told[:SHORT_KEY]}…"


def save(pruned: Model, applied: Masks, folder: Path, *, statistics: Statistics | None = None,
         perplexities: Mapping[str, Perplexity] | None = None, probes: Mapping[str, Share] | None = None,
         compared: Sequence[str] = (), language: str = "en", force: bool = False) -> Job[Exported]:
    """Write `pruned` (with `applied` its masks) as a transformers folder, moved into place only if it proves equal.

    It is loaded a second time for the comparison, so twice the model's memory is needed; a model that is read block by
    block is written, read and compared block by block, one file each. `perplexities` and `probes` (label → result) are
    written on the card with their protocol, `compared` as its sentences are. Equal runs write equal bytes: no times are
    stored. Raises ModelError if the folder is in use (also by another run, unless `force`) or if what was read back
    differs, StatisticsError if nothing can be written.
    """
    refuse_overwrite(folder, run_identity(applied.settings, applied.model_key, applied.calibration_key), force)
    folder = folder.resolve()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        with temporary_beside(folder) as place:
            yield Step(0, 3, "load")
            yield from _write(pruned, place)
            yield Step(1, 3, "load")
            again = yield from load(str(place), pruned.dtype, pruned.device.type, by_block=pruned.weights is not None)
            zeros = yield from _verify_reloaded(pruned, applied, again, folder)
            yield Step(2, 3, "load")
            save_masks(applied, place / MASKS_FILE)
            used = statistics if applied.settings.needs else None
            if used is not None:
                write_json(place / MANIFEST_FILE, manifest_of(used))
            files = weight_files(place)
            done = Exported(folder, sum(file.stat().st_size for file in files), 0, applied.shares, zeros,
                            dtypes_of(files))
            _put_settings(pruned, applied, done, place)
            told = card(pruned, applied, used, perplexities or {}, probes or {}, done, language, compared)
            (place / CARD_FILE).write_text(told, encoding="utf-8")
            done = replace(done, folder_bytes=sum(file.stat().st_size for file in place.iterdir()))
            replace_folder(place, folder)
    except (OSError, SafetensorError) as error:
        raise cannot_write(folder, error) from error
    yield Step(3, 3, "load")
    return done


def _write(pruned: Model, folder: Path) -> Job[None]:
    folder.mkdir(parents=True)
    if pruned.weights is None:
        pruned.network.save_pretrained(folder, state_dict=narrow_to_stored(pruned.network.state_dict(), pruned.dtypes))
        write_config_dtype(folder, pruned.network, pruned.dtypes)
    else:
        own = replace(pruned.weights, stored=pruned.dtypes)
        yield from shards.write(private_copy(pruned.network), own, folder)
    pruned.tokenizer.save_pretrained(folder)
    for file in weight_files(folder):
        file.chmod((folder / "config.json").stat().st_mode)  # safetensors makes its files readable by the owner only


def _share(mask: Tensor) -> float:
    return int(torch.count_nonzero(mask)) / mask.numel()


@torch.no_grad()
def _verify_reloaded(pruned: Model, applied: Masks, again: Model, folder: Path) -> Job[dict[str, float]]:
    """Return name → fraction of exact zeros read back. Raises ModelError if a weight, masked place or logit differs.

    Steps count blocks, plus one for the parameters outside the blocks.
    """
    zeros: dict[str, float] = {}
    parts = (OUTSIDE, *pruned.layout.blocks)
    matrices = {matrix.name: matrix for matrix in pruned.layout.matrices}
    for number, part in enumerate(parts):
        yield Step(number, len(parts), "load")
        with part_loaded(pruned, part) as wrote, part_loaded(again, part) as read:
            if set(wrote) != set(read):
                raise ModelError("export_differs", folder=str(folder), what=min(set(wrote) ^ set(read)))
            for name, weight in read.items():
                if not torch.equal(weight, wrote[name]):
                    raise ModelError("export_differs", folder=str(folder), what=name)
                if name in matrices:
                    zeros[name] = _zeros(matrices[name].view(weight), applied.masks[name], name, folder)
    first, second = _probe(pruned), _probe(again)
    same = (torch.equal(first, second) if pruned.device.type == "cpu"
            else torch.allclose(first, second, rtol=CUDA_TOLERANCE, atol=CUDA_TOLERANCE * float(first.abs().max())))
    if not same:
        raise ModelError("export_differs", folder=str(folder), what="logits")
    return zeros


def _zeros(weight: Tensor, mask: Tensor, name: str, folder: Path) -> float:
    if bool((mask.to(weight.device) & (weight != 0)).any()):  # indexing would need 16 bytes per masked place
        raise ModelError("export_differs", folder=str(folder), what=name)
    return _share(weight == 0)


def _probe(model: Model) -> Tensor:
    """Return logits, float32 (tokens, vocabulary), on 12 tokens spread over the vocabulary."""
    size = embedding_weight(model.network).shape[0]
    tokens = torch.linspace(0, size - 1, 12, device=model.device).long()[None]
    logits: Tensor = model.network(tokens, use_cache=False).logits[0].float()
    return logits


def _put_settings(pruned: Model, applied: Masks, done: Exported, folder: Path) -> None:
    settings = applied.settings.as_dict() | {
        "alpha_value": applied.alpha, "pattern_label": label(applied.settings.make_pattern()),
        "model": pruned.name, "model_key": applied.model_key, "calibration_key": applied.calibration_key,
        "sparsity_reached": applied.sparsity, "removed": done.removed, "zeros": done.zeros,
        "files": sorted({file.name for file in folder.iterdir() if not _WEIGHTS.fullmatch(file.name)}
                        | {SETTINGS_FILE, CARD_FILE}),
        "equal_rows": applied.equal_rows, "fallbacks": [asdict(one) for one in applied.fallbacks]}
    (folder / SETTINGS_FILE).write_text(json.dumps(settings, sort_keys=True, indent=1) + "\n", encoding="utf-8")


def card(pruned: Model, applied: Masks, statistics: Statistics | None, perplexities: Mapping[str, Perplexity],
         probes: Mapping[str, Share], done: Exported, language: str = "en", compared: Sequence[str] = ()) -> str:
    """Return the folder's README.md: a model card's header, settings, protocol, scores, sparsity and limits."""
    texts = words(language)

    def say(key: str, **fields: object) -> str:
        return texts(f"export.{key}", **fields)

    settings = applied.settings
    rows = {"method": settings.method, "formula": METHODS[settings.method].formula,
            "pattern": label(settings.make_pattern()), "order": settings.order, "seed": settings.seed,
            "model_key": applied.model_key}
    if "norm" in settings.knobs:
        rows["norm"] = settings.norm
    if applied.alpha is not None:
        rows["alpha"] = f"{applied.alpha:g} ({settings.alpha})"
    own = [(texts.get(f"knobs.{name}.label", name), f"`{settings.knob(name)}`")
           for name in settings.knobs if name not in SHARED]
    parts = [_header(pruned), f"# {say('title', name=pruned.name)}",
             say("intro", name=pruned.name, removed=applied.removed, prunable=applied.prunable,
                 sparsity=applied.sparsity),
             f"## {say('settings')}",
             _table(("", ""), [*((say(key), f"`{value}`") for key, value in rows.items()), *own]),
             f"## {say('calibration')}", _calibrated(statistics, say)]
    if applied.fallbacks:
        parts.append(say("fallbacks", count=len(applied.fallbacks)))
    if perplexities:
        parts += [f"## {say('perplexity')}", "\n".join("- " + say(
            "perplexity_line", label=name, value=one.value, text=one.text_name or say("own_text"),
            sha256=one.text_sha256, windows=one.windows, length=one.length, dtype=one.dtype)
            for name, one in perplexities.items())]
    if probes:
        parts += [f"## {say('probes')}", "\n".join("- " + say(
            "probes_line", label=name, right=one.right, total=one.total, share=one.value, low=one.interval.low,
            high=one.interval.high) for name, one in probes.items())]
    if compared:
        parts += [f"## {say('compared')}", "\n".join(f"- {one}" for one in compared)]
    measured = [(f"`{matrix.name}`", " × ".join(map(str, matrix.shape)),
                 *(f"{100 * shares[matrix.name]:.4f}\u00a0%" for shares in (done.removed, done.zeros)))
                for matrix in pruned.layout.matrices]
    parts += [f"## {say('measured')}", say("verified"), *_stored(pruned, done, say),
              _table(tuple(say(key) for key in ("matrix", "shape", "removed", "zeros")), measured),
              f"## {say('files')}",
              "\n".join(f"- `{file}`: {say(f'file_{key}')}" for file, key in _files(statistics)),
              f"## {say('limits')}",
              "\n".join(f"- {say(key, megabytes=done.weight_bytes / 1e6)}"
                        for key in ("limit_size", "limit_text", "limit_measure", "limit_licence")),
              say("source")]
    return "\n\n".join(parts) + "\n"


def _stored(pruned: Model, done: Exported, say: Callable[..., str]) -> list[str]:
    """Return a sentence with the dtypes of the files, and whether the dense model's files have the same."""
    if not done.dtypes:
        return []
    dense = {str(one).removeprefix("torch.") for one in pruned.dtypes.values()}
    return [say("stored_as_dense" if {*done.dtypes} == dense else "stored", dtypes=", ".join(done.dtypes))]


def _files(statistics: Statistics | None) -> list[tuple[str, str]]:
    """Return (file, key of its sentence) for each file next to the weights."""
    manifest = [(MANIFEST_FILE, "manifest")] if statistics is not None else []
    return [(MASKS_FILE, "masks"), (SETTINGS_FILE, "settings"), *manifest]


def _header(pruned: Model) -> str:
    """Return the YAML header for the hub; a local dense model has no id, so base_model is left out."""
    of_hub = is_hub_id(pruned.source) and not Path(pruned.source).exists()
    based = [f"base_model: {split_revision(pruned.source)[0]}"] if of_hub else []
    return "\n".join(["---", "library_name: transformers", *based, "tags: [pruned]", "---"])


def _calibrated(statistics: Statistics | None, say: Callable[..., str]) -> str:
    if statistics is None:
        return say("no_calibration")
    used = statistics.calibration
    return str(say("calibrated", samples=used.count, length=used.length, rule=used.rule, seed=used.seed,
                   text=used.text_name or say("own_text"), sha256=used.text_sha256, dtype=statistics.dtype,
                   device=statistics.device))


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
