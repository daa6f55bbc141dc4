"""The pictures that this process can draw, under unguessable keys, within a budget of bytes and entries.
Independent of components and visitors: whoever has a key may see its picture."""

import base64
import logging
import math
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np

from gblm_viz.figures.tiles import Measure, Profile, Pyramid, Scale, Tile, against_chance, check_range, codes

logger = logging.getLogger(__name__)

Kind = Literal["sequential", "diverging", "mask", "four"]
Pooling = Literal["max", "extreme", "mean", "chance", "shares"]

PROFILES: Mapping[Kind, Measure] = {"sequential": "mean", "diverging": "magnitude", "mask": "mean", "four": "parted"}
"""The measure of each row and column that a kind's profiles show."""
POOLING: Mapping[Kind, Pooling] = {"sequential": "max", "diverging": "extreme", "mask": "mean", "four": "shares"}
"""Each kind's pooling, unless its field sets another."""

MOST_PIXELS = 1 << 22
"""Most pixels of one answer, enough for a projector's 2560 × 1600; above it the view lowers its resolution."""
MOST_VALUES = 4096
"""An answer of at most this many pixels includes their float32 values, to be printed."""
MOST_SAVED = 1 << 20
"""Most pixels of an answer with values if they are requested, to be saved as a file."""
LONGEST_SIDE = 1 << 24
Control = float | str
"""The value of a slider, number box or choice."""
MOST_CONTROLS, LONGEST_CHOICE = 8, 40
MOST_EVERY = 2
"""While a control moves, one row may be shown for up to this many."""
KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")


@dataclass(frozen=True)
class Field:
    """One quantity of a matrix that the view can show."""

    id: str
    label: str
    kind: Kind
    lo: float = 0.0
    hi: float = 1.0
    scale: Scale = "linear"
    unit: str = ""
    categories: tuple[str, ...] = ()
    """kind "four": the names of the values 0, 1, 2, 3: kept by both, removed by both, only A, only B"""
    pooling: Pooling | None = None
    """instead of the kind's default: "mean", or "chance" for a mask drawn as deviations from a random one"""

    def __post_init__(self) -> None:
        check_range(self.scale, self.lo, self.hi)
        if self.kind not in POOLING:
            raise ValueError(f"field {self.id!r}: the kind is one of {', '.join(POOLING)}; got {self.kind!r}")
        if (self.kind == "four") != (len(self.categories) == 4):
            raise ValueError(f"field {self.id!r}: kind 'four' needs four categories, other kinds none")

    @property
    def pooled_by(self) -> Pooling:
        return self.pooling or POOLING[self.kind]


class Provider(Protocol):
    """A matrix to show. `array` may compute; it is called once per field while its picture is in use.

    `array` raises LookupError if what it needs has been evicted; the view then asks for an update.
    A provider never changes: new numbers need a new picture.
    """

    @property
    def rows(self) -> int: ...

    @property
    def columns(self) -> int: ...

    def fields(self) -> Sequence[Field]: ...

    def array(self, field_id: str) -> np.ndarray:
        """Return (rows, columns): float; for kind mask bool (True = removed); for kind four uint8 0 … 3."""
        ...


class LiveProvider(Provider, Protocol):
    """A matrix that depends on controls of the page: see `live` of `matrix_view.picture`."""

    def live(self, controls: Mapping[str, Control], every: int) -> Provider:
        """Return the same matrix with the controls moved. Their values are unchecked; invalid ones must be ignored.

        every: the first of this many rows may be shown for all of them, if that is faster.
        """
        ...


@dataclass(frozen=True)
class ArrayProvider:
    """A provider of existing arrays: {field: array}, all of one shape."""

    arrays: Mapping[Field, np.ndarray]

    def __post_init__(self) -> None:
        shapes = {array.shape for array in self.arrays.values()}
        if len(shapes) != 1:
            raise ValueError(f"the fields of one picture need one shape; got {sorted(shapes)}")

    @property
    def rows(self) -> int:
        return next(iter(self.arrays.values())).shape[0]

    @property
    def columns(self) -> int:
        return next(iter(self.arrays.values())).shape[1]

    def fields(self) -> Sequence[Field]:
        return tuple(self.arrays)

    def array(self, field_id: str) -> np.ndarray:
        return next(array for known, array in self.arrays.items() if known.id == field_id)


