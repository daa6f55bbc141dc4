"""The command chat: one prompt, one answer."""

from __future__ import annotations

import argparse

from gblm_viz.core.base.errors import TextError
from gblm_viz.core.talk import generate
from gblm_viz.core.talk.generate import Sampling
from gblm_viz.model_text import template_note

from .flags import between, flag_help, seed_number, whole
from .models import MODEL_KEYS, encodable, model_values, whole_model
from .terminal import WORDS, Result, Terminal

KEYS = MODEL_KEYS | {
    "prompt": "what was asked",
    "answer": "the answer's text",
    "tokens": "the answer's token ids",
    "ended": "end (by the model) or length (at --max-tokens)",
    "chat_template": "whether the model has one; without it the prompt is continued as plain text",
    "seed": "seed of the answer",
    "max_tokens": "longest answer in tokens",
    "temperature": "0 takes the likeliest token each time",
    "top_p": "the probability that the tokens sampled from reach together",
}
"""Key → meaning of everything --json prints; shown in the help."""


def act(args: argparse.Namespace, terminal: Terminal) -> Result:
    """Answer one prompt; the answer is streamed unless --json is given."""
    prompt = encodable(args.prompt)
    if not prompt.strip():
        raise TextError("empty_prompt")
    sampling = Sampling(args.seed, args.temperature, args.top_p, args.max_tokens)
    model = whole_model(args, terminal)
    messages = [{"role": "user", "content": prompt}]
    asked = generate.fit_prompt(model, messages, sampling)
    if asked.how != "given":
        print(template_note(WORDS, asked), file=terminal.err)
    if not terminal.json:
        for token in generate.stream(model, messages, sampling):
            print(token.text, end="", file=terminal.out, flush=True)
        return Result({}, ("",))
    found = generate.answer(model, messages, sampling)
    return Result(model_values(model) | {
        "prompt": prompt, "answer": found.text, "tokens": [token.token for token in found.tokens],
        "ended": found.ended, "chat_template": model.has_chat_template, "seed": sampling.seed,
        "max_tokens": sampling.most, "temperature": sampling.temperature, "top_p": sampling.top_p}, ())


def flags(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    plain = Sampling()
    parser.add_argument("--prompt", required=True, metavar="TEXT", help=flag_help("prompt"))
    parser.add_argument("--seed", type=seed_number, default=plain.seed, metavar="S", help=flag_help("seed_answer"))
    parser.add_argument("--max-tokens", type=whole(1), default=plain.most, metavar="K",
                        help=flag_help("max_tokens", default=plain.most))
    parser.add_argument("--temperature", type=between(lambda value: value >= 0, "≥ 0"), default=plain.temperature,
                        metavar="T", help=flag_help("temperature", default=plain.temperature))
    parser.add_argument("--top-p", type=between(lambda value: 0 < value <= 1, "0 < P ≤ 1"), default=plain.top_p,
                        metavar="P", help=flag_help("top_p", default=plain.top_p))
