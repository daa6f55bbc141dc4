"""Every formula of the contract as slow, obvious loops, to hold the product against. Made for tiny networks only.

Knows nothing of the product's code and imports none of it: it finds its own matrices, takes its own gradients by one
full backward per sample, and observes its own inputs.

Words: a *matrix* is a two-dimensional (out, in) array; a *parameter* is one matrix, or a stack of them
(experts, out, in); a *mask* is bool, True = removed; a *sample* is an int64 tensor (length,).
"""

from __future__ import annotations

import copy
import hashlib
import math
import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

# ------------------------------------------------------------------------------------------- which weights are prunable


@dataclass(frozen=True)
class Prunable:
    """One prunable parameter and how to see it as (out, in) or (experts, out, in)."""

    name: str
    parameter: nn.Parameter
    transposed: bool

    def oriented(self, tensor: Tensor) -> Tensor:
        """A tensor of the parameter's own shape, seen as (out, in) or (experts, out, in); shares its memory."""
        return tensor.transpose(-1, -2) if self.transposed else tensor

    def view(self) -> Tensor:
        """The weights as (out, in) or (experts, out, in); writing into it writes into the network."""
        return self.oriented(self.parameter.detach())


def prunable(network: nn.Module, blocks: Sequence[nn.Module]) -> dict[str, Prunable]:
    """The prunable parameters of `blocks`, by name, in the order of `network.named_parameters()`."""
    found: dict[int, bool] = {}  # id of the parameter -> is it stored the other way round?
    for block in blocks:
        for name, module in block.named_modules():
            kind = type(module).__name__
            if {"gate", "router"} & set(name.split(".")) or "Router" in kind:
                continue
            if isinstance(module, nn.Linear):
                if module.out_features > 1:  # one row: a gate that says how much of an expert counts
                    found[id(module.weight)] = False
            elif kind == "Conv1D":  # transformers' linear layer stored as (in, out), not torch's convolution nn.Conv1d
                found[id(module.weight)] = True
            elif "Experts" in kind and hasattr(module, "is_transposed"):
                for parameter in module.parameters(recurse=False):
                    if parameter.ndim == 3:
                        found[id(parameter)] = bool(module.is_transposed)
    return {
        name: Prunable(name, parameter, found[id(parameter)])
        for name, parameter in network.named_parameters()
        if id(parameter) in found
    }


def each_matrix(tensor: Tensor) -> list[Tensor]:
    """The (out, in) matrices of a parameter's tensor: itself, or one for each expert. Views."""
    return [tensor] if tensor.ndim == 2 else [tensor[expert] for expert in range(len(tensor))]


# ------------------------------------------------------------------------------------------------------------- the sums


@dataclass(frozen=True)
class Sums:
    """Sums over samples, float32, not divided by anything.

    By parameter name: `gradient_*` of the parameter's (out, in) or (experts, out, in) view; `input_sq` (in,) or
    (experts, in); `sample_l1` (N,). `loss` (N,).
    """

    count: int
    loss: Tensor
    sample_l1: dict[str, Tensor]
    gradient_l1: dict[str, Tensor]
    gradient_sq: dict[str, Tensor]
    gradient_sum: dict[str, Tensor]
    input_sq: dict[str, Tensor]


def logits_of(network: nn.Module, sample: Tensor) -> Tensor:
    """One sample through the whole network by itself, without a cache: float32 (length, vocabulary)."""
    return network(input_ids=sample.unsqueeze(0), use_cache=False).logits[0].float()


def cross_entropy(logits: Tensor, tokens: Tensor) -> Tensor:
    """Mean next-token cross-entropy over the length - 1 predictions of (length, vocabulary) logits; labels = inputs."""
    log_probability = torch.log_softmax(logits.float(), dim=-1)
    total = torch.zeros(())
    for position in range(len(tokens) - 1):
        total = total - log_probability[position, tokens[position + 1]]
    return total / (len(tokens) - 1)


def gradients(network: nn.Module, matrices: dict[str, Prunable], sample: Tensor) -> tuple[float, dict[str, Tensor]]:
    """Loss of one sample and its gradient in every parameter, each in the (out, in) view, float32: a plain backward."""
    network.zero_grad(set_to_none=True)
    with torch.enable_grad():
        loss = cross_entropy(logits_of(network, sample), sample)
        loss.backward()
    taken: dict[str, Tensor] = {}
    for name, matrix in matrices.items():
        gradient = matrix.parameter.grad
        if gradient is None:  # it only chooses, as the indexer of sparse attention does
            gradient = torch.zeros_like(matrix.parameter)
        taken[name] = matrix.oriented(gradient.detach()).float().clone()
    network.zero_grad(set_to_none=True)
    return loss.item(), taken


class _WatchExperts(TorchFunctionMode):
    """Sees each product of inputs with one expert's slice of a stacked parameter, known by its address and shape."""

    PRODUCTS = (nn.functional.linear, torch.matmul, torch.mm, Tensor.matmul, Tensor.mm, Tensor.__matmul__)

    def __init__(self, stacked: dict[str, Prunable], seen: Callable[[str, int, Tensor], None]) -> None:
        super().__init__()
        self.stacked = stacked
        self.seen = seen

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in self.PRODUCTS:
            inputs, weight = args[0], args[1]
            for name, matrix in self.stacked.items():
                for expert in range(len(matrix.parameter)):
                    part = matrix.parameter.detach()[expert]
                    if weight.data_ptr() == part.data_ptr() and weight.shape == part.shape:
                        self.seen(name, expert, inputs.detach())
        return function(*args, **(kwargs or {}))


