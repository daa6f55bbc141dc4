"""One run in plain numbers: what was pruned and how, what was measured of it, and the hash it is cited by.

All of it can be written as JSON and as tables. Knows no screen, and no word of a text but what it is handed as `own`.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

import gblm_viz

from ..base.intervals import Paired, paired, paired_share
from ..look.cells import Array
from ..look.gradient_sums import GradientSummary
from ..look.histogram import Histogram
from ..look.two_masks import TwoMasks
from ..mask.patterns import label
from ..mask.prune import Masks
from ..mask.settings import Settings
from ..measure.crossed import Crossed, crossed
from ..measure.draws import Draws
from ..measure.evaluate import Perplexity, ProbeResult
from ..measure.sweep import SweepPoint, curves, knee
from ..model.models import Model
from ..sums.statistics import Statistics

Row = dict[str, Any]
"""Column → a text, a number, a truth value, or None where there is no value."""
PACKAGES = ("torch", "transformers", "gradio")
SHORT_HASH = 12
"""So many hex digits of a run's hash are printed; all 64 stand in the files."""


@dataclass(frozen=True)
class ModelFacts:
    """The dense model. `key`: SHA-256 over config and weights (core/README.md, Files)."""

    name: str
    key: str
    parameters: int
    blocks: int
    matrices: int
    prunable: int
    dtype: str
    device: str


@dataclass(frozen=True)
class CalibrationFacts:
    """What the statistics were taken on. `text`: a file's name, "" for a typed text; `tokens_sha256`: the samples."""

    text: str
    text_sha256: str
    tokens_sha256: str
    rule: str
    samples: int
    asked: int
    length: int
    tokens: int
    seed: int
    dtype: str
    device: str


@dataclass(frozen=True)
class MatrixRow:
    """One matrix: the share of it that went, its gradient norm in numbers, and Cohen's κ beside Wanda's mask.

    The gradient's numbers are sums over samples; None where the run has no gradients, κ where there is no Wanda.
    """

    name: str
    block: int
    role: str
    rows: int
    columns: int
    experts: int
    removed: float
    gradient_mean: float | None = None
    gradient_median: float | None = None
    gradient_p99: float | None = None
    gradient_peak_share: float | None = None
    kappa_wanda: float | None = None


@dataclass(frozen=True)
class PerplexityRow:
    """One model on one text. `which`: own or held_out; `side`: dense or pruned; `loss` nats a token."""

    which: str
    side: str
    perplexity: float
    loss: float
    windows: int
    length: int
    dtype: str
    text: str
    text_sha256: str


@dataclass(frozen=True)
class DifferenceRow:
    """pruned − dense over the same windows, nats a token, 95 % interval; `shown`: it does not cover 0."""

    which: str
    mean: float
    low: float
    high: float
    windows: int
    shown: bool


@dataclass(frozen=True)
class SkillRow:
    """Probes answered exactly right of one skill, or of all (skill ""), with Wilson's 95 % interval."""

    skill: str
    side: str
    right: int
    total: int
    low: float
    high: float


@dataclass(frozen=True)
class ChangeRow:
    """The same probes of one skill (all: "") by both models: how many only the dense one got right, how many only the
    pruned one; the paired difference of the shares with Newcombe's 95 % interval; `shown` as in PairedShare."""

    skill: str
    lost: int
    gained: int
    difference: float
    low: float
    high: float
    shown: bool


@dataclass(frozen=True)
class GainRow:
    """One thing that smaller might have won. None: not measured in this visit.

    mean, low, high: of a speed, pruned minus dense over `runs` pairs, 95 % interval; sizes are counted, not sampled.
    """

    what: str
    unit: str
    dense: float | None
    pruned: float | None
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    runs: int | None = None


@dataclass(frozen=True)
class MethodRow:
    """One method at the run's sparsity, in the dense order, on unseen windows. mean, low, high: its loss minus that of
    the run's own method over the same windows, nats a token, 95 % interval; None for that one and for `dense`.

    The interval is over windows, `block` neighbours counted as one, and over `draws` draws of `samples` of the text's
    `pool` windows by `first_seed` and those after it; pool is None where what was collected is the one draw. verdict:
    as in Crossed; the perplexity is always that of what was collected.
    """

    which: str
    method: str
    perplexity: float
    windows: int
    length: int
    text: str
    mean: float | None
    low: float | None
    high: float | None
    shown: bool | None
    verdict: str | None = None
    block: int | None = None
    draws: int | None = None
    samples: int | None = None
    pool: int | None = None
    first_seed: int | None = None


