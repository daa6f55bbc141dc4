"""What this visit did and measured, as core's plain Run: read from the Library; missing values are computed.

Also the list of the visit's Applies. Independent of the components; writes no file.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from gblm_viz.core.base.intervals import Share, paired_difference
from gblm_viz.core.base.job import Job, Step
from gblm_viz.core.keep import run as runs
from gblm_viz.core.keep.run import (
    ChangeRow,
    ChosenWeight,
    DifferenceRow,
    GainRow,
    MethodRow,
    Own,
    PerplexityRow,
    Run,
    SkillRow,
    SweepRow,
    VisitRow,
    VoteRow,
)
from gblm_viz.core.look import two_masks, weight
from gblm_viz.core.look.gradient_sums import GradientSummary, gradient_summaries
from gblm_viz.core.look.histogram import score_histogram
from gblm_viz.core.look.mask_numbers import comparison_settings
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.measure import sweep, tolerance
from gblm_viz.core.measure.evaluate import Perplexity, ProbeResult
from gblm_viz.core.measure.won import Won, memory
from gblm_viz.core.model.models import Model
from gblm_viz.core.score import alpha
from gblm_viz.core.sums.statistics import NORMS, Statistics
from gblm_viz.core.talk.blind import Vote
from gblm_viz.core.text import calibration
from gblm_viz.shipped import usual_perplexity

from ..visit.keys import GradientShareKey, MasksKey, PerplexityKey, ProbesKey, PrunedKey, StatisticsKey, SummariesKey
from ..visit.library import Library, Visit
from ..visit.remembered import BLIND_ROUND, CHAT_LOG, RUNS, SAVED, VOTES
from ..visit.session import Session
from ..visit.text_choice import TextChoice
from ..work import measuring, sweeping, text_draws, work
from ..work.chat import Conversation, Turn

LONGEST_OWN = 200_000
"""Most characters of a visitor's own text that a report includes."""


@dataclass(frozen=True, eq=False)
class Source:
    """The data a run is built from: the visit's session when the report was requested, and what it had applied."""

    library: Library
    session: Session
    model: Model
    applied: Masks
    statistics: Statistics | None
    language: str

    @property
    def pruned(self) -> PrunedKey:
        return PrunedKey(self.session.applied)


def source_of(visit: Visit, language: str) -> Source:
    """Return the source of the visit. Raises GblmError if nothing is applied or the applied masks were evicted."""
    applied = work.applied_masks(visit)
    return Source(visit.library, visit.session, visit.model(), applied, work.applied_statistics(visit), language)


# What was measured

def perplexities_of(source: Source) -> dict[str, tuple[Perplexity, Perplexity]]:
    """Return the measured {own, held_out: (dense, pruned)}. own: the text that the run was calibrated on."""
    library, session = source.library, source.session
    held = work.held_out_windows(library, session, source.model, source.language)
    texts = {"own": source.statistics.calibration} if source.statistics is not None else {}
    found = {}
    for which, windows in (texts | {"held_out": held}).items():
        keys = [PerplexityKey(key, windows.key) for key in (session.model, source.pruned)]
        if all(library.has(key) for key in keys):
            found[which] = (library.get(keys[0]), library.get(keys[1]))
    return found


def perplexity_rows(source: Source) -> tuple[PerplexityRow, ...]:
    return tuple(runs.perplexity_row(which, side, one) for which, pair in perplexities_of(source).items()
                 for side, one in zip(("dense", "pruned"), pair, strict=True))


def difference_rows(source: Source) -> tuple[DifferenceRow, ...]:
    return tuple(runs.difference_row(which, *pair) for which, pair in perplexities_of(source).items())


def _probes_of(source: Source) -> dict[str, ProbeResult]:
    """Return the probe results by side; empty unless both models were asked."""
    keys = {"dense": ProbesKey(source.session.model), "pruned": ProbesKey(source.pruned)}
    if not all(source.library.has(key) for key in keys.values()):
        return {}
    return {side: source.library.get(key) for side, key in keys.items()}