def input_squares(network: nn.Module, matrices: dict[str, Prunable], samples: Sequence[Tensor]) -> dict[str, Tensor]:
    """Sum over samples and tokens of the squared inputs of each parameter: float32 (in,) or (experts, in)."""
    sums: dict[str, Tensor] = {}
    for name, matrix in matrices.items():
        shape = matrix.view().shape
        sums[name] = torch.zeros((*shape[:-2], shape[-1]))
    met: set[str] = set()
    names = {id(matrix.parameter): name for name, matrix in matrices.items()}

    def watch_linear(module: nn.Module, args: tuple[Any, ...]) -> None:
        name = names[id(module.weight)]
        met.add(name)
        sums[name] += args[0].detach().float().reshape(-1, args[0].shape[-1]).square().sum(0)

    def watch_expert(name: str, expert: int, inputs: Tensor) -> None:
        met.add(name)
        sums[name][expert] += inputs.float().reshape(-1, inputs.shape[-1]).square().sum(0)

    handles = [
        module.register_forward_pre_hook(watch_linear)
        for module in network.modules()
        if isinstance(getattr(module, "weight", None), nn.Parameter) and id(module.weight) in names
    ]
    stacked = {name: matrix for name, matrix in matrices.items() if matrix.parameter.ndim == 3}
    try:
        with torch.no_grad(), _WatchExperts(stacked, watch_expert):
            for sample in samples:
                logits_of(network, sample)
    finally:
        for handle in handles:
            handle.remove()
    missed = [name for name in matrices if name not in met]
    if missed:
        raise ValueError(f"never observed: {', '.join(missed)}")
    return sums


def sums(network: nn.Module, blocks: Sequence[nn.Module], samples: Sequence[Tensor]) -> Sums:
    """All sums of the dense network over `samples`, one full backward for each. The network is left as it was."""
    network, blocks = copy.deepcopy((network, list(blocks)))
    network.eval().requires_grad_(True)
    matrices = prunable(network, blocks)
    l1 = {name: torch.zeros(matrix.view().shape) for name, matrix in matrices.items()}
    square = {name: torch.zeros(matrix.view().shape) for name, matrix in matrices.items()}
    signed = {name: torch.zeros(matrix.view().shape) for name, matrix in matrices.items()}
    sample_l1 = {name: torch.zeros(len(samples)) for name in matrices}
    losses = torch.zeros(len(samples))
    for index, sample in enumerate(samples):
        loss, taken = gradients(network, matrices, sample)
        losses[index] = loss
        for name, gradient in taken.items():
            l1[name] += gradient.abs()
            square[name] += gradient * gradient
            signed[name] += gradient
            sample_l1[name][index] = gradient.abs().double().sum().item()
    inputs = input_squares(network, matrices, samples)
    return Sums(len(samples), losses, sample_l1, l1, square, signed, inputs)


# ----------------------------------------------------------------------------------------------------------- the scores


@dataclass(frozen=True)
class Recipe:
    """What makes a mask: the method and its knobs, then which weights go.

    `alpha` is a number, "balance" or "share:0.5"; `length` the samples' length, for "balance".
    `rule` is row, matrix, global, authors or n:m; `sparsity` serves the first four, `n` of every `m` the last.
    """

    method: str = "gblm"
    norm: str = "l1"
    alpha: float | str = 100.0
    seed: int = 0
    length: int = 0
    rule: str = "row"
    sparsity: float = 0.5
    n: int = 2
    m: int = 4


def input_norm(total: Sums, name: str) -> Tensor:
    """x_j = sqrt(input_sq[j] / N): (in,) or (experts, in)."""
    return (total.input_sq[name] / total.count).sqrt()


def gradient_norm(total: Sums, name: str, norm: str) -> Tensor:
    """||G||_1, ||G||_2, or |sum G|, the foil: (out, in) or (experts, out, in)."""
    if norm == "l1":
        return total.gradient_l1[name]
    if norm == "l2":
        return total.gradient_sq[name].sqrt()
    if norm == "sum":
        return total.gradient_sum[name].abs()
    raise ValueError(f"no such norm: {norm}")


def random_score(name: str, shape: Sequence[int], seed: int) -> Tensor:
    """Uniform noise in [0, 1), float32, the same for the same seed and parameter name wherever it is drawn."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    generator = torch.Generator("cpu").manual_seed(int.from_bytes(digest[:8], "little") & (2**63 - 1))
    return torch.rand(tuple(shape), generator=generator, dtype=torch.float32)


def gradient_share(total: Sums, norm: str, alpha: float) -> float:
    """Mean over all prunable weights of alpha g / (x + alpha g); a weight with x = g = 0 counts as 0."""
    added = 0.0
    weights = 0
    for name in total.gradient_l1:
        x = input_norm(total, name).unsqueeze(-2).double()
        pull = alpha * gradient_norm(total, name, norm).double()
        whole = x + pull
        added += torch.where(whole > 0, pull / whole.clamp_min(1e-300), 0.0).sum().item()
        weights += pull.numel()
    return added / weights


def alpha_of_share(total: Sums, norm: str, share: float) -> float:
    """The alpha at which the gradient's share is `share`, by bisection of its logarithm."""
    low, high = -30.0, 30.0
    for _ in range(200):
        middle = (low + high) / 2
        if gradient_share(total, norm, 10**middle) < share:
            low = middle
        else:
            high = middle
    return 10 ** ((low + high) / 2)


def alpha_of_balance(norm: str, count: int, length: int) -> float:
    """The authors' 100 at N = 128 and length 2048, carried over to other samples."""
    if norm == "l1":
        return 100 * (128 / count) * (length / 2048)
    if norm == "l2":
        return 100 * math.sqrt(128 / count) * (length / 2048)
    raise ValueError(f"no balance is known for the norm {norm}")


def alpha_number(recipe: Recipe, total: Sums) -> float:
    """The recipe's alpha as a number."""
    if not isinstance(recipe.alpha, str):
        return float(recipe.alpha)
    if recipe.alpha == "balance":
        return alpha_of_balance(recipe.norm, total.count, recipe.length)
    return alpha_of_share(total, recipe.norm, float(recipe.alpha.removeprefix("share:")))


def needs(method: str) -> set[str]:
    """Which statistics a method reads."""
    return {
        "random": set(),
        "magnitude": set(),
        "wanda": {"inputs"},
        "gradient": {"gradients"},
        "gblm": {"inputs", "gradients"},
    }[method]


