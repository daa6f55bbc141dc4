"""The keys under which the Library stores results, and of the tasks that make them: one frozen class for each kind.

A key names everything that its result depends on, so two visitors who ask for the same thing share one computation.
Keys are compared by class and fields; nothing reads a key by position. None in the place of a model, of statistics or
of masks stands for what a visit does not have yet; nothing is ever stored under such a key, except for masks and
measurements of methods that need no statistics.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from gblm_viz.core.look.examples import Found
from gblm_viz.core.look.gradient_sums import GradientSummary
from gblm_viz.core.look.histogram import Histogram
from gblm_viz.core.look.mask_numbers import Preview
from gblm_viz.core.look.pull import Pull, SamplePull
from gblm_viz.core.look.structure import Band
from gblm_viz.core.look.structure_maps import StructureBands, StructureCell
from gblm_viz.core.look.two_masks import Jump, TwoMasks
from gblm_viz.core.look.weight import AnswerChange, Target, WeightReport
from gblm_viz.core.mask.live import Cuts, OrderedRows
from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure.draws import Losses
from gblm_viz.core.measure.evaluate import Perplexity, Probe, ProbeResult
from gblm_viz.core.measure.lost import TokenLoss
from gblm_viz.core.measure.sweep import SweepPoint
from gblm_viz.core.measure.won import Won
from gblm_viz.core.model.models import Model
from gblm_viz.core.score.alpha import Alpha, ShareCurve
from gblm_viz.core.score.scores import Scored
from gblm_viz.core.sums.estimate import Actual, ModelShape, Pace, PlanEstimate
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.talk.divergence import Predictions
from gblm_viz.core.text.calibration import CalibrationSet

from .text_choice import TextChoice

T = TypeVar("T")


class Key(Generic[T]):
    """The key of a value of type T. Subclasses are frozen dataclasses."""

    @property
    def kind(self) -> str:
        """What keys of this class have in common: the durations of tasks are remembered by it."""
        return type(self).__name__


def kind_of(key: Hashable) -> str:
    """Return a key's kind; any other hashable value is a kind of its own."""
    return key.kind if isinstance(key, Key) else str(key)


# The Library's own

@dataclass(frozen=True)
class SessionKey(Key[None]):
    """The room that a visitor's texts and chats take in the budget."""

    visitor: str


@dataclass(frozen=True)
class ReservedKey(Key[None]):
    """The room that a running task reserved."""

    token: str


@dataclass(frozen=True)
class OfferedKey(Key[Any]):
    """A file offered for download."""

    token: str


# Models, samples and statistics

@dataclass(frozen=True)
class ModelKey(Key[Model]):
    """A model as a visitor named it: pocket, a folder or a hub id."""

    source: str
    dtype: str
    device: str


@dataclass(frozen=True)
class SamplesKey(Key[CalibrationSet]):
    """All samples of a text. `cut`: how it is cut, without the text and without dropped samples."""

    model: ModelKey | None
    text_sha256: str
    cut: TextChoice


@dataclass(frozen=True)
class StatisticsKey(Key[Statistics]):
    """The sums of a model over samples, both by the keys of their contents."""

    model: str
    samples: str


@dataclass(frozen=True)
class RequestedSamplesKey(Key[str]):
    """The key of all samples requested for these statistics; a Cancel collects fewer than those."""

    statistics: StatisticsKey | None


@dataclass(frozen=True)
class CostKey(Key[tuple[PlanEstimate, Actual]]):
    """The estimated and the measured cost of the collection that made these statistics."""

    statistics: StatisticsKey | None


@dataclass(frozen=True)
class HeldOutKey(Key[CalibrationSet]):
    """The fifth of the text that these statistics were not collected on."""

    statistics: StatisticsKey | None


@dataclass(frozen=True)
class CorrectionKey(Key[float]):
    """Measured ÷ estimated seconds of this process's collections."""


