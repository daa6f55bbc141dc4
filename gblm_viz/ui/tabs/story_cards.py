"""The seven cards of the Overview's story, its steps and its sentences for a meeting, in a language's words.

Measures nothing: all figures come from work/story_numbers.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from gblm_viz.amounts import format_bytes, format_change, format_duration, format_share
from gblm_viz.core.measure import tolerance
from gblm_viz.core.measure.tolerance import Loss, Tolerance
from gblm_viz.core.score.methods import METHODS
from gblm_viz.figures.charts import brief_percent, percent
from gblm_viz.words import Words, join_sentences

from ..components.story import Bar, Card, Judged, Line, Link, Meeting, Picture, story
from ..work import work
from ..work.story_numbers import Numbers

DASHES = {"magnitude": ("removed", "2 3"), "wanda": ("third", "6 3"), "gblm": ("dense", "")}
"""Method → colour and dashes of its line."""
PANELS = {"measure": ("compare-lost", "lost-figures"), "questions": ("compare-lost", "lost-probes"),
          "methods": ("compare-lost", "lost-methods"), "forgotten": ("compare-lost", "lost-probes"),
          "won": ("compare-won",)}
"""What a link leads to on Compare → the panels that are opened there."""
SEVEN_BILLION_MINUTES = 6
"""What the gradients of a model of 7 billion weights take on a data centre's GPU, by the arithmetic of usual_models.py;
written down here, since computing it needs Transformers and the first page does not wait for that."""
STEPS = ("text", "gradients", "prune", "patterns", "compare", "report")


def story_value(say: Words, numbers: Numbers, accepted: Tolerance, place: str) -> Mapping[str, Any]:
    """Return the value of the Story component. place: of the telling weight, in words; "" if there is none."""
    steps = [Link(say(f"story.steps.{name}"), name) for name in STEPS]
    return story(cards_of(say, numbers, accepted, place), say("story.steps.title"), steps,
                 meeting_of(say, numbers, accepted), overall_of(say, numbers, accepted))


def cards_of(say: Words, numbers: Numbers, accepted: Tolerance, place: str) -> list[Card]:
    """Return the seven cards; place: see `story_value`."""
    return [_removed(say, numbers), _cost(say, numbers, accepted), _text(say, numbers, accepted),
            _why(say, numbers, place), _work(say, numbers), _pays(say, numbers), _doubt(say, numbers)]


def overall_of(say: Words, numbers: Numbers, accepted: Tolerance, to: str = "overall") -> Judged | None:
    """Return the verdict on the whole run; None where nothing was measured. to: the words' table: overall, meeting.

    Of a text that the model does not understand there is no verdict, whatever the numbers are.
    """
    marks = [one.mark for one in _verdicts(say, numbers, accepted)]
    if not marks:
        return None
    share = format_share(numbers.sparsity)
    if numbers.say_nothing:
        return Judged(say(f"story.{to}.foreign"), "few")
    mark = tolerance.overall(marks)
    told, holds = [say(f"story.{to}.{mark}", share=share)], numbers.holds_until(accepted.right)
    if holds is not None:
        held, least = holds
        told.append(say(f"story.{to}.holds", share=format_share(held)) if held else
                    say(f"story.{to}.holds_none", share=format_share(least)))
    return Judged(join_sentences(told), mark)


def run_name(say: Words, numbers: Numbers, number: int) -> str:
    """Return what the story is about. number: of the visit's Apply; unused for the example."""
    return say("story.run_example" if numbers.example else "story.run_own", number=number, method=numbers.method,
               share=format_share(numbers.sparsity))


def _link(say: Words, label: str, to: str) -> Link:
    """Return a link to a panel of Compare."""
    return Link(say(f"story.{label}"), to, "compare", PANELS[to])


def _removed(say: Words, numbers: Numbers) -> Card:
    dots = round(100 * numbers.sparsity)
    told = say("story.removed.told", removed=f"{numbers.removed:,}", prunable=f"{numbers.prunable:,}",
               others=f"{numbers.parameters - numbers.prunable:,}",
               whole=percent(numbers.removed / numbers.parameters, 0))
    share, wanted = format_share(numbers.sparsity), format_share(numbers.wanted or numbers.sparsity)
    rounded = [] if share == wanted else [say("story.removed.rounded", wanted=wanted, share=share)]
    return Card("removed", say("story.removed.question"), share, [told, *rounded],
                say("story.removed.limit"), [Link(say("story.removed.link"), "prune")],
                Picture(say("story.removed.picture", count=dots), dots=dots))


