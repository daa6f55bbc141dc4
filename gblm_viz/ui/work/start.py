"""Prepares the model and the example's gradients and masks, for the first visitor who needs them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gblm_viz.core.base.job import run
from gblm_viz.core.base.lazy import import_now
from gblm_viz.core.sums import statistics
from gblm_viz.words import FIRST

from ..visit.library import Library
from ..visit.session import Session
from . import work
from .example import example_session, shown_languages, store_shipped_measures
from .shipped_sweep import store_shipped_sweep

LOG = logging.getLogger("gblm_viz")


def prepare(library: Library, source: str, folder: Path | None) -> None:
    """Load `source` and, if given, a statistics folder that the command line collected. Raises the load errors."""
    library.threads.use_for(0)  # also of threads that begin later: until a model is known, what is computed is small
    key = run(work.load_job(library, source))
    library.pinned.add(key)
    library.first = Session(source=source, model=key, example=False)
    if folder is not None:
        found = statistics.load(folder, library.get(key))
        stored = work.collect_key(library.get(key), found.calibration)
        library.put(stored, found, work.statistics_bytes(found), pin=True)
        library.first = replace(library.first, statistics=stored)


def prepare_example(library: Library) -> None:
    """Load the pocket model and compute the shipped examples' statistics, masks and pruned copies."""
    library.threads.use_for(0)
    for language in shown_languages():
        session = example_session(library, language)
        store_shipped_measures(library, session, language)
        store_shipped_sweep(library, session, language)
        library.pinned |= {session.model, session.statistics, session.applied}
        library.first_in[language] = session
    library.first = library.first_in[FIRST]


def in_background(library: Library, failed: Callable[[Exception], None]) -> None:
    """Import torch and transformers and prepare the example in a thread, while the first page is already served.

    Handlers wait for `library.ready`. failed: called with the error if either cannot be imported, since nothing works
    then.
    """
    def prepare_it() -> None:
        try:
            import_now()
        except Exception as error:
            failed(error)
            return
        try:
            prepare_example(library)
        except Exception:
            LOG.exception("the example could not be prepared")
        finally:
            library.ready.set()

    threading.Thread(target=prepare_it, daemon=True, name="prepare example").start()