@dataclass(frozen=True)
class ShapeKey(Key[ModelShape]):
    """A model's shape as the estimate needs it. `model`: the key of the model's contents."""

    model: str
    dtype: str
    device: str


@dataclass(frozen=True)
class PaceKey(Key[Pace]):
    """The pace of this machine on a model of that shape."""

    shape: ShapeKey


# Scores, masks and pruned copies

@dataclass(frozen=True)
class MasksKey(Key[Masks]):
    """The masks of a model. `statistics`: None for a method that needs none."""

    model: ModelKey | None
    statistics: StatisticsKey | None
    settings: Settings


@dataclass(frozen=True)
class PrunedKey(Key[Model]):
    """The copy of a model without the weights that these masks remove."""

    masks: MasksKey | None


@dataclass(frozen=True)
class ScoresKey(Key[Mapping[str, Scored]]):
    """The scores behind these masks, for any sparsity and pattern: the settings are those of the scoring."""

    masks: MasksKey | None


@dataclass(frozen=True)
class AlphaKey(Key[float]):
    """α as a number, where a gradient share or the balance was asked for."""

    statistics: StatisticsKey | None
    alpha: Alpha
    norm: str


@dataclass(frozen=True)
class PreviewKey(Key[Preview]):
    """The preview's numbers of these masks. `statistics`: those of the comparisons with other methods."""

    masks: MasksKey
    statistics: StatisticsKey | None


@dataclass(frozen=True)
class ShareCurveKey(Key[ShareCurve]):
    """The gradient's share of the score at every α."""

    statistics: StatisticsKey | None
    norm: str


@dataclass(frozen=True)
class GradientShareKey(Key[float]):
    """The gradient's share of the score at one α."""

    statistics: StatisticsKey | None
    norm: str
    alpha: float


@dataclass(frozen=True)
class CutsKey(Key[Cuts]):
    """The thresholds of the previous α. `settings`: with α left out. `every`: one computed row of so many."""

    model: ModelKey | None
    statistics: StatisticsKey | None
    settings: Settings
    matrix: str
    expert: int
    every: int


@dataclass(frozen=True)
class OrderedRowsKey(Key[OrderedRows]):
    """A matrix's scores in the order of each row. `scoring`: the settings that scores depend on."""

    model: ModelKey | None
    statistics: StatisticsKey | None
    scoring: Settings
    matrix: str
    expert: int


# What the pictures show

@dataclass(frozen=True)
class SummariesKey(Key[tuple[GradientSummary, ...]]):
    """The summary of every matrix's gradient norm."""

    statistics: StatisticsKey | None
    norm: str


@dataclass(frozen=True)
class FieldRangesKey(Key[dict[str, tuple[float, float]]]):
    """The colour range of each field of a matrix on the Gradients tab. `expert`: None = all experts."""

    model: ModelKey | None
    statistics: StatisticsKey | None
    settings: Settings
    matrix: str
    expert: int | None


@dataclass(frozen=True)
class HistogramKey(Key[Histogram]):
    """The histogram of a matrix's scores."""

    masks: MasksKey | None
    matrix: str
    expert: int


@dataclass(frozen=True)
class LargestJumpKey(Key[Jump | None]):
    """The weight with the largest jump between magnitude's order and that of these masks. `only`: in that matrix."""

    masks: MasksKey | None
    only: str | None


@dataclass(frozen=True)
class StructureKey(Key[tuple[StructureCell, ...]]):
    """The structure scores of every matrix's mask."""

    masks: MasksKey | None


@dataclass(frozen=True)
class StructureBandsKey(Key[tuple[StructureBands, StructureBands | None]]):
    """Every matrix's structure against chance, of these masks and of Wanda's."""

    masks: MasksKey | None
    wanda: MasksKey | None


@dataclass(frozen=True)
class BandKey(Key[dict[str, Band]]):
    """One matrix's structure against chance."""

    masks: MasksKey | None
    matrix: str
    expert: int


