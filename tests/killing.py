"""Kill a process at each of its operations on a folder, one after the other, and look at what it left.

A child is forked for each kill. `SIGKILL` comes just before the n-th operation that Python announces (open for writing,
rename, remove, make or remove a folder, change a mode), for every n until a child comes to its end; a second round dies
in the middle of a write, also of those that Python does not see, as no file may grow beyond so many bytes.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

OPERATIONS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.truncate", "os.symlink", "os.link"}
MOST = 2000


def killed(act: Callable[[], object], folder: Path, before: Callable[[], object], step: int = 1,
           sizes: tuple[int, ...] = ()) -> Iterator[str]:
    """Run `act` in children that die at each operation below `folder`; after each death say where it was.

    before: puts the folder as it shall be found, in this process, before each child. step: only every so-manieth
    operation. sizes: bytes at which a write is the last.
    """
    number = 0
    while _died(act, before, lambda at=number: _die_at(at, folder)):  # type: ignore[misc]
        yield f"operation {number}"
        number += step
        assert number < MOST, "it does not come to an end"
    for size in sizes:
        if _died(act, before, lambda size=size: _die_beyond(size)):  # type: ignore[misc]
            yield f"byte {size}"


def _died(act: Callable[[], object], before: Callable[[], object], arm: Callable[[], None]) -> bool:
    before()
    child = os.fork()
    if not child:
        code = 1
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            arm()
            act()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) in {signal.SIGKILL, signal.SIGXFSZ}, f"ended by signal {os.WTERMSIG(status)}"
        return True
    assert os.waitstatus_to_exitcode(status) == 0, "the child ended by an error of its own"
    return False


def _die_at(number: int, folder: Path) -> None:
    inside, left = str(folder), [number]

    def hook(event: str, details: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(details[2], int) and details[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        paths = [os.fsdecode(one) for one in details if isinstance(one, str | bytes | os.PathLike)]
        # shutil.rmtree names what it removes from the folder that it holds open
        below = any(path.startswith(inside) or (event != "open" and "/" not in path) for path in paths)
        if not below or not (writes or event in OPERATIONS):
            return
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    sys.addaudithook(hook)


def _die_beyond(size: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
