"""A question's dense and pruned answer beside each other. Both follow a sparsity slider and method buttons: a finished
example's answers come with the value, others from a live provider (live_answers.py). Independent of model and language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..own_component import OwnComponent
from .live_answers import live_answer

_TEMPLATE = """
<div class="answer-slider">
  <p class="headline"></p>
  <div class="answer-prompts" role="group"></div>
  <form class="answer-own"><input type="text" maxlength="500"><button type="submit"></button></form>
  <div class="answer-controls">
    <div class="answer-methods" role="group"></div>
    <label class="answer-sparsity">
      <span class="answer-removed"></span><input type="range" min="0" step="1"><output></output>
    </label>
    <button type="button" class="answer-apply" disabled></button>
  </div>
  <div class="answer-tried">
    <div class="answer-strip" aria-hidden="true"></div><span class="answer-told" data-announce="stops"></span>
  </div>
  <div class="answer-panes">
    <div class="answer-dense"><div class="pane-title"></div><div class="chat short" role="log"></div></div>
    <div class="answer-pruned"><div class="pane-title"></div><div class="chat short" role="log"></div></div>
  </div>
  <p class="cost">
    <span class="big" data-announce="cost"></span> <span class="tag"></span><br>
    <span class="answer-lost" data-announce="lost"></span>
  </p>
</div>
"""


@dataclass(frozen=True)
class Screen:
    """What is shown of an own run, all of it text. `asked` "": no question yet; the panes then say how to ask one
    (`dense`, `pruned`). `mark`: code points of the pruned answer's token at which it parts from the dense one."""

    headline: str
    dense: str
    pruned: str
    asked: str = ""
    mark: tuple[int, int] | None = None
    parting: str = ""
    big: str = ""
    tag: str = ""
    lost: str = ""


@dataclass(frozen=True)
class Live:
    """What a slider needs beside answers: a key of `LiveAnswers`, the choices, and where it stands first.

    key: "" where answers come only once the choice is applied; methods: name → label; sparsities: percent; at: the
    method and the sparsity; current: whether applying these again would change nothing; took: how long applying took
    last, "" if it took no time that counts.
    """

    key: str
    methods: Mapping[str, str]
    sparsities: Sequence[int]
    at: tuple[str, int]
    prunable: int
    current: bool = True
    took: str = ""

    def as_value(self) -> dict[str, Any]:
        """Return what the browser gets."""
        return {"key": self.key, "methods": dict(self.methods), "sparsities": list(self.sparsities),
                "at": {"method": self.at[0], "stop": list(self.sparsities).index(self.at[1])},
                "prunable": self.prunable, "current": self.current, "took": self.took}


class AnswerSlider(OwnComponent):
    """Its value is what `example_answers` or `own_answers` returns. Event `select` with `prompt` when a question is
    asked that has neither shipped nor live answers; event `apply` with `place`, the method and the sparsity in percent,
    when these are to be applied."""

    template = _TEMPLATE
    maker = "gblm_viz.ui.components.answer_slider.own_answers"

    def __init__(self, value: Mapping[str, Any] | None = None, *, resets: str = "", leads: bool = False,
                 elem_id: str | None = None,
                 **arguments: Any) -> None:
        """resets: CSS selector of the page's button that puts the slider back to where it stood first; leads: whether
        the page is told, by the event `slider-elsewhere`, that it stands elsewhere than what is applied."""
        super().__init__(value, elem_id=elem_id, config={"resets": resets, "leads": leads},
                         server_functions=[live_answer], **arguments)


def own_answers(screen: Screen, prompts: Sequence[str], words: Mapping[str, Any],
                live: Live | None = None) -> dict[str, Any]:
    """Return a value that shows one screen. prompts: the questions to click; empty if none can be asked here; live:
    None if each question is asked with the settings that are applied."""
    return {"screen": asdict(screen), "prompts": list(prompts), "example": None, "words": dict(words),
            "live": live and live.as_value()}


def example_answers(stops: Mapping[str, Any], methods: Mapping[str, str], at: tuple[str, int],
                    words: Mapping[str, Any], live: Live | None = None) -> dict[str, Any]:
    """Return a value whose slider leads through `stops` (as in assets/example/stops_en.json).

    methods: name → label; at: the method and the sparsity in percent that are shown first; live: for questions of
    one's own, with the same methods and sparsities, None as long as no model is loaded.
    """
    shown = {name: {**stops["methods"][name], "label": label} for name, label in methods.items()}
    example = {"methods": shown, "sparsities": stops["sparsities"], "prunable": stops["prunable"],
               "dense": stops["dense"], "windows": stops["windows"], "length": stops["length"],
               "at": {"method": at[0], "stop": stops["sparsities"].index(at[1])}}
    return {"screen": None, "prompts": stops["prompts"], "example": example, "words": dict(words),
            "live": live and live.as_value()}
