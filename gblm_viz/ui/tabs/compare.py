"""Compare: one prompt, both models side by side, and what the pruned one lost in numbers."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from typing import Any

import gradio as gr

from gblm_viz.core import evaluate
from gblm_viz.core.errors import GblmError
from gblm_viz.core.generate import Sampling, fitted
from gblm_viz.core.prune import Settings
from gblm_viz.words import Words

from .. import work
from ..chat import Turn, duel, messages_of, pane_html, parting_sentence
from ..escape import escape
from ..page import NoLongerWanted, Page, bump
from ..session import Library, Session, Visit

SMALL = 50_000_000
"""Parameters up to which a new pruned model is measured without being asked."""


def build(page: Page) -> None:
    say = page.words
    with gr.Row(elem_id="ask-row", equal_height=True):
        prompt = gr.Textbox(placeholder=say("compare.prompt_hint"), label=say("compare.prompt"), show_label=False,
                            container=False, lines=1, max_lines=4, elem_id="prompt", scale=6)
        ask = gr.Button(say("compare.ask"), variant="primary", elem_id="ask", scale=0, min_width=90)
        stop = gr.Button(say("compare.stop"), elem_id="stop", scale=0, min_width=80)
        again = gr.Button(say("compare.regenerate"), elem_id="regenerate", scale=0, min_width=120)
        clear = gr.Button(say("compare.clear"), elem_id="compare-clear", scale=0, min_width=90)
    with gr.Row(elem_id="compare-sampling", equal_height=True):
        seed = gr.Textbox("0", label=say("compare.seed"), elem_id="seed", max_lines=1, scale=1, min_width=90)
        temperature = gr.Slider(0, 2, 0, step=0.1, label=say("compare.temperature"), elem_id="compare-temperature",
                                buttons=[], scale=2, min_width=180)
        top_p = gr.Slider(0.05, 1, 1, step=0.05, label=say("compare.top_p"), elem_id="compare-top-p", buttons=[],
                          scale=2, min_width=180)
        most = gr.Slider(8, 256, 96, step=8, label=say("compare.most"), elem_id="compare-most", buttons=[], scale=2,
                         min_width=180)
        follow_up = gr.Checkbox(False, label=say("compare.continue"), elem_id="compare-continue", scale=2,
                                min_width=200)
    parting = gr.HTML(_line(""), elem_id="compare-parting")
    with gr.Row(elem_id="compare-panes", equal_height=True):
        with gr.Column():
            dense_title = gr.HTML(_title(say("compare.dense"), "dense", ""))
            dense_chat = gr.HTML(pane_html((), "dense", say), elem_id="dense-chat")
        with gr.Column():
            pruned_title = gr.HTML(_title(say("compare.pruned"), "pruned", ""))
            pruned_chat = gr.HTML(pane_html((), "pruned", say), elem_id="pruned-chat")
    with gr.Row(elem_id="compare-measure-row", equal_height=False):
        with gr.Column(scale=5):
            measured = gr.HTML(elem_id="compare-measured")
        with gr.Column(scale=1, min_width=150):
            measure = gr.Button(say("compare.measure"), elem_id="compare-measure", size="sm")
    panes = [dense_chat, pruned_chat, parting]
    state = [prompt, seed, temperature, top_p, most, follow_up]

    def show(visit: Visit, turns: tuple[Turn, ...], finished: bool = True) -> dict[Any, Any]:
        return {dense_chat: pane_html(turns, "dense", say, finished),
                pruned_chat: pane_html(turns, "pruned", say, finished)}

    def kept_chat(visit: Visit) -> tuple[Turn, ...]:
        """The conversation so far, if the pruned copy that is applied now led it; another copy's is not continued."""
        return visit.session.extra("chat", ()) if visit.session.extra("chat_of") == visit.session.applied else ()

    def show_kept(visit: Visit) -> dict[Any, Any]:
        """The kept conversation; greyed, and said to be so, where an earlier pruned copy led it."""
        turns = visit.session.extra("chat", ())
        shown = show(visit, turns)
        if not turns or kept_chat(visit):
            return {**shown, parting: _line(parting_sentence(turns[-1], say) if turns else "")}
        greyed = {pane: body.replace('class="chat"', 'class="chat stale"', 1) for pane, body in shown.items()}
        return {**greyed, parting: _line(say("compare.older"))}

    def talk(visit: Visit, text: str, values: tuple[Any, ...], kept: tuple[Turn, ...]) -> Iterator[dict[Any, Any]]:
        stop_event = threading.Event()
        visit.library.chats[visit.key] = stop_event
        leader = visit.session.applied
        pruned, model = work.pruned_model(visit), visit.model()
        history, sampling = kept if values[4] else (), _sampling(*values[:4])
        asked = fitted(model, messages_of(history, "dense", text), sampling)
        stream = duel(model, pruned, text, history, sampling, stop_event)
        try:
            for turn, finished in stream:
                turns = (*kept, turn)
                if not finished:
                    yield {**show(visit, turns, False), parting: _line(say("compare.answering"))}
            visit.keep(visit.session.with_extra("chat", turns).with_extra("chat_of", leader))
            said = say("compare.cut", count=asked.cut) if asked.cut or asked.dropped else say("status.ready")
            yield {**show(visit, turns), parting: _line(parting_sentence(turn, say)),
                   page.status: page.note(said)}
        finally:
            stream.close()

    def on_ask(visit: Visit, text: str, *values: Any) -> Iterator[dict[Any, Any]]:
        kept = kept_chat(visit) if values[4] else ()
        yield from talk(visit, text, values, kept)

    def on_again(visit: Visit, text: str, *values: Any) -> Iterator[dict[Any, Any]]:
        """The last question once more: another seed where sampling is on, so that another answer can come."""
        turns = visit.session.extra("chat", ())
        if not turns and not text.strip():
            raise GblmError("empty_prompt")
        last = turns[-1].prompt if turns else text
        given = list(values)
        if float(values[1]) > 0:
            given[0] = str(_seed(values[0]) + 1)
        yield {seed: given[0]}
        yield from talk(visit, last, tuple(given), kept_chat(visit)[:-1])

    def on_stop(visit: Visit) -> dict[Any, Any]:
        event = visit.library.chats.get(visit.key)
        if event is not None:
            event.set()
        return {page.status: page.note(say("compare.stopped"))}

    def on_clear(visit: Visit) -> dict[Any, Any]:
        visit.keep(visit.session.with_extra("chat", ()))
        return {**show(visit, ()), parting: _line("")}

    def titles(visit: Visit) -> dict[Any, Any]:
        session = visit.session
        if session.applied is None or not visit.library.has(session.applied):
            return {pruned_title: _title(say("compare.pruned"), "pruned", say("compare.none_applied"))}
        tag = applied_tag(visit, say)
        stale = session.applied != work.masks_key(session, session.settings)
        late = say("compare.stale", now=_amount(session.settings)) if stale else ""
        if not visit.model().has_chat_template:
            late = f"{late} {say('compare.plain')}".strip()
        return {dense_title: _title(say("compare.dense"), "dense", visit.model().name),
                pruned_title: _title(say("compare.pruned"), "pruned", tag, late)}

    def refresh(visit: Visit) -> dict[Any, Any]:
        """A new model, text or pruned copy: titles, the kept chat and the measures there are, at once."""
        return {**titles(visit), **show_kept(visit), measured: measured_html(visit, say)}

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
        yield {measured: measured_html(visit, say)}

    page.on([ask.click, prompt.submit], on_ask, state, panes)
    page.on(again.click, on_again, state, [*panes, seed])
    page.on(stop.click, on_stop)
    page.on(clear.click, on_clear, [], panes)
    count = page.signals.measured
    page.on(measure.click, on_measure, [count], [measured, count])
    page.on([page.signals.applied.change], refresh, [], [dense_title, pruned_title, *panes, measured], latest=True)
    page.on([page.signals.applied.change], remeasure, [count], [measured, count], latest=True)
    page.on([page.signals.settings.change, page.signals.statistics.change], titles, [], [dense_title, pruned_title])


