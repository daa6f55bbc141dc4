"""Measurements for the Compare tab of what was lost, by token, probe and method, stored in the Library.

work.py measures the two figures that every page shows. No components.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cache

from gblm_viz.core.base.errors import TextError
from gblm_viz.core.base.job import Job, Step, offset_steps
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.settings import Settings, preview_settings
from gblm_viz.core.measure import draws, evaluate, lost, probe_file
from gblm_viz.core.measure.crossed import Crossed, crossed
from gblm_viz.core.measure.draws import Draws, Losses
from gblm_viz.core.measure.evaluate import Perplexity, Probe, ProbeResult, Questions
from gblm_viz.core.model.models import Model
from gblm_viz.core.score.methods import METHODS
from gblm_viz.core.text.calibration import CalibrationSet
from gblm_viz.shipped import ASSETS

from ..visit.keys import (
    AnswersKey,
    ChoicesKey,
    ModelKey,
    OwnProbesKey,
    PerplexityKey,
    ProbeSet,
    ProbesKey,
    PrunedKey,
    TokenLossesKey,
)
from ..visit.library import Library, Visit
from ..visit.remembered import OWN_PROBES
from ..visit.session import Session
from . import text_draws, work

GENERAL = ASSETS / "probes" / "general.csv"
SETS = ("pocket", "general", "own")
"""The pocket model's held-out probes (for that model only), general knowledge (any model), the visitor's own."""


# Texts, window by window

def texts(visit: Visit, language: str) -> dict[str, CalibrationSet]:
    """Return `own`, the calibration samples, if there are any, and `held`, text that no statistics were made from."""
    held = work.held_out_windows(visit.library, visit.session, visit.model(), language)
    if visit.session.statistics is None or not visit.library.has(visit.session.statistics):
        return {"held": held}
    return {"own": visit.statistics().calibration, "held": held}


def losses(visit: Visit, windows: CalibrationSet) -> tuple[Perplexity, Perplexity] | None:
    """Return both models' perplexity on the windows; None before it was measured."""
    keys = [PerplexityKey(key, windows.key) for key in (visit.session.model, PrunedKey(visit.session.applied))]
    if not all(visit.library.has(key) for key in keys):
        return None
    return visit.library.get(keys[0]), visit.library.get(keys[1])


def worst_first(visit: Visit, windows: CalibrationSet) -> list[tuple[int, float | None]]:
    """Return (window, nats per token lost), largest loss first; before measuring, None for each, in text order."""
    measured = losses(visit, windows)
    if measured is None:
        return [(index, None) for index in range(windows.count)]
    before, after = measured
    gone = [there - here for here, there in zip(before.losses, after.losses, strict=True)]
    return [(index, gone[index]) for index in sorted(range(windows.count), key=lambda index: -gone[index])]


def window_key(visit: Visit, windows: CalibrationSet, index: int) -> TokenLossesKey:
    return TokenLossesKey(visit.session.model, visit.session.applied, windows.key, index)


def window_job(library: Library, key: TokenLossesKey, first: Model, second: Model, windows: CalibrationSet,
               index: int) -> Job[tuple[lost.TokenLoss, ...]]:
    """Compute both models' losses on one window, token by token; stored."""
    yield Step(0, 1, "window")
    return library.get_or_make(key, lambda: lost.token_losses(first, second, windows, index))


# Probes

@dataclass(frozen=True, eq=False)
class SetVerdicts:
    """Both models' verdicts on the same probes: exact answers and, if requested, choices by likelihood."""

    exact: tuple[ProbeResult, ProbeResult]
    chosen: tuple[ProbeResult, ProbeResult] | None = None


@cache
def general_probes() -> tuple[Probe, ...]:
    return probe_file.read(GENERAL.read_bytes(), GENERAL.name)


def store_own_probes(visit: Visit, raw: bytes | str, name: str) -> tuple[Probe, ...]:
    """Parse a file as the visitor's own probes, store them in memory only, and return them."""
    probes = probe_file.read(raw, name)
    key = OwnProbesKey(hashlib.sha256(repr(probes).encode()).hexdigest())
    visit.library.put(key, probes, 4 * sum(len(probe.prompt) + len(probe.answer) for probe in probes))
    visit.remember(OWN_PROBES, key)
    return probes


