"""How long people wait for the first answer: help, a chat, a perplexity, and the page, of checkouts side by side.

    python -m tests.benchmarks.start --app /path/to/old --app . [--rounds 5] [--only help page …]

Each row is the median of --rounds starts in new processes, those of the checkouts in turn. Rows named `import` are the
floor: what the libraries alone take to import on this machine. The table is Markdown.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from statistics import median
from urllib.error import URLError

CLI = ("-m", "gblm_viz")
PROMPT = ("--model", "pocket", "--prompt", "What is the capital of France?", "--max-tokens", "4")
TEXT = ("--model", "pocket", "--text", "LICENSE", "--length", "512")  # short: the start is measured, not the work
COMMANDS: dict[str, tuple[str, ...]] = {
    "import gradio": ("-c", "import gradio"),
    "import torch, transformers": ("-c", "import torch; from transformers import AutoModelForCausalLM, AutoTokenizer"),
    "help": (*CLI, "--help"),
    "prune help": (*CLI, "prune", "--help"),
    "chat": (*CLI, "chat", *PROMPT),
    "evaluate": (*CLI, "evaluate", *TEXT),
}
PATIENCE = 120.0
"""Seconds after which a start that has not answered has failed."""


def run_command(app: Path, flags: tuple[str, ...]) -> float:
    """Seconds of a command from its start to its end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *flags], cwd=app, check=True, env=environment(), stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def first_page(app: Path) -> float:
    """Seconds from the start of `python app.py` to the last byte of the English page."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    began = time.perf_counter()
    serving = subprocess.Popen([sys.executable, "app.py", "--port", str(port)], cwd=app, env=environment(),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while time.perf_counter() - began < PATIENCE and serving.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/en/", timeout=PATIENCE) as answer:
                    if b"gradio_config" in answer.read():
                        return time.perf_counter() - began
            except (URLError, ConnectionError):
                time.sleep(0.02)
        raise SystemExit(f"{app} did not answer")
    finally:
        serving.terminate()
        serving.wait()


def environment() -> dict[str, str]:
    """This process's, with no path to import another checkout from."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"HF_HUB_OFFLINE": "1"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--app", type=Path, action="append", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    rows: dict[str, Callable[[Path], float]] = {
        name: lambda app, flags=flags: run_command(app, flags)  # type: ignore[misc]
        for name, flags in COMMANDS.items()} | {"page": first_page}
    parser.add_argument("--only", nargs="+", choices=rows, default=list(rows))
    args = parser.parse_args()
    print(f"| seconds, median of {args.rounds} |", *(f"{app} |" for app in args.app))
    print("|---|" + "---|" * len(args.app), flush=True)
    for name in args.only:
        took: dict[Path, list[float]] = {app: [] for app in args.app}
        for _ in range(args.rounds):
            for app in args.app:
                took[app].append(rows[name](app))
        print(f"| {name} |", *(f"{median(took[app]):.2f} |" for app in args.app), flush=True)


if __name__ == "__main__":
    main()
