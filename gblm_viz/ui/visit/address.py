"""The selection and settings in the page's address, so that a link opens on the same weight. Never any of the text.

Independent of components: converts a session to a query string and back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from gblm_viz.core.base.errors import SettingError
from gblm_viz.core.base.numbers import write_exactly
from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.model.matrices import Layout
from gblm_viz.core.score.alpha import parse_alpha
from gblm_viz.core.score.methods import SHARED, own_knobs

from .session import Selection, Session

PLACE = ("block", "role", "expert", "row", "col")
SETTINGS: dict[str, Callable[[str], Any]] = {
    "method": str, "norm": str, "alpha": parse_alpha, "group": str, "sparsity": float, "pattern": str, "order": str,
    "seed": int}
"""Settings that a link may contain, and how each is parsed."""
ORDERS = ("text", "apply")
"""Fields that ask for work on opening; see `read_orders`."""
LONGEST_LINK, USUAL_LINK, MOST_PARTS = 256_000, 2_000, 50
"""Most characters that are read; most characters and parts of a link that this app can have made."""
FURTHER, LEFT_OUT = ("lang", "hide", "projector", "guide", "step"), "left_out"
"""Fields that the page itself reads, and the field of a shortened link with the number of parts left out."""
LONGEST = 64
"""Most characters of one value; no valid value is longer."""


@dataclass(frozen=True)
class Orders:
    """What a link asks the page to do on opening: take and collect a bundled text, apply the settings."""

    text: str = ""
    apply: bool = False

    def query(self) -> str:
        """Return the fields that ask for it; "" for nothing."""
        return urlencode({name: value for name, value in (("text", self.text), ("apply", "1" * self.apply)) if value})


def query(session: Session, layout: Layout) -> str:
    """Return the selection and the settings as `block=3&role=down&row=311&col=40&method=gblm&…`."""
    fields: dict[str, object] = {}
    selection = session.selection
    matrix = next((one for one in layout.matrices if one.name == selection.matrix), None)
    if matrix is not None:
        fields |= {"block": matrix.block, "role": matrix.role}
        fields |= {"expert": selection.expert} if matrix.experts else {}
        if selection.row is not None and selection.column is not None:
            fields |= {"row": selection.row, "col": selection.column}
    values = {name: getattr(session.settings, name) for name in SETTINGS} | {
        name: session.settings.knob(name) for name in session.settings.knobs if name not in SHARED}
    for name, value in values.items():
        if value != "":
            fields[name] = write_exactly(value) if isinstance(value, float) else value
    return urlencode(fields)


def known_fields() -> tuple[str, ...]:
    """Return the names of all fields that a link may contain."""
    return ("tab", *ORDERS, *PLACE, *SETTINGS, *own_knobs())


def read_link(link: str) -> dict[str, str]:
    """Return the known fields of a query string, with or without its `?`."""
    known = known_fields()
    return {name: value for name, value in parse_qsl(link[:LONGEST_LINK].lstrip("?"))
            if name in known and len(value) <= LONGEST}


def read_orders(fields: Mapping[str, str], texts: Collection[str]) -> tuple[Orders, tuple[str, ...]]:
    """Return (what a link asks for, names of the fields that do not fit). texts: file names of those it may name."""
    lost = tuple(name for name, fits in (("text", fields.get("text", "") in {"", *texts}),
                                         ("apply", fields.get("apply", "1") == "1")) if not fits)
    return (Orders() if lost else Orders(fields.get("text", ""), "apply" in fields)), lost


def left_out(link: str) -> int:
    """Return the number of unread parts of a link larger than this app makes; 0 for a link of usual size."""
    told = re.search(rf"(?:^|[?&]){LEFT_OUT}=(\d{{1,6}})(?:&|$)", link)
    if told:
        return int(told[1])
    parts = [part for part in link.lstrip("?").split("&") if part]
    if len(parts) <= MOST_PARTS and len(link) <= USUAL_LINK:
        return 0
    return len(parts) - len(read_link(link))


def shorten_link(link: str) -> str:
    """Return the known fields and the number of parts left out, as a link short enough for every server and browser."""
    fields = {name: value for name, value in parse_qsl(link[:LONGEST_LINK]) if name in FURTHER and len(value) <= 500}
    return urlencode({**fields, **read_link(link), LEFT_OUT: left_out(link) - len(fields)})


def apply_link(session: Session, layout: Layout, fields: Mapping[str, str]) -> tuple[Session, tuple[str, ...]]:
    """Return (the session with a link's fields applied, names of the fields that do not fit and were not applied)."""
    selection, lost = _selection(session.selection, layout, fields)
    settings = session.settings
    for name, as_value in SETTINGS.items():
        if name in fields:
            try:
                settings = replace(settings, **{name: as_value(fields[name])})
            except (ValueError, SettingError):
                lost += (name,)
    settings, lost = _own(settings, fields, lost)
    try:
        settings.check()
    except SettingError:
        settings, lost = _one_by_one(session.settings, settings, lost)
    return replace(session, selection=selection, settings=settings), lost


def _own(settings: Settings, fields: Mapping[str, str], lost: tuple[str, ...]) -> tuple[Settings, tuple[str, ...]]:
    """Apply a link's values of the method's own knobs; other methods' knobs and invalid values are added to `lost`."""
    settings = replace(settings, own=tuple((name, value) for name, value in settings.own if name in settings.knobs))
    for name, knob in own_knobs().items():
        if name in fields:
            try:
                value = knob.read(fields[name])
            except ValueError:
                value = None
            if name in settings.knobs and knob.takes(value):
                settings = settings.with_knobs(**{name: value})
            else:
                lost += (name,)
    return settings, lost


def _one_by_one(settings: Settings, wanted: Settings, lost: tuple[str, ...]) -> tuple[Settings, tuple[str, ...]]:
    """Apply the wanted settings one at a time; those that are invalid with the others are added to `lost`."""
    for name in SETTINGS:
        value = getattr(wanted, name)
        if value != getattr(settings, name):
            try:
                settings = replace(settings, **{name: value}).check()
            except SettingError:
                lost += (name,)
    return settings, lost


def _selection(selection: Selection, layout: Layout,
               fields: Mapping[str, str]) -> tuple[Selection, tuple[str, ...]]:
    if "block" not in fields or "role" not in fields:
        return selection, ()
    matrix = next((one for one in layout.matrices
                   if (str(one.block), one.role) == (fields["block"], fields["role"])), None)
    if matrix is None:
        return selection, tuple(name for name in PLACE if name in fields)
    most = {"expert": max(1, matrix.experts), "row": matrix.rows, "col": matrix.columns}
    numbers = {name: int(fields[name]) for name in most if fields.get(name, "").isdecimal()
               and int(fields[name]) < most[name]}
    lost = tuple(name for name in most if name in fields and name not in numbers)
    pinned = "row" in numbers and "col" in numbers
    return Selection(matrix.name, numbers.get("expert", 0), numbers["row"] if pinned else None,
                     numbers["col"] if pinned else None), lost