@dataclass(frozen=True)
class SweepRow:
    """One point of a sweep: perplexities with their windows, right probes with Wilson's interval; `knee` of its curve.
    asked: the sparsity that was asked for, which whole rows reach only nearly. mean, difference_low, difference_high,
    draws, verdict: of its held-out loss minus that of `against` at the same sparsity, as in MethodRow."""

    method: str
    order: str
    sparsity: float
    perplexity_own: float | None
    windows_own: int | None
    perplexity_held_out: float
    windows_held_out: int
    right: int | None
    total: int | None
    low: float | None
    high: float | None
    knee: bool
    asked: float
    against: str | None = None
    mean: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    draws: int | None = None
    verdict: str | None = None


@dataclass(frozen=True)
class VisitRow:
    """One Apply of a visit. Perplexities are those on the held-out text `held_out`; None: not measured."""

    number: int
    model: str
    method: str
    pattern: str
    sparsity: float
    order: str
    alpha: float | None
    text: str
    samples: int | None
    length: int | None
    held_out: str
    perplexity_dense: float | None
    perplexity_pruned: float | None
    windows: int | None
    probes_dense: int | None
    probes_pruned: int | None
    probes_total: int | None
    run_hash: str


@dataclass(frozen=True, eq=False)
class MatrixPicture:
    """One matrix of the run: its scores as a histogram, and how much of each cell of its mask went.

    removed: the share of it that went; density: float32 (rows, columns), each the mean of `step` × `step` weights
    (fewer at the ends); shape: the mask's.
    """

    name: str
    expert: int
    removed: float
    histogram: Histogram
    density: Array
    step: int
    shape: tuple[int, int]


@dataclass(frozen=True)
class Own:
    """The user's words, for those who ask for them: the calibration text, and prompts with both answers."""

    text: str
    chat: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, eq=False)
class Run:
    """All that a report says. `share`: the gradient's of the score; `own` is None unless it was asked for."""

    number: int
    model: ModelFacts
    settings: Row
    share: float | None
    calibration: CalibrationFacts | None
    removed: int
    sparsity: float
    matrices: tuple[MatrixRow, ...]
    perplexities: tuple[PerplexityRow, ...]
    differences: tuple[DifferenceRow, ...]
    probes: tuple[SkillRow, ...]
    changes: tuple[ChangeRow, ...]
    gains: tuple[GainRow, ...]
    methods: tuple[MethodRow, ...]
    sweep: tuple[SweepRow, ...]
    visit: tuple[VisitRow, ...]
    picture: MatrixPicture
    versions: Mapping[str, str]
    own: Own | None = None

    @property
    def hash(self) -> str:
        return run_hash(self.model.key, self.calibration.tokens_sha256 if self.calibration else "", self.settings,
                        self.versions, protocol(self.perplexities, self.probes))

    def as_tables(self) -> dict[str, list[Row]]:
        """name → rows of plain values; every row of a table has the same columns."""
        found = self.picture.histogram
        bins = [{"from_log10": float(low), "to_log10": float(high), "kept": int(kept), "removed": int(removed)}
                for low, high, kept, removed in zip(found.edges[:-1], found.edges[1:], found.kept, found.removed,
                                                    strict=True)]
        tables: dict[str, list[Row]] = {
            "run": [{"hash": self.hash, "number": self.number, "removed": self.removed, "sparsity": self.sparsity}],
            "model": [asdict(self.model)], "settings": [self.settings | {"gradient_share": self.share}],
            "calibration": [asdict(self.calibration)] if self.calibration else [],
            "versions": [{"package": name, "version": value} for name, value in self.versions.items()],
            "scores_of_selected_matrix": [{"matrix": self.picture.name, "expert": self.picture.expert} | one
                                          for one in bins]}
        for name in ("matrices", "perplexities", "differences", "probes", "changes", "gains", "methods", "sweep",
                     "visit"):
            tables[name] = [asdict(row) for row in getattr(self, name)]
        if self.own is not None:
            tables["own_text"] = [{"text": self.own.text}]
            tables["own_chat"] = [{"prompt": prompt, "dense": dense, "pruned": pruned}
                                  for prompt, dense, pruned in self.own.chat]
        return {name: [{key: plain(value) for key, value in row.items()} for row in rows]
                for name, rows in tables.items()}


