"""Ask whether a locked package has a known weakness. Exit code 1 if one has; where nobody answers, one line says so."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

LOCKS = sorted(Path(__file__).parent.glob("lock*.txt"))
SECONDS = 300


def ask(locks: Sequence[Path]) -> str:
    """pip-audit's answer as JSON, or what it said instead."""
    files = [part for lock in locks for part in ("--requirement", str(lock))]
    command = [sys.executable, "-m", "pip_audit", *files, "--disable-pip", "--require-hashes", "--format", "json",
               "--progress-spinner", "off"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS} s"
    return done.stdout if done.stdout.lstrip().startswith("{") else done.stderr


def judge(answer: str) -> tuple[int, str]:
    """(exit code, what to print). A package that the service does not know was not audited, and is not called safe."""
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        reason = (answer.strip().splitlines() or ["it said nothing"])[-1]
        reason = reason.partition("(")[0].rstrip(": ")
        return 0, f"audit: NOT DONE, the list of known weaknesses could not be asked ({reason})"
    weak = [f"audit: {one['name']} {one['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or '–'}"
            for one in packages for found in one.get("vulns", ())]
    audited = sum("skip_reason" not in one for one in packages)
    if weak:
        return 1, "\n".join(weak)
    if audited < len(packages):
        return 0, (f"audit: NOT DONE for {len(packages) - audited} of {len(packages)} packages: "
                   "the list of known weaknesses that was reached does not have them")
    return 0, f"audit: no known weakness in {audited} packages"


if __name__ == "__main__":
    code, told = judge(ask(LOCKS))
    print(told)
    sys.exit(code)
