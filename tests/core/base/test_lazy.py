"""Modules that are imported when they are used, and torch's modes before torch is imported."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch as real

from gblm_viz.core.base import lazy
from gblm_viz.core.base.lazy import FunctionMode, nn, np, torch, transformers

pytestmark = pytest.mark.fast
ROOT = Path(__file__).parents[3]


def test_names_are_those_of_the_modules() -> None:
    assert torch.Tensor is real.Tensor
    assert nn.Linear is real.nn.Linear
    assert lazy.F.linear is real.nn.functional.linear
    assert np.pi == 3.141592653589793
    assert transformers.__version__ and torch.__version__ == real.__version__
    with pytest.raises(AttributeError):
        torch.no_such_name  # noqa: B018


def test_a_mode_holds_in_each_step_of_a_generator_and_not_outside() -> None:
    @torch.no_grad()
    def steps() -> Iterator[bool]:
        """Say what it does."""
        yield real.is_grad_enabled()
        yield real.is_grad_enabled()

    @torch.enable_grad()
    def inside() -> bool:
        return real.is_grad_enabled()

    assert steps.__doc__ == "Say what it does."
    running = steps()
    assert next(running) is False
    assert real.is_grad_enabled()
    assert next(running) is False
    with torch.no_grad():
        assert not real.is_grad_enabled()
        assert inside()
    assert real.is_grad_enabled()


def test_defining_a_function_in_a_mode_does_not_import_torch() -> None:
    code = ("import sys; from gblm_viz.core.base.lazy import torch\n"
            "@torch.no_grad()\ndef none() -> bool: return torch.is_grad_enabled()\n"
            "assert 'torch' not in sys.modules; assert none() is False; assert 'torch' in sys.modules")
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_function_mode_answers_for_torch_while_it_is_open() -> None:
    class Counting(FunctionMode):
        def __init__(self) -> None:
            self.seen: list[str] = []

        def __torch_function__(self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (),
                               kwargs: dict[str, Any] | None = None) -> Any:
            self.seen.append(func.__name__)
            return func(*args, **(kwargs or {}))

    with Counting() as counting:
        total = real.add(real.ones(2), real.ones(2))
    real.add(total, total)
    assert counting.seen.count("add") == 1
    assert total.tolist() == [2.0, 2.0]
