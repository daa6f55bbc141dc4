"""A question answered by the model and by a pruned copy, while a slider moves.

Masks and copy of the bundled model are made within a tenth of a second; the last few copies are kept, since a class
that looks at the same example is at the same stops.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from dataclasses import dataclass, field, replace
from functools import lru_cache

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import run
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.measure.evaluate import read_probes
from gblm_viz.core.model.models import Model
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.talk.generate import Answer, Sampling, answer, first_divergence
from gblm_viz.core.talk.known import skill_of

from ..components.answer_slider.live_answers import LIVE_ANSWERS, Busy, Gone, LiveAnswer, NotOffered
from ..visit.keys import ModelKey, StatisticsKey
from ..visit.library import Library, Visit
from ..visit.turns import Turns
from . import work
from .chat import marked_points
from .example import LONGEST_ANSWER, made_languages
from .stops import METHODS, SPARSITIES, shipped_stops

PLACES = Turns(8)
"""How many live answers are made at a time. Answers of one copy share their passes. The next place goes to the visitor
who has waited longest."""
MOST_WAITING = 4
"""Live answers that one visitor may wait for; a page asks for one at a time."""
WHILE_MOVING = 24
"""Tokens of an answer while the slider moves; where it rests, the whole answer is asked for."""
REMEMBERED = 60
"""Answers that a provider keeps, so that a slider that comes back is answered at once."""
MOST_COPIES = 12
"""Pruned copies that are kept for all visitors, 5 MB each for the bundled model."""
Origin = tuple[ModelKey, StatisticsKey | None]


class Copies:
    """The pruned copies that were used last, by what makes them; thread-safe."""

    def __init__(self, most: int = MOST_COPIES) -> None:
        self.most = most
        self._kept: OrderedDict[tuple[Origin, Settings], tuple[Model, int]] = OrderedDict()
        self._alphas: OrderedDict[tuple[Origin, Settings], Alpha] = OrderedDict()
        self._making = threading.Lock()

    def get(self, model: Model, statistics: Statistics | None, key: Origin,
            settings: Settings) -> tuple[Model, int]:
        """Return (the copy of the model, how many weights were removed). key: of the model and the statistics.

        The first copy of a method finds α, which does not depend on the sparsity; the others take it from there. Copies
        are made one at a time, so that visitors at one stop get the same one and their answers share passes.
        """
        with self._making:
            if (key, settings) in self._kept:
                self._kept.move_to_end((key, settings))
                return self._kept[key, settings]
            scored = key, settings.scoring
            alpha = self._alphas.get(scored, settings.alpha)
            masks = run(prune.masks(model, statistics, replace(settings, alpha=alpha)))
            if masks.alpha is not None:
                self._alphas[scored] = Alpha("number", masks.alpha)
            self._kept[key, settings] = found = prune.pruned(model, masks), masks.removed
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)
            while len(self._alphas) > 10 * self.most:
                self._alphas.popitem(last=False)
            return found


COPIES = Copies()


@dataclass(frozen=True)
class _Told:
    """An answer as far as another one is compared with it."""

    text: str
    ids: tuple[int, ...]


@dataclass(frozen=True)
class LiveProvider:
    """One visitor's model and statistics, with the settings of which method and sparsity change. What it remembers is
    dropped with it."""

    library: Library
    owner: str
    model: ModelKey
    statistics: StatisticsKey | None
    settings: Settings
    known: OrderedDict[tuple[str, str, int], LiveAnswer] = field(default_factory=OrderedDict, compare=False)
    dense: OrderedDict[str, _Told] = field(default_factory=OrderedDict, compare=False)
    """The model's own answers by question."""
    waiting: Counter[str] = field(default_factory=Counter, compare=False)
    lock: threading.Lock = field(default_factory=threading.Lock, compare=False)

    def answer(self, prompt: str, method: str, percent: int, whole: bool) -> LiveAnswer:
        """As live_answers.Provider says."""
        place = prompt, method, percent
        if method not in methods_of(self.settings, self.statistics is not None) or (
                percent not in stops_of(self.settings)):
            raise NotOffered
        with self.lock:
            if place in self.known and (self.known[place].whole or not whole):
                self.known.move_to_end(place)
                return self.known[place]
            if self.waiting[self.owner] >= MOST_WAITING:
                raise Busy
            self.waiting[self.owner] += 1
        ticket = PLACES.ask((self.owner,), "live answer")
        try:
            ticket.given.wait()
            found = self._make(prompt, method, percent, LONGEST_ANSWER if whole else WHILE_MOVING)
        except GblmError as error:
            if error.key == "gone":
                raise Gone from error
            raise
        finally:
            PLACES.give_back(ticket)
            with self.lock:
                self.waiting[self.owner] -= 1
        self._remember(self.known, place, found)
        return found

    def _make(self, prompt: str, method: str, percent: int, most: int) -> LiveAnswer:
        model: Model = self.library.get(self.model)
        self.library.threads.use_for(model.layout.largest)
        settings = replace(self.settings.of_method(method), sparsity=percent / 100)
        found = self.library.get(self.statistics) if settings.needs else None
        copy, removed = COPIES.get(model, found, (self.model, self.statistics if settings.needs else None), settings)
        with self.lock:
            dense = self.dense.get(prompt)
        if dense is None:
            dense = _shorten(_tell(model, prompt, LONGEST_ANSWER))
            self._remember(self.dense, prompt, dense)
        pruned = _tell(copy, prompt, most)
        ended = pruned.ended == "end"
        taught = work.known_of(model)
        right = right_answers().get(prompt) if taught else None  # another model says the same in other words
        verdict = None if right is None or (not ended and right.startswith(pruned.text)) else (
            ended and pruned.text == right)
        mark = marked_points(pruned.tokens, first_divergence(dense.ids, _shorten(pruned).ids))
        outside = bool(taught) and right is None and skill_of(taught, prompt) is None
        return LiveAnswer(dense.text, pruned.text, mark, verdict, removed, ended or most == LONGEST_ANSWER, outside)

    def _remember(self, kept: OrderedDict, key: object, value: object) -> None:  # type: ignore[type-arg]
        with self.lock:
            kept[key] = value
            while len(kept) > REMEMBERED:
                kept.popitem(last=False)