def _cost(say: Words, numbers: Numbers, accepted: Tolerance) -> Card:
    question, asked, held = say("story.cost.question"), numbers.asked, numbers.held
    if asked is None and held is None:
        return Card("cost", question, "", [say("story.cost.unmeasured")], "",
                    [_link(say, "cost.link_measure", "measure")])
    told = [] if held is None else [say("story.cost.perplexity", before=amount(held.dense), after=amount(held.pruned))]
    if asked is None:
        assert held is not None
        return Card("cost", question, say("story.cost.number_perplexity", before=amount(held.dense),
                                          after=amount(held.pruned)), told, say("story.cost.limit_perplexity"),
                    [_link(say, "cost.link", "measure")],
                    verdicts=_verdicts(say, numbers, accepted))
    before, after, here = asked.first, asked.second, numbers.asked_here
    counted = [say("story.cost.right", n=f"{asked.total:,}", before=f"{before.right:,}", after=f"{after.right:,}")]
    if here is not None:
        counted.append(say("story.cost.here", n=f"{here.total:,}", before=brief_percent(here.first.value),
                           after=brief_percent(here.second.value)))
    if numbers.say_nothing and numbers.pocket:
        counted.append(say("story.cost.other_text"))
    told = [*counted, *told]
    return Card("cost", question, say("story.cost.number_right", before=brief_percent(before.value),
                                      after=brief_percent(after.value)), told, say("story.cost.limit"),
                [_link(say, "cost.link", "forgotten")], _cost_picture(say, numbers), _verdicts(say, numbers, accepted))


def _cost_picture(say: Words, numbers: Numbers) -> Picture:
    asked, curves = numbers.asked, numbers.curves
    assert asked is not None
    if curves:
        lines = [Line(name, list(points), *DASHES[name]) for name, points in curves.items() if name in DASHES]
        return Picture(say("story.cost.picture", share=format_share(numbers.sparsity)), lines=lines,
                       at=numbers.sparsity, x=say("story.cost.x"), y=say("story.cost.y"))
    sides = {"before": (asked.first, "dense"), "after": (asked.second, "pruned")}
    return Picture(say("story.cost.picture_bars", before=asked.first.right, after=asked.second.right), bars=[
        Bar(say(f"story.cost.{name}"), brief_percent(one.value), one.value, colour)
        for name, (one, colour) in sides.items()])


def _verdicts(say: Words, numbers: Numbers, accepted: Tolerance) -> list[Judged]:
    """Return what was lost of right answers and added to perplexity, each beside what is accepted.

    The perplexity of a text that the model does not understand is not judged: a low limit would count as kept.
    """
    judged = []
    if numbers.asked is not None and (lost := tolerance.right_lost(numbers.asked)) is not None:
        judged.append(_judged(say, "right", lost, accepted.right))
    if numbers.held is not None and not numbers.say_nothing:
        judged.append(_judged(say, "perplexity", numbers.held.added, accepted.perplexity))
    return judged


def _judged(say: Words, kind: str, loss: Loss, most: float) -> Judged:
    mark = tolerance.judge(loss, most)
    told = say(f"story.verdict.{mark}")
    return Judged(say(f"story.verdict.{kind}", loss=spread(say, loss), most=format_share(most), verdict=told), mark)


def spread(say: Words, loss: Loss) -> str:
    """Return a loss with its interval; the interval is left out where too little text was measured for one."""
    if loss.too_few:
        return format_change(loss.mean)
    return say("story.interval", mean=format_change(loss.mean), low=format_change(loss.interval.low),
               high=format_change(loss.interval.high))