@dataclass(frozen=True)
class TwoMasksKey(Key[TwoMasks]):
    """These masks compared with Wanda's."""

    masks: MasksKey | None
    wanda: MasksKey | None


@dataclass(frozen=True)
class MovedKey(Key[Any]):
    """The weights of a matrix that these masks and Wanda's judge most differently."""

    masks: MasksKey | None
    wanda: MasksKey | None
    statistics: StatisticsKey | None
    matrix: str
    expert: int


@dataclass(frozen=True)
class WeightKey(Key[WeightReport]):
    """The report of one weight. `at`: the place and the settings."""

    model: ModelKey | None
    at: Hashable


@dataclass(frozen=True)
class ZeroedKey(Key[tuple[float, ...]]):
    """The measured change of the loss with each target set to zero separately."""

    model: ModelKey | None
    statistics: StatisticsKey | None
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class AnswerChangesKey(Key[tuple[AnswerChange, ...]]):
    """How the loss of the answer to a prompt changes with each target set to zero separately."""

    model: ModelKey | None
    prompt: str
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class PullKey(Key[tuple[SamplePull, ...]]):
    """How strongly each token of these samples pulls on a target."""

    statistics: StatisticsKey | None
    target: Pull
    samples: tuple[int, ...]


@dataclass(frozen=True)
class FoundKey(Key[Found | None]):
    """What a rule of the guide finds; None if it finds nothing."""

    model: ModelKey | None
    statistics: StatisticsKey | None
    rule: str
    settings: Settings


# Measurements

@dataclass(frozen=True)
class PerplexityKey(Key[Perplexity]):
    """A model's perplexity on windows, which are given by the key of their contents."""

    model: ModelKey | PrunedKey | None
    windows: str


@dataclass(frozen=True)
class ProbesKey(Key[ProbeResult]):
    """A model's answers to the pocket model's probes, at least as right or wrong."""

    model: ModelKey | PrunedKey | None


@dataclass(frozen=True)
class OwnProbesKey(Key[tuple[Probe, ...]]):
    """A visitor's own probes, by the hash of their contents."""

    sha256: str


ProbeSet = str | OwnProbesKey
"""The name of a bundled set, or the key of a visitor's own."""


@dataclass(frozen=True)
class AnswersKey(Key[ProbeResult]):
    """A model's answers to a set of probes with tokens, probability and rank."""

    model: ModelKey | PrunedKey | None
    probes: ProbeSet | None


@dataclass(frozen=True)
class ChoicesKey(Key[ProbeResult]):
    """A model's choices by likelihood among the answers that a set of probes offers."""

    model: ModelKey | PrunedKey | None
    probes: ProbeSet | None


@dataclass(frozen=True)
class TokenLossesKey(Key[tuple[TokenLoss, ...]]):
    """Both models' losses on one window, token by token."""

    model: ModelKey | None
    applied: MasksKey | None
    windows: str
    index: int


@dataclass(frozen=True)
class PredictionsKey(Key[Predictions]):
    """Every model's predictions at every token of one answer."""

    models: tuple[tuple[str, ModelKey | MasksKey | None], ...]
    prompt: tuple[int, ...]
    written: tuple[int, ...]


DrawsOf = tuple[str, tuple[int, ...], int]
"""What draws of a text depend on: the windows they are drawn from, the seeds, and the windows per draw."""


@dataclass(frozen=True)
class DrawsKey(Key[tuple[Statistics, ...]]):
    """The statistics of every draw of the text. `keep`: the sums that were kept."""

    model: ModelKey | None
    draws: DrawsOf
    keep: tuple[str, ...]


@dataclass(frozen=True)
class DrawnLossesKey(Key[Losses]):
    """A method's losses at every draw of the text."""

    model: ModelKey | None
    draws: DrawsOf
    settings: Settings
    windows: str


@dataclass(frozen=True)
class SweepPointKey(Key[SweepPoint]):
    """One point of a sweep. `probes`: how many probes of a skill are asked."""

    model: ModelKey | None
    statistics: StatisticsKey | None
    windows: str
    probes: int
    settings: Settings