def matrix_score(method: str, weight: Tensor, x: Tensor, g: Tensor, alpha: float) -> tuple[Tensor, str]:
    """Score of one matrix (out, in) from x (in,) and g (out, in), and what was missing: "", "inputs" or "gradients".

    A matrix that received no input is scored |W|; one whose gradients are all zero |W| x by gblm and |W| by gradient.
    """
    size = weight.float().abs()
    no_input = "inputs" in needs(method) and bool((x == 0).all())
    no_gradient = "gradients" in needs(method) and bool((g == 0).all())
    if method == "magnitude":
        return size, ""
    if method == "wanda":
        return (size, "inputs") if no_input else (size * x, "")
    if method == "gradient":
        return (size, "gradients") if no_gradient else (size * g, "")
    if method == "gblm":
        if no_input:
            return size, "inputs"
        if no_gradient:
            return size * x, "gradients"
        return size * (x + alpha * g), ""
    raise ValueError(f"no such method: {method}")


def scores(
    matrices: dict[str, Prunable], total: Sums | None, recipe: Recipe, alpha: float = 0.0
) -> tuple[dict[str, Tensor], dict[str, dict[int, str]]]:
    """Scores by name, float32 (out, in) or (experts, out, in); and the fallbacks: name -> {expert: what was missing}.

    A matrix that is not one of a stack is its own expert 0. A score that is not finite is an error naming the matrix.
    """
    scored: dict[str, Tensor] = {}
    fallen: dict[str, dict[int, str]] = {}
    for name, matrix in matrices.items():
        weight = matrix.view()
        if recipe.method == "random":
            scored[name] = random_score(name, weight.shape, recipe.seed)
            continue
        x = torch.zeros((*weight.shape[:-2], weight.shape[-1]))
        g = torch.zeros(weight.shape)
        if total is not None and "inputs" in needs(recipe.method):
            x = input_norm(total, name)
        if total is not None and "gradients" in needs(recipe.method):
            g = gradient_norm(total, name, recipe.norm)
        one_x = [x] if weight.ndim == 2 else list(x)
        parts = []
        for expert, (w, its_x, its_g) in enumerate(zip(each_matrix(weight), one_x, each_matrix(g), strict=True)):
            score, missing = matrix_score(recipe.method, w, its_x, its_g, alpha)
            if not bool(torch.isfinite(score).all()):
                raise ValueError(f"{name}: a score is not finite")
            if missing:
                fallen.setdefault(name, {})[expert] = missing
            parts.append(score)
        scored[name] = parts[0] if weight.ndim == 2 else torch.stack(parts)
    return scored, fallen


# ------------------------------------------------------------------------------------------------------------ the masks


def removed_count(size: int, sparsity: float) -> int:
    """How many of `size` weights go: Python's own float product, cut off. int(100 * 0.29) is 28."""
    if not 0 <= sparsity < 1:
        raise ValueError(f"a sparsity is at least 0 and below 1, not {sparsity}")
    return int(size * sparsity)


def lowest(line: Tensor, count: int) -> Tensor:
    """Mask of the `count` lowest of a one-dimensional score; of equal ones the leftmost go first."""
    mask = torch.zeros(len(line), dtype=torch.bool)
    mask[torch.sort(line, stable=True).indices[:count]] = True
    return mask


def row_mask(score: Tensor, sparsity: float) -> Tensor:
    """(out, in) -> mask: the int(in * sparsity) lowest of each row."""
    return torch.stack([lowest(row, removed_count(len(row), sparsity)) for row in score])


def matrix_mask(score: Tensor, sparsity: float) -> Tensor:
    """(out, in) -> mask: the int(out * in * sparsity) lowest of the matrix, row after row."""
    return lowest(score.reshape(-1), removed_count(score.numel(), sparsity)).reshape(score.shape)


def authors_mask(score: Tensor, sparsity: float) -> Tensor:
    """(out, in) -> mask: all not above the sorted value at int(numel * sparsity). Sparsity 0 removes nothing."""
    count = removed_count(score.numel(), sparsity)
    if sparsity == 0:  # the authors' program does not prune at all then
        return torch.zeros(score.shape, dtype=torch.bool)
    return score <= torch.sort(score.reshape(-1)).values[count]