class Pixels:
    """The pyramids of one field, and the conversion of its tiles to bytes."""

    def __init__(self, known: Field, array: np.ndarray) -> None:
        self.field = known
        if known.pooled_by == "shares":
            self.pyramids = tuple(Pyramid(array, "mean", equals=category) for category in (1, 2, 3))
        elif known.pooled_by in ("mean", "chance"):
            self.pyramids = (Pyramid(array, "mean"),)
        else:
            self.pyramids = (Pyramid(array, known.pooled_by),)  # type: ignore[arg-type]
        self.rows, self.columns = self.pyramids[0].rows, self.pyramids[0].columns
        self.array_bytes = array.nbytes
        self.sparsity = float(np.mean(array)) if known.pooled_by == "chance" else 0.0

    @property
    def nbytes(self) -> int:
        """Bytes of the matrix, counted once, and of all pyramids' levels."""
        own = [pyramid.nbytes for pyramid in self.pyramids]
        return sum(own) - (len(own) - 1) * self.array_bytes

    def _planes(self, tiles: Sequence[Tile]) -> np.ndarray:
        """Return (planes, height, width) float32: one plane, or for kind four the shares of categories 1, 2 and 3."""
        if self.field.pooled_by == "chance":
            return against_chance(tiles[0], self.sparsity, self.columns)[None]
        return np.stack([tile.values for tile in tiles])

    @cached_property
    def profile(self) -> Profile:
        """The kind's measure (PROFILES) of each row and each column."""
        return self.pyramids[0].profile(PROFILES[self.field.kind])

    def answer(self, row: int, column: int, rows: int, columns: int, height: int, width: int,
               values: int = 0) -> dict[str, Any]:
        """Return the tile as JSON: bytes in base64, and little-endian float32 values if few or requested."""
        tiles = [pyramid.tile(row, column, rows, columns, height, width) for pyramid in self.pyramids]
        first, planes = tiles[0], self._planes(tiles)
        scale, lo, hi = (self.field.scale, self.field.lo, self.field.hi)
        if self.field.kind == "four":
            scale, lo, hi = "linear", 0.0, 1.0
        tall, wide = first.values.shape
        result: dict[str, Any] = {
            "row": first.row, "column": first.column, "step": first.step, "height": tall, "width": wide,
            "planes": len(planes), "pixels": _base64(codes(planes, scale, lo, hi)),
        }
        if tall * wide <= (MOST_SAVED if values else MOST_VALUES):
            result["values"] = _base64(planes.astype("<f4"))
        if tall * wide == 1 and self.field.pooled_by in ("max", "extreme"):
            result["strongest"] = self.pyramids[0].strongest(first.row, first.column, first.step)
        return result


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


@dataclass(eq=False)
class Picture:
    """A provider in the gallery and the pixels of its fields that were shown."""

    provider: Provider
    fields: Mapping[str, Field]
    kept: bool = False
    pixels: dict[str, Pixels] = field(default_factory=dict)
    moved: tuple[Any, Pixels] | None = None
    """The last values of its controls and the pixels for them."""
    building: threading.Lock = field(default_factory=threading.Lock)

    @property
    def nbytes(self) -> int:
        moved = self.moved
        return sum(pixels.nbytes for pixels in list(self.pixels.values())) + (moved[1].nbytes if moved else 0)

    def of(self, field_id: str, live: tuple[tuple[str, Control], ...] = (), every: int = 1) -> Pixels:
        """Return the field's pixels, or those for the control values `live`."""
        with self.building:
            if live:
                if self.moved is None or self.moved[0] != (field_id, live, every):
                    if not hasattr(self.provider, "live"):
                        raise ValueError("this picture depends on no control")
                    moved = self.provider.live(dict(live), every)
                    self.moved = (field_id, live, every), self._pixels(moved, field_id)
                return self.moved[1]
            if field_id not in self.pixels:
                self.pixels[field_id] = self._pixels(self.provider, field_id)
            return self.pixels[field_id]

    def _pixels(self, provider: Provider, field_id: str) -> Pixels:
        array = np.asarray(provider.array(field_id))
        if array.shape != (self.provider.rows, self.provider.columns):
            raise ValueError(f"field {field_id!r} has shape {array.shape}; its picture is "
                             f"{(self.provider.rows, self.provider.columns)}")
        return Pixels(self.fields[field_id], array)

    def free(self) -> None:
        """Drop the arrays and pooled levels; they are built again on request."""
        self.pixels, self.moved = {}, None


