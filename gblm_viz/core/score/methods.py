"""The scoring methods, in one table. To add one, write a class whose fields are its knobs, and add it to the table. The
form, the command line, the sweep, the address and the report read name, formula, needs and knobs from the class.

A method does not use models, texts or masks: it is called with (out, in) weights, an input norm and a gradient norm.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..base.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

GRADIENT_NORMS = ("l1", "l2", "sum")
GBLM_NORMS = ("l1", "l2")
PAPER_ALPHA = 100.0
SHARED = ("norm", "alpha", "seed")
"""Knobs that every Settings and every file has, whatever the method."""


@dataclass(frozen=True)
class Knob:
    """The allowed values of one setting of a method: a field of its class that is declared by `knob`.

    kind: `number` and `whole` lie between `low` and `high`, `choice` is one of `choices`, `alpha` is an alpha.Alpha.
    step: a slider's step. refusal: the key of the errors.toml message for any other value.
    """

    kind: Literal["number", "whole", "choice", "alpha"]
    default: Any
    low: float = 0.0
    high: float = 1.0
    step: float = 0.01
    choices: tuple[str, ...] = ()
    refusal: str = "knob_outside"

    def takes(self, value: object) -> bool:
        """Return whether the value is allowed; for `alpha` always True, because alpha.check_alpha checks it."""
        if self.kind == "choice":
            return isinstance(value, str) and value in self.choices
        if self.kind == "alpha":
            return True
        if type(value) is int or (type(value) is float and self.kind == "number"):
            return self.low <= value <= self.high
        return False

    @property
    def wanted(self) -> str:
        """Return the allowed values in notation that needs no translation."""
        return ", ".join(self.choices) if self.kind == "choice" else f"{self.low:g} … {self.high:g}"

    def read(self, given: object) -> Any:
        """Convert a value from a link, a command line or a form. Raises ValueError if it is not the number wanted."""
        if self.kind == "choice":
            return str(given)
        number = float(str(given))
        if self.kind == "number":
            return number
        if not number.is_integer():
            raise ValueError(given)
        text = str(given).strip()
        return int(text) if text.isdecimal() else int(number)  # a float has only 53 bits of a long number


def knob(kind: Literal["number", "whole", "choice", "alpha"], default: Any, **more: Any) -> Any:
    """Declare a field of a method's class as a knob with this default; `more` as in Knob."""
    return field(default=default, metadata={"knob": Knob(kind, default, **more)})


