"""Applies a visitor's settings: computes masks and pruned copy and records them as applied. No components."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

from gblm_viz.core.mask.prune import Masks
from gblm_viz.core.mask.settings import Settings

from ..visit.keys import ApplyTask, PrunedKey
from ..visit.library import Visit
from ..visit.page import Page
from ..visit.remembered import APPLY_TOOK
from . import work


def apply(page: Page, visit: Visit, settings: Settings) -> Generator[dict[Any, Any], None, Masks]:
    """Compute masks and pruned copy of `settings` with visible progress and make them the visit's applied ones.

    Returns the masks. Raises GblmError.
    """
    if settings.needs:
        visit.statistics()
    session = visit.update(settings=settings)
    model, found = visit.model(), work.maybe_statistics(visit)
    begun, made = time.monotonic(), page.library.has(PrunedKey(work.masks_key(session, settings)))
    task = page.library.start(visit.key, ApplyTask(work.masks_key(session, settings)),
                              lambda _: work.apply_job(page.library, session, model, found, settings))
    key = yield from page.follow(visit, task, "apply")
    if not made:
        visit.remember(APPLY_TOOK, (session.model, time.monotonic() - begun))
    visit.update(applied=key, applied_number=visit.session.next_number, example=False)
    return work.applied_masks(visit)
