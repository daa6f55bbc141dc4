"""One run in plain numbers: what was pruned and how, what was measured, and the hash it is cited by.

All of it can be written as JSON and as tables. Independent of screens; contains no text of the user except in `own`.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

import gblm_viz

from ..base.intervals import Paired, paired_difference, paired_share
from ..base.lazy import np
from ..look.cells import Array
from ..look.gradient_sums import GradientSummary
from ..look.histogram import Histogram
from ..look.two_masks import TwoMasks
from ..look.weight import WeightReport
from ..mask.patterns import label
from ..mask.prune import Masks
from ..mask.settings import Settings
from ..measure.crossed import Crossed, crossed
from ..measure.draws import Draws
from ..measure.evaluate import Perplexity, ProbeResult
from ..measure.sweep import SweepPoint, curves, knee
from ..model.models import Model
from ..sums.statistics import Statistics
from ..talk.blind import Vote, tally

T = TypeVar("T")
Row = dict[str, Any]
"""Column → a string, a number, a bool, or None if there is no value."""
PACKAGES = ("torch", "transformers", "gradio")
SHORT_HASH = 12
"""Number of hex digits of a run's hash that are printed; the files contain all 64."""


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
    """What the statistics were collected on. `text`: a file's name, "" if typed; `tokens_sha256`: of the samples;
    `foreign`: whether the dense model does not understand the text, None if unknown."""

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
    foreign: bool | None = None


@dataclass(frozen=True)
class MatrixRow:
    """One matrix: the fraction removed, a summary of its gradient norm, and Cohen's κ against Wanda's mask.

    The gradient numbers are sums over samples; they are None if the run has no gradients, κ if it has no Wanda mask.
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
    """One model on one text. `which`: own or held_out; `side`: dense or pruned; `loss` in nats per token."""

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
    """Loss of pruned − dense over the same windows, nats per token, 95 % interval; `shown`: it does not cover 0."""

    which: str
    mean: float
    low: float
    high: float
    windows: int
    shown: bool


@dataclass(frozen=True)
class SkillRow:
    """Number of probes of one skill, or of all (skill ""), answered exactly right, with Wilson's 95 % interval."""

    skill: str
    side: str
    right: int
    total: int
    low: float
    high: float


@dataclass(frozen=True)
class ChangeRow:
    """Both models on the same probes of one skill (all: ""): how many only the dense one got right (`lost`), how many
    only the pruned one (`gained`); the paired difference of the fractions with Newcombe's 95 % interval; `shown` as in
    PairedShare."""

    skill: str
    lost: int
    gained: int
    difference: float
    low: float
    high: float
    shown: bool


@dataclass(frozen=True)
class GainRow:
    """One quantity that pruning might improve (a size or a speed). None: not measured in this visit.

    mean, low, high: for a speed, pruned − dense over `runs` pairs, 95 % interval; sizes are exact and have no interval.
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
    the run's own method over the same windows, nats per token, 95 % interval; None for that method and for `dense`.

    The interval is over windows, `block` neighbours counted as one, and over `draws` draws of `samples` of the text's
    `pool` windows, with seeds from `first_seed` on; pool is None if the collected samples are the only draw. verdict:
    as in Crossed; the perplexity is always that of the collected samples.
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
    """One point of a sweep: perplexities with their windows, right probes with Wilson's interval; `knee`: whether it is
    its curve's knee. asked: the requested sparsity, which rounding within rows reaches only approximately. mean,
    difference_low, difference_high, draws, verdict: of its held-out loss minus that of `against` at the same sparsity,
    as in MethodRow."""

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
    """One press of Apply in a visit. Perplexities are on the held-out text `held_out`; None: not measured."""

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


@dataclass(frozen=True)
class VoteRow:
    """Blind votes in a visit for one side of the same models: `preferred` of `votes` that chose a side; `ties` chose
    none and are not part of `votes`. models: the sides that answered, joined by +; low, high: Clopper and Pearson's
    95 % interval; verdict: as in Preference."""

    models: str
    side: str
    preferred: int
    votes: int
    ties: int
    questions: int
    low: float
    high: float
    chance: float
    verdict: str


@dataclass(frozen=True, eq=False)
class ChosenWeight:
    """The weight that was chosen when the report was made. removed: in the run's mask, which may have been made in the
    sequential order; report: its rank and every method's decision, in the dense order."""

    matrix: str
    expert: int
    row: int
    column: int
    removed: bool
    report: WeightReport

    def as_row(self) -> Row:
        """Return its numbers; those that do not apply are nan."""
        found = self.report
        numbers = ("weight", "input_norm", "gradient_norm", "alpha", "score", "rank", "group", "group_size", "cut",
                   "cut_low", "cut_high", "goes_from", "predicted")
        return {"matrix": self.matrix, "expert": self.expert, "row": self.row, "column": self.column,
                "removed": self.removed} | {name: getattr(found, name) for name in numbers}


