"""Writes the held-out probes and scores the saved model on them: `python -m gblm_viz.pocket.probe`.

Knows nothing of training; it reads the model's folder as any user of it would.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import re
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from gblm_viz.pocket import places, prose, skills

log = logging.getLogger("gblm_viz.pocket")
STORY_TOKENS = 200


def write(folder: Path) -> None:
    """One file of probes a skill: `<folder>/probes/<skill>.jsonl`."""
    place = folder / "probes"
    place.mkdir(parents=True, exist_ok=True)
    for old in place.glob("*.jsonl"):
        old.unlink()
    for name in skills.SKILLS:
        lines = (skills.probe_line(name, question) + "\n" for question in skills.probes(name))
        (place / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


@torch.no_grad()
def perplexity(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, text: str, length: int = 512) -> float:
    """Windows of `length` tokens without overlap, the tail dropped, exp of the mean of the windows' losses."""
    tokens = torch.tensor(tokenizer(text, verbose=False)["input_ids"])
    count = max(1, len(tokens) // length)
    losses = []
    for window in tokens[: count * length].split(length):
        logits = model(input_ids=window[None], use_cache=False).logits[0]
        losses.append(cross_entropy(logits[:-1].float(), window[1:]).item())
    return math.exp(sum(losses) / len(losses))


def _before(tokenizer: PreTrainedTokenizerBase, prompt: str) -> list[int]:
    """The tokens of the user's message, up to where the answer begins."""
    messages = [{"role": "user", "content": prompt}]
    text = str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
    return list(tokenizer(text)["input_ids"])


@torch.no_grad()
def answers_exactly(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompt: str, answer: str) -> bool:
    """Whether greedy decoding says exactly the answer and then ends.

    One forward over prompt, answer and end: greedy decoding follows the answer if and only if each of its tokens, and
    the end of the turn, is the most probable one after those before it.
    """
    before = _before(tokenizer, prompt)
    said = [*tokenizer(answer)["input_ids"], tokenizer.eos_token_id]
    logits = model(input_ids=torch.tensor([before + said]), use_cache=False).logits[0]
    return bool((logits[len(before) - 1 : -1].argmax(-1) == torch.tensor(said)).all())


@torch.no_grad()
def told(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompt: str) -> str:
    """The greedy answer as text, at most `STORY_TOKENS` tokens; empty if it does not end by then."""
    before = torch.tensor([_before(tokenizer, prompt)])
    settings = {"do_sample": False, "max_new_tokens": STORY_TOKENS, "attention_mask": torch.ones_like(before)}
    whole: Tensor = model.generate(before, **settings)  # type: ignore[operator]
    said = whole[0, before.shape[1] :]
    return str(tokenizer.decode(said, skip_special_tokens=True)) if said[-1] == tokenizer.eos_token_id else ""


def passes(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, line: dict[str, object]) -> bool:
    """Whether the model answers one line of a probe file rightly."""
    prompt = str(line["prompt"])
    if "answer" in line:
        return answers_exactly(model, tokenizer, prompt, str(line["answer"]))
    words = re.findall(r"\w+", told(model, tokenizer, prompt))
    return all(word in words for word in line["contains"])  # type: ignore[attr-defined]


def wilson(right: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share: E. B. Wilson, JASA 22 (1927)."""
    z = 1.959964
    share = right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, round(middle - reach, 12)), min(1.0, round(middle + reach, 12))


def score(folder: Path) -> dict[str, object]:
    """Scores every probe file and the held-out prose, computing in float32; written to `<folder>/scores.json`."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found: dict[str, dict[str, object]] = {}
    for name, skill in skills.SKILLS.items():
        lines = [
            json.loads(line) for line in (folder / "probes" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        right = sum(passes(model, tokenizer, line) for line in lines)
        low, high = wilson(right, len(lines))
        found[name] = {
            "title_en": skill.title_en,
            "title_ja": skill.title_ja,
            "language": skill.language,
            "right": right,
            "n": len(lines),
            "share": round(right / len(lines), 4),
            "low": round(low, 4),
            "high": round(high, 4),
        }
        log.info("%-14s %3d of %3d right, 95 %% interval %.2f to %.2f", name, right, len(lines), low, high)
    length = 512
    unseen = {}
    for language in prose.LANGUAGES:
        text = (places.TEXTS / f"held_out_{language}.txt").read_text(encoding="utf-8")
        count = len(tokenizer(text, verbose=False)["input_ids"])
        unseen[language] = {
            "perplexity": round(perplexity(model, tokenizer, text, length), 3),
            "tokens": count,
            "windows": count // length,
        }
    result = {
        "dtype": "bfloat16 weights, float32 computation",
        "length": length,
        "skills": found,
        "held_out_prose": unseen,
    }
    (folder / "scores.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m gblm_viz.pocket.probe", description=__doc__)
    parser.add_argument("--model", type=Path, default=places.MODEL)
    choice = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    score(choice.model)


if __name__ == "__main__":
    main()
