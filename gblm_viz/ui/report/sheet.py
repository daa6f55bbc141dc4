"""A run and the words of its report's language, and the numbers that several sections print alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gblm_viz.core.keep.run import SHORT_HASH, PerplexityRow, Run, SkillRow
from gblm_viz.core.mask.settings import Settings
from gblm_viz.figures.charts import percent
from gblm_viz.words import Words

from ..components.settings_words import settings_words
from ..components.table import Head
from ..work.work import text_name


@dataclass(frozen=True, eq=False)
class Sheet:
    """A run and the words of the report's language."""

    run: Run
    say: Words

    def text(self, name: str) -> str:
        """Return a text's display name."""
        return text_name(self.say, name)

    @property
    def tag(self) -> str:
        """One line that says what made the pictures of the run."""
        run, say = self.run, self.say
        used = run.calibration
        on = [self.text(used.text), say("prune.tag.samples", count=used.samples, length=used.length,
                                        seed=used.seed)] if used else []
        settings = Settings.from_dict(run.settings)
        made = " · ".join([*settings_words(say, settings, run.settings["alpha_value"], run.share),
                           say(f"sweep.orders.{settings.order}")])
        number = say("compare.applied_number", number=run.number)
        return " · ".join([run.model.name, *on, say("compare.listed", parts=made, last=number), run.hash[:SHORT_HASH]])


def cite(say: Words, digest: str, versions: Mapping[str, str], perplexities: Sequence[PerplexityRow],
         probes: Sequence[SkillRow]) -> str:
    """Return the citation line of a run: its hash, what computed it, and how it was measured."""
    made = ", ".join(f"{name} {value}" for name, value in versions.items())
    held = next((one for one in perplexities if one.which == "held_out"), None)
    how = say("report.cite.unmeasured") if held is None else say(
        "report.cite.protocol", text=text_name(say, held.text), sha256=held.text_sha256[:SHORT_HASH],
        windows=held.windows, length=held.length, dtype=held.dtype,
        probes=max((one.total for one in probes), default=0))
    return say("report.cite.line", hash=digest[:SHORT_HASH], versions=made, protocol=how)


def side_heads(say: Words) -> tuple[Head, Head]:
    """Return the heads of the two models' columns, each with its mark."""
    return (f"●\u00a0{say('compare.dense')}", "number"), (f"▲\u00a0{say('compare.pruned')}", "number")


def perplexity_text(value: float | None) -> str:
    """Return a perplexity with two decimals; a dash if it was not measured."""
    return "–" if value is None else "∞" if math.isinf(value) else f"{value:,.2f}"


def share_text(right: int | None, total: int | None, low: float | None, high: float | None) -> str:
    """Return "right / total" with the interval; a dash if nothing was asked."""
    if right is None or total is None or low is None or high is None:
        return "–"
    return f"{right:,} / {total:,} ({100 * low:.0f}–{percent(high, 0)})"
