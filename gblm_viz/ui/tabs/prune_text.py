"""The texts of the Prune tab on a preview and on the applied mask: cards, sentences, what changed since.

Turns words and numbers into HTML; independent of components.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from gblm_viz.amounts import format_share
from gblm_viz.core.look.mask_numbers import Preview, model_agreement
from gblm_viz.core.mask.patterns import NofM
from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.score import alpha as alphas
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.core.score.methods import METHODS, PAPER_ALPHA, own_knobs
from gblm_viz.core.score.scores import Fallback
from gblm_viz.escape import escape
from gblm_viz.figures import charts
from gblm_viz.figures.charts import percent
from gblm_viz.figures.maps import role_name
from gblm_viz.words import Words

from ..components.paragraph import paragraph, paragraphs
from ..components.settings_words import knob_name, knob_value, settings_words
from ..components.table import Cell
from ..components.templates import render
from ..visit.keys import AlphaKey
from ..visit.library import Visit
from ..work import work
from ..work.preview import plain_alpha, share_at
from ..work.shipped_results import results_sentence

NEARLY_SAME = 0.99
"""Agreement above which two masks are called almost the same."""
MOST_FALLEN = 40
"""Most lines of the list of matrices scored by a simpler rule; a large model with many experts has thousands."""
MOST_CHANGES = 2
"""Most changes since Apply that are named; the rest is counted."""
NOTABLE = 0.005
"""Removed shares that differ by more than this between matrices are listed; less is only rounding."""


@dataclass(frozen=True)
class Card:
    """One number with its name and the lines below it; kind: the card's CSS class."""

    title: str
    number: str
    lines: tuple[Cell, ...]
    kind: str = ""
    place: str = ""
    """Under which name a screen reader is told of a new number; "" for a card of which it is told nothing."""

    @property
    def below(self) -> list[tuple[str, str]]:
        """The lines as (CSS class, text)."""
        return [("", line) if isinstance(line, str) else line for line in self.lines]


def place(say: Words, matrix: Any, expert: int = 0) -> str:
    """Return a matrix's display name, such as "Block 3 · down"."""
    name = say("prune.matrix.name", block=matrix.block, role=role_name(say, matrix.role))
    return say("prune.matrix.expert", name=name, expert=expert) if matrix.experts else name


def formula(say: Words, method: str) -> str:
    """Return the score's formula as core.methods writes it, and the meaning of its letters."""
    return render("tabs/prune_formula.html", say=say, formula=_formula(say, method),
                  letters=say(f"prune.formula.{method}"))


def _formula(say: Words, method: str) -> str:
    """Return a method's formula; only the one formula in words is translated."""
    return say("prune.formula.noise") if method == "random" else METHODS[method].formula


def problem(sentence: str) -> str:
    return f'<div class="prune-problem" role="alert"><b aria-hidden="true">!</b> {escape(sentence)}</div>'


def waiting(say: Words) -> str:
    return card(say("prune.reached.none"), "–", say("prune.waiting"))


def card(title: str, number: str, *lines: Cell, kind: str = "", place: str = "") -> str:
    """Return a card's HTML. lines: what stands below the number, each a text or (its CSS class, its text)."""
    return render("tabs/prune_card.html", card=Card(title, number, lines, kind, place))


def reached(say: Words, visit: Visit, settings: Settings, seen: Preview) -> str:
    """Return the sparsity: the applied model's if the controls match it, else the preview's above the applied one's."""
    count = say("prune.reached.count", removed=f"{seen.removed:,}", prunable=f"{seen.prunable:,}")
    session = visit.session
    if session.applied is None or not visit.library.has(session.applied):
        return card(say("prune.reached.preview"), percent(seen.sparsity), count, say("prune.reached.press"),
                    kind="preview", place="reached")
    masks = work.applied_masks(visit)
    if session.applied == work.masks_key(session, settings):
        count = say("prune.reached.count", removed=f"{masks.removed:,}", prunable=f"{masks.prunable:,}")
        return card(say("prune.reached.applied", number=session.applied_number), percent(masks.sparsity), count,
                    agrees(say, visit, masks), kind="applied", place="reached")
    older = say("prune.reached.older", number=session.applied_number, sparsity=percent(masks.sparsity))
    moved = say("prune.reached.stale", changes=changes(say, visit, masks.settings, settings))
    return card(say("prune.reached.preview"), percent(seen.sparsity), count, ("stale", older), moved, kind="preview",
                place="reached")


def agrees(say: Words, visit: Visit, masks: Masks) -> str:
    """Return how far the applied mask agrees with its preview; only the order can make them differ."""
    if visit.session.applied != work.masks_key(visit.session, masks.settings):
        return say("prune.agrees.other_text")
    shown = work.preview_masks(visit, plain_alpha(visit, masks.settings))
    return say("prune.agrees." + masks.settings.order, agreement=percent(model_agreement(masks, shown), 2))


