"""The tabs' computations by core, each result stored in the Library under all it depends on. No components."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from threading import Event

from gblm_viz.core.base.errors import GblmError, ModelError, TextError
from gblm_viz.core.base.footprint import Peak, folder_bytes, free_memory, release_freed_memory
from gblm_viz.core.base.job import Job, Step, run
from gblm_viz.core.look import gradient_sums, mask_numbers, two_masks
from gblm_viz.core.look.gradient_sums import GradientSummary
from gblm_viz.core.look.mask_numbers import Preview, comparison_settings
from gblm_viz.core.look.structure_maps import heads_of
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.mask.settings import Settings, preview_settings
from gblm_viz.core.measure import evaluate
from gblm_viz.core.model import models
from gblm_viz.core.model.matrices import Matrix
from gblm_viz.core.model.models import Model
from gblm_viz.core.score import alpha
from gblm_viz.core.score.alpha import Alpha, ShareCurve
from gblm_viz.core.score.scores import Scored
from gblm_viz.core.sums import estimate, statistics
from gblm_viz.core.sums.collect import collect
from gblm_viz.core.sums.estimate import Actual, Choice
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.talk import divergence, known
from gblm_viz.core.text import calibration
from gblm_viz.core.text.calibration import CalibrationSet
from gblm_viz.shipped import ASSETS, BUNDLED
from gblm_viz.words import Words

from ..visit.keys import (
    AlphaKey,
    CorrectionKey,
    CostKey,
    HeldOutKey,
    LargestJumpKey,
    MasksKey,
    ModelKey,
    PaceKey,
    PerplexityKey,
    PredictionsKey,
    ProbesKey,
    PrunedKey,
    RequestedSamplesKey,
    SamplesKey,
    ScoresKey,
    ShapeKey,
    ShareCurveKey,
    StatisticsKey,
    SummariesKey,
    WonKey,
)
from ..visit.library import Library, Visit
from ..visit.session import Session
from ..visit.text_choice import TextChoice
from ..visit.uploads import LARGEST_FILE

TEXTS = ASSETS / "texts"
PROBES = ASSETS / "pocket" / "probes"


TO_GIVE_BACK = 100_000_000
"""Bytes of estimated memory above which freed memory is returned to the system after cutting a text: the C library kept
half of what 20 MB of text took."""
CUTTING = 500
"""Most bytes of memory that cutting uses per byte of text while it runs. Measured with the pocket model's tokenizer:
English 172, Japanese 96, a token for each letter 275, a token for each of "x1 x1 x1" 460."""


@cache
def bundled_texts() -> tuple[dict[str, str], ...]:
    """Return the entries of assets/texts/index.json: file, language, title_en, title_ja, kind."""
    return tuple(json.loads((TEXTS / "index.json").read_text(encoding="utf-8")))


@cache  # one copy for all visitors
def read_bundled(file: str) -> str:
    """Return a bundled text by its file name in the index. Raises GblmError for any other name."""
    known = {entry["file"] for entry in bundled_texts()}
    if file not in known:
        raise GblmError("no_such_file", name=file)
    return (TEXTS / file).read_text(encoding="utf-8")


# Models

def model_key(library: Library, source: str) -> ModelKey:
    return ModelKey(source, library.dtype, library.device)


def estimate_of(library: Library, source: str) -> models.Estimate | None:
    """Return what loading a model on this machine will take; None for a hub id that is not downloaded yet."""
    try:
        return models.estimate(source, library.dtype)
    except ModelError as error:
        if error.key == "not_here_yet":
            return None
        raise


def estimate_job(library: Library, source: str) -> Job[models.Estimate | None]:
    """`estimate_of` as a task, since reading an unknown folder may take long."""
    yield Step(0, 1, "load")
    return estimate_of(library, source)


def load_job(library: Library, source: str, given_up: Event | None = None) -> Job[ModelKey]:
    """Load a model and store it, unless the load was given up meanwhile; the result is its Library key."""
    key = model_key(library, source)
    if not library.has(key):
        model = yield from models.load(source, library.dtype, library.device)
        if given_up is not None and given_up.is_set():
            raise GblmError("cancelled")
        library.put(key, model, model.parameters * 4)
    return key


# Text → samples

def all_samples(model: Model, choice: TextChoice) -> CalibrationSet:
    """Return all samples that a visitor's text is cut into, before any is dropped or held out."""
    return calibration.from_text(model.tokenizer, choice.text, name=choice.name, rule=choice.rule,
                                 samples=choice.samples, length=choice.length, seed=choice.seed, longest=model.longest)