@dataclass(frozen=True, eq=False)
class MatrixPicture:
    """One matrix of the run: the histogram of its scores, and the fraction removed in each cell of its mask.

    removed: the fraction of the matrix removed; density: float32 (rows, columns), each the mean of `step` × `step`
    weights (fewer at the edges); shape: the mask's.
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
    """The user's own texts, included on request only: the calibration text, and prompts with both answers."""

    text: str
    chat: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, eq=False)
class Run:
    """The whole content of a report. `share`: the gradient term's share of the score; `own`: None unless requested."""

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
    votes: tuple[VoteRow, ...] = ()
    chosen: ChosenWeight | None = None
    own: Own | None = None

    @property
    def hash(self) -> str:
        """The hash of the run, as `run_hash` makes it."""
        return run_hash(self.model.key, self.calibration.tokens_sha256 if self.calibration else "", self.settings,
                        self.versions, protocol(self.perplexities, self.probes))

    def as_tables(self) -> dict[str, list[Row]]:
        """Return name → rows of plain values; every row of a table has the same columns."""
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
                     "visit", "votes"):
            tables[name] = [asdict(row) for row in getattr(self, name)]
        tables["chosen_weight"] = [self.chosen.as_row()] if self.chosen else []
        tables["chosen_weight_by_method"] = [asdict(one) for one in self.chosen.report.verdicts] if self.chosen else []
        if self.own is not None:
            tables["own_text"] = [{"text": self.own.text}]
            tables["own_chat"] = [{"prompt": prompt, "dense": dense, "pruned": pruned}
                                  for prompt, dense, pruned in self.own.chat]
        return {name: [{key: finite_or_none(value) for key, value in row.items()} for row in rows]
                for name, rows in tables.items()}


def finite_or_none(value: T) -> T | None:
    """Return None for nan and infinity, which JSON cannot represent; any other value unchanged."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def versions() -> dict[str, str]:
    """Return the versions of this app, the packages it uses and Python."""
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    """The same, looked up once: each look goes through all installed packages."""
    found = {"gblm_viz": gblm_viz.__version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # the command line runs without gradio
            continue
    return found | {"python": platform.python_version()}


def protocol(perplexities: Sequence[PerplexityRow], probes: Sequence[SkillRow]) -> Row:
    """Return how the run was measured: each text's hash, windows, length and dtype, and the number of probes."""
    texts = sorted({(one.which, one.text_sha256, one.windows, one.length, one.dtype) for one in perplexities})
    return {"texts": [list(one) for one in texts], "probes": max((one.total for one in probes), default=0)}


