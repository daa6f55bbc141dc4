"""Trains the pocket model from nothing and leaves it in its folder.

Killed and started again, it goes on from its last checkpoint. Knows nothing of how the result is scored (evaluate.py).
"""

from __future__ import annotations

import copy
import json
import logging
import math
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from gblm_viz.core.model.models import move, pick_device
from gblm_viz.core.sums.observe import sample_loss
from gblm_viz.pocket import prose, skills, stream, tokens
from gblm_viz.pocket.said import ASKED

MEASURE_EVERY = 250  # steps
MATCHING, PASSED_ON, BEFORE = 0.8, 0.3, 4.9
"""How strongly the first weights of attention match, pass on, and look one back; see begin_by_copying."""
log = logging.getLogger("gblm_viz.pocket")


@dataclass(frozen=True)
class Recipe:
    """Everything a training run depends on; `tokens` is how many it sees in all, `batch` how many a step sees.

    Windows grow: `first_window` tokens long at first, then `window`, and as long as the context while the rate falls.
    In short windows a model finds out soonest that it can say what stands above; the last part teaches far positions.
    """

    tokens: int = 20_000_000
    batch: int = 1024
    first_window: int = 128
    window: int = 256
    short: int = 4_200_000  # tokens at the beginning that are seen in the first windows
    seed: int = 2
    written: float = 0.12  # share of the tokens that are written prose
    retold: float = 0.06  # … prose made by recombining; the rest are chats
    asked: float = 0.62  # … chats as an audience types them (audience.py)
    harder: float = 0.0  # … what must be known by heart and larger numbers (by_heart.py)
    hidden: int = 128
    blocks: int = 6
    heads: int = 4
    key_value_heads: int = 4
    intermediate: int = 384
    tied: bool = True  # one matrix for embedding and head
    rope_theta: float = 1000.0  # low, for a short context: more of each head tells neighbours apart
    copying: bool = True  # attention begins by matching and copying, where every head has its own keys
    spread: float = 0.05  # standard deviation of the first weights; 0.02 is meant for wide models
    uneven: float = 0.8  # how far apart the gains of the norms begin: standard deviation of their logarithm
    rate: float = 3e-3
    gain_rate: float = 1.0  # times `rate`: how fast the gains of the norms learn
    final_rate: float = 0.03  # of `rate`
    falling: float = 0.3  # the last part of the steps, in which the rate falls
    warmup: int = 200  # steps
    weight_decay: float = 0.01
    clip: float = 1.0

    @property
    def steps(self) -> int:
        """How many training steps there are."""
        return max(1, self.tokens // self.batch)

    @property
    def level_until(self) -> int:
        """The step at which the rate begins to fall."""
        return int(self.steps * (1 - self.falling))

    def rate_at(self, step: int) -> float:
        """The learning rate of a step: a straight line up, level, a straight line down.

        While it is level nothing depends on `tokens`: a run may be resumed with another number and is then the run of
        that number.
        """
        warm = min(1.0, (step + 1) / self.warmup)
        left = min(1.0, (self.steps - step) / (self.steps - self.level_until))
        return self.rate * warm * max(left, self.final_rate)

    def window_at(self, step: int) -> int:
        """The length of a step's windows."""
        if step < min(self.short // self.batch, self.level_until):
            return min(self.first_window, self.batch)
        return self.window if step < self.level_until else max(self.window, min(self.batch, stream.CONTEXT))

    @property
    def mixture(self) -> dict[str, float]:
        """Shares of the tokens by the kinds of stream.py; a kind without a share is left out."""
        shares = {"written": self.written, "retold": self.retold, "asked": self.asked, "harder": self.harder}
        return {"chat": 1 - sum(shares.values())} | {kind: share for kind, share in shares.items() if share}

    @property
    def made(self) -> tuple[str, ...]:
        """The kinds of text that are generated, but for what is only learnt by heart."""
        return tuple(kind for kind in self.mixture if kind not in ("written", "harder"))

    def goes_on_from(self, other: Mapping[str, Any], step: int) -> bool:
        """Whether `step` steps of the other recipe are also the first steps of this one."""
        theirs = Recipe(**other)  # a recipe of an earlier version lacks what was added since, at its default
        same = replace(self, tokens=0) == replace(theirs, tokens=0)
        return same and (self == theirs or step <= min(self.level_until, theirs.level_until))


@dataclass
class Progress:
    """How far a run is; it is written beside the weights at every checkpoint."""

    recipe: dict[str, object]
    corpus: str
    step: int = 0
    seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)


def _made(recipe: Recipe, count: int) -> list[str]:
    """The first documents the generator makes, of each kind that is not written."""
    random = Random("corpus")
    return [stream.KINDS[kind](random) for _ in range(count) for kind in recipe.made]


def corpus_hash(recipe: Recipe | None = None) -> str:
    """Changes whenever a piece of prose or the generator does: a run must not go on with other text than it began with.

    The same on every machine: of the prose, of all taught questions and of some generated documents.
    """
    written = [piece for language in prose.LANGUAGES for piece in prose.pieces(language)]
    taught = [f"{q.prompt} {q.frame} {q.value}" for name in skills.SKILLS for q in skills.taught(name)]
    chosen = recipe or Recipe()
    asked = [file.read_text(encoding="utf-8") for file in sorted(ASKED.rglob("*.*"))] if chosen.asked else []
    return sha256("\n###\n".join([*written, *taught, *asked, *_made(chosen, 300)]).encode()).hexdigest()[:16]


def new_tokenizer(recipe: Recipe | None = None) -> PreTrainedTokenizerFast:
    """Trained on the written prose and a sample of everything else, in about equal parts; the same for every seed."""
    return tokens.train([*prose.taught("en"), *prose.taught("ja"), *_made(recipe or Recipe(), 3000)])


def new_model(recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> LlamaForCausalLM:
    """Return an untrained model by the recipe, with the recipe's seed."""
    torch.manual_seed(recipe.seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=tokens.VOCABULARY,
            hidden_size=recipe.hidden,
            num_hidden_layers=recipe.blocks,
            num_attention_heads=recipe.heads,
            num_key_value_heads=recipe.key_value_heads,
            intermediate_size=recipe.intermediate,
            max_position_embeddings=stream.CONTEXT,
            rope_parameters={"rope_type": "default", "rope_theta": recipe.rope_theta},
            initializer_range=recipe.spread,
            attention_bias=recipe.copying,
            tie_word_embeddings=recipe.tied,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    if recipe.copying and recipe.heads == recipe.key_value_heads:
        begin_by_copying(model)
    if recipe.uneven:
        begin_uneven(model, recipe.uneven)
    return model


@torch.no_grad()
def begin_by_copying(model: LlamaForCausalLM) -> None:
    """Mimetic first weights (Trockman and Kolter 2023, arXiv 2305.09828): attention begins as it looks once trained.

    In the first half of the heads of every block queries and keys begin equal, so that a token looks for its like, and
    in all heads the output begins as the transposed value, so that what is looked at is passed on. The last head of
    block 0 begins by looking at the token before, by the biases of its query and key.
    """
    for block in model.model.layers:
        attention = block.self_attn
        half = attention.q_proj.out_features // 2
        rows = MATCHING * torch.nn.init.orthogonal_(torch.empty_like(attention.q_proj.weight))
        attention.q_proj.weight[:half], attention.k_proj.weight[:half] = rows[:half], rows[:half]
        torch.nn.init.orthogonal_(attention.v_proj.weight)
        attention.o_proj.weight.copy_(PASSED_ON * attention.v_proj.weight.T)
    first = model.model.layers[0].self_attn
    size = first.head_dim
    written = torch.nn.init.orthogonal_(torch.empty(first.o_proj.out_features, size))
    first.o_proj.weight[:, -size:] = PASSED_ON * written  # beside its own content, not on top of it
    angles = model.model.rotary_emb.inv_freq[: size // 4]  # one position apart; the slow half cannot tell neighbours
    place = torch.arange(len(angles)) - size
    first.q_proj.bias[place] = BEFORE
    first.k_proj.bias[place], first.k_proj.bias[place + size // 2] = BEFORE * angles.cos(), BEFORE * angles.sin()


@torch.no_grad()
def begin_uneven(model: LlamaForCausalLM, spread: float) -> None:
    """Gains before attention and MLP begin log-normal with mean square 1, the weights behind them untouched."""
    for block in model.model.layers:
        for norm in (block.input_layernorm, block.post_attention_layernorm):
            gain = torch.exp(spread * torch.randn_like(norm.weight))
            norm.weight.copy_(gain / gain.square().mean().sqrt())


def new_optimizer(recipe: Recipe, model: LlamaForCausalLM) -> torch.optim.AdamW:
    """AdamW; only matrices decay. `share` is a group's part of the rate."""
    named = list(model.named_parameters())
    groups = [
        {"params": [w for _, w in named if w.dim() > 1], "weight_decay": recipe.weight_decay, "share": 1.0},
        {"params": [w for name, w in named if name.endswith("bias")], "weight_decay": 0.0, "share": 1.0},
        {"params": [w for name, w in named if w.dim() == 1 and not name.endswith("bias")], "weight_decay": 0.0,
         "share": recipe.gain_rate},
    ]
    return torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98), fused=True)


def batch(recipe: Recipe, step: int, tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    """The windows of one training step; they depend on the recipe and the step alone."""
    length = recipe.window_at(step)
    whole = max(length, min(recipe.window, recipe.batch))
    random = Random(f"{recipe.seed} {step}")
    found = [stream.window(whole, recipe.mixture, random, tokenizer) for _ in range(max(1, recipe.batch // whole))]
    return [one[start : start + length] for one in found for start in range(0, whole, length)]


def loss_of(model: LlamaForCausalLM, windows: Tensor) -> Tensor:
    """Mean next-token cross-entropy over int64 (windows, length)."""
    logits = model(input_ids=windows, use_cache=False).logits
    return cross_entropy(logits[:, :-1].flatten(0, 1), windows[:, 1:].flatten())


class Workers:
    """Gradients of a batch on several threads, each with a copy of the model: shared weights, own gradients.

    On shared cores this is much faster than one model on several OpenMP threads: they meet once a step, not at every
    operation.
    """

    def __init__(self, model: LlamaForCausalLM, threads: int) -> None:
        self.models = [model, *(copy.deepcopy(model) for _ in range(threads - 1))]
        for replica in self.models[1:]:
            for shared, weight in zip(model.parameters(), replica.parameters(), strict=True):
                weight.data = shared.data
        self.pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))

    def backward(self, windows: Tensor) -> float:
        """Leaves the mean gradient over int64 (windows, length) in the first model; returns the mean loss."""
        parts = windows.chunk(len(self.models))
        shares = [len(part) / len(windows) for part in parts]
        losses = list(self.pool.map(self._backward, self.models, parts, shares))
        first = self.models[0]
        with torch.no_grad():
            for replica in self.models[1:]:
                for total, weight in zip(first.parameters(), replica.parameters(), strict=True):
                    if total.grad is not None and weight.grad is not None:
                        total.grad.add_(weight.grad)
                        weight.grad = None
        return sum(losses)

    @staticmethod
    def _backward(model: LlamaForCausalLM, part: Tensor, share: float) -> float:
        loss = loss_of(model, part) * share
        loss.backward()
        return loss.item()


def keep(work: Path, model: LlamaForCausalLM, optimizer: torch.optim.AdamW, progress: Progress) -> None:
    """A checkpoint: weights and both moments; `progress.json` names it last, so half a checkpoint is never read."""
    name = f"checkpoint-{progress.step:06d}.safetensors"
    held = {f"weight.{name}": weight.detach().clone() for name, weight in model.named_parameters()}
    for name_of_weight, weight in model.named_parameters():
        state = optimizer.state[weight]
        held[f"first.{name_of_weight}"], held[f"second.{name_of_weight}"] = state["exp_avg"], state["exp_avg_sq"]
    save_file(held, work / name)
    fresh = work / "progress.json.new"
    fresh.write_text(json.dumps({"checkpoint": name, **asdict(progress)}, indent=1))
    os.replace(fresh, work / "progress.json")
    for old in work.glob("checkpoint-*.safetensors"):
        if old.name != name:
            old.unlink()


def restore(
    recipe: Recipe, work: Path, model: LlamaForCausalLM, optimizer: torch.optim.AdamW, progress: Progress
) -> Progress:
    """The last checkpoint, if there is one; a folder of another recipe or another text is refused."""
    file = work / "progress.json"
    if not file.exists():
        return progress
    stored = json.loads(file.read_text())
    name = stored.pop("checkpoint")
    found = Progress(**stored)
    if found.corpus != progress.corpus or not recipe.goes_on_from(found.recipe, found.step):
        raise SystemExit(
            f"{work} was begun with another recipe or another text. Choose another folder with --work, or delete it."
        )
    held = load_file(work / name)
    with torch.no_grad():
        for name_of_weight, weight in model.named_parameters():
            weight.copy_(held[f"weight.{name_of_weight}"])
            optimizer.state[weight] = {
                "step": torch.tensor(float(found.step)),
                "exp_avg": held[f"first.{name_of_weight}"].to(weight.device),
                "exp_avg_sq": held[f"second.{name_of_weight}"].to(weight.device),
            }
    return replace(found, recipe=asdict(recipe))


@torch.no_grad()
def held_out_perplexity(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerBase, language: str) -> float:
    """Over windows of the whole context, cut from the pieces training never sees; the tail is dropped."""
    text = "\n\n".join(prose.unseen(language))
    found = torch.tensor(tokenizer(text, verbose=False)["input_ids"], device=model.device)
    windows = [window for window in found.split(stream.CONTEXT) if len(window) == stream.CONTEXT] or [found]
    return math.exp(sum(float(sample_loss(model, window)) for window in windows) / len(windows))


def measure(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerBase, loss: float, progress: Progress
) -> dict[str, float]:
    """One point of the learning curve: training loss and held-out perplexity in both languages."""
    seen = {"step": float(progress.step), "seconds": round(progress.seconds, 1), "loss": round(loss, 4)}
    for language in prose.LANGUAGES:
        seen[f"perplexity_{language}"] = round(held_out_perplexity(model, tokenizer, language), 3)
    return seen


def fit(
    recipe: Recipe, work: Path, threads: int, device: str = "cpu", checkpoint_seconds: float = 120.0
) -> tuple[LlamaForCausalLM, Progress]:
    """Train, or go on training, in the folder `work`; the tokenizer lies there too."""
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "tokenizer.json").exists():
        new_tokenizer(recipe).save_pretrained(work)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(work)
    model = new_model(recipe, tokenizer)
    move(model, device)
    optimizer = new_optimizer(recipe, model)
    progress = restore(recipe, work, model, optimizer, Progress(asdict(recipe), corpus_hash(recipe)))
    workers = Workers(model, threads if device == "cpu" else 1)
    kept = time.monotonic()
    started = kept - progress.seconds
    losses: list[float] = []
    while progress.step < recipe.steps:
        for group in optimizer.param_groups:
            group["lr"] = group["share"] * recipe.rate_at(progress.step)
        windows = torch.tensor(batch(recipe, progress.step, tokenizer), device=device)
        losses.append(workers.backward(windows))
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)  # the mean over the whole batch
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        progress.step += 1
        progress.seconds = time.monotonic() - started
        if progress.step % 25 == 0:
            left = progress.seconds / progress.step * (recipe.steps - progress.step)
            log.info("step %d of %d, loss %.3f, %.0f s, about %.0f s left", progress.step, recipe.steps,
                     sum(losses[-25:]) / len(losses[-25:]), progress.seconds, left)
        if progress.step % MEASURE_EVERY == 0 or progress.step == recipe.steps:
            progress.curve.append(measure(model, tokenizer, sum(losses[-50:]) / len(losses[-50:]), progress))
            log.info("held out: %s", progress.curve[-1])
        if time.monotonic() - kept > checkpoint_seconds or progress.step == recipe.steps:
            keep(work, model, optimizer, progress)
            kept = time.monotonic()
    return model, progress


def save(model: LlamaForCausalLM, work: Path, recipe: Recipe, progress: Progress, threads: int, folder: Path) -> None:
    """The trained model in bfloat16, its tokenizer, and what it was trained on and for how long (`training.json`)."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(work)
    tokenizer.save_pretrained(folder)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    parameters = sum(weight.numel() for weight in model.parameters())
    model.bfloat16().save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)  # safetensors writes it for the owner only
    trained = {
        "recipe": asdict(recipe),
        "steps": progress.step,
        "tokens": progress.step * recipe.batch,
        "seconds": round(progress.seconds),
        "threads": threads,
        "parameters": parameters,
        "corpus_hash": progress.corpus,
        "mixture": recipe.mixture,
        "written_pieces": {language: len(prose.taught(language)) for language in prose.LANGUAGES},
        "written_bytes": {
            language: sum(len(p.encode()) for p in prose.taught(language)) for language in prose.LANGUAGES
        },
        "held_out_pieces": {language: len(prose.unseen(language)) for language in prose.LANGUAGES},
        "curve": progress.curve,
        "versions": {"torch": torch.__version__.split("+")[0]},
    }
    (folder / "training.json").write_text(json.dumps(trained, indent=1) + "\n")


def run(recipe: Recipe, work: Path, folder: Path, threads: int, device: str = "auto") -> None:
    """The whole way from nothing, or from the last checkpoint in `work`, to a saved model in `folder`."""
    model, progress = fit(recipe, work, threads, pick_device(device))
    move(model, "cpu")
    save(model, work, recipe, progress, threads, folder)
