"""Trains the pocket model from nothing and leaves it in `assets/pocket/`: `python -m gblm_viz.pocket.train`.

Killed and started again, it goes on from its last checkpoint. Knows nothing of how the result is scored (probe.py).
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from random import Random

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from gblm_viz.pocket import card, places, probe, prose, stream, texts, tokens

MEASURE_EVERY = 250  # steps
log = logging.getLogger("gblm_viz.pocket")


@dataclass(frozen=True)
class Recipe:
    """Everything a training run depends on; `tokens` is how many it sees in all, `batch` the windows of a step."""

    tokens: int
    batch: int = 4
    seed: int = 1
    hidden: int = 128
    blocks: int = 6
    heads: int = 4
    key_value_heads: int = 2
    intermediate: int = 384
    rate: float = 1.5e-3
    final_rate: float = 0.03  # of `rate`
    falling: float = 0.3  # the last part of the steps, in which the rate falls
    warmup: int = 200  # steps
    weight_decay: float = 0.1
    clip: float = 1.0

    @property
    def steps(self) -> int:
        return max(1, self.tokens // (self.batch * stream.WINDOW))

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

    def goes_on_from(self, other: dict[str, object], step: int) -> bool:
        """Whether `step` steps of the other recipe are also the first steps of this one."""
        mine = asdict(self)
        same = {**mine, "tokens": 0} == {**other, "tokens": 0}
        return same and (mine == other or step <= min(self.level_until, Recipe(**other).level_until))  # type: ignore[arg-type]


@dataclass
class Progress:
    """How far a run is; it is written beside the weights at every checkpoint."""

    recipe: dict[str, object]
    corpus: str
    step: int = 0
    seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)


def corpus_hash() -> str:
    """Changes whenever a piece of prose does: a run must not go on with other text than it began with."""
    return sha256(
        "\n###\n".join(piece for language in prose.LANGUAGES for piece in prose.pieces(language)).encode()
    ).hexdigest()[:16]


def new_tokenizer(seed: int) -> PreTrainedTokenizerFast:
    """Trained on the written prose and a sample of everything else, in about equal parts."""
    random = Random(f"{seed} tokenizer")
    made = (stream.KINDS[kind](random) for _ in range(2500) for kind in ("chat", "retold"))
    return tokens.train([*prose.taught("en"), *prose.taught("ja"), *islice(made, 5000)])


def new_model(recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> LlamaForCausalLM:
    torch.manual_seed(recipe.seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=tokens.VOCABULARY,
            hidden_size=recipe.hidden,
            num_hidden_layers=recipe.blocks,
            num_attention_heads=recipe.heads,
            num_key_value_heads=recipe.key_value_heads,
            intermediate_size=recipe.intermediate,
            max_position_embeddings=stream.WINDOW,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def new_optimizer(recipe: Recipe, model: LlamaForCausalLM) -> torch.optim.AdamW:
    """AdamW; norms do not decay."""
    matrices = [weight for weight in model.parameters() if weight.dim() > 1]
    vectors = [weight for weight in model.parameters() if weight.dim() == 1]
    groups = [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98))


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
                "exp_avg": held[f"first.{name_of_weight}"],
                "exp_avg_sq": held[f"second.{name_of_weight}"],
            }
    return replace(found, recipe=asdict(recipe))


def measure(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerBase, loss: float, progress: Progress
) -> dict[str, float]:
    """One point of the learning curve: training loss and held-out perplexity in both languages."""
    seen = {"step": float(progress.step), "seconds": round(progress.seconds, 1), "loss": round(loss, 4)}
    for language in prose.LANGUAGES:
        text = "\n\n".join(prose.unseen(language))
        seen[f"perplexity_{language}"] = round(probe.perplexity(model, tokenizer, text), 3)
    return seen


def fit(
    recipe: Recipe, work: Path, threads: int, checkpoint_seconds: float = 120.0
) -> tuple[LlamaForCausalLM, Progress]:
    """Train, or go on training, in the folder `work`; the tokenizer lies there too."""
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "tokenizer.json").exists():
        new_tokenizer(recipe.seed).save_pretrained(work)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(work)
    model = new_model(recipe, tokenizer)
    optimizer = new_optimizer(recipe, model)
    progress = restore(recipe, work, model, optimizer, Progress(asdict(recipe), corpus_hash()))
    workers = Workers(model, threads)
    kept = time.monotonic()
    started = kept - progress.seconds
    window_losses: list[float] = []
    while progress.step < recipe.steps:
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate_at(progress.step)
        windows = torch.tensor(stream.batch(progress.step, recipe.batch, recipe.seed, tokenizer))
        window_losses.append(workers.backward(windows))
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)  # the mean over the whole batch
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        progress.step += 1
        progress.seconds = time.monotonic() - started
        if progress.step % 25 == 0:
            recent = sum(window_losses[-25:]) / len(window_losses[-25:])
            log.info("step %d of %d, loss %.3f, %.0f s", progress.step, recipe.steps, recent, progress.seconds)
        if progress.step % MEASURE_EVERY == 0 or progress.step == recipe.steps:
            recent = sum(window_losses[-50:]) / len(window_losses[-50:])
            progress.curve.append(measure(model, tokenizer, recent, progress))
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
        "tokens": progress.step * recipe.batch * stream.WINDOW,
        "seconds": round(progress.seconds),
        "threads": threads,
        "parameters": parameters,
        "corpus_hash": progress.corpus,
        "mixtures": {str(step): shares for step, shares in stream.MIXTURES.items() if step < progress.step},
        "written_pieces": {language: len(prose.taught(language)) for language in prose.LANGUAGES},
        "written_bytes": {
            language: sum(len(p.encode()) for p in prose.taught(language)) for language in prose.LANGUAGES
        },
        "held_out_pieces": {language: len(prose.unseen(language)) for language in prose.LANGUAGES},
        "curve": progress.curve,
        "versions": {"torch": torch.__version__.split("+")[0]},
    }
    (folder / "training.json").write_text(json.dumps(trained, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m gblm_viz.pocket.train", description=__doc__)
    parser.add_argument(
        "--work", type=Path, default=places.WORK, help="checkpoint folder (default: .pocket-training, ignored by git)"
    )
    parser.add_argument(
        "--out", type=Path, default=places.MODEL, help="where the model is left (default: assets/pocket)"
    )
    parser.add_argument("--tokens", type=int, default=8_000_000, help="tokens seen in all (default: 8 million)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    choice = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    torch.set_num_threads(1)
    recipe = Recipe(tokens=choice.tokens)
    model, progress = fit(recipe, choice.work, choice.threads)
    save(model, choice.work, recipe, progress, choice.threads, choice.out)
    probe.write(choice.out)
    texts.write(places.TEXTS)
    probe.score(choice.out)
    card.write(choice.out)


if __name__ == "__main__":
    main()
