"""The calibration text as a visitor gave it, and how it is cut. Independent of sessions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

EDITABLE = 200_000
"""Most characters of a text that the text area has whole; of a longer one, it shows the beginning."""
EXCERPT = 2_000


@dataclass(frozen=True)
class TextChoice:
    """The calibration text as the visitor gave it, and how it is cut into samples. In memory only, for an hour."""

    text: str = ""
    name: str = ""
    rule: str = "auto"
    samples: int = 64
    length: int | None = None
    seed: int = 0
    dropped: frozenset[int] = frozenset()
    replaced: tuple[int, ...] = field(default=(), compare=False)
    """The hashes of the boxes' texts that others took the place of, the oldest first: by a file, a bundled text, Clear
    or Reset, not by typing."""

    @property
    def box(self) -> str:
        """What the text area shows of the text, with the line ends of a browser's text area."""
        return as_typed(self.text[:EXCERPT] if len(self.text) > EDITABLE else self.text)

    def after(self, before: TextChoice) -> TextChoice:
        """Return this choice as one that took the place of `before`."""
        return replace(self, replaced=(*before.replaced, hash(before.box)))

    def is_shown_as(self, box: str) -> bool:
        """Return whether this box's text is this choice's, whole or as much as the text area shows."""
        return as_typed(box) in (self.box, as_typed(self.text))

    def was_replaced(self, box: str, known: int | None) -> bool:
        """Return whether this box's text is one that another took the place of.

        known: how many texts had been replaced when the page sent it; none if blank. Such a text was sent before the
        page had the one that is here now, and nobody typed it.
        """
        return hash(TextChoice(box).box) in self.replaced[known:]


def as_typed(text: str) -> str:
    """Return the text with line ends as a browser's text area returns them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
