"""A question answered by the model and by a pruned copy, while a slider moves.

Masks and copy of the bundled model are made within a tenth of a second; the last few copies are kept, since a class
that looks at the same example is at the same stops.
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
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.core.sums.statistics import Statistics
from gblm_viz.core.talk.generate import Answer, Sampling, answer, first_divergence

from ..components.answer_slider.live_answers import LIVE_ANSWERS, LiveAnswer
from ..visit.keys import ModelKey, StatisticsKey
from ..visit.library import Library, Visit
from ..visit.turns import Turns
from . import work
from .example import LONGEST_ANSWER
from .stops import METHODS, SPARSITIES

PLACES = Turns(8)
"""How many live answers are made at a time, those of one copy in shared passes; the next is that of the visitor who has
waited longest."""
WHILE_MOVING = 24
"""Tokens of an answer while the slider moves; where it rests, the whole answer is asked for."""
REMEMBERED = 200
"""Answers that a provider keeps, so that a slider that comes back is answered at once."""
MOST_COPIES = 12
"""Pruned copies that are kept for all visitors, 5 MB each for the bundled model."""


Origin = tuple[ModelKey, StatisticsKey | None]


class Copies:
    """The pruned copies that were used last, by what makes them; thread-safe."""

    def __init__(self, most: int = MOST_COPIES) -> None:
        self.most = most
        self._kept: OrderedDict[tuple[Origin, Settings], tuple[Model, int]] = OrderedDict()
        self._alphas: dict[tuple[Origin, Settings], Alpha] = {}
        self._lock = threading.Lock()

    def get(self, model: Model, statistics: Statistics | None, key: Origin,
            settings: Settings) -> tuple[Model, int]:
        """Return (the copy of the model, how many weights were removed). key: of the model and the statistics.

        The first copy of a method finds α, which does not depend on the sparsity; the others take it from there.
        """
        scored = key, settings.scoring
        with self._lock:
            if (key, settings) in self._kept:
                self._kept.move_to_end((key, settings))
                return self._kept[key, settings]
            alpha = self._alphas.get(scored)
        masks = run(prune.masks(model, statistics, settings if alpha is None else replace(settings, alpha=alpha)))
        found = prune.pruned(model, masks), masks.removed
        with self._lock:
            if masks.alpha is not None:
                self._alphas[scored] = Alpha("number", masks.alpha)
            self._kept[key, settings] = found
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)
            while len(self._alphas) > 100 * self.most:
                del self._alphas[next(iter(self._alphas))]
        return found


COPIES = Copies()


@dataclass(frozen=True)
class LiveProvider:
    """One visitor's model and statistics, with the settings of which method and sparsity change."""

    library: Library
    owner: str
    model: ModelKey
    statistics: StatisticsKey | None
    settings: Settings
    known: OrderedDict[tuple[str, str, int], LiveAnswer] = field(default_factory=OrderedDict, compare=False)
    dense: dict[str, Answer] = field(default_factory=dict, compare=False)
    """The model's own answers by question."""
    lock: threading.Lock = field(default_factory=threading.Lock, compare=False)

    def answer(self, prompt: str, method: str, percent: int, whole: bool) -> LiveAnswer:
        """As live_answers.Provider says. Raises ValueError for a method or sparsity that the slider has not."""
        place = prompt, method, percent
        if method not in methods_of(self.settings) or percent not in stops_of(self.settings):
            raise ValueError(place)
        with self.lock:
            if place in self.known and (self.known[place].whole or not whole):
                self.known.move_to_end(place)
                return self.known[place]
        ticket = PLACES.ask((self.owner,), "live answer")
        try:
            ticket.given.wait()
            found = self._make(prompt, method, percent, LONGEST_ANSWER if whole else WHILE_MOVING)
        except GblmError as error:
            raise LookupError(str(error)) from error
        finally:
            PLACES.give_back(ticket)
        with self.lock:
            self.known[place] = found
            while len(self.known) > REMEMBERED:
                self.known.popitem(last=False)
        return found

    def _make(self, prompt: str, method: str, percent: int, most: int) -> LiveAnswer:
        model: Model = self.library.get(self.model)
        self.library.threads.use_for(model.layout.largest)
        settings = replace(self.settings.of_method(method), sparsity=percent / 100)
        found = self.library.get(self.statistics) if settings.needs else None
        origin = self.model, self.statistics if settings.needs else None
        copy, removed = COPIES.get(model, found, origin, settings)
        with self.lock:
            dense = self.dense.get(prompt)
        dense = dense or _tell(model, prompt, LONGEST_ANSWER)
        with self.lock:
            self.dense[prompt] = dense
            while len(self.dense) > REMEMBERED:
                del self.dense[next(iter(self.dense))]
        pruned = _tell(copy, prompt, most)
        rights = [probe.answer for probe in work.probes_of(model) if probe.prompt == prompt and probe.answer]
        right = pruned.ended == "end" and pruned.text == rights[0] if rights else None
        whole = pruned.ended == "end" or most == LONGEST_ANSWER
        return LiveAnswer(dense.text, pruned.text, _mark(dense, pruned), right, removed, whole)


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


def _tell(model: Model, prompt: str, most: int) -> Answer:
    return answer(model, [{"role": "user", "content": prompt}], Sampling(most=most))


def _mark(dense: Answer, pruned: Answer) -> tuple[int, int] | None:
    """Return the code points of the pruned answer's token at which it parts from the dense one."""
    ids = [tuple(token.token for token in one.tokens) for one in (dense, pruned)]
    parting = first_divergence(*ids)
    if parting is None or parting >= len(pruned.tokens):
        return None
    before = sum(len(token.text) for token in pruned.tokens[:parting])
    return before, before + len(pruned.tokens[parting].text)
