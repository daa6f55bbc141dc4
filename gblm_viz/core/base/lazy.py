"""torch, transformers, numpy and psutil, each imported when something of it is first used: it takes up to seconds.

So that what only declares (a method's knobs, the shape of a result, a flag's help) comes at once, core imports these
names from here, names that only annotations use under TYPE_CHECKING, and any other within the function that uses it.
tests/test_imports.py holds that.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from functools import cache, wraps
from importlib import import_module
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any


class _Later(ModuleType):
    """Stands for a module until one of its names is asked for; names found are kept, so that the next look is free."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":  # asked by Python's own tools, such as inspect
            raise AttributeError(name)
        found = getattr(import_module(self.__name__), name)
        setattr(self, name, found)
        return found


class _Mode:
    """torch.no_grad() and torch.enable_grad() as decorators of functions that are defined before torch is imported."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @cache
        def decorated() -> Callable[..., Any]:
            return getattr(import_module("torch"), self.name)()(function)

        @wraps(function)
        def called(*args: Any, **named: Any) -> Any:
            return decorated()(*args, **named)

        return called

    def __enter__(self) -> None:
        self._open = getattr(import_module("torch"), self.name)()
        self._open.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)


class FunctionMode:
    """torch.overrides.TorchFunctionMode for classes that are defined before torch is imported.

    While it is open, `__torch_function__` answers for every function of torch on this thread.
    """

    def __enter__(self) -> FunctionMode:
        self._open = _mode_class()(self)
        self._open.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._open.__exit__(kind, error, trace)

    def __torch_function__(self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (),
                           kwargs: dict[str, Any] | None = None) -> Any:
        raise NotImplementedError


@cache
def _mode_class() -> Any:
    from torch.overrides import TorchFunctionMode

    class Mode(TorchFunctionMode):
        """torch's own mode, which asks one of ours."""

        def __init__(self, asked: FunctionMode) -> None:
            super().__init__()
            self.asked = asked

        def __torch_function__(self, *given: Any, **named: Any) -> Any:
            return self.asked.__torch_function__(*given, **named)

    return Mode


def import_now() -> None:
    """Import what loading and computing need. Raises ImportError, also for a library that cannot be opened."""
    collecting = gc.isenabled()
    gc.disable()  # importing makes millions of objects that all stay: collecting among them cost a fifth of the start
    try:
        import_module("torch")
        for name in ("AutoConfig", "AutoModelForCausalLM", "AutoTokenizer", "PreTrainedModel"):
            getattr(import_module("transformers"), name)
        gc.freeze()
    except OSError as error:
        raise ImportError(str(error)) from error
    finally:
        if collecting:
            gc.enable()


if TYPE_CHECKING:
    import numpy as np
    import psutil as psutil
    import torch as torch
    import torch.nn.functional as F
    import transformers as transformers
    from torch import nn as nn
    from torch.utils import _pytree as pytree
else:
    np, psutil, torch, nn, F, pytree, transformers = map(
        _Later, ("numpy", "psutil", "torch", "torch.nn", "torch.nn.functional", "torch.utils._pytree", "transformers"))
    torch.no_grad, torch.enable_grad = (lambda: _Mode("no_grad")), (lambda: _Mode("enable_grad"))

__all__ = ["F", "FunctionMode", "import_now", "nn", "np", "psutil", "pytree", "torch", "transformers"]
