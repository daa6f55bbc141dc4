"""Split the gradient of a weight, a row, a column, a head, a matrix or a block by sample and by token (its "pull").

The gradient of a matrix product is G = Σ_t δ_t x_tᵀ, where x_t is its input and δ_t the gradient of the loss with
respect to its output at token t, so every pull is exactly a sum over tokens. Independent of methods and masks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..base.errors import PlaceError, ScoreError
from ..base.job import Job, Step
from ..base.lazy import np, torch
from ..model.matrices import Matrix, check_place
from ..model.models import Model, private_copy
from ..sums.observe import ExpertInputs, InputSums, products, sample_loss
from ..sums.statistics import Statistics
from ..text.calibration import CalibrationSet

if TYPE_CHECKING:
    from torch import Tensor, nn

Array: TypeAlias = "np.ndarray[Any, Any]"


def sample_shares(statistics: Statistics, name: str) -> Array:
    """Return each sample's share of one matrix's ℓ1 gradient, float64 (N,). They sum to 1; all nan if it is zero."""
    return block_shares(statistics, (name,))


def block_shares(statistics: Statistics, names: Sequence[str]) -> Array:
    """Return each sample's share of the ℓ1 gradient of several matrices together, float64 (N,)."""
    pulls = torch.stack([statistics.sample_l1[name] for name in names]).sum(0)
    shares: Array = (pulls / pulls.sum()).numpy()
    return shares


@dataclass(frozen=True)
class Part:
    """Rows and columns of one matrix, or of one expert of a stack."""

    name: str
    expert: int | None
    rows: slice
    columns: slice


@dataclass(frozen=True)
class Pull:
    """The part to analyse: the (`row`, `column`) weight, a row, a column, a head or all of matrix `name`, or a block.

    Each kind reads the fields it needs. `head` counts rows by the model's head size, columns for the role o. `expert`
    selects one of stacked experts; None means all of them together.
    """

    kind: Literal["weight", "row", "column", "head", "matrix", "block"]
    name: str = ""
    row: int = 0
    column: int = 0
    head: int = 0
    block: int = 0
    expert: int | None = None

    def parts(self, model: Model) -> tuple[Part, ...]:
        """Return the rows and columns of each matrix, experts one by one. Raises PlaceError for a missing place."""
        matrices = model.layout.of_block(self.block) if self.kind == "block" else (model.layout.named(self.name),)
        found = []
        for matrix in matrices:
            for what, most in self._counted(model, matrix):
                check_place(matrix, what, getattr(self, what), most)
            along = {"row": slice(None), "column": slice(None)}
            if self.kind == "head":
                start = self.head * model.head_size
                along["column" if matrix.role == "o" else "row"] = slice(start, start + model.head_size)
            along |= {what: slice(getattr(self, what), getattr(self, what) + 1) for what in along
                      if self.kind in {"weight", what}}
            rows, columns = along["row"], along["column"]
            stack = range(matrix.experts)
            experts = (None,) if not stack else stack if self.expert is None else (stack[self.expert],)
            found += [Part(matrix.name, expert, rows, columns) for expert in experts]
        if not found:
            raise PlaceError("no_such_place", matrix=model.name, what=self.kind, given=self.block,
                             wanted=f"0 … {len(model.layout.blocks) - 1}")
        return tuple(found)

    def _counted(self, model: Model, matrix: Matrix) -> tuple[tuple[str, int], ...]:
        """Return the name of each index that selects this part, with the number of valid values."""
        along = matrix.columns if matrix.role == "o" else matrix.rows
        heads = along // model.head_size if model.head_size else 0
        most = {"row": matrix.rows, "column": matrix.columns, "head": heads}
        named = {"weight": ("row", "column"), "row": ("row",), "column": ("column",), "head": ("head",)}
        numbers = tuple((what, most[what]) for what in named.get(self.kind, ()))
        return numbers if self.expert is None or not matrix.experts else (*numbers, ("expert", matrix.experts))


@dataclass(frozen=True)
class SamplePull:
    """One sample's pull. `total`: G_s,ij of a weight, with its sign; of any other part Σ|G_s,ij| over its weights.

    `per_token`: each input token's signed contribution, in the sample's order; they sum to `total`. `loss` in nats.
    """

    sample: int
    total: float
    per_token: tuple[float, ...]
    loss: float


def token_pulls(model: Model, samples: CalibrationSet, target: Pull,
                chosen: tuple[int, ...] | None = None) -> Job[tuple[SamplePull, ...]]:
    """Return the pull of each chosen sample (None: of all), in the order of `chosen`, split by token.

    One forward and one backward pass per sample on a private copy, in the model's dtype, summed in float64; steps count
    samples. Raises ScoreError for a matrix whose product was not observed or that does not take one input per token,
    and for a loss that is not finite; PlaceError for a part or a sample that does not exist.
    """
    indices = tuple(range(samples.count)) if chosen is None else chosen
    parts = target.parts(model)
    for index in indices:
        if type(index) is not int or not 0 <= index < samples.count:
            raise PlaceError("no_such_place", matrix=samples.text_name, what="sample", given=index,
                             wanted=f"0 … {samples.count - 1}")
    network = private_copy(model.network)
    found = []
    for done, index in enumerate(indices):
        yield Step(done, len(indices), "sample")
        loss, products = _products(network, model, parts, samples.sample(index).to(model.device))
        if not math.isfinite(loss):
            raise ScoreError("loss_not_finite", sample=index)
        per_token = torch.zeros(int(samples.lengths[index]), dtype=torch.float64)
        total = math.fsum(_add(part, target.kind == "weight", products, per_token) for part in parts)
        found.append(SamplePull(index, total, tuple(per_token.tolist()), loss))
    yield Step(len(indices), len(indices), "sample")
    return tuple(found)