# What is asked of core

def _seed(value: Any) -> int:
    try:
        return int(str(value).strip())
    except ValueError:
        raise GblmError("seed_not_number", given=value) from None


def _sampling(seed: Any, temperature: float, top_p: float, most: float) -> Sampling:
    if not (0 <= float(temperature) <= 2 and 0 < float(top_p) <= 1 and 1 <= float(most) <= 256):
        raise GblmError("sampling_outside")
    return Sampling(_seed(seed), float(temperature), float(top_p), int(most))


# How it is drawn

def _line(sentence: str) -> str:
    return f'<div class="parting-line" aria-live="polite">{escape(sentence) or "&nbsp;"}</div>'


def _title(name: str, side: str, tag: str, late: str = "") -> str:
    mark = "●" if side == "dense" else "▲"
    warning = f' <span class="late">{escape(late)}</span>' if late else ""
    return (f'<div class="pane-title"><b class="{side}-colour">{mark} {escape(name)}</b> '
            f'<span class="tag">{escape(tag)}</span>{warning}</div>')


def _amount(settings: Settings) -> str:
    return settings.pattern or f"{settings.sparsity:.0%}"


def applied_tag(visit: Visit, say: Words) -> str:
    """What made the pruned model: model, text, samples, method, α, group, order, and which Apply it was."""
    masks, found = work.applied_masks(visit), work.applied_statistics(visit)
    settings = masks.settings
    parts = [visit.model().name]
    if found is not None:
        samples = found.calibration
        parts += [work.text_name(say, samples.text_name),
                  say("prune.tag.samples", count=samples.count, length=samples.length, seed=samples.seed)]
    knobs = [say(f"compare.norms.{settings.norm}")] if settings.method in {"gradient", "gblm"} else []
    knobs += [f"α = {masks.alpha:,.4g}"] if masks.alpha is not None else []
    parts.append(say("compare.tag", method=settings.method, amount=_amount(settings),
                     group=say(f"prune.group.{settings.group}"), order=say(f"compare.orders.{settings.order}"),
                     number=visit.session.applied_number, knobs="".join(f", {knob}" for knob in knobs)))
    return " · ".join(parts)


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
    table = "".join(
        f'<tr><td>{escape(name)}</td>'
        f'<td class="number dense-colour"{_mark(index, "dense", cells)}>{escape(before)}</td>'
        f'<td class="number pruned-colour"{_mark(index, "pruned", cells)}>{escape(after)}</td>'
        f"<td>{escape(note)}</td></tr>"
        for index, (name, before, after, note) in enumerate(rows))
    return (f'<table class="plain"><tr><th>{escape(say("compare.what"))}</th><th class="number">'
            f'{escape(say("compare.dense"))}</th><th class="number">{escape(say("compare.pruned"))}</th>'
            f'<th>{escape(say("compare.meaning"))}</th></tr>{table}</table>{_probes(library, session, pruned, say)}')


def _mark(row: int, side: str, cells: list[Any]) -> str:
    """The stable ids: the held-out figures (the last row) carry them."""
    return f' id="perplexity-{side}"' if cells and row == len(cells) else ""


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