@dataclass(frozen=True)
class Method:
    """Base class of the methods: `name`, `formula`, `needs` ⊆ {inputs, gradients}; fields declared by `knob` are knobs.

    Knobs named norm, alpha and seed are shared: they keep their value when another method is chosen. A method that
    needs gradients has the knob norm.
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    source: ClassVar[str]
    needs: ClassVar[frozenset[str]]
    terms: ClassVar[frozenset[str]] = frozenset()
    """The terms of |W|·x (inputs) + |W|·α·g (gradients) that make up the score; empty if it is no such sum."""
    by_rows: ClassVar[bool] = False
    """Whether a row's scores depend only on that row, so that a live preview can score just the rows it shows."""

    @classmethod
    def knobs(cls) -> dict[str, Knob]:
        """Return name → Knob, in the order of the class."""
        return {one.name: one.metadata["knob"] for one in fields(cls) if "knob" in one.metadata}

    def score(self, weight: Tensor, input_norm: Tensor | None, gradient_norm: Tensor | None, name: str) -> Tensor:
        """Return float32 scores of `weight`'s shape (out, in) or (experts, out, in); the lowest are removed.

        input_norm float32 (in,) or (experts, in); gradient_norm float32, `weight`'s shape; name: the parameter's name.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Random(Method):
    """Uniform noise, seeded by (seed, parameter name): the baseline every method must beat."""

    seed: int = knob("whole", 0, high=2**63 - 1)
    name: ClassVar[str] = "random"
    formula: ClassVar[str] = "uniform noise, seeded by (seed, parameter name)"
    source: ClassVar[str] = "ours"
    needs: ClassVar[frozenset[str]] = frozenset()

    def score(self, weight: Tensor, input_norm: Tensor | None, gradient_norm: Tensor | None, name: str) -> Tensor:
        """Return uniform noise in [0, 1), the same for the same seed and name."""
        digest = hashlib.sha256(f"{self.seed}:{name}".encode()).digest()[:8]
        generator = torch.Generator("cpu").manual_seed(int.from_bytes(digest, "little") & (2**63 - 1))
        return torch.rand(weight.shape, generator=generator).to(weight.device)


@dataclass(frozen=True)
class Magnitude(Method):
    """|W|: the classic method, which needs no text."""

    name: ClassVar[str] = "magnitude"
    formula: ClassVar[str] = "|W|"
    source: ClassVar[str] = "VILA-Lab/GBLM-Pruner lib/prune.py:177"
    needs: ClassVar[frozenset[str]] = frozenset()
    by_rows: ClassVar[bool] = True

    def score(self, weight: Tensor, input_norm: Tensor | None, gradient_norm: Tensor | None, name: str) -> Tensor:
        """Return |W|."""
        return weight.float().abs()


@dataclass(frozen=True)
class Wanda(Method):
    """|W| times the norm of the inputs it is multiplied by."""

    name: ClassVar[str] = "wanda"
    formula: ClassVar[str] = "|W| · x"
    source: ClassVar[str] = "VILA-Lab/GBLM-Pruner lib/prune.py:277"
    needs: ClassVar[frozenset[str]] = frozenset({"inputs"})
    terms: ClassVar[frozenset[str]] = needs
    by_rows: ClassVar[bool] = True

    def score(self, weight: Tensor, input_norm: Tensor | None, gradient_norm: Tensor | None, name: str) -> Tensor:
        """Return |W| · x."""
        assert input_norm is not None
        return weight.float().abs() * input_norm.unsqueeze(-2)


@dataclass(frozen=True)
class Gradient(Method):
    """|W| times the norm of its gradients over samples; norm `sum` is |ΣG|, which the paper uses for comparison."""

    norm: str = knob("choice", "l1", choices=GRADIENT_NORMS, refusal="norm_unknown")
    name: ClassVar[str] = "gradient"
    formula: ClassVar[str] = "|W| · g"
    source: ClassVar[str] = "paper, section 3; VILA-Lab/GBLM-Pruner lib/prune.py:300"
    needs: ClassVar[frozenset[str]] = frozenset({"gradients"})
    terms: ClassVar[frozenset[str]] = needs
    by_rows: ClassVar[bool] = True

    def score(self, weight: Tensor, input_norm: Tensor | None, gradient_norm: Tensor | None, name: str) -> Tensor:
        """Return |W| · g."""
        assert gradient_norm is not None
        return weight.float().abs() * gradient_norm


@dataclass(frozen=True)
class Gblm(Method):
    """Wanda's score with α times the gradient norm added to the input norm."""

    norm: str = knob("choice", "l1", choices=GBLM_NORMS, refusal="norm_unknown")
    alpha: float = knob("alpha", PAPER_ALPHA)
    name: ClassVar[str] = "gblm"
    formula: ClassVar[str] = "|W| · (x + α·g)"
    source: ClassVar[str] = "paper, equation 4; VILA-Lab/GBLM-Pruner lib/prune.py:300"
    needs: ClassVar[frozenset[str]] = frozenset({"inputs", "gradients"})
    terms: ClassVar[frozenset[str]] = needs
    by_rows: ClassVar[bool] = True

    def score(self, weight: Tensor, input_norm: Tensor | None, gradient_norm: Tensor | None, name: str) -> Tensor:
        """Return |W| · (x + α · g)."""
        assert input_norm is not None
        assert gradient_norm is not None
        pull = self.alpha * gradient_norm
        # In place, |·| last (x + α·g ≥ 0): avoids two more matrices of this size
        return pull.add_(input_norm.unsqueeze(-2)).mul_(weight.float()).abs_()


METHODS: dict[str, type[Method]] = {kind.name: kind for kind in (Random, Magnitude, Wanda, Gradient, Gblm)}


def own_knobs() -> dict[str, Knob]:
    """Return the knobs of all methods except the shared ones, by name."""
    return {name: one for kind in METHODS.values() for name, one in kind.knobs().items() if name not in SHARED}


def knobs_of(method: object) -> dict[str, Knob]:
    """Return a method's knobs by name; empty for an unknown method."""
    return next((kind.knobs() for name, kind in METHODS.items() if name == method), {})


def norms_of(method: str) -> tuple[str, ...]:
    """Return the gradient norms that a method accepts; empty if it has no norm or is unknown."""
    knobs = knobs_of(method)
    return knobs["norm"].choices if "norm" in knobs else ()


def norm_for(method: str, norm: str) -> str:
    """Return `norm` if the method accepts it or has no norm, else the method's first norm."""
    norms = norms_of(method) or (norm,)
    return norm if norm in norms else norms[0]


def norm_of(method: Method) -> str | None:
    """Return the gradient norm a method uses, or None."""
    norm: str | None = getattr(method, "norm", None)
    # without one the score would take one norm and every picture of the gradient show another
    assert (norm is not None) == ("gradients" in method.needs), f"{method.name}: gradients with the knob norm, or none"
    return norm
