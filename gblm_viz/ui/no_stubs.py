"""Keep Gradio from writing stub files for editors while it is imported: that was more than half of the import's time.

For each class of a component, Gradio parses the class's source and renders a .pyi file beside it, in its own folder and
in ours, at every start. Nothing reads them while the app runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

WRITER = ("gradio.component_meta", "create_or_modify_pyi")
"""The module and its function, called once for each class."""


class _Finder(MetaPathFinder):
    """Finds that one module, and replaces the function as soon as the module has run."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != WRITER[0]:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def run_without(module: ModuleType) -> None:
            run(module)
            _silence(module)

        spec.loader.exec_module = run_without  # type: ignore[method-assign]
        return spec


def _silence(module: ModuleType) -> None:
    if hasattr(module, WRITER[1]):  # another release may write them elsewhere: then the start is slow, and no more
        setattr(module, WRITER[1], lambda *_: None)


def keep_from_writing() -> None:
    """Call this before Gradio is imported; afterwards it still spares our own components."""
    loaded = sys.modules.get(WRITER[0])
    if loaded is not None:
        _silence(loaded)
    else:
        sys.meta_path.insert(0, _Finder())