def skill_rows(source: Source) -> tuple[SkillRow, ...]:
    return tuple(row for side, found in _probes_of(source).items() for row in runs.skill_rows(side, found))


def change_rows(source: Source) -> tuple[ChangeRow, ...]:
    found = _probes_of(source)
    return runs.change_rows(found["dense"], found["pruned"]) if found else ()


def probe_shares(source: Source) -> dict[str, Share]:
    """Return the share of right answers to all probes by side; empty unless both models were asked."""
    return {side: found.total for side, found in _probes_of(source).items()}


def method_rows(source: Source) -> tuple[MethodRow, ...]:
    """Return the methods' rows for each unseen text on which they were compared."""
    library, session, applied = source.library, source.session, source.applied.settings
    rivals = measuring.rivals(session, applied)
    found: list[MethodRow] = []
    for which, windows in measuring.method_texts(library, session, source.model, source.language).items():
        measured = measuring.known_rivalry(library, session, rivals, windows)
        if measured is not None and applied.method in rivals:
            apart = {name: measured.against(name, applied.method) for name in rivals if name != applied.method}
            found += runs.method_rows(which, measured.alone, applied.method, apart, measured.drawn)
    return tuple(found)


def sweep_rows(source: Source) -> tuple[SweepRow, ...]:
    """Return the points of all sweeps with the run's norm, α, group and seed on the current texts."""
    session = source.session
    held_out = work.held_out_windows(source.library, session, source.model, source.language)
    plan = sweeping.full_plan(session, held_out, source.applied.settings)
    drawn = (text_draws.draws_of(source.library, session, count) for count in text_draws.counts_of(session))
    plans = [replace(plan, drawn=one) for one in drawn]
    plan = next((one for one in plans if sweeping.losses_of(source.library, one)), plan)
    points = sweeping.points_of(source.library, plan)
    return runs.sweep_rows(points, sweep.differences(points, sweeping.losses_of(source.library, plan)),
                           sweep.reference_method(one.settings for one in points))


# The gains: each is a number measured in this visit, or None

def _measured(source: Source) -> Won | None:
    """Return what the panel "What was won" has measured of this copy; None if nothing."""
    key = work.won_key(source.session)
    found: Won | None = source.library.get(key) if source.library.has(key) else None
    return found


def _saved(source: Source, what: str) -> float | None:
    kept: float | None = source.session.extra(SAVED, {}).get(source.session.applied, {}).get(what)
    return kept


def gain_rows(source: Source) -> tuple[GainRow, ...]:
    """Return bytes and median tokens per second."""
    won = _measured(source)
    pruned = memory(source.library.get(source.pruned)) if source.library.has(source.pruned) else None
    rows = [GainRow("memory", "byte", memory(source.model), pruned)]  # counted now
    if won is None:
        rows += [GainRow("saved", "byte", None, _saved(source, "weights")), GainRow("zipped", "byte", None, None),
                 GainRow("masked", "byte", None, None), GainRow("speed", "rate", None, None)]
    else:
        gap = paired_difference(won.speed_dense.runs, won.speed_pruned.runs)
        rows += [GainRow("saved", "byte", won.dense.saved, won.pruned.saved),
                 GainRow("zipped", "byte", won.dense.zipped, won.pruned.zipped),
                 GainRow("masked", "byte", None, won.masked),
                 GainRow("speed", "rate", won.speed_dense.median, won.speed_pruned.median, gap.mean, gap.interval.low,
                         gap.interval.high, gap.count)]
    semi = won.speed_semi if won is not None else None
    rows.append(GainRow("speed_semi", "rate", None, semi.median if semi is not None else None))
    return (*rows, GainRow("zipped_folder", "byte", None, _saved(source, "zip")))


# The Applies of the visit

