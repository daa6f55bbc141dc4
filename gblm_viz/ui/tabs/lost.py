"""Compare, what was lost: the pruned model's figures beside the dense one's, with protocol, n and interval."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import gradio as gr

from gblm_viz.core import evaluate
from gblm_viz.words import Words

from .. import work
from ..escape import escape
from ..page import NoLongerWanted, Page, bump
from ..session import Library, Session, Visit
from ..table import plain_table

SMALL = 50_000_000
"""Parameters up to which a new pruned model is measured without being asked."""


def build(page: Page, summary: gr.HTML) -> None:
    """summary: the line above all panels, kept up to date from here."""
    say = page.words
    with gr.Row(elem_id="compare-measure-row", equal_height=False):
        with gr.Column(scale=5):
            measured = gr.HTML(elem_id="compare-measured")
        with gr.Column(scale=1, min_width=150):
            measure = gr.Button(say("compare.measure"), elem_id="compare-measure", size="sm")

    def refresh(visit: Visit) -> dict[Any, Any]:
        """A new model, text or pruned copy: the measures there are, at once."""
        return {measured: measured_html(visit, say), summary: summary_html(visit, say)}

    def remeasure(visit: Visit, counter: int) -> Iterator[dict[Any, Any]]:
        """A new pruned copy of a small model is measured unasked. Apart from `refresh`, which must not wait for it."""
        if visit.session.applied is not None and visit.model().parameters <= SMALL:
            yield from on_measure(visit, counter)

    def on_measure(visit: Visit, counter: int) -> Iterator[dict[Any, Any]]:
        work.applied_masks(visit)
        if not work.measured_all(visit):
            session, library = visit.session, visit.library
            job = work.measure_job(library, session, visit.model(), work.pruned_model(visit), say.language)
            task = library.start(visit.key, ("measure", session.model, session.applied, session.held_out),
                                 lambda _: job, queued=False)
            try:
                yield from page.follow(visit, task, "evaluate", lambda: visit.session.applied == session.applied)
            except NoLongerWanted:
                return  # a newer copy came, and is measured itself
            yield {page.status: page.note(say("compare.measured", number=session.applied_number)),
                   page.signals.measured: bump(counter)}
        yield refresh(visit)

    count = page.signals.measured
    page.on(measure.click, on_measure, [count], [measured, summary, count])
    page.on([page.signals.applied.change], refresh, [], [measured, summary], latest=True)
    page.on([page.signals.applied.change], remeasure, [count], [measured, summary, count], latest=True)


def measured_html(visit: Visit, say: Words) -> str:
    """The table of what was lost: each figure with its protocol, each share with n and its interval."""
    session, library = visit.session, visit.library
    if session.applied is None or not library.has(session.applied):
        return f'<p class="sentence">{escape(say("errors.nothing_applied"))}</p>'
    masks, model = work.applied_masks(visit), visit.model()
    pruned = work.pruned_key(session.applied)
    rows = [(say("compare.sparsity"), "0 %", f"{masks.sparsity:.2%}",
             say("compare.removed", removed=f"{masks.removed:,}", prunable=f"{masks.prunable:,}"))]
    held = work.held_out_windows(library, session, model, say.language)
    texts = [("held", held)] if session.statistics is None else [
        ("own", library.get(session.statistics).calibration), ("held", held)]
    cells = []
    for which, windows in texts:
        keys = [("perplexity", key, windows.key) for key in (session.model, pruned)]
        if all(library.has(key) for key in keys):
            before, after = (library.get(key) for key in keys)
            cells.append((which, before, after))
    for which, before, after in cells:
        title = say(f"compare.perplexity_{which}", text=work.text_name(say, before.text_name))
        rows.append((title, _perplexity(before), _perplexity(after), _difference(before, after, say)))
    heads = ((say("compare.what"), ""), (say("compare.dense"), "number"), (say("compare.pruned"), "number"),
             (say("compare.meaning"), ""))
    table = plain_table(heads, [(name, ("dense-colour", before), ("pruned-colour", after), note)
                                for name, before, after, note in rows])
    return table + _probes(library, session, pruned, say)


def summary_html(visit: Visit, say: Words) -> str:
    """Above all panels: the held-out perplexity and the right probes of both models in one line."""
    session, library = visit.session, visit.library
    if session.applied is None or not library.has(session.applied):
        return _summary(escape(say("errors.nothing_applied")))
    pruned = work.pruned_key(session.applied)
    held = work.held_out_windows(library, session, visit.model(), say.language)
    keys = [("perplexity", key, held.key) for key in (session.model, pruned)]
    if not all(library.has(key) for key in keys):
        return _summary(escape(say("compare.not_measured")))
    before, after = (library.get(key) for key in keys)
    parts = [f'{escape(say("compare.summary_perplexity", text=work.text_name(say, before.text_name)))} '
             f'<b class="dense-colour" id="perplexity-dense">{_perplexity(before)}</b> → '
             f'<b class="pruned-colour" id="perplexity-pruned">{_perplexity(after)}</b>']
    asked = [("probes", session.model), ("probes", pruned)]
    if all(library.has(key) for key in asked):
        one, two = (library.get(key).total for key in asked)
        parts.append(escape(say("compare.summary_probes", before=f"{one.right:,}", after=f"{two.right:,}",
                                n=f"{one.total:,}")))
    return _summary(" · ".join(parts))


def _summary(line: str) -> str:
    return f'<p class="compare-summary">{line}</p>'


def _perplexity(measured: evaluate.Perplexity) -> str:
    return "∞" if math.isinf(measured.value) else f"{measured.value:.2f}"


def _difference(before: evaluate.Perplexity, after: evaluate.Perplexity, say: Words) -> str:
    """The paired difference in nats a token, with its interval and protocol."""
    found = evaluate.paired(before.losses, after.losses)
    protocol = say("compare.protocol", windows=before.windows, length=before.length, dtype=before.dtype)
    if found.count < 2:
        return f"{say('compare.too_few')} ({protocol})"
    key = "compare.difference" if found.shown else "compare.no_difference"
    return say(key, mean=f"{found.mean:+.3f}", low=f"{found.interval.low:+.3f}", high=f"{found.interval.high:+.3f}",
               protocol=protocol)


def _probes(library: Library, session: Session, pruned: Any, say: Words) -> str:
    """Probes by skill, right of n before and after, with the whole's intervals."""
    keys = [("probes", session.model), ("probes", pruned)]
    if not all(library.has(key) for key in keys):
        return ""
    before, after = (library.get(key) for key in keys)
    one, two = before.total, after.total
    sentence = say("compare.probes", before=one.right, after=two.right, n=one.total,
                   low=f"{two.interval.low:.0%}", high=f"{two.interval.high:.0%}",
                   low_before=f"{one.interval.low:.0%}", high_before=f"{one.interval.high:.0%}")
    rows = []
    for skill, share in before.skills.items():
        later = after.skills[skill]
        rows.append(f'<tr><td>{escape(skill)}</td>{_share(share, "dense")}{_share(later, "pruned")}</tr>')
    return (f'<p class="sentence" id="compare-probes">{escape(sentence)}</p><details><summary>'
            f'{escape(say("compare.by_skill"))}</summary><table class="plain"><tr>'
            f'<th>{escape(say("compare.skill"))}</th>'
            f'<th class="number">{escape(say("compare.dense"))}</th><th class="number">{escape(say("compare.pruned"))}'
            f'</th></tr>{"".join(rows)}</table></details>')


def _share(share: evaluate.Share, side: str) -> str:
    interval = share.interval
    return (f'<td class="number {side}-colour">{share.right} / {share.total} '
            f'<span class="tag">({interval.low:.0%}–{interval.high:.0%})</span></td>')
