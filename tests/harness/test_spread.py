"""A model whose parts accelerate calls, as it does where they lie on several GPUs: nothing we compute of it differs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_what_accelerate_calls_gives_the_same_sums_masks_and_logits(harness: Path) -> None:
    script = [harness, "-m", "tests.harness.spread"]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["hooked"] == found["blocks"] > 0
    assert len(found["same"]) == 2 * (1 + 2 * 2)
    assert [what for what, same in found["same"].items() if not same] == []