def _text(say: Words, numbers: Numbers, accepted: Tolerance) -> Card:
    own, asked = numbers.own, numbers.own_asked
    links = [Link(say("story.text.link_text"), "text"), _link(say, "text.link_questions", "questions")]
    told = [say("story.text.example")] if numbers.example else []
    card = Card("text", say("story.text.question"), "", [*told, say("story.text.unmeasured")],
                say("story.text.limit"), links)
    if own is not None:
        foreign = numbers.foreign
        told = [*told, say("story.text.told", text=work.text_name(say, numbers.text), before=amount(own.dense),
                           after=amount(own.pruned)), *_understood(say, numbers)]
        card = replace(card, sentences=told, warning=say("story.text.foreign") if foreign else "",
                       number=say("story.text.number", before=amount(own.dense), after=amount(own.pruned)))
    if asked is not None:
        counted = say("story.text.questions", n=asked.total, before=asked.first.right, after=asked.second.right)
        lost = tolerance.right_lost(asked)
        card = replace(card, sentences=[*card.sentences, counted],
                       verdicts=[] if lost is None else [_judged(say, "right", lost, accepted.right)])
    return card


def _understood(say: Words, numbers: Numbers) -> Iterator[str]:
    """Yield why the model counts as understanding the text, or not, or that this cannot be said."""
    assert numbers.own is not None
    guessing = None if numbers.guessing is None else amount(numbers.guessing)
    usual = None if numbers.usual is None else amount(numbers.usual)
    if numbers.foreign:
        by_kind = numbers.usual is not None and numbers.own.dense >= tolerance.FOREIGN_TIMES * numbers.usual
        before = amount(numbers.own.dense)
        if by_kind:
            yield say("story.text.foreign_why", before=before, usual=usual, times=f"{tolerance.FOREIGN_TIMES:.0f}",
                      limit=amount(tolerance.FOREIGN_TIMES * (numbers.usual or 0.0)))
        else:
            yield say("story.text.foreign_guessing", before=before, guessing=guessing)
        yield say("story.text.foreign_next")
    elif numbers.foreign is None:
        yield say("story.text.unclear")
    else:
        if guessing is not None:
            yield say("story.text.understood", guessing=guessing)
        if numbers.usual is not None:
            limit = tolerance.FOREIGN_TIMES * numbers.usual
            yield say("story.text.understood_usual", usual=usual, limit=amount(limit))


def _why(say: Words, numbers: Numbers, place: str) -> Card:
    question, jump, limit = say("story.why.question"), numbers.jump, say("story.why.limit")
    plain = say("story.why.plain", formula=METHODS[numbers.method].formula, symbols=_symbols(say, numbers.method))
    if jump is None:
        return Card("why", question, "", [plain], limit, [Link(say("story.why.link"), "weight")])
    before, after = percent(jump.rank_a, 0), percent(jump.rank_b, 0)
    told = say("story.why.told", place=place, row=f"{jump.row:,}", column=f"{jump.column:,}", before=before,
               after=after, method=numbers.method)
    bars = [Bar(say("story.why.size"), before, jump.rank_a, "removed"),
            Bar(say("story.why.score"), after, jump.rank_b, "kept")]
    return Card("why", question, say("story.why.number", before=before, after=after), [plain, told], limit,
                [Link(say("story.why.link"), "why")],
                Picture(say("story.why.picture", before=before, after=after), bars=bars))


def _symbols(say: Words, method: str) -> str:
    """Return what the letters of a method's formula mean."""
    kind = METHODS[method]
    used = ["weight", *(name for name in ("inputs", "gradients") if name in kind.terms),
            *(["alpha"] if "alpha" in kind.knobs() else [])]
    return say("story.why.join").join(say(f"story.why.{name}") for name in used)


def _work(say: Words, numbers: Numbers) -> Card:
    told = say("story.work.plain") if not METHODS[numbers.method].needs or not numbers.samples else say(
        "story.work.told", samples=f"{numbers.samples:,}", tokens=f"{numbers.tokens:,}", time=_time(say, numbers))
    return Card("work", say("story.work.question"), say("story.work.number"), [told], say("story.work.limit"),
                [Link(say("story.work.link"), "text")])


def _time(say: Words, numbers: Numbers) -> str:
    """Return the measured time of the collection as a part of a sentence; "" if it is not known."""
    return "" if not numbers.seconds else say("story.work.time", time=format_duration(say, numbers.seconds))


def _pays(say: Words, numbers: Numbers) -> Card:
    size, masked = format_bytes(say, numbers.memory), format_bytes(say, numbers.masked)
    bars = [Bar(say("story.pays.as_is"), size, 1.0, "pruned"),
            Bar(say("story.pays.packed"), masked, numbers.masked / numbers.memory, "kept")]
    return Card("pays", say("story.pays.question"), say("story.pays.number", size=size),
                [say("story.pays.told", masked=masked)], say("story.pays.limit"),
                [_link(say, "pays.link", "won")],
                Picture(say("story.pays.picture", size=size, masked=masked), bars=bars))


