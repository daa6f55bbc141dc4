"""The numbers behind the Overview's story: of the shipped example, or of a visitor's own run as far as it is measured.

Contains no words and no components; measures nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.intervals import Interval, Paired, PairedShare, paired_difference, paired_share, wilson_interval
from gblm_viz.core.look import mask_numbers
from gblm_viz.core.look.two_masks import Jump
from gblm_viz.core.measure import sweep, tolerance, won
from gblm_viz.core.measure.evaluate import Probe, perplexity_value
from gblm_viz.core.measure.tolerance import Loss
from gblm_viz.shipped import BUNDLED, usual_perplexity

from ..visit.keys import CostKey, ProbesKey, PrunedKey, StatisticsKey
from ..visit.library import Visit
from . import measuring, work
from .example import SETTINGS, shipped_example
from .stops import METHODS, shipped_stops
from .sweeping import full_plan, points_of

SWAPPED = {"more": "less", "less": "more"}
"""A rival's verdict against the applied method → the applied method's against the rival."""


@dataclass(frozen=True, eq=False)
class TextLoss:
    """Both models' perplexity on one text, and the paired difference of their losses over its windows."""

    dense: float
    pruned: float
    difference: Paired

    @property
    def added(self) -> Loss:
        """By which fraction the perplexity rose."""
        return tolerance.perplexity_added(self.difference)


@dataclass(frozen=True, eq=False)
class Numbers:
    """What the cards say. None: not measured, or not known for this model.

    asked: the model's own held-out questions; own_asked: the visitor's; held: the text held out from calibration; own:
    the calibration text itself; guessing, usual: see core/measure/tolerance.py; text: the calibration text's name;
    memory, masked: bytes of the weights as they are, and as one bit per prunable weight with the values that stay;
    agreement: fraction of the weights decided as by Wanda; curves: method → (sparsity, right answers, both fractions);
    asked_here: of `asked`, the questions in the page's language, None if all are; not_understood: whether the model
    does not understand the calibration text, known before anything is measured on it; wanted: the share that was asked
    for, of which `sparsity` is what whole weights made;
    against: each method that it was measured beside → whether it lost "less" or "more" than that, "none" shown, from
    "one_draw" of the text only, or "too_few" windows to tell.
    """

    model: str
    example: bool
    pocket: bool
    method: str
    sparsity: float
    removed: int
    prunable: int
    parameters: int
    memory: int
    masked: int
    samples: int = 0
    tokens: int = 0
    seconds: float | None = None
    text: str = ""
    asked: PairedShare | None = None
    asked_here: PairedShare | None = None
    own_asked: PairedShare | None = None
    held: TextLoss | None = None
    own: TextLoss | None = None
    guessing: float | None = None
    usual: float | None = None
    agreement: float | None = None
    jump: Jump | None = None
    curves: Mapping[str, Sequence[tuple[float, float]]] | None = None
    against: Mapping[str, str] | None = None
    not_understood: bool | None = None
    wanted: float | None = None

    @property
    def foreign(self) -> bool | None:
        """Whether the model does not understand the calibration text; None if unknown."""
        if self.own is None:
            return self.not_understood
        return tolerance.is_foreign(self.own.dense, self.guessing, self.usual)

    @property
    def say_nothing(self) -> bool:
        """Whether the numbers say nothing about the visitor's case, for the model does not know their own text."""
        return bool(self.foreign) and not self.example

    def holds_until(self, most: float) -> tuple[float, float] | None:
        """Return (the largest measured share removed up to which the fraction of right answers lost is at most `most`,
        or 0.0; the smallest measured share). Point estimates of the method's curve; None without a curve."""
        points = sorted((self.curves or {}).get(self.method, ()))
        if self.asked is None or not points or not self.asked.first.value:
            return None
        held = 0.0
        for share, right in points:
            if 1 - right / self.asked.first.value > most:
                break
            held = share
        return held, points[0][0]

    @property
    def better_than_size(self) -> bool | None:
        """Whether this run shows that the method keeps more than magnitude does; None if that is not settled."""
        return {"less": True, "more": False, "none": False}.get((self.against or {}).get("magnitude", ""))


