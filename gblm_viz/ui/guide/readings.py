"""How the guide reads each number of a run. Every one is a number that the page itself shows or keeps, None where the
run has none; nothing is computed that a tab would not compute for its own pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from gblm_viz.core.base.errors import GblmError
from gblm_viz.core.base.intervals import Paired, PairedShare, paired_difference, paired_share
from gblm_viz.core.look import examples
from gblm_viz.core.look.structure import column_score
from gblm_viz.core.look.weight import WeightReport
from gblm_viz.core.measure import sweep
from gblm_viz.core.measure.crossed import Crossed
from gblm_viz.core.measure.evaluate import Perplexity
from gblm_viz.core.measure.published import PUBLISHED, SPARSITY
from gblm_viz.core.measure.sweep import DENSE, SweepPoint
from gblm_viz.core.measure.won import Won
from gblm_viz.words import Words

from ..tabs import patterns_data, patterns_show
from ..tabs import text as text_tab
from ..tabs import weight as weight_tab
from ..tabs.prune_text import place
from ..visit.keys import ProbesKey, PrunedKey, SweepPointKey
from ..visit.library import Visit
from ..visit.remembered import PATTERNS_SEED, SWEEP
from ..work import measuring, text_draws, work
from ..work.preview import masks_and_preview, plain_alpha, selected_matrix
from ..work.stops import shipped_stops
from . import two_texts
from .two_texts import Pair, TwoTexts

LEAST_RIGHT = 20
"""Fewest questions of a skill, answered rightly by the dense model, for a share that is told."""
APART = 0.2
"""Skills whose shares kept differ by more than this do not suffer alike."""
EXAMPLE_STOP = 60
"""Percent removed at which the second step asks how many questions are still answered."""
CONFIDENT = 0.05


@dataclass(frozen=True)
class Run:
    """What the numbers are read from: a visit in its language, and the share removed when the step began."""

    visit: Visit
    say: Words
    removed_at_start: float | None = None


# Questions

def probes_n(run: Run) -> int | None:
    return len(work.probes_of(run.visit.model())) or None


def both_answers(run: Run) -> tuple[tuple[str, bool, bool], ...] | None:
    """Return (skill, right before, right after) of every held-out question; None unless both models were asked."""
    visit = run.visit
    keys = [ProbesKey(visit.session.model), ProbesKey(PrunedKey(visit.session.applied))]
    if not all(visit.library.has(key) for key in keys):
        return None
    before, after = (visit.library.get(key).verdicts for key in keys)
    return tuple((one.probe.skill, one.right, two.right) for one, two in zip(before, after, strict=True))


def right_dense(run: Run) -> int | None:
    key = ProbesKey(run.visit.session.model)
    return run.visit.library.get(key).total.right if run.visit.library.has(key) else None


def right_shown(run: Run) -> int | None:
    found = both_answers(run)
    return None if found is None else sum(after for _, _, after in found)


def right_at_60(run: Run) -> int | None:
    """Return the finished example's count at that stop; other runs have none without asking all questions there."""
    stops = shipped_stops(run.say.language)
    if not run.visit.session.example or stops["model_key"] != run.visit.model().key:
        return None
    return int(stops["methods"]["gblm"]["probes"][stops["sparsities"].index(EXAMPLE_STOP)])


def kept_by_skill(run: Run) -> dict[str, PairedShare]:
    """Return each skill with enough right answers of the dense model, both models compared."""
    pairs: dict[str, list[tuple[bool, bool]]] = {}
    for skill, before, after in both_answers(run) or ():
        pairs.setdefault(skill, []).append((before, after))
    found = {skill: paired_share(*zip(*answers, strict=True)) for skill, answers in pairs.items()}
    return {skill: one for skill, one in found.items() if one.both + one.lost >= LEAST_RIGHT}


def kept(found: PairedShare) -> float:
    """Return which share of the first model's right answers the second model gives too."""
    return found.both / (found.both + found.lost)


def skills_letter(run: Run) -> str | None:
    found = kept_by_skill(run)
    if not found:
        return None
    shares = [kept(one) for one in found.values()]
    if max(shares) - min(shares) > APART:
        return "b"
    return "a" if any(one.shown for one in found.values()) else "c"


def skill_at(end: Callable[..., str], part: int) -> Callable[[Run], Any]:
    """Return a reading of the skill at one end (`max` or `min`) of the shares kept: part 0 its name, 1 its share."""
    def read(run: Run) -> Any:
        found = kept_by_skill(run)
        name = end(found, key=lambda skill: kept(found[skill])) if found else None
        return None if name is None else (name, kept(found[name]))[part]

    return read