class Gallery:
    """Unguessable key → picture, thread-safe. The least recently drawn picture is dropped first.

    Above `most_bytes` its arrays and pooled levels are dropped and built again on request. Above `most_pictures`, not
    counting kept ones, the picture itself is dropped, and its view says that it must be updated.
    """

    def __init__(self, most_bytes: int = 1 << 30, most_pictures: int = 512) -> None:
        self.most_bytes = most_bytes
        self.most_pictures = most_pictures
        self._pictures: OrderedDict[str, Picture] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._pictures)

    @property
    def nbytes(self) -> int:
        with self._lock:
            return sum(picture.nbytes for picture in self._pictures.values())

    def add(self, provider: Provider, kept: bool = False) -> str:
        """Add a picture and return its key. It stays until it is forgotten or dropped as the least recently drawn.

        kept: it is never dropped; for a component's initial value, which every visitor shares.
        """
        fields = {known.id: known for known in provider.fields()}
        if not fields:
            raise ValueError("a picture needs at least one field")
        key = secrets.token_urlsafe(16)
        with self._lock:
            self._pictures[key] = Picture(provider, fields, kept)
            leaving = [other for other, picture in self._pictures.items() if not picture.kept]
            for other in leaving[: max(0, len(leaving) - self.most_pictures)]:
                del self._pictures[other]
        return key

    def forget(self, key: str) -> None:
        """Free a picture at once, as when its visitor leaves. An unknown key or a kept picture has no effect."""
        with self._lock:
            if key in self._pictures and not self._pictures[key].kept:
                del self._pictures[key]

    def answer(self, wanted: Any) -> dict[str, Any]:
        """Return a tile for the browser, or {"error": "gone" | "bad" | "failed"}; never raises, checks every number."""
        return self._drawn(wanted, lambda pixels, request: pixels.answer(
            request.row, request.column, request.rows, request.columns, request.height, request.width, request.values))

    def profile(self, wanted: Any) -> dict[str, Any]:
        """Return the profiles of the whole matrix, little-endian float32 in base64, or an error like `answer`."""
        return self._drawn(wanted, lambda pixels, _: {"rows": _base64(pixels.profile.rows.astype("<f4")),
                                                      "columns": _base64(pixels.profile.columns.astype("<f4"))})

    def _drawn(self, wanted: Any, draw: Callable[[Pixels, "Request"], dict[str, Any]]) -> dict[str, Any]:
        request = _checked(wanted)
        if request is None:
            return {"error": "bad"}
        with self._lock:
            picture = self._pictures.get(request.key)
            if picture is not None:
                self._pictures.move_to_end(request.key)
        if picture is None:
            return {"error": "gone"}
        if not (request.field in picture.fields and request.row < picture.provider.rows
                and request.column < picture.provider.columns):
            return {"error": "bad"}
        try:
            result = draw(picture.of(request.field, request.live, request.every), request)
        except LookupError:
            logger.warning("a picture's provider lost what it drew from", exc_info=True)
            self.forget(request.key)
            return {"error": "gone"}
        except Exception:
            logger.exception("a tile of field %r could not be drawn", request.field)
            return {"error": "failed"}
        self._shrink(request.key)
        return {**result, "version": request.version}

    def _shrink(self, keep: str) -> None:
        """Drop pixels, the least recently drawn picture's first, until the rest fits into the budget."""
        with self._lock:
            held = sum(picture.nbytes for picture in self._pictures.values())
            for key, picture in self._pictures.items():
                if held <= self.most_bytes:
                    return
                if key != keep:
                    held -= picture.nbytes
                    picture.free()


@dataclass(frozen=True)
class Request:
    """A browser's request for a tile, with every number checked."""

    key: str
    field: str
    row: int
    column: int
    rows: int
    columns: int
    height: int
    width: int
    version: int
    values: int
    every: int = 1
    live: tuple[tuple[str, Control], ...] = ()
    """The page's controls by name, if the picture follows them while they move."""


LIMITS: Mapping[str, tuple[int, int]] = {
    "row": (0, LONGEST_SIDE), "column": (0, LONGEST_SIDE), "rows": (1, LONGEST_SIDE), "columns": (1, LONGEST_SIDE),
    "height": (1, MOST_PIXELS), "width": (1, MOST_PIXELS), "version": (0, 1 << 53), "values": (0, 1),
    "every": (1, MOST_EVERY),
}
ASSUMED = {"values": 0, "every": 1}
"""Defaults of what a request may leave out."""


def _checked(wanted: Any) -> Request | None:
    """Return the request; None unless it has a key, a field and whole numbers within their limits."""
    if not isinstance(wanted, dict):
        return None
    key, field_id = wanted.get("key"), wanted.get("field")
    if not (isinstance(key, str) and KEY.fullmatch(key) and isinstance(field_id, str)):
        return None
    numbers = {name: wanted.get(name, ASSUMED.get(name)) for name in LIMITS}
    for name, (least, most) in LIMITS.items():
        number = numbers[name]
        if type(number) is not int or not least <= number <= most:
            return None
    if numbers["height"] * numbers["width"] > MOST_PIXELS:  # type: ignore[operator]
        return None
    live = wanted.get("live", {})
    if not (isinstance(live, dict) and len(live) <= MOST_CONTROLS and all(map(_is_control_value, live.values()))):
        return None
    return Request(key=key, field=field_id, live=tuple(sorted(live.items())), **numbers)  # type: ignore[arg-type]


def _is_control_value(control: Any) -> bool:
    if isinstance(control, str):
        return len(control) <= LONGEST_CHOICE
    return type(control) in (int, float) and math.isfinite(control)


GALLERY = Gallery()
"""All pictures of the process, shared by all pages and languages."""


def tile(wanted: Any) -> dict[str, Any]:
    """Called by the browser, see Gallery.answer. Gradio passes one argument and turns an exception into null."""
    return GALLERY.answer(wanted)


def profile(wanted: Any) -> dict[str, Any]:
    """Called by the browser for the lines beside the matrix, see Gallery.profile."""
    return GALLERY.profile(wanted)
