"""ways.toml as frozen values: what each step opens, sets, asks and waits for. Refuses data that nothing here can run.

Independent of visits, numbers and components: it knows only the names that a step may use.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.score.alpha import parse_alpha

FILE = Path(__file__).with_name("ways.toml")
NEEDS = ("probes", "statistics", "applied")
CHOICES = ("a", "b", "c")
MEASURED = ("probes", "figures", "methods", "sweep", "won", "zeroing", "two_texts")
TEXTS = ("skill_a", "skill_b")
KEEP = "keep"
SETTINGS = tuple(one.name for one in fields(Settings))
BY_PAGE = {"guess": (), "choice": (), "click": ("target",), "slider": ("target",)}
"""Conditions that the page's script watches → the fields they must have."""
BY_SERVER = {"value": ("target", "value"), "text": ("at_least",), "loaded": (), "collected": (), "applied": (),
             "measured": ("target",), "flipped": ("value",), "saved": ()}
"""Conditions that the server answers."""
FILLED_BY_PAGE = ("guess", "found", "difference", "choice")
"""Fields of the texts that the page's script fills, since guesses never leave the page."""


class WaysError(Exception):
    """ways.toml says something that nothing can run; the sentence names the step."""


@dataclass(frozen=True)
class Condition:
    """One of the things that complete a step."""

    kind: str
    target: str = ""
    value: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def control(self) -> str:
        """The id of the control that the target names."""
        return self.target.split(" ")[0].removeprefix("#")

    @property
    def of_page(self) -> bool:
        """Whether the page's script decides it. A slider of a setting is judged by the setting that it has led to, so
        that what is told afterwards is told of that one."""
        return self.kind in BY_PAGE and not (self.kind == "slider" and self.control in SETTINGS)


@dataclass(frozen=True)
class Guess:
    """What is asked first. `low`, `high`: numbers or names of measures; `near`: how far off counts as near."""

    kind: str
    right: str = ""
    right_from: str = ""
    measure: str = ""
    low: float | str = 0
    high: float | str = 100
    step: float = 1
    unit: str = ""
    near: float = 0

    @property
    def number(self) -> str:
        """The name of the measure that settles the guess; "" if the letter is fixed."""
        return self.measure or self.right_from


@dataclass(frozen=True)
class Setup:
    """What a step puts into place: tab and panel, settings, controls, selection, and what is framed."""

    tab: str = ""
    panel: str = ""
    view: str = ""
    set: tuple[tuple[str, Any], ...] = ()
    show: tuple[tuple[str, Any], ...] = ()
    select: str = ""
    highlight: str = ""


@dataclass(frozen=True)
class Step:
    """One step of a way; the fields are described at the top of ways.toml. `number` counts from 1."""

    way: str
    number: int
    start: Setup
    then: Setup | None = None
    example: bool = False
    apply: bool = False
    text: str = ""
    cover: str = ""
    guess: Guess | None = None
    done: tuple[Condition, ...] = ()
    tell: tuple[tuple[str, str], ...] = ()
    needs: tuple[str, ...] = ()
    seconds: int = 0

    @property
    def name(self) -> str:
        """The step as its texts and its answers are stored: five.2."""
        return f"{self.way}.{self.number}"

    @property
    def measures(self) -> Iterator[str]:
        """The names of all measures that it asks for."""
        yield from dict(self.tell).values()
        if self.guess is not None:
            yield from (one for one in (self.guess.number, self.guess.low, self.guess.high)
                        if isinstance(one, str) and one)


@dataclass(frozen=True)
class Way:
    """A way: its steps, and the settings that they begin from; empty if the visitor's own stay."""

    name: str
    base: tuple[tuple[str, Any], ...]
    steps: tuple[Step, ...]

    def settings(self, before: Settings, setup: Setup) -> Settings:
        """Return the settings of a setup: those of the base, else the ones before it, with what it sets itself."""
        wanted = {**dict(self.base), **dict(setup.set)}
        if "alpha" in wanted:
            wanted["alpha"] = parse_alpha(wanted["alpha"])
        return replace(Settings() if self.base else before, **wanted).check() if wanted else before


@dataclass(frozen=True)
class Known:
    """The names that a step may use."""

    tabs: Collection[str]
    rules: Collection[str]
    measures: Collection[str]
    texts: Mapping[str, str] = field(default_factory=dict)
    """The words of `guide`, by the rest of their key."""


@cache
def ways() -> Mapping[str, Way]:
    """Return the shipped ways by name, in their order."""
    return read_ways(FILE.read_text(encoding="utf-8"))


def read_ways(text: str) -> Mapping[str, Way]:
    """Return the ways of a TOML text. Raises WaysError for a field or a value that no step has."""
    told = tomllib.loads(text)
    bases = told.pop("base", {})
    found = {}
    for name, steps in told.items():
        numbers = list(steps)
        if numbers != [str(number) for number in range(1, len(steps) + 1)]:
            raise WaysError(f"{name}: its steps are {', '.join(numbers)}, not 1 to {len(steps)} in order.")
        found[name] = Way(name, tuple(bases.get(name, {}).items()),
                          tuple(_step(name, int(number), dict(one)) for number, one in steps.items()))
    return found