# Samples

def statistics_of(run: Run) -> Any:
    visit = run.visit
    return visit.statistics() if visit.library.has(visit.session.statistics) else None


def from_statistics(read: Callable[[Any], Any]) -> Callable[[Run], Any]:
    return lambda run: None if (found := statistics_of(run)) is None else read(found)


def from_cut(read: Callable[[text_tab.Cut], int]) -> Callable[[Run], int | None]:
    """Return a reading of the chosen text, collected or not."""
    def found(run: Run) -> int | None:
        choice = run.visit.session.text
        try:
            return read(text_tab.cut_of(run.visit, choice, run.say)) if choice.text else None
        except GblmError:
            return None

    return found


# Masks

def removed_share(run: Run) -> float | None:
    applied = run.visit.session.applied
    return work.applied_masks(run.visit).sparsity if run.visit.library.has(applied) else None


def preview_share(run: Run) -> float | None:
    """Return the share removed of the whole preview, with the settings that are shown."""
    settings = run.visit.session.settings
    if settings.needs and statistics_of(run) is None:
        return None
    return masks_and_preview(run.visit, settings)[0].sparsity


def rows_of(end: int) -> Callable[[Run], float | None]:
    def read(run: Run) -> float | None:
        visit, settings = run.visit, run.visit.session.settings
        if settings.needs and statistics_of(run) is None:
            return None
        masks = work.preview_masks(visit, plain_alpha(visit, replace(settings, group="matrix", pattern="")))
        matrix = selected_matrix(visit)
        mask = masks.masks[matrix.name]
        return examples.row_range(mask[visit.session.selection.expert] if matrix.experts else mask)[end]

    return read


def from_columns(read: Callable[[Any], Any]) -> Callable[[Run], Any]:
    """Return a reading of the three masks that Patterns shows; None without Wanda's."""
    def found(run: Run) -> Any:
        data = patterns_data.pattern_data(run.visit, "preview", run.visit.session.extra(PATTERNS_SEED, 0))
        return None if data is None or data.beside is None else read(data)

    return found


def column_letter(data: Any) -> str:
    kind = patterns_show.column_kind(data, column_score(data.own), column_score(data.beside))
    return {"more": "a", "less": "b"}.get(kind, "c")


def agreement(run: Run) -> float | None:
    settings = run.visit.session.settings
    return None if statistics_of(run) is None else masks_and_preview(run.visit, settings)[1].agreement_wanda


# One weight

def from_report(read: Callable[[WeightReport], Any]) -> Callable[[Run], Any]:
    def found(run: Run) -> Any:
        visit = run.visit
        if statistics_of(run) is None:
            return None
        value = read(weight_tab.report_of(visit, weight_tab.at_of(visit)))
        return None if isinstance(value, float) and math.isnan(value) else value

    return found


def rank_by(method: str) -> Callable[[WeightReport], float | None]:
    def read(report: WeightReport) -> float | None:
        verdict = next((one for one in report.verdicts if one.method == method), None)
        return None if verdict is None else verdict.rank / verdict.group_size

    return read


def input_times_median(run: Run) -> float | None:
    found, at = statistics_of(run), run.visit.session.selection
    if found is None or at.column is None:
        return None
    norms = found.input_norm(at.matrix)
    louder = examples.over_median(norms[at.expert] if norms.dim() > 1 else norms)
    return float(louder[at.column]) or None


def share_of_gradient(run: Run) -> float | None:
    """Return α·g/(x + α·g) of the selected weight, GBLM at the settings that are shown."""
    found, at, visit = statistics_of(run), run.visit.session.selection, run.visit
    if found is None or at.row is None or at.column is None:
        return None
    settings = plain_alpha(visit, visit.session.settings.of_method("gblm"))
    inputs, gradients = found.input_norm(at.matrix), found.gradient_norm(at.matrix, settings.norm)
    if gradients.dim() > 2:
        inputs, gradients = inputs[at.expert], gradients[at.expert]
    x, g = float(inputs[at.column]), settings.alpha.value * float(gradients[at.row, at.column])
    return g / (x + g) if x + g > 0 else None


def measured_change(run: Run) -> float | None:
    """Return the measured change of the loss without the selected weight; None before it was measured."""
    visit = run.visit
    if statistics_of(run) is None:
        return None
    targets = weight_tab.effects(visit.model(), weight_tab.at_of(visit))
    key = weight_tab.measured_key(visit, tuple(targets.values()))
    if "weight" not in targets or not visit.library.has(key):
        return None
    return float(visit.library.get(key)[list(targets).index("weight")])