def sets_of(model: Model) -> tuple[str, ...]:
    """Return the sets for a model: the pocket's probes only for the pocket model, which was trained on their kind."""
    return SETS if work.probes_of(model) else SETS[1:]


def probes_of(visit: Visit, which: str) -> tuple[Probe, ...]:
    """Return the probes of a set. Raises TextError if the visitor has given none of their own."""
    if which == "general":
        return general_probes()
    if which == "pocket" and work.probes_of(visit.model()):
        return work.probes_of(visit.model())
    key = visit.session.extra(OWN_PROBES)
    if key is None:
        raise TextError("no_own_probes")
    probes: tuple[Probe, ...] = visit.library.get(key)
    return probes


def set_key(visit: Visit, which: str) -> ProbeSet | None:
    return visit.session.extra(OWN_PROBES) if which == "own" else which


def verdicts_of(visit: Visit, which: str) -> SetVerdicts | None:
    """Return both models' verdicts on a set; None unless both were asked."""
    name, library = set_key(visit, which), visit.library
    keys = (visit.session.model, PrunedKey(visit.session.applied))
    exact, chosen = [AnswersKey(key, name) for key in keys], [ChoicesKey(key, name) for key in keys]
    if not all(library.has(key) for key in exact):
        return None
    both = (library.get(chosen[0]), library.get(chosen[1])) if all(library.has(key) for key in chosen) else None
    return SetVerdicts((library.get(exact[0]), library.get(exact[1])), both)


def answers_job(library: Library, key: ModelKey | PrunedKey | None, model: Model, name: ProbeSet | None,
                probes: tuple[Probe, ...] | Questions) -> Job[ProbeResult]:
    """Ask one model for answers with tokens, probability and rank; stored. `name`: the set's key (see `set_key`)."""
    own, short = AnswersKey(key, name), ProbesKey(key)
    if not library.has(own):
        known = library.get(short) if name == "pocket" and library.has(short) else None
        if known is None or not all(verdict.tokens for verdict in known.verdicts):  # shipped only as right or wrong
            known = yield from evaluate.ask_probes(model, probes)
        library.put(own, known)
        if name == "pocket":
            library.put(short, known)
    return library.get(own)


def choices_job(library: Library, key: ModelKey | PrunedKey | None, model: Model, name: ProbeSet | None,
                probes: tuple[Probe, ...] | Questions) -> Job[ProbeResult]:
    """Compute one model's choices by likelihood, for the probes that have choices; stored."""
    own = ChoicesKey(key, name)
    if not library.has(own):
        library.put(own, (yield from evaluate.choose_answers(model, probes)))
    return library.get(own)


def ask_job(library: Library, sides: tuple[tuple[ModelKey | PrunedKey | None, Model], ...], name: ProbeSet | None,
            probes: tuple[Probe, ...], choosing: bool) -> Job[None]:
    """Ask each model in turn all probes of a set; also by likelihood if `choosing`. sides: (Library key, model)."""
    offered = sum(len(probe.choices) for probe in probes) if choosing else 0
    total, done = len(sides) * (len(probes) + offered), 0
    known = evaluate.questions(sides[0][1], probes, choosing=choosing)  # the sides have one tokenizer
    for key, model in sides:
        yield from offset_steps(answers_job(library, key, model, name, known), done, total)
        done += len(probes)
        if offered:
            yield from offset_steps(choices_job(library, key, model, name, known), done, total)
            done += offered


# Methods

def method_texts(library: Library, session: Session, model: Model, language: str) -> dict[str, CalibrationSet]:
    """Return `held`, the visitor's held-out fifth, and `bundled`, a longer text whose windows separate methods better.

    Only `bundled` if the visitor's text is too short to hold out a fifth.
    """
    bundled = work.held_out_windows(library, replace(session, held_out=None), model, language)
    held = work.held_out_windows(library, session, model, language)
    return {"bundled": bundled} if held.key == bundled.key else {"held": held, "bundled": bundled}


def rivals(session: Session, settings: Settings) -> dict[str, Settings]:
    """Return settings of every method that the visitor's statistics allow, otherwise alike, in the dense order.

    The authors' threshold exists only for magnitude and is nearly a per-matrix choice, so then all are compared per
    matrix.
    """
    found = {}
    for name, method in METHODS.items():
        if method.needs and session.statistics is None:
            continue
        group = "matrix" if settings.group == "authors" else settings.group
        found[name] = preview_settings(replace(settings.of_method(name), group=group))
    return found


