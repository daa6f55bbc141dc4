"""Python processes that begin where the imports end: forked from one that has read torch and the app's modules and has
computed nothing yet.

A process of its own takes seconds to import what it needs, and tests that kill processes, or let two share their work,
start dozens. How a process starts is tested with fresh ones: tests/test_imports.py, tests/cli/test_start.py.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([
    "torch.distributed", "safetensors.torch", "transformers.models.auto.modeling_auto",
    "transformers.models.llama.modeling_llama", "transformers.models.mixtral.modeling_mixtral",
    "transformers.tokenization_utils_tokenizers", "gblm_viz.cli.collect", "gblm_viz.core.keep.export",
    "gblm_viz.core.mask.prune", "gblm_viz.core.sums.statistics"])
"""Read before anything is forked. None of them computes: a fork does not take threads along."""
LONGEST = 120.0


@dataclass(frozen=True)
class Running:
    """A process that runs, and the file that each of its streams goes to."""

    process: BaseProcess
    out: Path
    err: Path

    @property
    def code(self) -> int | None:
        """What it ended with, minus the number of the signal that killed it; None while it runs."""
        return self.process.exitcode

    def said(self) -> str:
        return self.out.read_text(encoding="utf-8") if self.out.exists() else ""

    def complained(self) -> str:
        return self.err.read_text(encoding="utf-8") if self.err.exists() else ""

    def wait(self, until: Callable[[], bool] = lambda: False) -> None:
        """Wait until it has ended, or until something is so."""
        began = time.monotonic()
        while self.code is None and not until():
            assert time.monotonic() - began < LONGEST, self.complained()
            self.process.join(0.01)


def begin(folder: Path, code: str, *arguments: object, environment: Mapping[str, str] | None = None,
          module: bool = False) -> Running:
    """Run Python code, or a module by its name, with these arguments. folder: new, for what it says."""
    folder.mkdir(parents=True)
    process = _CONTEXT.Process(target=_run, args=(
        str(folder), code, [str(one) for one in arguments], dict(environment or {}), module))
    process.start()
    return Running(process, folder / "out.txt", folder / "err.txt")


def finished(folder: Path, code: str, *arguments: object, module: bool = False) -> Running:
    """Do the same and wait for the end."""
    running = begin(folder, code, *arguments, module=module)
    running.wait()
    return running


def begin_two(folder: Path, code: str, *arguments: object, module: bool = False) -> tuple[Running, ...]:
    """Run the same in two processes that know of each other as torchrun's do, and wait until both have ended."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    both = tuple(begin(folder / str(rank), code, *arguments, module=module,
                       environment=shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}) for rank in range(2))
    for one in both:
        one.wait()
    return both


def _run(folder: str, code: str, arguments: Sequence[str], environment: Mapping[str, str], module: bool) -> None:
    for number, name in ((1, "out.txt"), (2, "err.txt")):
        file = os.open(Path(folder) / name, os.O_WRONLY | os.O_CREAT)
        os.dup2(file, number)
    os.environ.update(environment)
    torch.set_num_threads(1)
    sys.argv = [code if module else "-c", *arguments]
    if module:
        runpy.run_module(code, run_name="__main__", alter_sys=True)
    else:
        exec(compile(code, "<warm>", "exec"), {"__name__": "__main__"})