def applied_sentence(say: Words, visit: Visit, masks: Masks) -> str:
    """Return what the status line says once a copy was made."""
    return say("prune.applied", number=visit.session.applied_number, sparsity=percent(masks.sparsity),
               removed=f"{masks.removed:,}", prunable=f"{masks.prunable:,}", agrees=agrees(say, visit, masks))


def changes(say: Words, visit: Visit, was: Settings, now: Settings) -> str:
    """Return what changed since the mask was applied: `from 50 %, slider at 60 %`."""
    moved = []
    if not was.pattern and not now.pattern and was.sparsity != now.sparsity:
        moved.append(say("prune.stale.sparsity", was=format_share(was.sparsity), now=format_share(now.sparsity)))
    shown = {"pattern": lambda one: one.pattern or say("prune.pattern.none"), "method": lambda one: one.method,
             "norm": lambda one: say(f"compare.norms.{one.norm}") if "norm" in one.knobs else "–",
             "alpha": lambda one: alpha_words(say, one) if "alpha" in one.knobs else "–",
             "group": lambda one: "–" if one.pattern else say(f"prune.group.{one.group}"),
             "order": lambda one: say(f"prune.order.{one.order}"),
             "seed": lambda one: one.seed if "seed" in one.knobs else "–"}
    for name in own_knobs():
        shown[name] = partial(_own, say, name)
    for name, read in shown.items():
        before, after = _field(read, was), _field(read, now)
        if before != after and "–" not in (before, after):  # a setting that only one has is no separate change
            what = knob_name(say, name) if name in own_knobs() else say(f"prune.stale.{name}")
            moved.append(say("prune.stale.other", what=what, was=before, now=after))
    if not moved:
        moved.append(say("prune.stale.text"))
    more = [say("prune.stale.more", count=len(moved) - MOST_CHANGES)] if len(moved) > MOST_CHANGES else []
    return say("prune.stale.join").join(moved[:MOST_CHANGES] + more)


def _own(say: Words, name: str, settings: Settings) -> str:
    return knob_value(say, name, settings.knob(name)) if name in settings.knobs else "–"


def _field(read: Callable[[Settings], object], settings: Settings) -> str:
    return str(read(settings))


def alpha_words(say: Words, settings: Settings) -> str:
    """Return how α was requested."""
    alpha = settings.alpha
    return {"number": charts.short(alpha.value), "balance": say("prune.alpha.balance"),
            "share": say("prune.alpha.as_share", share=percent(alpha.value, 0))}[alpha.kind]


def numbers(say: Words, seen: Preview) -> str:
    """Return three cards: α with the gradient's share, and the agreement with Wanda and with gradient-only."""
    none = "–"
    share = none if seen.share is None else percent(seen.share)
    alpha = say("prune.numbers.no_alpha") if seen.alpha is None else say(
        "prune.numbers.alpha", alpha=charts.short(seen.alpha))
    cards = [Card(say("prune.numbers.share"), share, (alpha,))]
    for name, agreement in (("wanda", seen.agreement_wanda), ("gradient", seen.agreement_gradient)):
        if agreement is None:
            below = say("prune.numbers.nothing_beside")
        else:
            below = say("prune.numbers.differs", count=f"{round((1 - agreement) * seen.prunable):,}")
        shown = none if agreement is None else percent(agreement)
        cards.append(Card(say(f"prune.numbers.{name}"), shown, (below,)))
    return render("tabs/prune_cards.html", cards=cards)


def sentences(say: Words, seen: Preview, masks: Masks) -> str:
    """Return one to three sentences on what the numbers mean, and where a simpler rule was used."""
    if not seen.removed:
        return paragraph(say("prune.nothing_removed"), "sentence")
    told = [verdict(say, seen), where(say, seen)]
    if seen.fallbacks:
        first = masks.fallbacks[0]
        told.append(say("prune.fallbacks", count=seen.fallbacks, first=first.matrix, rule=first.rule))
    if seen.equal_rows:
        told.append(say("prune.equal_rows", count=f"{seen.equal_rows:,}"))
    return paragraphs(told, "sentence") + fallback_list(say, masks.fallbacks)


def fallback_list(say: Words, fallbacks: tuple[Fallback, ...]) -> str:
    """Return a folded list of the matrices scored by a simpler rule, with their experts' numbers; "" if none."""
    experts: dict[tuple[str, str, str], list[str]] = {}
    for one in fallbacks:
        experts.setdefault((one.matrix, one.reason, one.rule), []).extend(
            [] if one.expert is None else [str(one.expert)])
    lines = [say(f"prune.fallen.{'experts' if numbers else 'matrix'}", matrix=matrix, why=say(f"prune.fallen.{reason}"),
                 experts=say("settings.join").join(numbers), rule=rule)
             for (matrix, reason, rule), numbers in experts.items()]
    if not lines:
        return ""
    more = [say("prune.fallen.more", count=len(lines) - MOST_FALLEN)] if len(lines) > MOST_FALLEN else []
    return render("tabs/prune_fallen.html", say=say, lines=lines[:MOST_FALLEN] + more)


