"""What made a mask, in the page's words: method, what the gradient weighs, how much goes of what, the order.

Knows settings and words; no visit and no component. The codes as they are typed stand in the report's settings.
"""

from __future__ import annotations

from gblm_viz.core.mask.patterns import NofM, label
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.score.methods import SHARED
from gblm_viz.figures.charts import percent, short
from gblm_viz.words import Words


def settings_words(say: Words, settings: Settings, alpha: float | None = None, share: float | None = None) -> list[str]:
    """Method and its knobs; what goes. alpha, share: what α came to and the gradient's measured share, where known."""
    return [say("settings.join").join([settings.method, *knob_words(say, settings, alpha, share)]),
            amount_words(say, settings, percent(settings.sparsity, 0 if settings.sparsity * 100 % 1 < 1e-9 else 1))]


def knob_words(say: Words, settings: Settings, alpha: float | None = None, share: float | None = None) -> list[str]:
    """What a method has to be told beside the amount; nothing for magnitude and wanda."""
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
    """What a knob is called: knobs.NAME.label of the words, else its own name."""
    return say.texts.get(f"knobs.{name}.label", name)


def knob_value(say: Words, name: str, value: object) -> str:
    """A knob's value as it is read: a number, or a choice by knobs.NAME.CHOICE of the words, else its own name."""
    return f"{value:g}" if isinstance(value, int | float) else say.texts.get(f"knobs.{name}.{value}", str(value))


def amount_words(say: Words, settings: Settings, amount: str) -> str:
    """50 % of each row removed, or 2 of every 4 neighbours. amount: how the sparsity is written."""
    pattern = settings.make_pattern()
    if isinstance(pattern, NofM):
        return say("settings.pattern", pattern=label(pattern), n=pattern.n, m=pattern.m)
    return say(f"settings.removed.{settings.group}", amount=amount)
