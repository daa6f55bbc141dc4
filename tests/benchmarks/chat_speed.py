"""How fast the pocket model talks: one chat alone, and two at once as on the Compare tab, as a ratio in one run.

    python -m tests.benchmarks.chat_speed [--tokens N]
"""

from __future__ import annotations

import argparse
import threading
import time

from gblm_viz.core.generate import Sampling, stream
from gblm_viz.core.job import run
from gblm_viz.core.models import Model, load, with_weights

PROMPT = [{"role": "user", "content": "Tell me a story about a fox and a lamp."}]


def speak(model: Model, tokens: int, seed: int) -> float:
    """Tokens a second over as many answers as `tokens` takes; each begins with its own prompt."""
    said, began = 0, time.perf_counter()
    while said < tokens:
        said += sum(1 for _ in stream(model, PROMPT, Sampling(seed=seed + said, temperature=1.0), threading.Event()))
    return said / (time.perf_counter() - began)


def both(models: tuple[Model, Model], tokens: int) -> tuple[float, float]:
    """Each one's tokens a second while the other talks too."""
    found = [0.0, 0.0]

    def one(side: int) -> None:
        found[side] = speak(models[side], tokens, side)

    threads = [threading.Thread(target=one, args=(side,)) for side in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found[0], found[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tokens", type=int, default=400)
    given = parser.parse_args()
    model = run(load("pocket"))
    other = with_weights(model, {})
    speak(model, 50, 0)
    alone = speak(model, given.tokens, 0)
    first, second = both((model, other), given.tokens)
    together = (first + second) / alone
    print(f"alone {alone:.0f} tokens/s; at once {first:.0f} and {second:.0f}, together {together:.2f} x one alone")


if __name__ == "__main__":
    main()
