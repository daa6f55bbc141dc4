"""The lock: every package by version and hash, for each system and Python that the app supports.

    python .ci/lock.py renew    after a change of requirements.txt or tests/requirements.txt (needs `pip install uv`);
                                with --upgrade also whatever has newer releases
    python .ci/lock.py check    is what is installed here what is locked? Exit code 1 and a line for each difference

Three files: lock.txt is what the app needs but for torch; lock-torch.txt is the public build of torch with the CUDA
packages that it brings on Linux; lock-tests.txt is what the tests need beside. torch stands apart because pip wants a
hash for all of a command's packages or for none, and torch comes in several builds: who installs a CPU one, or one of
another CUDA, still has every other package checked.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

HERE = Path(__file__).parent
APP, TORCH, TESTS = (HERE / name for name in ("lock.txt", "lock-torch.txt", "lock-tests.txt"))
OF_TORCH = ("torch", "triton", "nvidia-", "cuda-")
"""How the names of the packages begin that come with one build of torch."""
TOOLS = {"pip", "setuptools", "wheel"}
"""What an environment is made with."""
NOT_HERE = "sys_platform == 'emscripten'"
"""A system that torch has no build for."""
HEADS = {APP: "What the app needs but for torch", TORCH: "torch's public build and what it brings on Linux",
         TESTS: "What the tests need beside the app"}
HEAD = "# {what}: versions and hashes. Written by `python .ci/lock.py renew`; not to be edited.\n"


@dataclass(frozen=True)
class Locked:
    """One package of the lock: `name==version`, where it is needed, and the hashes of its files."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> Version:
        return Version(next(iter(self.requirement.specifier)).version)

    @property
    def wanted_here(self) -> bool:
        """Whether this system and this Python need it."""
        return self.requirement.marker is None or self.requirement.marker.evaluate()


def entries(text: str) -> list[str]:
    """The lock's text, one piece a package, each with its hashes and the comment that says who needs it."""
    return re.findall(r"^[A-Za-z0-9].*\n(?:[ \t].*\n)*", text, re.MULTILINE)


def read(path: Path) -> list[Locked]:
    """Every package of one file."""
    return [Locked(Requirement(entry.split("\\")[0].strip()), tuple(re.findall(r"--hash=(\S+)", entry)))
            for entry in entries(path.read_text(encoding="utf-8"))]


def of_torch(name: str) -> bool:
    return name.startswith(OF_TORCH)


# Renewing

def compiled(source: Path, before: str, options: Iterable[str]) -> list[str]:
    """uv's entries for one list of direct dependencies; versions of before stay unless they no longer fit."""
    with tempfile.TemporaryDirectory() as passing:
        found = Path(passing) / "lock.txt"
        found.write_text(before, encoding="utf-8")
        subprocess.run(["uv", "pip", "compile", str(source), "--universal", "--python-version", "3.11", "--quiet",
                        "--generate-hashes", "--no-header", "--no-emit-index-url", "--output-file", str(found),
                        *options], check=True, cwd=HERE.parent)
        return entries(found.read_text(encoding="utf-8"))


def renew(options: list[str]) -> None:
    """Write the three files."""
    before = {path: path.read_text(encoding="utf-8") if path.exists() else "" for path in HEADS}
    whole = compiled(HERE.parent / "requirements.txt", before[APP] + before[TORCH], options)
    write(APP, [one for one in whole if not of_torch(one)])
    write(TORCH, [one for one in whole if of_torch(one)])
    known = {one.name for one in read(APP)} | TOOLS
    tests = compiled(HERE.parent / "tests" / "requirements.txt", before[APP] + before[TESTS],
                     ["--constraint", str(APP), *options])
    write(TESTS, [one for one in tests if canonicalize_name(one.split("==")[0]) not in known])


def write(path: Path, found: list[str]) -> None:
    path.write_text(HEAD.format(what=HEADS[path]) + "".join(one for one in found if NOT_HERE not in one),
                    encoding="utf-8", newline="\n")


# Checking

def differences(locked: list[Locked], installed: dict[str, str]) -> list[str]:
    """A line for every package that is missing, of another version, or not in the lock."""
    wanted = {one.name: one for one in locked if one.wanted_here}
    told = []
    for name, one in sorted(wanted.items()):
        if name not in installed:
            if not of_torch(name) or name == "torch":
                told.append(f"{name}: locked at {one.version}, not installed")
        elif Version(installed[name]).public != str(one.version):  # 2.13.0+cpu is a build of 2.13.0
            told.append(f"{name}: locked at {one.version}, installed {installed[name]}")
    return told + [f"{name} {version}: installed, not in the lock" for name, version in sorted(installed.items())
                   if name not in wanted and name not in TOOLS]


def check() -> int:
    """Print the differences; 1 if there are any."""
    installed = {canonicalize_name(one.metadata["Name"]): one.version for one in distributions()}
    told = differences([one for path in HEADS for one in read(path)], installed)
    print("\n".join(told) if told else f"lock: the {len(installed)} packages that are installed are the locked ones")
    return int(bool(told))


if __name__ == "__main__":
    if sys.argv[1:2] == ["renew"]:
        renew(sys.argv[2:])
    elif sys.argv[1:] == ["check"]:
        sys.exit(check())
    else:
        sys.exit(__doc__)