def text_loss(dense: Sequence[float], pruned: Sequence[float]) -> TextLoss:
    """Compare the mean losses of the same windows, in nats a token."""
    return TextLoss(perplexity_value(dense), perplexity_value(pruned),
                    paired_difference(tuple(dense), tuple(pruned)))


def is_text_foreign(visit: Visit, made_from: StatisticsKey | None = None) -> bool | None:
    """Return whether the model does not understand the text that was collected on, last or for these statistics; None
    if unknown, also where the statistics are no longer there."""
    key = made_from or visit.session.statistics
    if key is None or not visit.library.has(key):
        return None
    return tolerance.is_text_foreign(visit.library.get(key), usual_perplexity(visit.model().source))


def made_from(visit: Visit) -> StatisticsKey | None:
    """Return the statistics that the applied copy was made from; the newest ones if its method needs none."""
    session = visit.session
    return (session.applied and session.applied.statistics) or session.statistics


def is_older(visit: Visit) -> bool:
    """Return whether gradients were collected on another text since the applied copy was made."""
    return visit.session.statistics not in (None, made_from(visit))


# The example

def example_numbers(language: str) -> Numbers:
    """Return the shipped numbers of the example on a page in this language."""
    found, stops = shipped_example(language), shipped_stops(language)
    bits = {side: [bit == "1" for bit in verdicts] for side, verdicts in found["verdicts"].items()}
    stop = stops["sparsities"].index(round(100 * SETTINGS.sparsity))
    return Numbers(
        found["model"], True, True, SETTINGS.method, found["sparsity"], found["removed"], found["prunable"],
        found["parameters"], found["memory"], found["masked"], found["samples"], found["tokens"], None, found["text"],
        paired_share(bits["dense"], bits["pruned"]),
        _in_language(work.bundled_probes(), bits["dense"], bits["pruned"], language), None,
        text_loss(**found["losses"]["held_out"]),
        text_loss(**found["losses"]["own"]), found["guessing"], usual_perplexity(BUNDLED), found["agreement_wanda"],
        Jump(**found["telling"]),
        {name: [(percent / 100, right / stops["dense"]["probes"][1]) for percent, right in
                zip(stops["sparsities"], stops["methods"][name]["probes"], strict=True)] for name in METHODS},
        _stops_against(stops, stop), wanted=SETTINGS.sparsity)


def _stops_against(stops: Mapping[str, Any], stop: int) -> dict[str, str]:
    """Return method → whether the example's method loses less or more right answers than it, or "none" shown.

    The same questions were asked, but only their sums are shipped: two intervals that overlap show no difference.
    """
    total = stops["dense"]["probes"][1]

    def interval(name: str) -> Interval:
        return wilson_interval(stops["methods"][name]["probes"][stop], total)

    mine = interval(SETTINGS.method)
    return {name: "less" if mine.low > interval(name).high else "more" if mine.high < interval(name).low else "none"
            for name in METHODS if name != SETTINGS.method}


# A visitor's own run

def own_numbers(visit: Visit, language: str) -> Numbers:
    """Return the numbers of the applied copy, which must exist."""
    session, library, model = visit.session, visit.library, visit.model()
    masks, pruned = work.applied_masks(visit), PrunedKey(session.applied)
    source = made_from(visit)
    samples = library.get(source).calibration if source is not None and library.has(source) else None
    texts = measuring.texts(visit, language)
    if is_older(visit):
        del texts["own"]  # another text than this copy's
    losses = {name: text_loss(*(side.losses for side in found)) for name, windows in texts.items()
              if (found := measuring.losses(visit, windows)) is not None}
    pocket = work.is_pocket(model)
    return Numbers(
        model.name, False, pocket, masks.settings.method, masks.sparsity, masks.removed, masks.prunable,
        model.parameters, won.memory(model), won.mask_and_values(work.pruned_model(visit), masks),
        0 if samples is None else samples.count, 0 if samples is None else samples.token_count,
        collected_seconds(visit), "" if samples is None else samples.text_name,
        _asked(visit, ProbesKey(session.model), ProbesKey(pruned)),
        _asked(visit, ProbesKey(session.model), ProbesKey(pruned), language), _own_asked(visit),
        losses.get("held"), losses.get("own"), None if samples is None else tolerance.guessing_of(samples),
        usual_perplexity(visit.model().source), _agreement(visit), None, _curves(visit, language),
        rivals_against(visit, language), is_text_foreign(visit, source),
        None if masks.settings.pattern else masks.settings.sparsity)