def plain(value: Any) -> Any:
    """A value as JSON holds it: no nan and no infinity, which JSON has no words for."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def versions() -> dict[str, str]:
    """What computed it: this app, the packages below it, Python."""
    found = {"gblm_viz": gblm_viz.__version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # the command line runs without gradio
            continue
    return found | {"python": platform.python_version()}


def protocol(perplexities: Sequence[PerplexityRow], probes: Sequence[SkillRow]) -> Row:
    """How it was measured: each text with its hash, windows, length and dtype, and how many probes were asked."""
    texts = sorted({(one.which, one.text_sha256, one.windows, one.length, one.dtype) for one in perplexities})
    return {"texts": [list(one) for one in texts], "probes": max((one.total for one in probes), default=0)}


def run_hash(model_key: str, calibration_key: str, settings: Row, versions: Mapping[str, str], how: Row) -> str:
    """SHA-256, hex, of sorted JSON: equal for the same model, samples, settings, versions and protocol, on any day."""
    identity = {"model": model_key, "calibration": calibration_key, "settings": settings, "versions": dict(versions),
                "protocol": how}
    return hashlib.sha256(json.dumps(identity, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


# From models, statistics and masks

def model_facts(model: Model) -> ModelFacts:
    layout = model.layout
    return ModelFacts(model.name, model.key, model.parameters, len(layout.blocks), len(layout.matrices),
                      layout.prunable, model.dtype, model.device.type)


def calibration_facts(found: Statistics) -> CalibrationFacts:
    used = found.calibration
    return CalibrationFacts(used.text_name, used.text_sha256, used.key, used.rule, used.count, found.asked, used.length,
                            used.token_count, used.seed, found.dtype, found.device)


def settings_row(applied: Masks) -> Row:
    """The settings by the command line's names, α as a number beside α as it was asked for, and what fell back."""
    settings = applied.settings
    return settings.as_dict() | {
        "alpha_value": applied.alpha, "pattern_label": label(settings.make_pattern()),
        "fallbacks": len(applied.fallbacks), "equal_rows": sum(applied.equal_rows.values())}


def matrix_rows(model: Model, applied: Masks, gradients: Sequence[GradientSummary] = (),
                beside_wanda: TwoMasks | None = None) -> tuple[MatrixRow, ...]:
    """One row a matrix, in the network's order."""
    by_name = {one.name: one for one in gradients}
    rows = []
    for matrix in model.layout.matrices:
        row = MatrixRow(matrix.name, matrix.block, matrix.role, matrix.rows, matrix.columns, matrix.experts,
                        float(applied.masks[matrix.name].double().mean()))
        if beside_wanda is not None:
            row = replace(row, kappa_wanda=plain(beside_wanda.matrices[matrix.name].kappa))
        if matrix.name in by_name:
            one = by_name[matrix.name]
            row = replace(row, gradient_mean=one.mean, gradient_median=one.median, gradient_p99=one.p99,
                          gradient_peak_share=plain(one.peak_share))
        rows.append(row)
    return tuple(rows)


def perplexity_row(which: str, side: str, found: Perplexity) -> PerplexityRow:
    return PerplexityRow(which, side, found.value, math.fsum(found.losses) / len(found.losses), found.windows,
                         found.length, found.dtype, found.text_name, found.text_sha256)


def difference_row(which: str, dense: Perplexity, pruned: Perplexity) -> DifferenceRow:
    found: Paired = paired(dense.losses, pruned.losses)
    return DifferenceRow(which, found.mean, found.interval.low, found.interval.high, found.count, found.shown)