def matrix_name(run: Run) -> str:
    visit = run.visit
    return place(run.say, selected_matrix(visit), visit.session.selection.expert)


# Measurements

def from_won(read: Callable[[Won], int]) -> Callable[[Run], int | None]:
    def found(run: Run) -> int | None:
        key = work.won_key(run.visit.session)
        return read(run.visit.library.get(key)) if run.visit.library.has(key) else None

    return found


def gblm_curve(run: Run) -> tuple[SweepPoint, ...]:
    """Return GBLM's curve of the sweep that is shown, in the dense order; () unless all its points are measured."""
    key, settings = run.visit.session.extra(SWEEP, (None, ()))
    if key is None or (key.model, key.statistics) != (run.visit.session.model, run.visit.session.statistics):
        return ()
    wanted = [one for one in settings if one == DENSE or (one.method, one.order) == ("gblm", "dense")]
    keys = [SweepPointKey(key.model, key.statistics, key.windows, sweep.PROBES, one) for one in wanted]
    if not all(run.visit.library.has(one) for one in keys):
        return ()
    return sweep.curve([run.visit.library.get(one) for one in keys], "gblm", "dense")


def knee(run: Run) -> float | None:
    found = sweep.knee(gblm_curve(run))
    return None if found is None else found.settings.sparsity


def relative_here(run: Run) -> float | None:
    """Return perplexity ÷ dense perplexity at the highest sparsity that both the sweep and the paper have."""
    curve = gblm_curve(run)
    point = next((one for one in curve if math.isclose(one.settings.sparsity, SPARSITY)), None)
    return None if point is None else point.held_out.value / curve[0].held_out.value


def from_paper(end: Callable[..., float]) -> Callable[[Run], float | None]:
    return lambda run: None if relative_here(run) is None else end(one.relative("gblm") for one in PUBLISHED)


def sweep_at(run: Run) -> float | None:
    return None if relative_here(run) is None else SPARSITY


def versus(run: Run) -> Crossed | None:
    """Return GBLM − Wanda on the first text on which the methods were compared; None before that."""
    visit, session = run.visit, run.visit.session
    if not visit.library.has(session.applied):
        return None
    rivals = measuring.rivals(session, work.applied_masks(visit).settings)
    if not {"gblm", "wanda"} <= rivals.keys():
        return None
    for windows in measuring.method_texts(visit.library, session, visit.model(), run.say.language).values():
        found = measuring.rivalry(visit.library, session, rivals, windows, text_draws.chosen_count(visit))
        if found is not None:
            return found.against("gblm", "wanda")
    return None


def from_versus(read: Callable[[Crossed], Any]) -> Callable[[Run], Any]:
    return lambda run: None if (found := versus(run)) is None else read(found)


def held(run: Run) -> tuple[Perplexity, Perplexity] | None:
    """Return both models' perplexity on held-out text; None before it was measured."""
    visit = run.visit
    windows = work.held_out_windows(visit.library, visit.session, visit.model(), run.say.language)
    return measuring.losses(visit, windows)


def from_held(read: Callable[[Perplexity, Perplexity], Any]) -> Callable[[Run], Any]:
    return lambda run: None if (found := held(run)) is None else read(*found)


def from_change(read: Callable[[Paired], Any]) -> Callable[[Run], Any]:
    return from_held(lambda before, after: read(paired_difference(before.losses, after.losses)))


# Two texts

def pair(run: Run) -> Pair | None:
    return two_texts.pair_of(run.visit.model(), run.say.language, run.visit.session.settings)


def both_texts(run: Run) -> TwoTexts | None:
    """Return what both texts left; None before it was measured."""
    two = pair(run)
    if two is None:
        return None
    key = two_texts.key_of(run.visit, two, run.visit.session.settings)
    return run.visit.library.get(key) if run.visit.library.has(key) else None


def from_texts(read: Callable[[PairedShare], Any]) -> Callable[[Run], Any]:
    def found(run: Run) -> Any:
        two = both_texts(run)
        return read(two.of_first) if two is not None and two.of_first.total else None

    return found


def steering_letter(found: PairedShare) -> str:
    """Return a if the own text protects its skill, b if the other one does, c if no difference is shown."""
    if found.by_chance > CONFIDENT or found.difference == 0:
        return "c"
    return "a" if found.difference > 0 else "b"
