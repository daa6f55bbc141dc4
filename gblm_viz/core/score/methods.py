"""What score a weight gets. One table of methods; adding one is a class and a line in the table.

A method never sees models, texts or masks: it is called with (out, in) weights, an input norm and a gradient norm.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

GRADIENT_NORMS = ("l1", "l2", "sum")
GBLM_NORMS = ("l1", "l2")
NORMS_OF = {"gblm": GBLM_NORMS, "gradient": GRADIENT_NORMS}
"""Method → the gradient norms it can be asked for; other methods have none."""
PAPER_ALPHA = 100.0


@dataclass(frozen=True)
class Method:
    """The common face: `name`, `formula` and `needs` ⊆ {inputs, gradients}; the dataclass fields are the knobs."""

    name: ClassVar[str]
    formula: ClassVar[str]
    source: ClassVar[str]
    needs: ClassVar[frozenset[str]]

    def score(self, weight: Tensor, input_norm: Tensor | None, gradient_norm: Tensor | None, name: str) -> Tensor:
        """float32 scores of `weight`'s shape (out, in), or (experts, out, in); the lowest go.

        input_norm float32 (in,) or (experts, in); gradient_norm float32 like `weight`; `name` the parameter's.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Random(Method):
    """Uniform noise, seeded by (seed, parameter name): the floor every method must beat."""

    seed: int = 0
    name: ClassVar[str] = "random"
    formula: ClassVar[str] = "uniform noise, seeded by (seed, parameter name)"
    source: ClassVar[str] = "ours"
    needs: ClassVar[frozenset[str]] = frozenset()

    def score(self, weight: Tensor, input_norm: Tensor | None, gradient_norm: Tensor | None, name: str) -> Tensor:
        digest = hashlib.sha256(f"{self.seed}:{name}".encode()).digest()[:8]
        generator = torch.Generator("cpu").manual_seed(int.from_bytes(digest, "little") & (2**63 - 1))
        return torch.rand(weight.shape, generator=generator).to(weight.device)


@dataclass(frozen=True)
class Magnitude(Method):
    """|W|: the classic, needs no text."""

    name: ClassVar[str] = "magnitude"
    formula: ClassVar[str] = "|W|"
    source: ClassVar[str] = "lib/prune.py:177"
    needs: ClassVar[frozenset[str]] = frozenset()

    def score(self, weight: Tensor, input_norm: Tensor | None, gradient_norm: Tensor | None, name: str) -> Tensor:
        return weight.float().abs()


@dataclass(frozen=True)
class Wanda(Method):
    """|W| times the norm of the inputs that meet it."""

    name: ClassVar[str] = "wanda"
    formula: ClassVar[str] = "|W| · x"
    source: ClassVar[str] = "lib/prune.py:277"
    needs: ClassVar[frozenset[str]] = frozenset({"inputs"})

    def score(self, weight: Tensor, input_norm: Tensor | None, gradient_norm: Tensor | None, name: str) -> Tensor:
        assert input_norm is not None
        return weight.float().abs() * input_norm.unsqueeze(-2)


@dataclass(frozen=True)
class Gradient(Method):
    """|W| times the norm of its gradients over samples; norm `sum` is the paper's foil |ΣG|."""

    norm: str = "l1"
    name: ClassVar[str] = "gradient"
    formula: ClassVar[str] = "|W| · g"
    source: ClassVar[str] = "paper, section 3; lib/prune.py:300"
    needs: ClassVar[frozenset[str]] = frozenset({"gradients"})

    def score(self, weight: Tensor, input_norm: Tensor | None, gradient_norm: Tensor | None, name: str) -> Tensor:
        assert gradient_norm is not None
        return weight.float().abs() * gradient_norm


@dataclass(frozen=True)
class Gblm(Method):
    """Wanda's score with the gradient norm, times α, added to the input norm."""

    norm: str = "l1"
    alpha: float = PAPER_ALPHA
    name: ClassVar[str] = "gblm"
    formula: ClassVar[str] = "|W| · (x + α·g)"
    source: ClassVar[str] = "paper, equation 4; lib/prune.py:300"
    needs: ClassVar[frozenset[str]] = frozenset({"inputs", "gradients"})

    def score(self, weight: Tensor, input_norm: Tensor | None, gradient_norm: Tensor | None, name: str) -> Tensor:
        assert input_norm is not None
        assert gradient_norm is not None
        pull = self.alpha * gradient_norm
        # In place, and the sign last (x + α·g has none): no third and fourth matrix
        return pull.add_(input_norm.unsqueeze(-2)).mul_(weight.float()).abs_()


METHODS: dict[str, type[Method]] = {kind.name: kind for kind in (Random, Magnitude, Wanda, Gradient, Gblm)}


def norm_for(method: str, norm: str) -> str:
    """The norm as it is where a method takes it, or takes none; else the method's first."""
    norms = NORMS_OF.get(method, (norm,))
    return norm if norm in norms else norms[0]


def norm_of(method: Method) -> str | None:
    """The gradient norm a method asks for, or None."""
    return getattr(method, "norm", None)