def method_rows(which: str, measured: Mapping[str, Perplexity], own: str, apart: Mapping[str, Crossed] | None = None,
                drawn: Draws | None = None) -> tuple[MethodRow, ...]:
    """name (`dense` or a method's) → its perplexity on the same windows; own: the method the others are set against.

    apart: each other method's difference to it, over the draws; one draw's where there are none.
    """
    rows = []
    if apart is None:
        apart = {name: crossed([measured[own].losses], [found.losses]) for name, found in measured.items()}
    for name, found in measured.items():
        row = MethodRow(which, name, found.value, found.windows, found.length, found.text_name, None, None, None, None)
        if name not in {"dense", own}:
            one = apart[name]
            row = replace(row, mean=one.mean, low=one.interval.low, high=one.interval.high, shown=one.shown,
                          verdict=one.verdict, block=one.block, draws=one.draws)
            if drawn is not None:
                row = replace(row, samples=drawn.samples, pool=drawn.pool.count, first_seed=drawn.seeds[0])
        rows.append(row)
    return tuple(rows)


def sweep_rows(points: Sequence[SweepPoint], apart: Mapping[Settings, Crossed] | None = None,
               against: str | None = None) -> tuple[SweepRow, ...]:
    """Every curve's points, each curve from low to high sparsity; the dense model begins each. apart: a point's
    settings → how its held-out loss differs from the method `against`'s."""
    return tuple(_sweep_row(method, order, one, one is knee(curve), (apart or {}).get(one.settings), against)
                 for (method, order), curve in curves(points).items() for one in curve)


def _sweep_row(method: str, order: str, point: SweepPoint, turns: bool, apart: Crossed | None,
               against: str | None) -> SweepRow:
    own, held, asked = point.calibration, point.held_out, point.probes
    right, total, ends = (asked.right, asked.total, asked.interval) if asked is not None else (None, None, None)
    row = SweepRow(method, order, point.sparsity, own.value if own else None, own.windows if own else None, held.value,
                   held.windows, right, total, ends.low if ends else None, ends.high if ends else None, turns,
                   point.settings.sparsity)
    return row if apart is None else replace(
        row, against=against, mean=apart.mean, difference_low=apart.interval.low, difference_high=apart.interval.high,
        draws=apart.draws, verdict=apart.verdict)


def skill_rows(side: str, found: ProbeResult) -> tuple[SkillRow, ...]:
    """All probes first (skill ""), then each skill."""
    shares = {"": found.total} | found.skills
    return tuple(SkillRow(skill, side, share.right, share.total, share.interval.low, share.interval.high)
                 for skill, share in shares.items())


def change_rows(dense: ProbeResult, pruned: ProbeResult) -> tuple[ChangeRow, ...]:
    """All probes first (skill ""), then each skill."""
    pairs: dict[str, list[tuple[bool, bool]]] = {"": []}
    for before, after in zip(dense.verdicts, pruned.verdicts, strict=True):
        for skill in ("", before.probe.skill):
            pairs.setdefault(skill, []).append((before.right, after.right))
    found = {skill: paired_share(*zip(*own, strict=True)) for skill, own in pairs.items() if own}
    return tuple(ChangeRow(skill, one.lost, one.gained, one.difference, one.interval.low, one.interval.high, one.shown)
                 for skill, one in found.items())


LARGEST_PICTURE = 384
"""Rows or columns up to which a mask is drawn weight by weight."""


def matrix_picture(applied: Masks, found: Histogram, name: str, expert: int = 0) -> MatrixPicture:
    """The mask of one matrix, averaged over squares of weights until it fits on paper."""
    mask = applied.masks[name]
    mask = mask[expert] if mask.dim() == 3 else mask
    rows, columns = mask.shape
    step = -(-max(rows, columns) // LARGEST_PICTURE)
    values = mask.numpy()
    return MatrixPicture(name, expert, float(values.mean()), found, pooled(values, step), step, (rows, columns))


def pooled(values: Array, step: int) -> Array:
    """float32: the mean over squares of step × step, those at the ends over what is left of them."""
    rows, columns = (np.arange(0, size, step) for size in values.shape)
    sums = np.add.reduceat(np.add.reduceat(values, rows, 0, np.float32), columns, 1)
    counts = np.outer(*(np.diff([*starts, size]) for starts, size in zip((rows, columns), values.shape, strict=True)))
    result: Array = sums / counts.astype(np.float32)
    return result
