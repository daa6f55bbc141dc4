"""What a link may hide by name: every id is on the page, and each list is part of the one before it."""

from __future__ import annotations

from itertools import pairwise

from gblm_viz.ui.build import build
from gblm_viz.ui.visit.hiding import PRESETS
from gblm_viz.ui.visit.library import Library
from gblm_viz.words import LANGUAGES, words


def test_every_id_of_a_list_is_on_the_page():
    blocks = build("en", Library(budget=10**6))
    ids = {one.elem_id for one in blocks.blocks.values() if getattr(one, "elem_id", None)}
    drawn = {"text-next"}  # by a sentence's own HTML
    for name, listed in PRESETS.items():
        assert len(set(listed)) == len(listed)
        assert set(listed) - drawn <= ids, name


def test_the_lists_are_ordered_and_named():
    for more, less in pairwise(PRESETS.values()):
        assert set(less) < set(more)
    for language in LANGUAGES:
        say = words(language)
        assert all(say(f"link.hide.{name}") and say(f"link.hide.{name}_info") for name in PRESETS)
