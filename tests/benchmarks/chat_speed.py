"""How fast the pocket model talks: one chat alone, and two at once as on the Compare tab, as a ratio in one run.

    python -m tests.benchmarks.chat_speed [--tokens N]
"""

from __future__ import annotations

import argparse

from gblm_viz.core.base.job import run
from gblm_viz.core.model.models import load, with_weights
from gblm_viz.core.talk.generate import Sampling
from gblm_viz.core.talk.speed import speeds

PROMPT = [{"role": "user", "content": "Tell me a story about a fox and a lamp."}]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tokens", type=int, default=400)
    given = parser.parse_args()
    model = run(load("pocket"))
    found = run(speeds((model, with_weights(model, {})), PROMPT, Sampling(temperature=1.0), given.tokens // 3))
    alone, together = ([f"{rate:.0f}" for rate in rates] for rates in (found.alone, found.together))
    print(f"alone {' and '.join(alone)} tokens/s; at once {' and '.join(together)}: {found.ratio:.2f} x one after the "
          "other")


if __name__ == "__main__":
    main()
