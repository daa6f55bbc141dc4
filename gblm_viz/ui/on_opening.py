"""What a link asks the page to do on opening: collect a bundled text, apply the link's settings.

Both go the way of their buttons: the same task, the same progress and Cancel in the status line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .tabs import text
from .tabs.prune_text import applied_sentence
from .visit.address import Orders
from .visit.library import Visit
from .visit.page import Page, bump
from .work import work
from .work.apply import apply


def carry_out(page: Page, visit: Visit, orders: Orders, statistics: int, applied: int,
              settings: int) -> Iterator[dict[Any, Any]]:
    """Collect on the session's text, which is the link's by now, and apply the session's settings, as the orders say.

    The numbers are the counters of the signals. A collection that was cancelled is shown and nothing is applied to it;
    a copy that is there already is not made again, so that a page that is opened again makes no further run.
    """
    signals, session = page.signals, visit.session
    if orders.text:
        found = yield from text.collect(page, visit)
        if found is None:
            return
        yield {signals.statistics: bump(statistics)}
        if found.cancelled:
            return
    session = visit.session
    if orders.apply and session.applied != work.masks_key(session, session.settings):
        masks = yield from apply(page, visit, session.settings)
        yield {page.status: page.note(applied_sentence(page.words, visit, masks)), signals.applied: bump(applied),
               signals.settings: bump(settings)}