def _step(way: str, number: int, told: dict[str, Any]) -> Step:
    name = f"{way}.{number}"
    start = _setup(name, told)
    then = _setup(name, later := dict(told.pop("then"))) if "then" in told else None
    if then is not None and later:
        raise WaysError(f"{name}: then has the unknown field {next(iter(later))}.")
    guess = _made(name, Guess, told.pop("guess")) if "guess" in told else None
    done = tuple(_made(name, Condition, one) for one in told.pop("done", ()))
    rest = {key: tuple(value.items()) if isinstance(value, dict) else tuple(value) if isinstance(value, list) else value
            for key, value in told.items()}
    return _made(name, Step, {"way": way, "number": number, "start": start, "then": then, "guess": guess,
                              "done": done, **rest})


def _setup(name: str, told: dict[str, Any]) -> Setup:
    """Take the fields of a setup out of `told`."""
    own = {one.name: told.pop(one.name) for one in fields(Setup) if one.name in told}
    for key in ("set", "show"):
        own[key] = tuple(own.get(key, {}).items())
    return _made(name, Setup, own)


def _made(name: str, kind: Any, told: Mapping[str, Any]) -> Any:
    unknown = [key for key in told if key not in {one.name for one in fields(kind)}]
    if unknown:
        raise WaysError(f"{name}: {kind.__name__.lower()} has the unknown field {unknown[0]}.")
    try:
        return kind(**told)
    except TypeError as error:
        raise WaysError(f"{name}: {error}.") from error


def check_ways(found: Mapping[str, Way], known: Known) -> None:
    """Raise WaysError for the first step that names what does not exist, or that lacks a text."""
    for way in found.values():
        for step in way.steps:
            for problem in (*_problems(way, step, known), *_text_problems(step, known.texts)):
                raise WaysError(f"{step.name}: {problem}.")


def _problems(way: Way, step: Step, known: Known) -> Iterator[str]:
    yield from _unknown("tab", [step.start.tab], known.tabs)
    yield from _unknown("measure", step.measures, known.measures)
    yield from _unknown("need", step.needs, NEEDS)
    yield from _unknown("text", [step.text] if step.text else [], TEXTS)
    for setup in (step.start, step.then or Setup()):
        yield from _unknown("rule", [setup.select] if setup.select else [], (*known.rules, KEEP))
        yield from _unknown("setting", dict(setup.set), SETTINGS)
        try:
            way.settings(Settings(order="dense"), setup)
        except Exception as error:
            yield f"its settings do not fit together ({error})"
    if step.start.view and not step.start.panel:
        yield "a view without its panel"
    yield from _guess_problems(step)
    yield from _condition_problems(step)


def _condition_problems(step: Step) -> Iterator[str]:
    kinds = {**BY_PAGE, **BY_SERVER}
    if not step.done:
        yield "nothing completes it"
    for one in step.done:
        yield from _unknown("condition", [one.kind], kinds)
        for needed in kinds.get(one.kind, ()):
            if getattr(one, needed) in ("", None):
                yield f"the condition {one.kind} lacks {needed}"
        if one.kind == "measured":
            yield from _unknown("result", [one.target], MEASURED)
        if one.kind == "value":
            yield from _unknown("setting", [one.control], SETTINGS)
        if one.kind == "slider" and one.at_least is None and one.at_most is None:
            yield "the condition slider lacks at_least or at_most"
        if one.kind in ("guess", "choice") and (step.guess is None or step.guess.kind != {
                "guess": "number", "choice": "choice"}[one.kind]):
            yield f"the condition {one.kind} has nothing that asks for it"


def _guess_problems(step: Step) -> Iterator[str]:
    guess = step.guess
    if guess is None:
        if step.cover or step.then is not None:
            yield "without a guess nothing ends what is covered, and nothing begins what comes then"
        return
    yield from _unknown("guess", [guess.kind], ("number", "choice"))
    if guess.kind == "number" and (not guess.measure or guess.unit not in ("%", "count")):
        yield "a number to guess needs a measure and the unit % or count"
    if guess.kind == "choice":
        yield from _unknown("right answer", [guess.right] if guess.right else [], CHOICES)
        if bool(guess.right) == bool(guess.right_from):
            yield "a choice needs either the right letter or the measure that yields it"


def _text_problems(step: Step, texts: Mapping[str, str]) -> Iterator[str]:
    wanted = ["title", "text", "after", "hint"]
    if step.guess is not None:
        wanted += ["ask", *(f"choice_{letter}" for letter in CHOICES if step.guess.kind == "choice")]
    missing = [name for name in wanted if f"{step.name}.{name}" not in texts]
    if missing:
        yield f"the words guide.{step.name}.{missing[0]} are missing"
        return
    filled = (*dict(step.tell), *FILLED_BY_PAGE)
    for name in (*wanted, *(["do"] if f"{step.name}.do" in texts else [])):
        for _, one, _, _ in Formatter().parse(texts[f"{step.name}.{name}"]):
            if one is not None and one not in filled:
                yield f"nothing fills {{{one}}} in guide.{step.name}.{name}"


def _unknown(what: str, given: Any, known: Collection[str] | Sequence[str]) -> Iterator[str]:
    for one in given:
        if one not in known:
            yield f"the {what} {one!r} does not exist (known: {', '.join(map(str, known))})"