def run_hash(model_key: str, calibration_key: str, settings: Row, versions: Mapping[str, str], how: Row) -> str:
    """Return the SHA-256, hex, of model, samples, settings, versions and protocol as sorted JSON; includes no time."""
    identity = {"model": model_key, "calibration": calibration_key, "settings": settings, "versions": dict(versions),
                "protocol": how}
    return hashlib.sha256(json.dumps(identity, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


# From models, statistics and masks

def model_facts(model: Model) -> ModelFacts:
    """Return a model's facts."""
    layout = model.layout
    return ModelFacts(model.name, model.key, model.parameters, len(layout.blocks), len(layout.matrices),
                      layout.prunable, model.dtype, model.device.type)


def calibration_facts(found: Statistics, foreign: bool | None = None) -> CalibrationFacts:
    """Return the facts of the samples that the statistics were collected on. foreign: see CalibrationFacts."""
    used = found.calibration
    return CalibrationFacts(used.text_name, used.text_sha256, used.key, used.rule, used.count, found.asked, used.length,
                            used.token_count, used.seed, found.dtype, found.device, foreign)


def settings_row(applied: Masks) -> Row:
    """Return the settings by the command line's names, α as a number and as requested, and the number of fallbacks."""
    settings = applied.settings
    return settings.as_dict() | {
        "alpha_value": applied.alpha, "pattern_label": label(settings.make_pattern()),
        "fallbacks": len(applied.fallbacks), "equal_rows": sum(applied.equal_rows.values())}


def vote_rows(votes: Sequence[Vote]) -> tuple[VoteRow, ...]:
    """Return the rows of blind votes, for each set of models that answered: of the first side if there are two."""
    rows = []
    for competitors in dict.fromkeys(vote.competitors for vote in votes):
        sides = [side for side, _ in competitors]
        for side in sides[:1] if len(sides) == 2 else sides:
            one = tally(votes, competitors, side)
            rows.append(VoteRow("+".join(sides), side, one.preferred, one.votes, one.ties, one.questions,
                                one.interval.low, one.interval.high, one.chance, one.verdict))
    return tuple(rows)


def matrix_rows(model: Model, applied: Masks, gradients: Sequence[GradientSummary] = (),
                beside_wanda: TwoMasks | None = None) -> tuple[MatrixRow, ...]:
    """Return one row per matrix, in the network's order."""
    by_name = {one.name: one for one in gradients}
    rows = []
    for matrix in model.layout.matrices:
        row = MatrixRow(matrix.name, matrix.block, matrix.role, matrix.rows, matrix.columns, matrix.experts,
                        float(applied.masks[matrix.name].double().mean()))
        if beside_wanda is not None:
            row = replace(row, kappa_wanda=finite_or_none(beside_wanda.matrices[matrix.name].kappa))
        if matrix.name in by_name:
            one = by_name[matrix.name]
            row = replace(row, gradient_mean=one.mean, gradient_median=one.median, gradient_p99=one.p99,
                          gradient_peak_share=finite_or_none(one.peak_share))
        rows.append(row)
    return tuple(rows)


def perplexity_row(which: str, side: str, found: Perplexity) -> PerplexityRow:
    """Return the row of one side's perplexity on one text."""
    return PerplexityRow(which, side, found.value, math.fsum(found.losses) / len(found.losses), found.windows,
                         found.length, found.dtype, found.text_name, found.text_sha256)


def difference_row(which: str, dense: Perplexity, pruned: Perplexity) -> DifferenceRow:
    """Return the row of the paired difference of losses on one text, pruned minus dense."""
    found: Paired = paired_difference(dense.losses, pruned.losses)
    return DifferenceRow(which, found.mean, found.interval.low, found.interval.high, found.count, found.shown)


def method_rows(which: str, measured: Mapping[str, Perplexity], own: str, apart: Mapping[str, Crossed] | None = None,
                drawn: Draws | None = None) -> tuple[MethodRow, ...]:
    """Return one row per method. measured: `dense` or a method → its perplexity on the same windows.

    own: the method the others are compared with. apart: each other method's difference from it, over the draws; if
    None, it is computed from `measured` as a single draw.
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
    """Return every curve's points, each curve from low to high sparsity, starting with the dense model. apart: settings
    of a point → the difference of its held-out loss from that of the method `against`."""
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
    """Return a row for all probes (skill ""), then one for each skill."""
    shares = {"": found.total} | found.skills
    return tuple(SkillRow(skill, side, share.right, share.total, share.interval.low, share.interval.high)
                 for skill, share in shares.items())


def change_rows(dense: ProbeResult, pruned: ProbeResult) -> tuple[ChangeRow, ...]:
    """Return a row for all probes (skill ""), then one for each skill."""
    pairs: dict[str, list[tuple[bool, bool]]] = {"": []}
    for before, after in zip(dense.verdicts, pruned.verdicts, strict=True):
        for skill in ("", before.probe.skill):
            pairs.setdefault(skill, []).append((before.right, after.right))
    found = {skill: paired_share(*zip(*own, strict=True)) for skill, own in pairs.items() if own}
    return tuple(ChangeRow(skill, one.lost, one.gained, one.difference, one.interval.low, one.interval.high, one.shown)
                 for skill, one in found.items())


LARGEST_PICTURE = 384
"""Largest number of rows or columns at which a mask is drawn weight by weight."""


def matrix_picture(applied: Masks, found: Histogram, name: str, expert: int = 0) -> MatrixPicture:
    """Return the mask of one matrix, averaged over squares of weights to at most LARGEST_PICTURE rows and columns."""
    mask = applied.masks[name]
    mask = mask[expert] if mask.dim() == 3 else mask
    rows, columns = mask.shape
    step = -(-max(rows, columns) // LARGEST_PICTURE)
    values = mask.numpy()
    return MatrixPicture(name, expert, float(values.mean()), found, pooled(values, step), step, (rows, columns))


def pooled(values: Array, step: int) -> Array:
    """Return the mean over squares of step × step, float32; squares at the edges average the values they contain."""
    rows, columns = (np.arange(0, size, step) for size in values.shape)
    sums = np.add.reduceat(np.add.reduceat(values, rows, 0, np.float32), columns, 1)
    counts = np.outer(*(np.diff([*starts, size]) for starts, size in zip((rows, columns), values.shape, strict=True)))
    result: Array = sums / counts.astype(np.float32)
    return result