def n_of_m_mask(score: Tensor, n: int, m: int) -> Tensor:
    """(out, in) -> mask: the n lowest of each m neighbours along the input dimension."""
    rows, columns = score.shape
    if columns % m:
        raise ValueError(f"{n}:{m} needs a width divisible by {m}, not {columns}")
    groups = score.reshape(rows, columns // m, m)
    before = torch.zeros(groups.shape, dtype=torch.int64)  # how many of its group go before this one
    for place in range(m):
        for other in range(m):
            mine, its = groups[..., place], groups[..., other]
            before[..., place] += its <= mine if other < place else its < mine
    return (before < n).reshape(rows, columns)


def global_masks(scored: dict[str, Tensor], sparsity: float) -> dict[str, Tensor]:
    """Masks of the int(total * sparsity) lowest of all, parameters in the order given, each row after row."""
    line = torch.cat([score.reshape(-1) for score in scored.values()])
    mask = lowest(line, removed_count(len(line), sparsity))
    found: dict[str, Tensor] = {}
    start = 0
    for name, score in scored.items():
        found[name] = mask[start : start + score.numel()].reshape(score.shape)
        start += score.numel()
    return found


def masks(scored: dict[str, Tensor], recipe: Recipe) -> dict[str, Tensor]:
    """Masks by name, of the scores' shapes. Each expert of a stack is a matrix of its own."""
    if recipe.rule == "global":
        return global_masks(scored, recipe.sparsity)
    if recipe.rule == "authors" and recipe.method != "magnitude":
        raise ValueError("the authors' group is for magnitude only")
    rules: dict[str, Callable[[Tensor], Tensor]] = {
        "row": lambda score: row_mask(score, recipe.sparsity),
        "matrix": lambda score: matrix_mask(score, recipe.sparsity),
        "authors": lambda score: authors_mask(score, recipe.sparsity),
        "n:m": lambda score: n_of_m_mask(score, recipe.n, recipe.m),
    }
    found: dict[str, Tensor] = {}
    for name, score in scored.items():
        try:
            parts = [rules[recipe.rule](part) for part in each_matrix(score)]
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        found[name] = parts[0] if score.ndim == 2 else torch.stack(parts)
    return found


def equal_rows(score: Tensor) -> int:
    """How many rows of a score have one value only."""
    return sum(bool((row == row[0]).all()) for part in each_matrix(score) for row in part)


# ------------------------------------------------------------------------------------------------------- the two orders


def zero(matrices: dict[str, Prunable], removed: dict[str, Tensor]) -> None:
    """Set the removed weights to 0 in the network that `matrices` belong to."""
    for name, mask in removed.items():
        matrices[name].view()[mask] = 0.0


def pruned(network: nn.Module, blocks: Sequence[nn.Module], removed: dict[str, Tensor]) -> nn.Module:
    """A copy of the network without the removed weights."""
    other, its_blocks = copy.deepcopy((network, list(blocks)))
    zero(prunable(other, its_blocks), removed)
    return other


def dense_masks(
    network: nn.Module,
    blocks: Sequence[nn.Module],
    samples: Sequence[Tensor],
    recipe: Recipe,
    total: Sums | None = None,
) -> dict[str, Tensor]:
    """Masks with every statistic taken from the dense network. `total` may be given where it is known already."""
    if total is None and needs(recipe.method):
        total = sums(network, blocks, samples)
    alpha = alpha_number(recipe, total) if total is not None and recipe.method == "gblm" else 0.0
    return masks(scores(prunable(network, blocks), total, recipe, alpha)[0], recipe)


def sequential_masks(
    network: nn.Module,
    blocks: Sequence[nn.Module],
    samples: Sequence[Tensor],
    recipe: Recipe,
    total: Sums | None = None,
) -> dict[str, Tensor]:
    """Masks block by block: gradients (and alpha) of the dense network, inputs after all blocks before were pruned.

    For each block every sample goes through the whole network from its first token on.
    """
    if recipe.rule == "global":
        raise ValueError("the global group compares all blocks at once: dense order only")
    if total is None and needs(recipe.method):
        total = sums(network, blocks, samples)
    alpha = alpha_number(recipe, total) if total is not None and recipe.method == "gblm" else 0.0
    network, blocks = copy.deepcopy((network, list(blocks)))
    network.eval()
    found: dict[str, Tensor] = {}
    for block in blocks:
        matrices = prunable(network, [block])
        here = total
        if total is not None and "inputs" in needs(recipe.method):
            inputs = input_squares(network, matrices, samples)
            here = Sums(
                len(samples),
                total.loss,
                total.sample_l1,
                total.gradient_l1,
                total.gradient_sq,
                total.gradient_sum,
                inputs,
            )
        removed = masks(scores(matrices, here, recipe, alpha)[0], recipe)
        zero(matrices, removed)
        found |= removed
    return {name: found[name] for name, _ in network.named_parameters() if name in found}


# ---------------------------------------------------------------------------------------------------------- the samples


def seeded_choice(available: int, wanted: int, seed: int) -> list[int]:
    """`wanted` of `available` indices by seed, in their own order; all where there are not more."""
    if available <= wanted:
        return list(range(available))
    generator = torch.Generator().manual_seed(seed)
    return sorted(torch.randperm(available, generator=generator)[:wanted].tolist())


def automatic_length(tokens: int, maximum: int) -> int:
    """clamp(T // 16, 16, min(2048, the model's maximum)); where the maximum is below 16, the maximum."""
    return min(max(tokens // 16, 16), min(2048, maximum))


def cut_windows(tokens: Sequence[int], length: int, count: int | None = None, seed: int = 0) -> list[Tensor]:
    """Windows of `length` from the start, none overlapping; a shorter last one goes unless it is the only one."""
    windows = [list(tokens[start : start + length]) for start in range(0, len(tokens), length)]
    if len(windows) > 1 and len(windows[-1]) < length:
        windows.pop()
    windows = [window for window in windows if len(window) >= 2]
    chosen = seeded_choice(len(windows), len(windows) if count is None else count, seed)
    return [torch.tensor(windows[index], dtype=torch.int64) for index in chosen]


def split_paragraphs(text: str) -> list[str]:
    """The pieces between blank lines (a line of spaces is blank), without empty ones."""
    pieces: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            pieces[-1].append(line)
        elif pieces[-1]:
            pieces.append([])
    return ["\n".join(lines) for lines in pieces if lines]


def cut_paragraphs(
    paragraphs: Sequence[Sequence[int]], length: int, count: int | None = None, seed: int = 0
) -> tuple[list[Tensor], list[int], int]:
    """Samples of tokenised paragraphs, how many tokens each lost beyond `length`, and how many were too short."""
    usable = [list(tokens) for tokens in paragraphs if len(tokens) >= 2]
    chosen = seeded_choice(len(usable), len(usable) if count is None else count, seed)
    samples = [torch.tensor(usable[index][:length], dtype=torch.int64) for index in chosen]
    dropped = [max(0, len(usable[index]) - length) for index in chosen]
    return samples, dropped, len(paragraphs) - len(usable)


def held_out(samples: int, seed: int) -> tuple[list[int], list[int]]:
    """(collected, held out): indices of a seeded fifth, at least 2, set aside; both in order."""
    count = max(2, samples // 5)
    generator = torch.Generator().manual_seed(seed)
    aside = sorted(torch.randperm(samples, generator=generator)[:count].tolist())
    return [index for index in range(samples) if index not in aside], aside


# ------------------------------------------------------------------------------------------------------- the evaluation


def perplexity(network: nn.Module, tokens: Tensor, length: int) -> tuple[float, list[float]]:
    """exp of the mean over windows of the mean loss over each window's length - 1 predictions; and the windows' losses.

    Windows do not overlap; the tail is dropped; a text shorter than one window is one shorter window.
    """
    windows = [tokens[start : start + length] for start in range(0, len(tokens) - length + 1, length)] or [tokens]
    with torch.no_grad():
        losses = [cross_entropy(logits_of(network, window), window).item() for window in windows]
    return math.exp(sum(losses) / len(losses)), losses


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    z = 1.959963984540054
    share = successes / trials
    centre = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return (centre - half) / scale, (centre + half) / scale


# ------------------------------------------------------------------------------------ how patterned a mask (out, in) is


def _ratio(above: float, below: float) -> float:
    return above / below if below != 0 else math.nan


def column_score(mask: Tensor) -> float:
    """(Var of column densities - s(1-s)/R) / (s(1-s)(1-1/R)): 0 as chance gives, 1 where whole columns go."""
    rows, columns = mask.shape
    density = [sum(bool(mask[row, column]) for row in range(rows)) / rows for column in range(columns)]
    s = sum(density) / columns
    variance = sum((d - s) ** 2 for d in density) / columns
    return _ratio(variance - s * (1 - s) / rows, s * (1 - s) * (1 - 1 / rows))


def row_score(mask: Tensor) -> float:
    """The same of rows. A row or n:m pattern fixes it: every row has the same share."""
    return column_score(mask.T)


def head_score(mask: Tensor, heads: int) -> float:
    """How far the heads, `heads` equal groups of rows, remove columns of their own. For the output projection: mask.T.

    0 as chance gives, and where only whole-height columns show; 1 where each head removes whole columns of its own.
    """
    rows, columns = mask.shape
    d = rows // heads
    whole = [sum(bool(mask[row, column]) for row in range(rows)) / rows for column in range(columns)]
    v = sum(p * (1 - p) for p in whole) / columns
    spread = 0.0
    for head in range(heads):
        for column in range(columns):
            density = sum(bool(mask[row, column]) for row in range(head * d, head * d + d)) / d
            spread += (density - whole[column]) ** 2
    null = v * (rows - d) / (d * (rows - 1))
    return _ratio(spread / (heads * columns) - null, v - null)


def neighbour_similarity(mask: Tensor) -> float:
    """Mean over adjacent rows of |both removed| / |either removed|; two rows that lose nothing count as alike."""
    rows, columns = mask.shape
    total = 0.0
    for row in range(rows - 1):
        both = sum(bool(mask[row, j]) and bool(mask[row + 1, j]) for j in range(columns))
        either = sum(bool(mask[row, j]) or bool(mask[row + 1, j]) for j in range(columns))
        total += both / either if either else 1.0
    return total / (rows - 1)


def neighbour_score(mask: Tensor, null: float) -> float:
    """(J - null) / (1 - null), `null` being the mean J of shuffled masks."""
    return _ratio(neighbour_similarity(mask) - null, 1 - null)


def shuffled(mask: Tensor, rule: str, generator: torch.Generator, m: int = 4) -> Tensor:
    """The mask with its places permuted inside each comparison group: row, matrix, or m neighbours (n:m)."""

    def groups() -> Iterator[list[tuple[int, int]]]:
        rows, columns = mask.shape
        if rule == "matrix":
            yield [(row, column) for row in range(rows) for column in range(columns)]
        width = {"row": columns, "n:m": m}.get(rule, 0)
        for row in range(rows):
            for first in range(0, columns if width else 0, width or 1):
                yield [(row, column) for column in range(first, first + width)]

    result = mask.clone()
    for places in groups():
        order = torch.randperm(len(places), generator=generator).tolist()
        for place, source in zip(places, order, strict=True):
            result[place] = mask[places[source]]
    return result


def agreement(one: Tensor, other: Tensor) -> float:
    """The share of weights on which two masks say the same."""
    return (one == other).double().mean().item()


def kappa(one: Tensor, other: Tensor) -> float:
    """Cohen's kappa of two masks: agreement beyond what their densities alone would give."""
    a, b = one.double().mean().item(), other.double().mean().item()
    chance = a * b + (1 - a) * (1 - b)
    return _ratio(agreement(one, other) - chance, 1 - chance)


# ------------------------------------------------------------------------------------------------- which token pulls


def token_gradients(network: nn.Module, name: str, sample: Tensor) -> Tensor:
    """G of one sample taken apart by input token, in float64: (length, *shape of the parameter as it is stored).

    Each token goes through the modules that hold the parameter by itself, with a copy of the weights of its own; the
    gradient in token t's copy is what t adds to G.
    """
    network = copy.deepcopy(network).double().eval().requires_grad_(False)
    parameter = dict(network.named_parameters())[name]
    copies = [parameter.detach().clone().requires_grad_() for _ in sample]

    def one_by_one(module: nn.Module, own: str) -> Callable[..., Tensor]:
        plain = copy.copy(module)  # its forward stays the class's own, while the module's is replaced

        def forward(*given: Tensor) -> Tensor:
            """given: (..., length, features) each, of whatever features."""
            outputs = []
            for token in range(len(sample)):
                alone = tuple(tensor.narrow(-2, token, 1) for tensor in given)
                outputs.append(torch.func.functional_call(plain, {own: copies[token]}, alone))
            return torch.cat(outputs, dim=-2)

        return forward

    for module in list(network.modules()):
        for own, held in list(module.named_parameters(recurse=False)):
            if held is parameter:
                module.forward = one_by_one(module, own)
    logits = network(input_ids=sample.unsqueeze(0), use_cache=False).logits[0]
    total = torch.zeros((), dtype=torch.float64)
    for position in range(len(sample) - 1):
        total = total - torch.log_softmax(logits[position].double(), dim=-1)[sample[position + 1]]
    (total / (len(sample) - 1)).backward()
    return torch.stack([torch.zeros_like(one) if one.grad is None else one.grad for one in copies])


def token_pulls(parts: Tensor, rows: Sequence[int], columns: Sequence[int], signed: bool = False) -> list[float]:
    """What each token adds to Σ |G_ij| over rows and columns, or to Σ G_ij where `signed`; parts (length, out, in)."""
    pulls = [0.0] * len(parts)
    for i in rows:
        for j in columns:
            by_token = parts[:, i, j].tolist()
            whole = sum(by_token)
            way = 1.0 if signed or whole > 0 else -1.0 if whole < 0 else 0.0
            for token, value in enumerate(by_token):
                pulls[token] += way * value
    return pulls


def band(score: Callable[[Tensor], float], mask: Tensor, nulls: Sequence[Tensor]) -> tuple[float, ...]:
    """(score, mean, lowest, highest, p) of a mask's score against those of its shuffled masks.

    p = (1 + how many shuffled masks score at least as high) / (1 + how many there are).
    """
    own = score(mask)
    drawn = [score(null) for null in nulls]
    at_least = 0
    for one in drawn:
        if one >= own - 1e-12:  # the same score, summed in another order
            at_least += 1
    return own, sum(drawn) / len(drawn), min(drawn), max(drawn), (1 + at_least) / (1 + len(drawn))


def column_deviations(mask: Tensor, rule: str) -> list[float]:
    """Standard deviations of each column's density from s: rule "matrix", or "row" and "n:m" (row by row)."""
    rows, columns = mask.shape
    s = sum(bool(mask[row, column]) for row in range(rows) for column in range(columns)) / (rows * columns)
    variance = s * (1 - s) / rows
    if rule == "matrix":
        variance = variance * (rows * columns - rows) / (rows * columns - 1)
    found = []
    for column in range(columns):
        density = sum(bool(mask[row, column]) for row in range(rows)) / rows
        found.append((density - s) / math.sqrt(variance))
    return found


# ----------------------------------------------------------------------------------------------- two masks of a matrix


def category(a: bool, b: bool) -> int:
    """What the matrix view draws for a weight that A and B remove or keep: both keep, both remove, only A, only B."""
    return {(False, False): 0, (True, True): 1, (True, False): 2, (False, True): 3}[a, b]


def place_in_row(line: Tensor, column: int) -> int:
    """How many of a row's scores go before this one: the lower ones, and of equal ones those further left."""
    before = 0
    for other in range(len(line)):
        if line[other] < line[column] or (line[other] == line[column] and other < column):
            before += 1
    return before


def parted(scores_a: Tensor, scores_b: Tensor, removing: Tensor, keeping: Tensor) -> list[tuple[int, int, int, int]]:
    """(row, column, place by A, place by B) of all weights that one mask removes and the other keeps, row by row."""
    rows, columns = removing.shape
    return [
        (row, column, place_in_row(scores_a[row], column), place_in_row(scores_b[row], column))
        for row in range(rows)
        for column in range(columns)
        if removing[row, column] and not keeping[row, column]
    ]


# ------------------------------------------------------------------------------------------------------ why THIS weight

Place = tuple[int, int, int]  # expert (0 where there is one matrix only), row, column


def rivals(scored: dict[str, Tensor], recipe: Recipe, name: str, place: Place) -> list[tuple[str, Place]]:
    """The weights that one weight competes with, itself among them, in the order in which equals go."""
    found = []
    for other, score in scored.items():
        for expert, part in enumerate(each_matrix(score)):
            same_matrix = other == name and expert == place[0]
            if not same_matrix and recipe.rule != "global":
                continue  # no other rule lets weights of two matrices compete
            for row in range(part.shape[0]):
                for column in range(part.shape[1]):
                    same_row = same_matrix and row == place[1]
                    together = {
                        "row": same_row,
                        "matrix": same_matrix,
                        "authors": same_matrix,
                        "global": True,
                        "n:m": same_row and column // recipe.m == place[2] // recipe.m,
                    }
                    if together[recipe.rule]:
                        found.append((other, (expert, row, column)))
    return found


def standing(
    scored: dict[str, Tensor], removed: dict[str, Tensor], recipe: Recipe, name: str, place: Place
) -> tuple[int, int, int, float, float]:
    """Of one weight: how many of its rivals go before it, how many they are with it, how many of them go, the largest
    score that goes and the smallest that stays (nan where there is none)."""
    scores = {other: each_matrix(score) for other, score in scored.items()}
    masked = {other: each_matrix(mask) for other, mask in removed.items()}
    own = scores[name][place[0]][place[1], place[2]].item()
    group = rivals(scored, recipe, name, place)
    before, passed = 0, False
    gone: list[float] = []
    left: list[float] = []
    for other, (expert, row, column) in group:
        score = scores[other][expert][row, column].item()
        passed = passed or (other, (expert, row, column)) == (name, place)
        if score < own or (score == own and not passed):
            before += 1
        (gone if masked[other][expert][row, column] else left).append(score)
    return before, len(group), len(gone), max(gone, default=math.nan), min(left, default=math.nan)


def predicted_change(
    network: nn.Module, blocks: Sequence[nn.Module], samples: Sequence[Tensor], name: str, places: Sequence[Place]
) -> float:
    """-sum over places of W times the mean over samples of its gradient: one float32 backward for each sample."""
    network, blocks = copy.deepcopy((network, list(blocks)))
    network.eval().requires_grad_(True)
    matrices = prunable(network, blocks)
    weights = each_matrix(matrices[name].view())
    change = 0.0
    for sample in samples:
        taken = each_matrix(gradients(network, matrices, sample)[1][name])
        for expert, row, column in places:
            change -= weights[expert][row, column].item() * taken[expert][row, column].item() / len(samples)
    return change


def in_doubles_without(
    network: nn.Module, blocks: Sequence[nn.Module], name: str = "", places: Sequence[Place] = ()
) -> nn.Module:
    """A copy whose parameters are doubles, those at `places` of one parameter being 0."""
    other, its_blocks = copy.deepcopy((network, list(blocks)))
    other.eval().double()
    if places:
        weights = each_matrix(prunable(other, its_blocks)[name].view())
        for expert, row, column in places:
            weights[expert][row, column] = 0.0
    return other


def plain_logits(network: nn.Module, sample: Tensor) -> Tensor:
    """What the network itself says: (length, vocabulary). Double where its parameters are and nothing inside casts."""
    with torch.no_grad():
        return network(input_ids=sample.unsqueeze(0), use_cache=False).logits[0].double()


def llama_logits(network: Any, sample: Tensor) -> Tensor:
    """Llama written out, every number a double: (length, vocabulary). `network` lends its parameters, as doubles.

    Touvron et al., LLaMA (2023): RMSNorm before each half of a block, rotary positions, SwiGLU; keys, values grouped.
    """
    config = network.config
    heads, shared, size = config.num_attention_heads, config.num_key_value_heads, config.hidden_size
    width = size // heads
    frequency = network.model.rotary_emb.inv_freq.double()

    def norm(module: Any, state: Tensor) -> Tensor:
        return module.weight * state / (state.square().mean(-1, keepdim=True) + config.rms_norm_eps).sqrt()

    def rotated(vector: Tensor, position: int) -> Tensor:
        half = width // 2
        cosine, sine = (position * frequency).cos(), (position * frequency).sin()
        first, second = vector[:half], vector[half:]
        return torch.cat([first * cosine - second * sine, second * cosine + first * sine])

    with torch.no_grad():
        states = network.model.embed_tokens.weight[sample]
        for block in network.model.layers:
            given = norm(block.input_layernorm, states)
            attention = block.self_attn
            q, k, v = (given @ one.weight.T for one in (attention.q_proj, attention.k_proj, attention.v_proj))
            seen = torch.zeros_like(states)
            for head in range(heads):
                own = slice(head * width, (head + 1) * width)
                other = slice(head // (heads // shared) * width, (head // (heads // shared) + 1) * width)
                keys = torch.stack([rotated(key, position) for position, key in enumerate(k[:, other])])
                for position in range(len(sample)):
                    against = keys[: position + 1] @ rotated(q[position, own], position)
                    heed = torch.softmax(against / math.sqrt(width), dim=-1)
                    seen[position, own] = heed @ v[: position + 1, other]
            states = states + seen @ attention.o_proj.weight.T
            given = norm(block.post_attention_layernorm, states)
            gate = given @ block.mlp.gate_proj.weight.T
            inner = gate * torch.sigmoid(gate) * (given @ block.mlp.up_proj.weight.T)
            states = states + inner @ block.mlp.down_proj.weight.T
        return norm(network.model.norm, states) @ network.lm_head.weight.T


def loss_in_doubles(logits: Tensor, tokens: Tensor) -> float:
    """Mean next-token cross-entropy of double logits (length, vocabulary), labels = inputs."""
    losses = []
    for position in range(len(tokens) - 1):
        losses.append(-torch.log_softmax(logits[position], dim=-1)[tokens[position + 1]].item())
    return math.fsum(losses) / len(losses)


def measured_change(
    network: nn.Module,
    blocks: Sequence[nn.Module],
    samples: Sequence[Tensor],
    name: str,
    places: Sequence[Place],
    logits: Callable[[Any, Tensor], Tensor] = plain_logits,
) -> float:
    """Change of the mean loss over samples when the weights at `places` are 0: the whole network twice, in doubles."""
    before, after = in_doubles_without(network, blocks), in_doubles_without(network, blocks, name, places)
    changes = [
        loss_in_doubles(logits(after, sample), sample) - loss_in_doubles(logits(before, sample), sample)
        for sample in samples
    ]
    return math.fsum(changes) / len(samples)


# ------------------------------------------------------------------------------------------------- answers side by side


def next_token_distance(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """KL(p‖q) and the Jensen–Shannon divergence of two models' logits for one next token, in nats, by plain loops."""
    def chances(logits: Sequence[float]) -> list[float]:
        largest = max(logits)
        weights = [math.exp(one - largest) for one in logits]
        return [weight / math.fsum(weights) for weight in weights]

    def distance(one: list[float], other: list[float]) -> float:
        return math.fsum(a * math.log(a / b) for a, b in zip(one, other, strict=True) if a > 0)

    p, q = chances(first), chances(second)
    middle = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    return distance(p, q), (distance(p, middle) + distance(q, middle)) / 2


def loop_at_end(tokens: Sequence[int], least_times: int, least_tokens: int) -> tuple[int, int] | None:
    """(span, times) of the shortest loop that an answer ends with, by trying every span, number and cut."""
    for length in range(1, len(tokens) + 1):
        for times in range(len(tokens) // length, least_times - 1, -1):
            for rest in range(length):
                size = times * length + rest
                if size <= len(tokens) and times * length >= least_tokens:
                    body = list(tokens[len(tokens) - size :])
                    if body == (body[:length] * (times + 1))[:size]:
                        return length, times
    return None


def exact_binomial_interval(successes: int, trials: int, beyond: float) -> tuple[float, float]:
    """The shares at which ≥ `successes`, and ≤ `successes`, have the chance `beyond`: whole numbers until the end."""
    def at_least(count: int, millionths: int) -> float:
        unit = 10**6
        ways = sum(math.comb(trials, k) * millionths**k * (unit - millionths) ** (trials - k)
                   for k in range(count, trials + 1))
        return ways / unit**trials

    def crossing(count: int, chance: float) -> float:
        low, high = 0, 10**6
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if at_least(count, middle) > chance else (middle, high)
        return (low + high) / 2 / 10**6

    return (crossing(successes, beyond) if successes else 0.0,
            crossing(successes + 1, 1 - beyond) if successes < trials else 1.0)
# ------------------------------------------------------------------------------ what was lost, question by question


def worst_rank(network: nn.Module, prompt: Sequence[int], answer: Sequence[int]) -> int:
    """1 + how many tokens the network holds likelier than the answer's worst one; one network call a token."""
    worst = 1
    for position, wanted in enumerate(answer):
        with torch.no_grad():
            logits = logits_of(network, torch.tensor([*prompt, *answer[:position]]))[-1].tolist()
        worst = max(worst, 1 + sum(other > logits[wanted] for other in logits))
    return worst


def newcombe(both: int, only_first: int, only_second: int, neither: int) -> tuple[float, float]:
    """Newcombe's 95 % interval (1998, method 10) of the second's share minus the first's, on the same questions."""
    n = both + only_first + only_second + neither
    p1, p2 = (both + only_first) / n, (both + only_second) / n
    (l1, u1), (l2, u2) = wilson(both + only_first, n), wilson(both + only_second, n)
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    product = both * neither - only_first * only_second
    if product > n / 2:
        phi = (product - n / 2) / math.sqrt(margins) if margins else 0.0
    elif product >= 0:
        phi = 0.0
    else:
        phi = product / math.sqrt(margins) if margins else 0.0
    down = math.sqrt(max(0.0, (p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2))
    up = math.sqrt(max(0.0, (u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2))
    return -(p1 - p2 + up), -(p1 - p2 - down)


def students_quantile(degrees: float) -> float:
    """t with 97.5 % below it, by bisection on Simpson's integral of the density from 0 to t."""
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)

    def area(end: float) -> float:
        steps = 2000
        width = end / steps
        heights = [scale * (1 + (width * i) ** 2 / degrees) ** (-(degrees + 1) / 2) for i in range(steps + 1)]
        return width / 3 * (heights[0] + heights[-1] + 4 * sum(heights[1:-1:2]) + 2 * sum(heights[2:-1:2]))

    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if area(middle) < 0.475 else (low, middle)
    return low
# ------------------------------------------------------------------------------------------------------ a curve's knee


def knee(sparsities: Sequence[float], perplexities: Sequence[float], least: float) -> int | None:
    """The point where a rope, tied to both ends of log perplexity against sparsity, hangs lowest; None if it is tight.

    `least`: of the whole rise, how deep it must hang to be called a knee.
    """
    first, last = 0, len(sparsities) - 1
    climb = math.log(perplexities[last] / perplexities[first])
    if climb <= 0:
        return None
    best, deepest = None, 0.0
    for index in range(1, last):
        way = (sparsities[index] - sparsities[first]) / (sparsities[last] - sparsities[first])
        rope = perplexities[first] * (perplexities[last] / perplexities[first]) ** way
        hanging = math.log(rope / perplexities[index])
        if hanging >= least * climb and hanging > deepest:
            best, deepest = index, hanging
    return best


def as_mask_and_values(shapes: Sequence[tuple[int, ...]], masks: Sequence[Tensor], itemsize: int, rest: int) -> int:
    """Bytes of matrices as one bit a weight, in whole bytes, and the kept weights one after another; and the rest."""
    total = rest
    for shape, mask in zip(shapes, masks, strict=True):
        bits = "".join("0" if gone else "1" for gone in mask.reshape(-1).tolist())
        assert len(bits) == math.prod(shape)
        while len(bits) % 8:
            bits += "0"
        total += len(bits) // 8 + sum(itemsize for bit in bits if bit == "1")
    return total


# ---------------------------------------------------------------------------- a difference over draws and over windows


def means_of_neighbours(values: Sequence[float], size: int) -> list[float]:
    """The means of windows // size runs of neighbours; the first runs are one longer where they do not divide."""
    count = max(1, len(values) // size)
    runs: list[list[float]] = [[] for _ in range(count)]
    lengths = [len(values) // count + (1 if run < len(values) % count else 0) for run in range(count)]
    left = list(values)
    for run, length in enumerate(lengths):
        runs[run], left = left[:length], left[length:]
    return [sum(run) / len(run) for run in runs]


def crossed_interval(d: Sequence[Sequence[float]], size: int) -> tuple[float, float, float]:
    """(low, high, degrees) of the mean of d[draw][window]: draws and windows as two crossed random factors.

    d = mean + draw + window + rest. Each factor's variance is what its mean square exceeds the rest's by, over how
    often it was seen; the mean's variance is the three variances, each over how many of it there are. It is not less
    than the mean square of the draws alone, or of the windows alone, gives.
    """
    mean = sum(sum(row) for row in d) / sum(len(row) for row in d)
    d = [means_of_neighbours(row, size) for row in d]
    k, n = len(d), len(d[0])
    middle = sum(sum(row) for row in d) / (k * n)
    of_draw = [sum(row) / n for row in d]
    of_window = [sum(d[i][j] for i in range(k)) / k for j in range(n)]
    ms_window = k * sum((one - middle) ** 2 for one in of_window) / (n - 1)
    if k == 1:
        variance, degrees = ms_window / n, n - 1.0
    else:
        ms_draw = n * sum((one - middle) ** 2 for one in of_draw) / (k - 1)
        ms_rest = sum((d[i][j] - of_draw[i] - of_window[j] + middle) ** 2 for i in range(k) for j in range(n)) / (
            (k - 1) * (n - 1))
        draw, window = (ms_draw - ms_rest) / n, (ms_window - ms_rest) / k
        variance = draw / k + window / n + ms_rest / (k * n)
        parts = [(ms_draw, k - 1), (ms_window, n - 1), (-ms_rest, (k - 1) * (n - 1))]
        floor, least = max((ms_draw / (k * n), k - 1.0), (ms_window / (k * n), n - 1.0))
        if variance > floor * (1 + 1e-12):
            degrees = sum(part for part, _ in parts) ** 2 / sum(part**2 / f for part, f in parts)
        else:
            variance, degrees = floor, least
    half = students_quantile(degrees) * math.sqrt(variance)
    return mean - half, mean + half, degrees


def pigeonhole_bootstrap(d: Sequence[Sequence[float]], times: int, seed: int) -> list[float]:
    """Means of d after drawing its draws, and by themselves its windows, with putting back (Owen 2007, Annals of
    Applied Statistics 1)."""
    chance = random.Random(seed)
    k, n = len(d), len(d[0])
    means = []
    for _ in range(times):
        rows = [chance.randrange(k) for _ in range(k)]
        columns = [chance.randrange(n) for _ in range(n)]
        means.append(sum(d[i][j] for i in rows for j in columns) / (k * n))
    return means


# ---------------------------------------------------------------------------------- weights that show one thing clearly


def loudest_input(matrices: dict[str, tuple[Tensor, Tensor]], dropped: dict[str, Tensor],
                  kept: dict[str, Tensor]) -> tuple[str, int, int] | None:
    """(matrix, row, column) that `dropped` removes and `kept` keeps, where x ÷ its median is largest, then |W|·x.

    matrices: name → (weight (out, in), x (in,))."""
    found: tuple[float, float, tuple[str, int, int]] | None = None
    for name, (weight, x) in matrices.items():
        middle = statistics.median(x.double().tolist())
        for row in range(weight.shape[0]):
            for column in range(weight.shape[1]):
                if not dropped[name][row, column] or kept[name][row, column]:
                    continue
                louder = float(x[column]) / middle
                size = abs(float(weight[row, column])) * float(x[column])
                if found is None or (louder, size) > found[:2]:
                    found = louder, size, (name, row, column)
    return None if found is None else found[2]


def row_shares(mask: Tensor) -> list[float]:
    """The share removed of each row."""
    return [sum(bool(one) for one in row) / len(row) for row in mask]


def lowest_predictions(matrices: dict[str, tuple[Tensor, Tensor]], removed: dict[str, Tensor], count: int,
                       most: int) -> list[tuple[str, int, int]]:
    """Up to `most` kept weights with the lowest −W·ΣG/N below 0. matrices: name → (weight, ΣG)."""
    found = [(-float(weight[row, column]) * float(total[row, column]) / count, name, row, column)
             for name, (weight, total) in matrices.items() for row in range(weight.shape[0])
             for column in range(weight.shape[1]) if not removed[name][row, column]]
    return [one[1:] for one in sorted((one for one in found if one[0] < 0), key=lambda one: one[0])[:most]]
