"""What was won is shown only once it was measured, for its own copy, and a difference only where one is shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gblm_viz.core.base.job import run
from gblm_viz.core.measure.won import Bytes, Speed, Won
from gblm_viz.escape import escape
from gblm_viz.ui.components.templates import render
from gblm_viz.ui.tabs import won
from gblm_viz.ui.visit.library import Library, Visit
from gblm_viz.ui.work import work

DENSE = (100.0, 102.0, 98.0, 101.0, 99.0)
FOUND = Won(Bytes(6_000_000, 6_100_000, 3_000_000), Bytes(6_000_000, 6_100_000, 2_100_000), 1_600_000, 4_300_000,
            Speed(DENSE, 48, 10), Speed((100.5, 101.0, 98.5, 100.5, 99.5), 48, 10), None, "no_cuda", "cpu", "float32")


def test_before_an_apply_and_before_a_measure_no_figure_is_shown(library: Library, visit: Visit, say: Any) -> None:
    assert escape(say("errors.nothing_applied")) in won.won_html(visit, say)
    key = run(work.apply_job(library, visit.session, visit.model(), visit.statistics(), visit.session.settings))
    visit.update(applied=key, applied_number=1)
    assert won.won_html(visit, say) == f'<p class="sentence">{escape(say("won.waiting"))}</p>'


def test_figures_belong_to_the_copy_they_were_measured_on(library: Library, visit: Visit, say: Any) -> None:
    first = run(work.apply_job(library, visit.session, visit.model(), visit.statistics(), visit.session.settings))
    visit.update(applied=first, applied_number=1)
    library.put(work.won_key(visit.session), FOUND)
    shown = won.won_html(visit, say)
    for expected in ("6.0 MB", "6.1 MB", "2.1 MB", "4.3 MB", "0.70", "0.72", "1.00"):
        assert expected in shown
    assert escape(say("won.why_not.no_cuda")) in shown
    assert escape(say("won.speed.not_measured")) in shown
    other = replace(visit.session.settings, sparsity=0.7)
    key = run(work.apply_job(library, visit.session, visit.model(), visit.statistics(), other))
    visit.update(applied=key, applied_number=2)
    assert "6.1 MB" not in won.won_html(visit, say)


@pytest.mark.parametrize(("runs", "kind"), [
    (FOUND.speed_pruned.runs, "same"), (tuple(one + 20 for one in DENSE), "faster"),
    (tuple(one - 20 for one in DENSE), "slower")])
def test_a_difference_of_speed_is_said_only_where_the_pairs_show_it(runs: tuple[float, ...], kind: str,
                                                                    say: Any) -> None:
    told = won.difference(say, replace(FOUND, speed_pruned=Speed(runs, 48, 10)))
    begins = say(f"won.speed.{kind}", mean="|", low="", high="", runs="").split("|")[0]
    assert told.startswith(begins)


def test_a_measured_semi_structured_speed_takes_the_sentences_place(say: Any) -> None:
    panel = won.speed_panel(replace(FOUND, speed_semi=Speed((240.0,) * 5, 48, 10), why_not=""), say)
    shown = render("tabs/won.html", panels=[panel], tags=[])
    assert "240.0" in shown
    assert escape(say("won.speed.not_measured")) not in shown