def rival_key(session: Session, settings: Settings, windows: CalibrationSet) -> PerplexityKey:
    return PerplexityKey(PrunedKey(work.masks_key(session, settings)), windows.key)


def methods_job(library: Library, session: Session, model: Model, settings: dict[str, Settings],
                windows: CalibrationSet) -> Job[None]:
    """Mask, prune and measure with each method in turn; perplexities are stored, pruned copies are not."""
    found = library.get(session.statistics) if session.statistics is not None else None
    matrices, each = len(model.layout.matrices), len(model.layout.matrices) + windows.count
    total = each * len(settings) + windows.count
    yield from offset_steps(work.perplexity_job(library, session.model, model, windows), 0, total)
    for place, one in enumerate(settings.values()):
        done, key = windows.count + each * place, work.masks_key(session, one)
        if library.has(rival_key(session, one, windows)):
            continue
        if not library.has(key):
            masks = yield from offset_steps(prune.dense_masks(model, found, one), done, total)
            library.put(key, masks, masks.prunable)
        pruned = prune.pruned(model, library.get(key))
        yield from offset_steps(work.perplexity_job(library, PrunedKey(key), pruned, windows), done + matrices, total)


def drawn_job(library: Library, session: Session, model: Model, settings: dict[str, Settings], windows: CalibrationSet,
              drawn: Draws | None) -> Job[None]:
    """Run `methods_job` on the collected statistics, then collect all draws and measure each method on each; stored."""
    yield from methods_job(library, session, model, settings, windows)
    if drawn is None or text_draws.known_losses(library, session, drawn, settings, windows):
        return
    statistics = yield from text_draws.sums_job(library, session, model, drawn, list(settings.values()))
    copies = [draws.copies_of(one, drawn.count) for one in settings.values()]
    total = sum(copies) * windows.count
    for place, one in enumerate(settings.values()):
        yield from offset_steps(text_draws.losses_job(library, session, model, drawn, statistics, one, windows),
                                sum(copies[:place]) * windows.count, total)


@dataclass(frozen=True, eq=False)
class Rivalry:
    """The measurements of all methods on one text. `alone`: perplexity of `dense` and of each method with the collected
    statistics; `losses`: each method's at every draw, (draws, windows), with one draw if `drawn` is None."""

    alone: dict[str, Perplexity]
    losses: dict[str, Losses]
    settings: dict[str, Settings]
    drawn: Draws | None

    def against(self, name: str, other: str) -> Crossed:
        """Return the difference name − other in nats per token."""
        dense = (self.alone["dense"].losses,) * len(self.losses[name])
        both = [self.settings[one] for one in (name, other) if one != "dense"]
        return crossed(dense if other == "dense" else self.losses[other], self.losses[name],
                       draws.depends_on_draw(*both))


def rivalry(library: Library, session: Session, settings: dict[str, Settings], windows: CalibrationSet,
            count: int) -> Rivalry | None:
    """Return the methods' measurements over `count` draws; None unless all methods were measured."""
    alone = compared(library, session, settings, windows)
    drawn = text_draws.draws_of(library, session, count)
    if not alone:
        return None
    if drawn is None:
        return Rivalry(alone, {name: (alone[name].losses,) for name in settings}, settings, None)
    found = text_draws.known_losses(library, session, drawn, settings, windows)
    return Rivalry(alone, found, settings, drawn) if found else None


def known_rivalry(library: Library, session: Session, settings: dict[str, Settings],
                  windows: CalibrationSet) -> Rivalry | None:
    """Return the methods' measurements over the draws that the visitor chose, else over as many as were measured."""
    known = (rivalry(library, session, settings, windows, count) for count in text_draws.counts_of(session))
    return next((one for one in known if one is not None), None)


def compared(library: Library, session: Session, settings: dict[str, Settings],
             windows: CalibrationSet) -> dict[str, Perplexity]:
    """Return the perplexity of `dense` and of each method; empty unless all were measured."""
    keys = {"dense": PerplexityKey(session.model, windows.key)} | {
        name: rival_key(session, one, windows) for name, one in settings.items()}
    if not all(library.has(key) for key in keys.values()):
        return {}
    return {name: library.get(key) for name, key in keys.items()}