def _doubt(say: Words, numbers: Numbers) -> Card:
    told = [say("story.doubt.pocket" if numbers.pocket else "story.doubt.own")]
    if numbers.against is None:
        told.append(say("story.doubt.uncompared"))
    found = [say(f"story.doubt.{kind}", method=numbers.method, others=others)
             for kind in ("less", "more", "none", "one_draw", "too_few") if (others := _others(say, numbers, kind))]
    if numbers.agreement is not None and numbers.method != "wanda":
        found.append(say("story.doubt.alike", method=numbers.method, agreement=percent(numbers.agreement)))
    told += [join_sentences([say("story.doubt.compared"), *found])] if found else []
    return Card("doubt", say("story.doubt.question"), "", told, say("story.doubt.limit"),
                [_link(say, "doubt.link", "methods")])


def _others(say: Words, numbers: Numbers, kind: str) -> str:
    """Return the names of the methods against which the comparison came out like this; random is no rival."""
    return say("story.doubt.join").join(
        name for name, how in (numbers.against or {}).items() if how == kind and name != "random")


# For the meeting

def meeting_of(say: Words, numbers: Numbers, accepted: Tolerance) -> Meeting:
    """Return the sentences to copy. That gradients keep more than size is said only where this run shows it."""
    known = {True: "better", False: "not_better", None: "uncompared"}[numbers.better_than_size]
    sentences = [say("story.meeting.first"), _made(say, numbers), *_result(say, numbers, accepted)]
    if "gradients" in METHODS[numbers.method].needs:
        sentences.append(say(f"story.meeting.{known}", share=format_share(numbers.sparsity)))
        others = _others(say, numbers, "more")
        sentences += [say("story.meeting.more", method=numbers.method, others=others)] if others else []
    passed = METHODS[numbers.method].needs and numbers.samples
    sentences.append(say("story.meeting.spent", samples=f"{numbers.samples:,}", time=_time(say, numbers),
                         minutes=SEVEN_BILLION_MINUTES) if passed else say("story.meeting.spent_plain"))
    sentences.append(say("story.meeting.pays"))
    return Meeting(say("story.meeting.title"), sentences, say("story.meeting.plan_title"),
                   [say(f"story.meeting.plan_{step}") for step in ("texts", "prune", "blind", "watch")],
                   say("story.meeting.copy"), say("story.meeting.copied"), say("story.meeting.not_copied"))


def _made(say: Words, numbers: Numbers) -> str:
    by_text = METHODS[numbers.method].needs and numbers.samples
    chosen = "" if not by_text else say("story.meeting.chosen", text=work.text_name(say, numbers.text)) \
        if numbers.text else say("story.meeting.chosen_own")
    return say("story.meeting.made", share=format_share(numbers.sparsity), model=numbers.model, method=numbers.method,
               chosen=chosen)


def _result(say: Words, numbers: Numbers, accepted: Tolerance) -> list[str]:
    """Return the verdict first, then what it rests on, and why it may say nothing about the reader's case."""
    whole = overall_of(say, numbers, accepted, "meeting")
    if whole is None:
        return []
    told, asked, held = [whole.text], numbers.asked, numbers.held
    if asked is not None and (lost := tolerance.right_lost(asked)) is not None:
        told.append(say("story.meeting.right", n=f"{asked.total:,}", before=f"{asked.first.right:,}",
                        after=f"{asked.second.right:,}", loss=spread(say, lost), most=format_share(accepted.right)))
    if held is not None and not numbers.say_nothing:
        key = "perplexity_few" if held.added.too_few else "perplexity"
        told.append(say(f"story.meeting.{key}", before=amount(held.dense), after=amount(held.pruned),
                        loss=spread(say, held.added), most=format_share(accepted.perplexity)))
    if numbers.pocket:
        told.append(say("story.meeting.tiny"))
    return told


def amount(value: float) -> str:
    """Return a perplexity as it is shown; ∞ if it has no end."""
    decimals = 2 if value < 10 else 1 if value < 1000 else 0  # 1.8 → 2.0 would not show that 9 % were added
    return "∞" if math.isinf(value) else f"{value:,.{decimals}f}"