def collected_seconds(visit: Visit) -> float | None:
    """Return how long this process took to collect what the copy was made from; None if it did not collect that."""
    key = CostKey(made_from(visit))
    return visit.library.get(key)[1].seconds if visit.library.has(key) else None


def _asked(visit: Visit, dense: ProbesKey, pruned: ProbesKey, language: str = "") -> PairedShare | None:
    """Return both models' right answers, to all questions or to those in one language (see `Numbers.asked_here`)."""
    library = visit.library
    if not (library.has(dense) and library.has(pruned)):
        return None
    before, after = ([one.right for one in library.get(key).verdicts] for key in (dense, pruned))
    if not language:
        return paired_share(before, after)
    return _in_language([one.probe for one in library.get(dense).verdicts], before, after, language)


def _in_language(probes: Sequence[Probe], before: Sequence[bool], after: Sequence[bool],
                 language: str) -> PairedShare | None:
    """Return both models' right answers to the questions in one language; None if these are none or all."""
    here = [probe.language == language for probe in probes]
    if all(here) or not any(here) or len(here) != len(before):
        return None
    first, second = ([right for right, own in zip(side, here, strict=True) if own] for side in (before, after))
    return paired_share(first, second)


def _own_asked(visit: Visit) -> PairedShare | None:
    found = measuring.verdicts_of(visit, "own")
    return None if found is None else paired_share(
        *([one.right for one in side.verdicts] for side in found.exact))


def _agreement(visit: Visit) -> float | None:
    """Return the fraction of the weights that Wanda would decide alike; None where that takes long or has no Wanda."""
    masks = work.applied_masks(visit)
    if masks.prunable > work.MOST_SCORES:
        return None
    wanda, _ = work.comparison_masks(visit, masks.settings)
    return None if wanda is None else mask_numbers.model_agreement(masks, wanda)


def _curves(visit: Visit, language: str) -> dict[str, list[tuple[float, float]]] | None:
    """Return the measured points of the visitor's sweep in the dense order; None before one was measured."""
    session, library = visit.session, visit.library
    held = work.held_out_windows(library, session, visit.model(), language)
    plan = full_plan(session, held, work.applied_masks(visit).settings)
    found = {method: [(one.sparsity, one.probes.value) for one in own if one.probes is not None]
             for (method, order), own in sweep.curves(points_of(library, plan)).items() if order == "dense"}
    return {name: own for name, own in found.items() if len(own) > 1} or None


def rivals_against(visit: Visit, language: str) -> dict[str, str] | None:
    """Return `Numbers.against` on the first unseen text on which the methods were compared; None before that."""
    session, settings = visit.session, work.applied_masks(visit).settings
    rivals = measuring.rivals(session, settings)
    if settings.method not in rivals:
        return None
    try:
        texts = measuring.method_texts(visit.library, session, visit.model(), language)
    except GblmError:  # this model's tokenizer cannot read the bundled text: then nothing was compared on it
        return None
    for windows in texts.values():
        measured = measuring.known_rivalry(visit.library, session, rivals, windows)
        if measured is not None:
            theirs = {name: measured.against(name, settings.method).verdict
                      for name in rivals if name != settings.method}
            return {name: SWAPPED.get(verdict, verdict) for name, verdict in theirs.items()}
    return None
