"""What a link's `hide=` may name besides single element ids: lists of them for a class, each under one name.

The page's script makes the style from it (components/place.js); a test asks that every id is on the page. Nothing that
stays needs what is hidden: a picture whose click leads to a hidden tab is hidden with it.
"""

from __future__ import annotations

_CLASS = (
    "model", "load", "about", "tab-weight", "overview-telling-row",
    "text-rule", "text-rule-info", "text-numbers", "text-keep-row",
    "group", "order", "prune-knobs", "prune-histogram", "prune-matrices",
    "patterns-sort", "patterns-order", "panel-scores", "panel-wanda",
    "story-head", "story", "story-more", "story-takes",
    "seed", "compare-temperature", "compare-top-p", "compare-most", "compare-third", "compare-speed", "compare-edit",
    "panel-sweep", "lost-tokens-view", "lost-methods-view", "lost-own", "overview-to-story")
PRESETS = {"simple": (*_CLASS, "compare-sampling", "tab-gradients", "tab-report", "overview-map", "text-next"),
           "class": _CLASS}
"""Name → ids, the one that hides most first. An id of a tab means its button in the bar; the tab itself can be opened
by a step of the guide, and its button is shown as long as it is open. While a step of the guide is open nothing of
these is hidden, because its questions may be about any control."""