def verdict(say: Words, seen: Preview) -> str:
    """Return a sentence on whether the gradient, or the input, changes anything here."""
    method, wanda, gradient = seen.settings.method, seen.agreement_wanda, seen.agreement_gradient
    if wanda is None or gradient is None:
        return ""
    fields = {"wanda": percent(wanda), "gradient": percent(gradient), "method": method}
    if method in {"wanda", "gradient"}:
        return say(f"prune.verdict.{method}", **fields)
    if method == "gblm" and wanda > NEARLY_SAME:
        return say("prune.verdict.like_wanda", **fields)
    if method == "gblm" and gradient > NEARLY_SAME:
        return say("prune.verdict.like_gradient", **fields)
    return say("prune.verdict.gblm" if method == "gblm" else "prune.verdict.other", **fields)


def differing(seen: Preview) -> bool:
    """Return whether some matrices lose a larger share than others, beyond rounding to whole weights of a row."""
    shares = [cell.value for cell in seen.per_matrix]
    alike = seen.settings.group in {"row", "matrix"} or isinstance(seen.settings.make_pattern(), NofM)
    return not alike and max(shares) - min(shares) > NOTABLE


def where(say: Words, seen: Preview) -> str:
    """Return a sentence on which matrices lose most: equal by design, or listed below."""
    if differing(seen):
        ordered = sorted(seen.per_matrix, key=lambda cell: cell.value)
        least, most = ordered[0], ordered[-1]
        return say("prune.where.differs", least=place(say, least), low=percent(least.value), most=place(say, most),
                   high=percent(most.value))
    pattern = seen.settings.make_pattern()
    if isinstance(pattern, NofM):
        return say("prune.where.pattern", n=pattern.n, m=pattern.m)
    return say("prune.where.row" if seen.settings.group == "row" else "prune.where.matrix")


def matrices_table(say: Words, seen: Preview) -> str:
    """Return the table of the share removed per matrix, blocks × roles; empty if all are equal."""
    if not differing(seen):
        return ""
    roles = list(dict.fromkeys(cell.role for cell in seen.per_matrix))
    values = {(cell.block, cell.role): cell.value for cell in seen.per_matrix}
    blocks = [(say("prune.where.block", block=block), [_bar(values.get((block, role))) for role in roles])
              for block in sorted({cell.block for cell in seen.per_matrix})]
    return render("tabs/prune_matrices.html", say=say, roles=roles, blocks=blocks)


def _bar(share: float | None) -> tuple[str, str]:
    """Return (the bar's width, the share as text); both empty where a block has no such matrix."""
    return ("", "") if share is None else (f"{100 * share:.0f}%", percent(share))


def alpha_note(say: Words, visit: Visit, settings: Settings) -> str:
    """Return why the app asks for a share: what the paper's α would give on this text, measured."""
    if "alpha" not in settings.knobs or visit.session.statistics is None:
        return ""
    found = visit.statistics()
    hundred = share_at(visit, settings.norm, PAPER_ALPHA)
    key = AlphaKey(visit.session.statistics, Alpha("balance"), settings.norm)
    balance = visit.library.get_or_make(key, lambda: alphas.resolve(Alpha("balance"), found, settings.norm))
    tokens = found.calibration.token_count / found.count
    told = say("prune.alpha.why", paper=f"{PAPER_ALPHA:g}", paper_share=percent(hundred), alpha=charts.short(balance),
               share=percent(share_at(visit, settings.norm, balance)), samples=found.count, length=f"{tokens:.0f}")
    return f'<div class="limit">{escape(told)}</div>'


def made_of(say: Words, visit: Visit, settings: Settings, masks: Masks) -> list[str]:
    """Return what made a mask, in short parts: model, text, samples, method, norm, α with its share, pattern."""
    parts = [visit.model().name]
    if settings.needs and visit.session.statistics is not None:
        samples = visit.statistics().calibration
        cut = say("prune.tag.samples", count=samples.count, length=samples.length, seed=samples.seed)
        parts += [work.text_name(say, samples.text_name), cut]
    share = None
    if "alpha" in settings.knobs and masks.alpha is not None:
        share = share_at(visit, settings.norm, masks.alpha)
    return [*parts, *settings_words(say, settings, masks.alpha, share)]


def result_lines(say: Words, visit: Visit, settings: Settings, masks: Masks) -> str:
    """Return the lines under the pictures: results on the bundled model at this amount, and what made the preview."""
    told = [results_sentence(say, masks) if masks.removed else "", tag(say, visit, settings, masks)]
    return paragraphs(told, "tag")


def tag(say: Words, visit: Visit, settings: Settings, masks: Masks) -> str:
    """Return the line under a preview."""
    told = say("prune.tag.preview_only" if settings.order == "dense" else "prune.tag.preview_sequential")
    return " · ".join([*made_of(say, visit, settings, masks), told])