def live_key(visit: Visit) -> str | None:
    """Return the key of the visitor's live answers. None if a slider cannot lead to them: for another model than the
    bundled one, masks in sequential order, an N:M pattern, the authors' threshold, which magnitude alone has, a
    sparsity that is no whole percentage, or statistics that were dropped."""
    session, settings = visit.session, applied_settings(visit)
    found = statistics_of(visit)
    lacks = bool(settings.needs) and found is None
    if (session.model is None or not work.is_pocket(visit.model()) or lacks or settings.order != "dense"
            or not has_share(settings)):
        return None
    return LIVE_ANSWERS.add(LiveProvider(visit.library, visit.key, session.model, found, settings))


def has_share(settings: Settings) -> bool:
    """Return whether a slider in whole percents says how much these settings remove."""
    whole = abs(100 * settings.sparsity - round(100 * settings.sparsity)) < 1e-6
    return whole and not settings.pattern and settings.group != "authors"


def applied_settings(visit: Visit) -> Settings:
    """Return the settings of the visitor's pruned copy, else those that are chosen."""
    return visit.session.settings if visit.session.applied is None else visit.session.applied.settings


def statistics_of(visit: Visit) -> StatisticsKey | None:
    """Return the key of the statistics that live masks are made from: those of the pruned copy, else the visitor's, if
    its method needs none; None if the server has none of them any more."""
    applied = visit.session.applied
    key = visit.session.statistics if applied is None or applied.statistics is None else applied.statistics
    return key if key is not None and visit.library.has(key) else None


def methods_of(settings: Settings, has_statistics: bool) -> tuple[str, ...]:
    """Return the methods that the buttons offer: those of the example, and the own one; without statistics those that
    need none."""
    found = METHODS if settings.method in METHODS else (*METHODS, settings.method)
    return tuple(name for name in found if has_statistics or not settings.of_method(name).needs)


def stops_of(settings: Settings) -> tuple[int, ...]:
    """Return the sparsities of the slider in percent: those of the example, and the own one."""
    return tuple(sorted({*SPARSITIES, round(100 * settings.sparsity)}))


@lru_cache(maxsize=1)
def right_answers() -> dict[str, str]:
    """Return question → its only right answer: the bundled model's probes, and the example's prompts, which the dense
    model answers rightly (a test says so)."""
    probes = {probe.prompt: probe.answer for probe in read_probes(work.PROBES) if probe.answer and not probe.contains}
    return probes | {prompt: told for language in made_languages() for stops in (shipped_stops(language),)
                     for prompt, told in zip(stops["prompts"], stops["dense"]["answers"], strict=True)}


def _tell(model: Model, prompt: str, most: int) -> Answer:
    return answer(model, [{"role": "user", "content": prompt}], Sampling(most=most))


def _shorten(told: Answer) -> _Told:
    return _Told(told.text, tuple(token.token for token in told.tokens))
