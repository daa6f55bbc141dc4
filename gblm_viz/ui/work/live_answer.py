"""A question answered by the model and by a copy that is pruned for this answer alone, while a slider moves.

Nothing of it is stored but the texts: masks and copy of the bundled model are made in less time than a screen needs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.job import run
from gblm_viz.core.mask import prune
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model.models import Model
from gblm_viz.core.talk.generate import Answer, Sampling, answer, first_divergence

from ..components.answer_slider.live_answers import LIVE_ANSWERS, LiveAnswer
from ..visit.keys import ModelKey, StatisticsKey
from ..visit.library import Library, Visit
from ..visit.turns import Turns
from . import work
from .example import LONGEST_ANSWER
from .stops import METHODS, SPARSITIES

PLACES = Turns(2)
"""How many live answers are made at a time; the next is that of the visitor who has waited longest."""
REMEMBERED = 200
"""Answers that a provider keeps, so that a slider that comes back is answered at once."""


@dataclass(frozen=True)
class LiveProvider:
    """One visitor's model and statistics, with the settings of which method and sparsity change."""

    library: Library
    owner: str
    model: ModelKey
    statistics: StatisticsKey | None
    settings: Settings
    known: OrderedDict[tuple[str, str, int], LiveAnswer] = field(default_factory=OrderedDict, compare=False)
    lock: threading.Lock = field(default_factory=threading.Lock, compare=False)

    def answer(self, prompt: str, method: str, percent: int) -> LiveAnswer:
        """As live_answers.Provider says. Raises ValueError for a method or sparsity that the slider has not."""
        place = prompt, method, percent
        if method not in methods_of(self.settings) or percent not in stops_of(self.settings):
            raise ValueError(place)
        with self.lock:
            if place in self.known:
                self.known.move_to_end(place)
                return self.known[place]
        ticket = PLACES.ask((self.owner,), "live answer")
        try:
            ticket.given.wait()
            found = self._make(prompt, method, percent)
        except GblmError as error:
            raise LookupError(str(error)) from error
        finally:
            PLACES.give_back(ticket)
        with self.lock:
            self.known[place] = found
            while len(self.known) > REMEMBERED:
                self.known.popitem(last=False)
        return found

    def _make(self, prompt: str, method: str, percent: int) -> LiveAnswer:
        model: Model = self.library.get(self.model)
        self.library.threads.use_for(model.layout.largest)
        settings = replace(self.settings.of_method(method), sparsity=percent / 100)
        masks = run(prune.masks(model, self.library.get(self.statistics) if settings.needs else None, settings))
        dense, pruned = (_tell(one, prompt) for one in (model, prune.pruned(model, masks)))
        rights = [probe.answer for probe in work.probes_of(model) if probe.prompt == prompt and probe.answer]
        right = pruned.ended == "end" and pruned.text == rights[0] if rights else None
        return LiveAnswer(dense.text, pruned.text, _mark(dense, pruned), right, masks.removed)


def live_key(visit: Visit) -> str | None:
    """Return the key of the visitor's live answers. None if a slider cannot lead to them: for another model than the
    bundled one, masks in sequential order, an N:M pattern, or without what the settings need."""
    session, settings = visit.session, applied_settings(visit)
    statistics = session.statistics if session.applied is None else session.applied.statistics
    lacks = statistics is None or not visit.library.has(statistics)
    follows = settings.order == "dense" and not settings.pattern
    if session.model is None or not work.is_pocket(visit.model()) or lacks or not follows:
        return None
    return LIVE_ANSWERS.add(LiveProvider(visit.library, visit.key, session.model, statistics, settings))


def applied_settings(visit: Visit) -> Settings:
    """Return the settings of the visitor's pruned copy, else those that are chosen."""
    return visit.session.settings if visit.session.applied is None else visit.session.applied.settings


def methods_of(settings: Settings) -> tuple[str, ...]:
    """Return the methods that the buttons offer: those of the example, and the own one."""
    return METHODS if settings.method in METHODS else (*METHODS, settings.method)


def stops_of(settings: Settings) -> tuple[int, ...]:
    """Return the sparsities of the slider in percent: those of the example, and the own one."""
    return tuple(sorted({*SPARSITIES, round(100 * settings.sparsity)}))


def _tell(model: Model, prompt: str) -> Answer:
    return answer(model, [{"role": "user", "content": prompt}], Sampling(most=LONGEST_ANSWER))


def _mark(dense: Answer, pruned: Answer) -> tuple[int, int] | None:
    """Return the code points of the pruned answer's token at which it parts from the dense one."""
    ids = [tuple(token.token for token in one.tokens) for one in (dense, pruned)]
    parting = first_divergence(*ids)
    if parting is None or parting >= len(pruned.tokens):
        return None
    before = sum(len(token.text) for token in pruned.tokens[:parting])
    return before, before + len(pruned.tokens[parting].text)