def checked_size(text: str, name: str) -> int:
    """Return a text's size in bytes. Raises TextError above LARGEST_FILE."""
    size = len(text.encode("utf-8", "replace"))
    if size > LARGEST_FILE:
        raise TextError("text_file_too_large", name=name, megabytes=size / 1e6, most=LARGEST_FILE // 10**6)
    return size


def cached_samples(visit: Visit, choice: TextChoice) -> CalibrationSet:
    """Return `all_samples` the visitor's model and text, stored for everybody who cuts the same text in the same way.

    Raises TextError for a text over LARGEST_FILE, GblmError if cutting it does not fit into the shared memory budget.
    """
    model, size = visit.model(), checked_size(choice.text, choice.name)

    def cut() -> CalibrationSet:
        with visit.library.reserved(size * CUTTING):
            try:
                return all_samples(model, choice)
            finally:
                if size * CUTTING > TO_GIVE_BACK:
                    release_freed_memory()

    key = SamplesKey(visit.session.model, calibration.sha256(choice.text),
                     replace(choice, text="", dropped=frozenset()))
    return visit.library.get_or_make(key, cut)


def split_samples(whole: CalibrationSet,
                  choice: TextChoice) -> tuple[CalibrationSet, CalibrationSet | None, frozenset[int]]:
    """Return (calibration, held out, held-out indices in `whole`); held out is None if the text is too short."""
    kept = [index for index in range(whole.count) if index not in choice.dropped]
    if not kept:
        raise GblmError("all_left_out", name=choice.name)
    samples, held_out = calibration.hold_out(whole.pick(kept), choice.seed)
    held = calibration.held_out_indices(len(kept), choice.seed)
    return samples, held_out, frozenset(kept[index] for index in held)


def samples_of(model: Model, choice: TextChoice) -> tuple[CalibrationSet, CalibrationSet | None]:
    """Return (calibration, held out) of a visitor's text; the held-out fifth is None if the text is too short."""
    return split_samples(all_samples(model, choice), choice)[:2]


def text_name(say: Words, name: str) -> str:
    """Return a text's name for display: a bundled text's title, a file's own name, or that it was typed."""
    title = next((title_of(say, entry) for entry in bundled_texts() if entry["file"] == name), name)
    return title or say("text.own")


def title_of(say: Words, entry: Mapping[str, str]) -> str:
    """Return a bundled text's title in the page's language, or in English if it has none in that language."""
    return entry.get(f"title_{say.language}", entry["title_en"])


def collect_key(model: Model, samples: CalibrationSet) -> StatisticsKey:
    return StatisticsKey(model.key, samples.key)


def collect_job(library: Library, model: Model, samples: CalibrationSet, held_out: CalibrationSet | None,
                cancel: Event, folder: Path | None = None) -> Job[StatisticsKey]:
    """Collect and store statistics; the result is their Library key. After a Cancel they cover fewer samples.

    With `folder` they are written there too; a folder that already contains statistics is resumed or refused.
    """
    key = collect_key(model, samples)
    begun = folder is not None and any((folder / file).exists() for file in ("manifest.json", "checkpoint.safetensors"))
    if library.has(key) and folder is not None and not begun:
        statistics.save(library.get(key), folder)
    elif not library.has(key) or folder is not None:
        choice = choice_of(library, model, samples, folder)
        with library.reserved(choice.chosen.memory):
            peak = Peak.begin(model.device.type)
            found = yield from collect(model, samples, cancel=cancel, folder=folder, plan=choice.chosen.plan,
                                       inputs_in_memory=choice.chosen.inputs_in_memory)
            taken = Actual(found.seconds, peak.extra(), None if folder is None else folder_bytes(folder))
        key = collect_key(model, found.calibration)
        library.put(key, found, statistics_bytes(found))
        if not found.cancelled and found.seconds > 0:
            library.put(CostKey(key), (choice.chosen, taken))
            before = library.get(CorrectionKey()) if library.has(CorrectionKey()) else 1.0
            library.put(CorrectionKey(), before * found.seconds / choice.chosen.seconds)
    library.put(RequestedSamplesKey(key), samples.key)
    if held_out is not None:
        library.put(HeldOutKey(key), held_out)
    return key


# The cost of a collection

def choice_of(library: Library, model: Model, samples: CalibrationSet, folder: Path | None = None) -> Choice:
    """Return the plan of a collection, chosen by its estimated cost and what the shared memory budget leaves.

    Raises GblmError if no plan fits. The machine's pace is measured once per model and corrected by each collection.
    """
    keep = statistics.default_keep(model)
    work = estimate.work_of(samples, keep, False, folder is not None)
    shape, pace = shape_and_pace(library, model, work)
    return estimate.plan_for(shape, work, pace, room_for(library, model, folder), folder=folder)


def shape_and_pace(library: Library, model: Model, work: estimate.Work) -> tuple[estimate.ModelShape, estimate.Pace]:
    """Return the model's shape and this machine's pace on it, measured once per model, corrected by each collection."""
    own = ShapeKey(model.key, library.dtype, library.device)
    shape = library.get_or_make(own, lambda: estimate.shape_of(model))
    pace = library.get_or_make(PaceKey(own), lambda: estimate.measure_pace(shape, work, model.device.type))
    return shape, replace(pace, correction=library.get(CorrectionKey())) if library.has(CorrectionKey()) else pace


def room_for(library: Library, model: Model, folder: Path | None = None) -> estimate.Room:
    """Return what a collection with this model may use of the machine and of all visitors' memory budget."""
    room = estimate.room_of(model.device.type, folder)
    shared = library.room((model_key(library, model.source),))
    return replace(room, memory=shared if room.memory is None else min(shared, room.memory))


def corrected(library: Library) -> bool:
    """Return whether estimated times are corrected by a collection measured in this process."""
    return library.has(CorrectionKey())


def statistics_bytes(found: Statistics) -> int:
    return sum(tensor.numel() * 4 for sums in found.sums.values()
               for tensor in (sums.input_sq, *sums.gradients.values()))


def head_borders(model: Model, matrix: Matrix) -> tuple[int, int]:
    """Return (rows, columns) of one attention head, for the borders of the matrix view; 0 = no borders that way."""
    size, along_columns = heads_of(model, matrix)
    return (0, size) if along_columns else (size, 0)


# Masks

SMALL = 50_000_000
"""Largest number of parameters of a pruned model that is measured automatically."""
MOST_SCORES = 50_000_000
"""Largest number of prunable weights for which scores are stored: 200 MB per method and α."""


def maybe_statistics(visit: Visit) -> Statistics | None:
    """Return the visitor's statistics, or None before the first collection."""
    return visit.statistics() if visit.session.statistics is not None else None


def masks_key(session: Session, settings: Settings) -> MasksKey:
    return MasksKey(session.model, session.statistics if settings.needs else None, settings)


def preview_masks(visit: Visit, settings: Settings) -> Masks:
    """Return the masks of these settings in the dense order, computed immediately and stored."""
    dense = preview_settings(settings)
    model, found = visit.model(), maybe_statistics(visit)
    if dense.needs and found is None:
        raise GblmError("nothing_collected")

    def choose() -> Masks:
        return run(prune.dense_masks(model, found, dense, _cached_scores(visit, dense)))

    return visit.library.get_or_make(masks_key(visit.session, dense), choose, lambda masks: masks.prunable)


def _cached_scores(visit: Visit, settings: Settings) -> Mapping[str, Scored] | None:
    """Return the stored scores, reusable for any sparsity and pattern; None above MOST_SCORES weights."""
    model, found = visit.model(), maybe_statistics(visit)
    if model.layout.prunable > MOST_SCORES:
        return None
    key = ScoresKey(masks_key(visit.session, settings.scoring))
    return visit.library.get_or_make(key, lambda: prune.all_scores(model, found, settings.scoring),
                                     lambda _: 4 * int(model.layout.prunable))


def share_curve(library: Library, statistics_key: StatisticsKey | None, norm: str) -> ShareCurve:
    """Return the gradient's share at every α, stored."""
    return library.get_or_make(ShareCurveKey(statistics_key, norm),
                               lambda: alpha.share_curve(library.get(statistics_key), norm))


def comparison_masks(visit: Visit, settings: Settings) -> tuple[Masks | None, Masks | None]:
    """Return Wanda's and the gradient-only masks of this pattern; None without statistics or if the group forbids."""
    if visit.session.statistics is None:
        return None, None
    wanda, gradient = comparison_settings(settings)
    return (preview_masks(visit, wanda) if wanda else None, preview_masks(visit, gradient) if gradient else None)


def preview(visit: Visit, settings: Settings) -> Preview:
    """Return everything the Prune tab shows of the settings, without building a model."""
    wanda, gradient = comparison_masks(visit, settings)
    return mask_numbers.preview(visit.model(), maybe_statistics(visit), settings, preview_masks(visit, settings), wanda,
                                gradient)


def telling_weight(visit: Visit, settings: Settings, only: str | None = None) -> two_masks.Jump | None:
    """Return the weight with the largest jump in its row that magnitude removes and `settings` keep; None if none.

    settings: α as a number, for the dense order. only: the name of one matrix; None = all of them.
    """
    if settings.method == "magnitude" or settings.group == "authors":
        return None
    model, found, plain = visit.model(), visit.statistics(), settings.of_method("magnitude")

    def find() -> two_masks.Jump | None:
        scores = [lambda name, one=one: prune.scores_of(model, found, one, name) for one in (plain, settings)]
        masks = [{name: mask for name, mask in preview_masks(visit, one).masks.items() if only in {None, name}}
                 for one in (plain, settings)]
        return run(two_masks.largest_jump(scores[0], scores[1], masks[0], masks[1]))

    return visit.library.get_or_make(LargestJumpKey(masks_key(visit.session, settings), only), find)


def shown_masks(library: Library, session: Session, settings: Settings) -> Masks | None:
    """Return the masks that a preview of these settings has computed; None if it has not, or in another order."""
    if settings.order != "dense":
        return None
    number = settings
    if "alpha" in settings.knobs and settings.alpha.kind != "number":
        alpha_key = AlphaKey(session.statistics, settings.alpha, settings.norm)
        if not library.has(alpha_key):
            return None
        number = replace(settings, alpha=Alpha("number", library.get(alpha_key)))
    key = masks_key(session, number)
    return replace(library.get(key), settings=settings) if library.has(key) else None


def apply_job(library: Library, session: Session, model: Model, found: Statistics | None,
              settings: Settings) -> Job[MasksKey]:
    """Compute the masks in the settings' order and the pruned copy; the result is the masks' Library key."""
    key = masks_key(session, settings)
    if not library.has(PrunedKey(key)) and model.device.type == "cpu":
        # a single user on their own machine may use all of its memory
        library.require_memory(5 * model.layout.prunable, (free_memory() or 0) if library.local else 0)
    if not library.has(key):
        masks = shown_masks(library, session, settings) or (yield from prune.masks(model, found, settings))
        library.put(key, masks, masks.prunable)
    if not library.has(PrunedKey(key)):
        masks = library.get(key)
        library.put(PrunedKey(key), prune.pruned(model, masks), masks.prunable * 4)
    return key


def applied_masks(visit: Visit) -> Masks:
    """Return the masks of the visitor's pruned model. Raises GblmError if none were applied."""
    if visit.session.applied is None:
        raise GblmError("nothing_applied")
    return visit.library.get(visit.session.applied)


def applied_statistics(visit: Visit) -> Statistics | None:
    """Return the statistics that made the applied masks, not necessarily the visitor's current ones; None if none."""
    assert visit.session.applied is not None
    key = visit.session.applied.statistics
    return visit.library.get(key) if visit.library.has(key) else None


def pruned_model(visit: Visit) -> Model:
    """Return the visitor's pruned model, rebuilt from its masks if it was evicted."""
    return pruned_copy(visit, applied_masks(visit), visit.session.applied)


def pruned_copy(visit: Visit, masks: Masks, key: MasksKey | None) -> Model:
    """Return a copy of the visitor's model without the weights that the masks of that key remove."""
    return visit.library.get_or_make(PrunedKey(key), lambda: prune.pruned(visit.model(), masks),
                                     lambda _: masks.prunable * 4)


def preview_numbers(model: Model, found: Statistics, settings: Settings, masks: Masks) -> Preview:
    """Return the preview's numbers of existing masks, without a visit."""
    wanda, gradient = comparison_settings(settings)
    beside = [run(prune.dense_masks(model, found, one)) if one else None for one in (wanda, gradient)]
    return mask_numbers.preview(model, found, settings, masks, *beside)


def won_key(session: Session) -> WonKey:
    """Return the Library key of the applied copy's measurements on the panel "What was won"."""
    return WonKey(session.model, session.applied)


def gradient_summaries(visit: Visit, norm: str) -> tuple[GradientSummary, ...]:
    """Return the summary of every matrix's gradient norm, stored."""
    found = visit.statistics()
    return visit.library.get_or_make(SummariesKey(visit.session.statistics, norm),
                                     lambda: gradient_sums.gradient_summaries(visit.model(), found, norm))


# Evaluation

def is_pocket(model: Model) -> bool:
    """Return whether it is the bundled model; statements about the example apply only to that one."""
    return model.source == BUNDLED


def probes_of(model: Model) -> tuple[evaluate.Probe, ...]:
    """Return the held-out probes with an exact answer for the pocket model; () for any other model.

    Judging a story takes a whole generation (measured: twenty take as long as the other 781 together), so only the
    benchmark and the card ask for stories.
    """
    return bundled_probes() if is_pocket(model) else ()


@cache
def bundled_probes() -> tuple[evaluate.Probe, ...]:
    """Return the pocket model's held-out probes with an exact answer."""
    return tuple(probe for probe in evaluate.read_probes(PROBES) if not probe.contains)


def known_of(model: Model) -> tuple[known.KnownSkill, ...]:
    """Return what the pocket model was taught; () for any other model, of which nobody has said it."""
    return bundled_known() if is_pocket(model) else ()


@cache
def bundled_known() -> tuple[known.KnownSkill, ...]:
    """Return what the pocket model was taught, as the file beside it says."""
    return known.read_known(ASSETS / BUNDLED / "known.json")


def perplexity_job(library: Library, key: ModelKey | PrunedKey | None, model: Model,
                   windows: CalibrationSet) -> Job[evaluate.Perplexity]:
    """Perplexity of one model on one set of windows, stored. `key`: Library key of the model or pruned model."""
    own = PerplexityKey(key, windows.key)
    if not library.has(own):
        library.put(own, (yield from evaluate.perplexity(model, windows)))
    return library.get(own)


def probe_job(library: Library, key: ModelKey | PrunedKey | None, model: Model) -> Job[evaluate.ProbeResult]:
    """Ask one model all probes; the result is stored."""
    own = ProbesKey(key)
    if not library.has(own):
        library.put(own, (yield from evaluate.ask_probes(model, probes_of(model))))
    return library.get(own)


def held_out_text(language: str) -> str:
    """Return the file name of a language's bundled text for measuring only; the English one if there is none."""
    own = f"held_out_{language}.txt"
    return own if (TEXTS / own).is_file() else "held_out_en.txt"


def held_out_windows(library: Library, session: Session, model: Model, language: str) -> CalibrationSet:
    """Return the held-out fifth of the visitor's text, or the language's bundled text if the visitor's is too short."""
    if session.held_out is not None and library.has(session.held_out):
        return library.get(session.held_out)
    name = held_out_text(language)
    length = library.get(session.statistics).calibration.length if session.statistics is not None else 128
    return evaluate.text_windows(model, read_bundled(name), name, min(length, model.default_length))


def measure_job(library: Library, session: Session, model: Model, pruned: Model, language: str) -> Job[None]:
    """Measure perplexity on the visitor's own and held-out text and the probes, of both models; all stored."""
    held = held_out_windows(library, session, model, language)
    texts = [held] if session.statistics is None else [library.get(session.statistics).calibration, held]
    for windows in texts:
        yield from perplexity_job(library, session.model, model, windows)
        yield from perplexity_job(library, PrunedKey(session.applied), pruned, windows)
    if probes_of(model):
        yield from probe_job(library, session.model, model)
        yield from probe_job(library, PrunedKey(session.applied), pruned)


def measured_all(visit: Visit, language: str) -> bool:
    """Return whether the applied copy has been measured on the text that a page in this language shows."""
    session, library = visit.session, visit.library
    pruned = PrunedKey(session.applied)
    held = held_out_windows(library, session, visit.model(), language)
    probed = not probes_of(visit.model()) or library.has(ProbesKey(pruned))
    return library.has(PerplexityKey(pruned, held.key)) and probed


# Chat

def predictions_key(models: tuple[tuple[str, ModelKey | MasksKey | None], ...], prompt: Sequence[int],
                    written: Sequence[int]) -> PredictionsKey:
    return PredictionsKey(models, tuple(prompt), tuple(written))


def predictions_job(library: Library, key: PredictionsKey, models: Sequence[Model], prompt: Sequence[int],
                    written: Sequence[int]) -> Job[divergence.Predictions]:
    """Compute every model's predictions at every token of one answer; stored, so stepping through computes once."""
    if not library.has(key):
        found = yield from divergence.next_tokens(models, prompt, written)
        library.put(key, found, len(found.places) * len(models) * 2000)  # six candidates and their texts
    return library.get(key)