def visit_row(source: Source) -> VisitRow:
    """Return the row of the applied copy, with what was measured of it so far."""
    applied, session, found = source.applied, source.session, source.statistics
    settings = runs.settings_row(applied)
    perplexities, probes = perplexity_rows(source), skill_rows(source)
    held = {one.side: one for one in perplexities if one.which == "held_out"}
    asked = {one.side: one for one in probes if not one.skill}
    used = runs.calibration_facts(found) if found is not None else None
    digest = runs.run_hash(applied.model_key, used.tokens_sha256 if used else "", settings, runs.versions(),
                           runs.protocol(perplexities, probes))
    return VisitRow(
        session.applied_number, source.model.name, applied.settings.method, settings["pattern_label"],
        applied.sparsity, applied.settings.order, applied.alpha, used.text if used else "",
        used.samples if used else None, used.length if used else None, held["dense"].text if held else "",
        held["dense"].perplexity if held else None, held["pruned"].perplexity if held else None,
        held["dense"].windows if held else None, asked["dense"].right if asked else None,
        asked["pruned"].right if asked else None, asked["dense"].total if asked else None, digest)


def record_run(visit: Visit, language: str) -> None:
    """Add the currently applied copy to the list of the visit's runs, or update its row with newer measurements."""
    session, library = visit.session, visit.library
    if session.applied is None or not (library.has(session.applied) and library.has(session.model)):
        return
    row = visit_row(source_of(visit, language))
    known = {one.number: one for one in recorded_runs(visit)}
    before = known.get(row.number)
    if before is None or row.perplexity_pruned is not None or before.perplexity_pruned is None:
        known[row.number] = row
        visit.remember(RUNS, tuple(known[number] for number in sorted(known)))


def recorded_runs(visit: Visit) -> tuple[VisitRow, ...]:
    found: tuple[VisitRow, ...] = visit.session.extra(RUNS, ())
    return found


# The whole run

def _statistics_key(source: Source) -> StatisticsKey | None:
    assert source.session.applied is not None
    return source.session.applied.statistics


def _share(source: Source) -> float | None:
    """Return the gradient's share of the score; None if the method has no α."""
    found, level, norm = source.statistics, source.applied.alpha, source.applied.settings.norm
    if found is None or level is None:
        return None
    return source.library.get_or_make(GradientShareKey(_statistics_key(source), norm, level),
                                      lambda: alpha.gradient_share(found, norm, level))


def _gradients(source: Source) -> tuple[GradientSummary, ...]:
    """Return the summary of every matrix's gradient norm; () if the run has no gradients of that norm."""
    norm = gradient_norm(source.applied)
    found = source.statistics
    if found is None or NORMS[norm] not in found.keep:
        return ()
    return source.library.get_or_make(SummariesKey(_statistics_key(source), norm),
                                      lambda: gradient_summaries(source.model, found, norm))


def gradient_norm(applied: Masks) -> str:
    """Return the norm in which the run's gradients are shown: its own, or ℓ1 if its method uses no gradients."""
    return applied.settings.norm if "gradients" in applied.settings.needs else "l1"


def _beside_wanda(source: Source) -> Job[two_masks.TwoMasks | None]:
    """Compare the run's mask with Wanda's of the same pattern in the dense order; None if there is no other mask."""
    wanda, _ = comparison_settings(source.applied.settings)
    if wanda is None or source.statistics is None or source.applied.settings == wanda:
        return None
    key = MasksKey(source.session.model, _statistics_key(source), wanda)
    if not source.library.has(key):
        masks = yield from prune.dense_masks(source.model, source.statistics, wanda)
        source.library.put(key, masks, masks.prunable)
    return two_masks.compare(source.applied.masks, source.library.get(key).masks)


def chosen_matrix(source: Source, gradients: tuple[GradientSummary, ...]) -> tuple[str, int]:
    """Return (name, expert) of the selected matrix, else of that with the largest mean gradient, else the first."""
    names = [matrix.name for matrix in source.model.layout.matrices]
    wanted = source.session.selection
    if wanted.matrix in names:
        return wanted.matrix, wanted.expert
    return (max(gradients, key=lambda one: one.mean).name if gradients else names[0]), 0


