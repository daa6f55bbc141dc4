"""A run as a worksheet: two printed pages of questions with its own numbers and blanks, and their solutions.

Each question is written together with its solution, from the same numbers. Independent of the Library.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gblm_viz.amounts import format_difference, format_differences
from gblm_viz.core.keep.run import MatrixRow
from gblm_viz.figures.charts import percent
from gblm_viz.figures.maps import role_name
from gblm_viz.words import Words, join_sentences

from ..components.table import Head
from ..components.templates import render
from .parts import Paragraph, Part, Table
from .report_file import STYLE
from .sheet import Sheet, perplexity_text
from .worksheet_data import COUNT, LOWEST, Numbers, Worksheet, lowest

BLANK = "____________"
LISTED = 5
"""Matrices of which one is to be found."""
_STYLE = STYLE + """
h2 { margin-top: 1.1em; } .blank { margin: .7em 0; line-height: 1.8; } .lead { font-weight: 600; margin-top: .8em; }
td { height: 1.5em; } .blanks td:empty { width: 18%; border-left: 1px solid #ccc; }
@page { margin: 12mm 15mm; }
"""


@dataclass(frozen=True)
class Question:
    """What is asked, with its blanks, and its solution. name: its heading's key."""

    name: str
    asked: list[Part]
    solved: list[Part]


def html(found: Worksheet, say: Words) -> bytes:
    """Return the pupils' sheet as one file, without scripts or outside resources. What the run has no numbers for is
    left out; the second page begins after half of the questions."""
    sheet = Sheet(found.run, say)
    questions = _questions(found, sheet)
    half = (len(questions) + 1) // 2
    lead = [Paragraph(say("worksheet.frame.name", blank=BLANK), "blank"), Paragraph(say("worksheet.frame.about"), ""),
            Paragraph(sheet.tag, "tag")]
    return _page(say, say("worksheet.frame.title"), lead, [
        {"title": title, "new_page": number == half + 1, "parts": one.asked}
        for number, (title, one) in enumerate(questions, 1)])


def solutions(found: Worksheet, say: Words) -> bytes:
    """Return the teacher's sheet, with the same numbers of the questions, as one file."""
    sheet = Sheet(found.run, say)
    return _page(say, say("worksheet.frame.solutions"), [Paragraph(sheet.tag, "tag")], [
        {"title": title, "new_page": False, "parts": one.solved} for title, one in _questions(found, sheet)])


def _questions(found: Worksheet, sheet: Sheet) -> list[tuple[str, Question]]:
    """Return the questions that the run has numbers for, with their numbered titles."""
    asked = [question for write in QUESTIONS if (question := write(found, sheet)) is not None]
    return [(f"{number}. {sheet.say(f'worksheet.{one.name}.title')}", one) for number, one in enumerate(asked, 1)]


def _page(say: Words, title: str, lead: list[Paragraph], sections: list[dict[str, object]]) -> bytes:
    page = render("report/report.html", language=say.language, style=_STYLE, title=title, lead=lead, sections=sections)
    return f"{page}\n".encode()


def number_text(value: float) -> str:
    """Return a number with three significant digits, without an exponent where it can be read without one."""
    digits = float(f"{value:.3g}")
    if digits and not 1e-5 <= abs(digits) < 1e7:
        text = f"{digits:.2e}"
    else:
        text = f"{digits:,.0f}" if abs(digits) >= 100 else f"{digits:.8f}".rstrip("0").rstrip(".")
    return text.replace("-", "−")


def _removed(found: Worksheet, sheet: Sheet) -> Question:
    """Ask about one matrix, whose size has to be computed: at 50 % as many weights stay as go."""
    run, say, one = found.run, sheet.say, found.run.matrices[0]
    rows = one.rows * max(1, one.experts)
    weights = rows * one.columns
    removed = round(one.removed * weights)
    fields = {"matrix": _place(say, one), "rows": f"{rows:,}", "columns": f"{one.columns:,}", "weights": f"{weights:,}",
              "kept": f"{weights - removed:,}", "removed": f"{removed:,}", "share": percent(removed / weights),
              "blank": BLANK}
    whole = say("worksheet.removed.whole", prunable=f"{run.model.prunable:,}", removed=f"{run.removed:,}",
                share=percent(run.removed / run.model.prunable))
    return Question("removed", _written(say, "removed", "ask", "blanks", **fields),
                    [Paragraph(join_sentences([say("worksheet.removed.solution", **fields), whole]))])


def _hardest(found: Worksheet, sheet: Sheet) -> Question | None:
    """Show the hardest matrix among evenly spaced others, in the order of the layout."""
    say = sheet.say
    pulled = [(one, one.gradient_mean) for one in found.run.matrices if one.gradient_mean]
    if len(pulled) < LISTED:
        return None
    top = max(range(len(pulled)), key=lambda at: pulled[at][1])
    others = [at for at in range(len(pulled)) if at != top]
    shown = sorted([top, *(others[place * len(others) // (LISTED - 1)] for place in range(LISTED - 1))])
    rows = [(_place(say, pulled[at][0]), number_text(pulled[at][1])) for at in shown]
    least = min(shown, key=lambda at: pulled[at][1])
    ratio = float(f"{pulled[top][1]:.3g}") / float(f"{pulled[least][1]:.3g}")
    heads: tuple[Head, ...] = ((say("worksheet.hardest.matrix"), ""), (say("worksheet.hardest.mean"), "number"))
    return Question(
        "hardest", [Paragraph(say("worksheet.hardest.ask")), Table(heads, rows),
                    Paragraph(say("worksheet.hardest.blanks", blank=BLANK), "blank")],
        [Paragraph(say("worksheet.hardest.solution", matrix=_place(say, pulled[top][0]), times=number_text(ratio),
                       least=_place(say, pulled[least][0])))])


def _scores(found: Worksheet, sheet: Sheet) -> Question | None:
    one, say = found.excerpt, sheet.say
    if one is None:
        return None
    names = ["magnitude", "wanda", "gblm"][:len(one.scores())]
    given = [say("worksheet.scores.column"), "W", "x", *(["g"] if one.gradients else [])]
    heads: list[Head] = [(name, "number") for name in (*given, *(say(f"worksheet.scores.{name}") for name in names))]
    numbers = (one.weights, one.inputs, *([one.gradients] if one.gradients else []))
    known = [(str(one.column + place), *(number_text(values[place]) for values in numbers)) for place in range(COUNT)]
    marked = [(name, scores, lowest(scores)) for name, scores in zip(names, one.scores(), strict=True)]
    solved = [(*cells, *(_marked(scores, place, chosen) for _, scores, chosen in marked))
              for place, cells in enumerate(known)]
    matrix = next(row for row in found.run.matrices if row.name == one.matrix)
    where = say("worksheet.scores.where", matrix=_place(say, matrix), row=f"{one.row:,}", first=f"{one.column:,}",
                last=f"{one.column + COUNT - 1:,}")
    level = [] if one.alpha is None else [say(f"worksheet.scores.{'alpha' if one.own else 'alpha_balance'}",
                                              alpha=f"{one.alpha:,g}")]
    differing = [place for place in range(COUNT) if len({place in chosen for *_, chosen in marked}) > 1]
    told = [say("worksheet.scores.marks", method=name, columns=", ".join(
        str(one.column + place) for place in sorted(chosen))) for name, _, chosen in marked]
    told.append(say("worksheet.scores.differ", columns=", ".join(str(one.column + place) for place in differing))
                if differing else say("worksheet.scores.same"))
    told += [say("worksheet.scores.places", column=one.column + place, x=number_text(one.inputs[place]),
                 places=", ".join(str(sorted(scores).index(scores[place]) + 1) for _, scores, _ in marked))
             for place in differing]
    return Question(
        "scores", [Paragraph(join_sentences([say("worksheet.scores.ask", lowest=LOWEST), where, *level])),
                   Table(heads, [(*cells, *([""] * len(names))) for cells in known], "blanks"),
                   Paragraph(say("worksheet.scores.rounding"), "tag"),
                   Paragraph(say("worksheet.scores.blanks", blank=BLANK), "blank")],
        [Table(heads, solved), Paragraph(join_sentences(told))])


def _marked(scores: Numbers, place: int, chosen: frozenset[int]) -> str:
    return f"{'▼ ' if place in chosen else ''}{number_text(scores[place])}"


def _perplexity(found: Worksheet, sheet: Sheet) -> Question | None:
    run, say = found.run, sheet.say
    held = {one.side: one for one in run.perplexities if one.which == "held_out"}
    apart = next((one for one in run.differences if one.which == "held_out"), None)
    if len(held) < 2 or apart is None:
        return None
    before, after = (round(held[side].perplexity, 2) for side in ("dense", "pruned"))
    fields = {"before": perplexity_text(before), "after": perplexity_text(after), "windows": held["dense"].windows,
              "text": sheet.text(held["dense"].text), **format_differences(apart.mean, apart.low, apart.high, 3),
              "blank": BLANK, "times": f"{after / before:,.2f}"}
    key = "too_few" if apart.windows < 2 else "shown" if apart.shown else "not_shown"
    judged = "worse" if after > before else "better" if after < before else "equal"
    asked = ("ask", "blanks") if apart.windows < 2 else ("ask", "interval", "blanks", "judge")
    return Question("perplexity", _written(say, "perplexity", *asked, **fields),
                    [Paragraph(join_sentences((say("worksheet.perplexity.solution", **fields),
                                               say(f"worksheet.perplexity.{judged}"),
                                               say(f"worksheet.perplexity.{key}", **fields))))])


def _right(found: Worksheet, sheet: Sheet) -> Question | None:
    run, say = found.run, sheet.say
    asked = {one.side: one for one in run.probes if not one.skill}
    change = next((one for one in run.changes if not one.skill), None)
    if len(asked) < 2 or change is None:
        return None
    before, after = asked["dense"], asked["pruned"]
    points, low, high = (100 * value for value in (change.difference, change.low, change.high))
    shown = format_differences(points, low, high, 1)
    fields = {"n": f"{before.total:,}", "before": f"{before.right:,}", "after": f"{after.right:,}", "blank": BLANK,
              "share_before": percent(before.right / before.total), "share_after": percent(after.right / after.total),
              "points": shown["mean"], "low": shown["low"], "high": shown["high"]}
    solved = [say("worksheet.right.solution", **fields)]
    subtracted = format_difference(_tenths(after.right / after.total) - _tenths(before.right / before.total), 1)
    if subtracted != shown["mean"]:
        solved.append(say("worksheet.right.rounded", subtracted=subtracted))
    solved.append(say(f"worksheet.right.{'shown' if change.shown else 'not_shown'}", **fields))
    return Question("right", _written(say, "right", "ask", "blanks", "judge", **fields),
                    [Paragraph(join_sentences(solved))])


def _tenths(share: float) -> float:
    return round(100 * share, 1)


def _agreement(found: Worksheet, sheet: Sheet) -> Question | None:
    run, say = found.run, sheet.say
    if not found.differing:
        return None
    chance = run.sparsity**2 + (1 - run.sparsity)**2
    rows = [(run.settings["method"], other, f"{count:,}", "") for other, count in found.differing]
    solved = [(own, other, count, percent(1 - differing / run.model.prunable))
              for (own, other, count, _), (_, differing) in zip(rows, found.differing, strict=True)]
    heads: list[Head] = [(say(f"worksheet.agreement.{name}"), style) for name, style in (
        ("own", ""), ("other", ""), ("differing", "number"), ("agree", "number"))]
    fields = {"prunable": f"{run.model.prunable:,}", "share": percent(run.sparsity), "chance": percent(chance),
              "blank": BLANK}
    return Question("agreement", [Paragraph(say("worksheet.agreement.ask", **fields)), Table(heads, rows, "blanks"),
                                  Paragraph(say("worksheet.agreement.blanks", **fields), "blank")],
                    [Table(heads, solved), Paragraph(say("worksheet.agreement.solution", **fields))])


def _written(say: Words, name: str, *keys: str, **fields: object) -> list[Part]:
    """Return paragraphs; those with blanks have room around them."""
    return [Paragraph(say(f"worksheet.{name}.{key}", **fields), "blank" if key in {"blanks", "judge"} else "")
            for key in keys]


def _place(say: Words, matrix: MatrixRow) -> str:
    return say("prune.matrix.name", block=matrix.block, role=role_name(say, matrix.role))


QUESTIONS: tuple[Callable[[Worksheet, Sheet], Question | None], ...] = (
    _removed, _hardest, _scores, _perplexity, _right, _agreement)
"""In their order; one line adds a question."""