@dataclass(frozen=True)
class SweepKey(Key[None]):
    """The task that measures the missing points of a sweep."""

    model: ModelKey | None
    statistics: StatisticsKey | None
    windows: str
    settings: tuple[Settings, ...]
    draws: DrawsOf | None


@dataclass(frozen=True)
class SweepPaceKey(Key[float]):
    """Mean seconds per point in the last sweep on these texts."""

    model: ModelKey | None
    statistics: StatisticsKey | None
    windows: str
    draws: DrawsOf | None


@dataclass(frozen=True)
class WonKey(Key[Won]):
    """The applied copy's size and speed beside the dense model's."""

    model: ModelKey | None
    applied: MasksKey | None


@dataclass(frozen=True)
class TwoTextsKey(Key[Any]):
    """The answers of two pruned copies that differ by their calibration text alone; the value is a guide.TwoTexts.
    `texts`: the files of both."""

    model: ModelKey | None
    statistics: StatisticsKey | None
    texts: tuple[str, str]
    settings: Settings


# Tasks whose result is stored under another key, or not at all

@dataclass(frozen=True)
class LookTask(Key[None]):
    """Looks at a model's folder before it is loaded."""

    source: str


@dataclass(frozen=True)
class LoadTask(Key[None]):
    """Loads a model."""

    source: str


@dataclass(frozen=True)
class CollectTask(Key[StatisticsKey]):
    """Collects statistics. `folder`: where they are written, "" = nowhere."""

    statistics: StatisticsKey
    folder: str


@dataclass(frozen=True)
class ApplyTask(Key[MasksKey]):
    """Computes masks and the pruned copy."""

    masks: MasksKey


@dataclass(frozen=True)
class ThirdTask(Key[Any]):
    """Makes the chat's third model. `given`: the visitor's own text, if `text`, the name of a bundled one, is used."""

    model: ModelKey | None
    statistics: StatisticsKey | None
    given: TextChoice | str
    text: str
    settings: Settings


@dataclass(frozen=True)
class MeasureTask(Key[None]):
    """Measures perplexity and probes of both models, on the texts of a page in this language."""

    model: ModelKey | None
    applied: MasksKey | None
    held_out: HeldOutKey | None
    language: str


@dataclass(frozen=True)
class AskTask(Key[None]):
    """Asks both models a set of probes. `choosing`: also by likelihood."""

    model: ModelKey | None
    applied: MasksKey | None
    probes: ProbeSet | None
    choosing: bool


@dataclass(frozen=True)
class MethodsTask(Key[None]):
    """Measures methods on windows, and at every draw of the text."""

    model: ModelKey | None
    statistics: StatisticsKey | None
    settings: tuple[Settings, ...]
    windows: str
    draws: DrawsOf | None


@dataclass(frozen=True)
class WonTask(Key[None]):
    """Measures what `WonKey` stores."""

    won: WonKey


@dataclass(frozen=True)
class TakesTask(Key[Any]):
    """Estimates what models of usual sizes, and this one, take."""

    model: ModelKey | None


@dataclass(frozen=True)
class SpeedTask(Key[Any]):
    """Measures the tokens per second of each model of a visitor's chat."""

    visitor: str
    models: tuple[tuple[str, ModelKey | MasksKey | None], ...]


@dataclass(frozen=True)
class ReportTask(Key[Any]):
    """Makes a visitor's report. `own`: with the visitor's text and these `prompts` of the chat."""

    visitor: str
    applied: MasksKey | None
    own: bool
    prompts: tuple[str, ...]
    language: str


@dataclass(frozen=True)
class SaveTask(Key[Any]):
    """Saves the pruned copy with a card of what this visitor measured. `folder`: where to; "" = as a download."""

    visitor: str
    applied: MasksKey | None
    folder: str
    force: bool
    language: str
