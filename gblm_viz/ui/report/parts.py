"""The kinds of parts that a section of the report consists of, as values; report.html draws each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..components import table

WHOLE = 12
"""Largest number of rows of a table that is not split between pages."""


@dataclass(frozen=True)
class Part:
    """One part; `draw` names the macro of report.html that draws it."""

    draw: ClassVar[str]


@dataclass(frozen=True)
class Paragraph(Part):
    """One paragraph; `kind`: its CSS class."""

    draw: ClassVar[str] = "paragraph"
    text: str
    kind: str = ""


@dataclass(frozen=True)
class Listing(Part):
    """A bulleted list of sentences."""

    draw: ClassVar[str] = "listing"
    sentences: Sequence[str]


@dataclass(frozen=True)
class Figure(Part):
    """A picture. title: what it shows; picture: an SVG of figures.paper; note: how to read it; tag: what made it."""

    draw: ClassVar[str] = "figure"
    title: str
    picture: str
    note: str
    tag: str


@dataclass(frozen=True)
class Table(table.Table, Part):
    """A table with a caption; kind `wide` for tables with many columns."""

    draw: ClassVar[str] = "table"
    caption: str = ""

    @property
    def classes(self) -> str:
        return f"{self.kind}{' whole' if len(self.rows) <= WHOLE else ''}".strip()


@dataclass(frozen=True)
class OwnText(Part):
    """A text of the user under its heading."""

    draw: ClassVar[str] = "own_text"
    heading: str
    text: str


@dataclass(frozen=True)
class OwnAnswer:
    """One model's answer, with its name and mark."""

    side: str
    mark: str
    name: str
    text: str


@dataclass(frozen=True)
class OwnAnswers(Part):
    """A prompt of the user under its heading, and both models' answers."""

    draw: ClassVar[str] = "own_answers"
    heading: str
    prompt: str
    answers: Sequence[OwnAnswer]


@dataclass(frozen=True)
class Citation(Part):
    """The line by which the run is cited."""

    draw: ClassVar[str] = "citation"
    line: str