def chosen_weight(source: Source) -> ChosenWeight | None:
    """Return the chosen weight with every method's decision on it.

    None if none is chosen in this model, or if the server no longer holds the statistics that its method needs.
    """
    chosen, settings = source.session.selection, source.applied.settings
    if not chosen.matrix or chosen.row is None or chosen.column is None or not chosen.inside(source.model.layout):
        return None
    if settings.needs and source.statistics is None:
        return None
    name, expert, place = chosen.matrix, chosen.expert, (chosen.row, chosen.column)
    report = weight.explain(source.model, source.statistics, settings, source.applied, name, *place, expert)
    mask = source.applied.masks[name]
    removed = bool((mask[expert] if mask.dim() == 3 else mask)[place])
    return ChosenWeight(name, expert, *place, removed, report)


def vote_rows(source: Source) -> tuple[VoteRow, ...]:
    """Return the blind votes on this copy, but for those on a question whose models are still hidden."""
    votes: tuple[Vote, ...] = source.session.extra(VOTES, ())
    asked = source.session.extra(BLIND_ROUND)
    secret = None if asked is None or asked.revealed else asked.question
    return runs.vote_rows([vote for vote in votes if vote.question != secret
                           and dict(vote.competitors).get("pruned") == source.session.applied])


def chat_of(session: Session) -> tuple[Turn, ...]:
    """Return all that was asked in the chat, if the applied copy gave the pruned answers."""
    kept: Conversation = session.extra(CHAT_LOG, Conversation())
    return tuple(kept.turns) if dict(kept.of).get("pruned") == session.applied else ()


def own_text(source: Source, prompts: Collection[str] | None = None) -> Own:
    """Return the calibration text, if it is still the run's, and the chat, if this copy gave its pruned answers.

    prompts: which of the chat's questions; None: all.
    """
    choice: TextChoice = source.session.text
    text = ""
    if source.statistics is not None and choice.text:
        checked = calibration.checked_text(choice.text, choice.name)
        if calibration.sha256(checked) == source.statistics.calibration.text_sha256:
            text = checked[:LONGEST_OWN]
    return Own(text, tuple((turn.prompt, turn.answers["dense"].text, turn.answers["pruned"].text)
                           for turn in chat_of(source.session) if prompts is None or turn.prompt in prompts))


def gather(source: Source, pruned: Model, own: bool, prompts: Collection[str] | None = None) -> Job[Run]:
    """Build the report's Run, first measuring a small model if needed. `own`: include the user's text and chat.

    prompts: which of the chat's questions to include; None: all.
    """
    library, session, model = source.library, source.session, source.model
    if "held_out" not in perplexities_of(source) and model.parameters <= work.SMALL:
        yield from work.measure_job(library, session, model, pruned, source.language)
    yield Step(0, 3, "load")
    gradients = _gradients(source)
    yield Step(1, 3, "load")
    beside = yield from _beside_wanda(source)
    yield Step(2, 3, "load")
    name, expert = chosen_matrix(source, gradients)
    histogram = score_histogram(model, source.statistics, source.applied.settings, source.applied, name, expert)
    visit = {one.number: one for one in session.extra(RUNS, ())} | {session.applied_number: visit_row(source)}
    return Run(
        session.applied_number, runs.model_facts(model), runs.settings_row(source.applied), _share(source),
        runs.calibration_facts(source.statistics, tolerance.is_text_foreign(
            source.statistics, usual_perplexity(source.model.source)))
        if source.statistics is not None else None,
        source.applied.removed, source.applied.sparsity,
        runs.matrix_rows(model, source.applied, gradients, beside), perplexity_rows(source), difference_rows(source),
        skill_rows(source), change_rows(source), gain_rows(source), method_rows(source), sweep_rows(source),
        tuple(visit[number] for number in sorted(visit)),
        runs.matrix_picture(source.applied, histogram, name, expert), runs.versions(),
        vote_rows(source), chosen_weight(source), own_text(source, prompts) if own else None)