@dataclass(frozen=True, eq=False)
class _Product:
    """One matrix product of a pass: `inputs` float64 (rows, in), each row's token, and a zero added to its output."""

    name: str
    expert: int | None
    inputs: Tensor
    tokens: Tensor
    zero: Tensor

    @property
    def delta(self) -> Tensor:
        """Gradient of the loss with respect to the added zero, float64 (rows, out); 0 if the loss does not reach it."""
        reached = self.zero.detach() if self.zero.grad is None else self.zero.grad
        return reached.reshape(len(self.tokens), -1).double()


@torch.no_grad()
def _add(part: Part, signed: bool, products: list[_Product], per_token: Tensor) -> float:
    """Add to `per_token` (length,) what each token adds to the part's pull, and return the pull.

    G is computed first, over all calls of the matrix: its sign gives the sign with which a token's δ_t x_tᵀ counts.
    """
    calls = [(one.delta[:, part.rows], one.inputs[:, part.columns], one.tokens) for one in products
             if (one.name, one.expert) == (part.name, part.expert)]
    if not calls:
        return 0.0  # an expert that saw no token
    gradient = torch.stack([delta.T @ inputs for delta, inputs, _ in calls]).sum(0)
    way = torch.ones_like(gradient) if signed else gradient.sign()
    for delta, inputs, tokens in calls:
        per_token.index_add_(0, tokens.cpu(), ((delta @ way) * inputs).sum(1).cpu())
    return float((way * gradient).sum())


class _Watch(ExpertInputs):
    """Record every product of the watched matrices: modules through `record`, stacked experts by intercepting calls."""

    def __init__(self, stacked: dict[str, tuple[Matrix, Tensor]], length: int, device: torch.device) -> None:
        super().__init__(stacked, InputSums((), lambda block: device))
        self.products: list[_Product] = []
        self.every = torch.arange(length, device=device)
        self.gathered = self.every

    def record(self, name: str, expert: int | None, inputs: Tensor, output: Tensor, tokens: Tensor) -> Tensor:
        rows = inputs.detach().reshape(-1, inputs.shape[-1]).double()
        if len(rows) != len(tokens):
            raise ScoreError("no_token_shares", matrix=name)
        zero = torch.zeros_like(output, requires_grad=True)
        self.products.append(_Product(name, expert, rows, tokens, zero))
        return output + zero

    def __torch_function__(self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (),
                           kwargs: dict[str, Any] | None = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if len(args) < 2 or not isinstance(args[1], torch.Tensor):
            return output
        if func is torch.Tensor.__getitem__:
            if args[0].shape[:1] == self.every.shape and args[1].dim() == 1:
                self.gathered = args[1]  # an expert gathers its tokens' states first; its products keep this order
        elif func in products():
            found = self._slice(args[1])
            if found is not None:
                return self.record(*found, args[0], output, self.gathered)
        return output


@torch.enable_grad()
def _products(network: nn.Module, model: Model, parts: tuple[Part, ...],
              tokens: Tensor) -> tuple[float, list[_Product]]:
    """Return the sample's loss and every product of the parts' matrices in its pass, with gradients computed."""
    names = {part.name for part in parts}
    matrices = [matrix for matrix in model.layout.matrices if matrix.name in names]
    stored = dict(network.named_parameters())
    watch = _Watch({matrix.name: (matrix, stored[matrix.name]) for matrix in matrices if matrix.experts},
                   len(tokens), tokens.device)

    def hook(name: str) -> Callable[[nn.Module, tuple[Any, ...], dict[str, Any], Tensor], Tensor]:
        def look(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor) -> Tensor:
            return watch.record(name, None, args[0] if args else next(iter(kwargs.values())), output, watch.every)
        return look

    handles = [module.register_forward_hook(hook(matrix.name), with_kwargs=True)
               for matrix in matrices if not matrix.experts
               for module in network.modules() if getattr(module, "weight", None) is stored[matrix.name]]
    try:
        with watch:
            loss = sample_loss(network, tokens)
    finally:
        for handle in handles:
            handle.remove()
    seen = {product.name for product in watch.products}
    for matrix in matrices:
        if matrix.name not in seen:  # of a stack some expert always gets a token
            raise ScoreError("unobserved", matrix=matrix.name)
    loss.backward(inputs=[product.zero for product in watch.products])
    return float(loss.detach()), watch.products

