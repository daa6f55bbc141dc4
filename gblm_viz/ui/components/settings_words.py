"""What made a mask, in the page's language: method, the gradient's weight, how much is removed per group, the order.

Knows settings and words; no visit and no component. The report's settings list the codes as they are typed.
"""

from __future__ import annotations

from gblm_viz.amounts import format_share
from gblm_viz.core.mask.patterns import NofM, label
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.score.methods import SHARED
from gblm_viz.figures.charts import percent, short
from gblm_viz.words import Words


def settings_words(say: Words, settings: Settings, alpha: float | None = None, share: float | None = None) -> list[str]:
    """Return [method and its knobs, what is removed]. alpha, share: resolved α and measured share of the gradient."""
    return [say("settings.join").join([settings.method, *knob_words(say, settings, alpha, share)]),
            amount_words(say, settings, format_share(settings.sparsity))]


def knob_words(say: Words, settings: Settings, alpha: float | None = None, share: float | None = None) -> list[str]:
    """Return the method's settings other than the amount; empty for magnitude and wanda."""
    knobs, asked = settings.knobs, settings.alpha
    told = [say("settings.seed", seed=settings.seed)] if "seed" in knobs else []
    told += [say(f"settings.norm.{settings.norm}")] if "norm" in knobs else []
    if "alpha" in knobs:
        share = asked.value if share is None and asked.kind == "share" else share
        alpha = asked.value if alpha is None and asked.kind == "number" else alpha
        told += [say("settings.share", share=percent(share, 0))] if share is not None else []
        told += [say("settings.balance")] if asked.kind == "balance" else []
        told += [say("settings.alpha", alpha=short(alpha))] if alpha is not None else []
    return told + [f"{knob_name(say, name)} {knob_value(say, name, settings.knob(name))}"
                   for name in knobs if name not in SHARED]


def knob_name(say: Words, name: str) -> str:
    """Return a knob's display name: knobs.NAME.label of the words, else its own name."""
    return say.get(f"knobs.{name}.label", name)


def knob_value(say: Words, name: str, value: object) -> str:
    """Return a knob's value for display: a number, or knobs.NAME.CHOICE of the words, else the choice's own name."""
    return f"{value:g}" if isinstance(value, int | float) else say.get(f"knobs.{name}.{value}", str(value))


def amount_words(say: Words, settings: Settings, amount: str) -> str:
    """Return, for example, "50 % of each row removed" or "2 of every 4 neighbours". amount: the sparsity as text."""
    pattern = settings.make_pattern()
    if isinstance(pattern, NofM):
        return say("settings.pattern", pattern=label(pattern), n=pattern.n, m=pattern.m)
    return say(f"settings.removed.{settings.group}", amount=amount)
