"""What is installed is what was chosen: every import declared, every package locked by version and hash."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LINUX = {"sys_platform": "linux", "platform_system": "Linux"}
SYSTEMS = {"linux": LINUX | {"platform_machine": "x86_64"}, "linux on ARM": LINUX | {"platform_machine": "aarch64"},
           "macOS": {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
           "Windows": {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64"}}
PYTHONS = ("3.11", "3.12", "3.13")


@cache
def tool(name: str) -> ModuleType:
    """A script of `.ci` as a module."""
    spec = importlib.util.spec_from_file_location(f"ci_{name}", ROOT / ".ci" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    return module


def direct(path: str) -> dict[str, Requirement]:
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    return {canonicalize_name(one.name): one for one in map(Requirement, filter(None, lines))}


def imported(source: str) -> set[str]:
    """The top packages that a source file imports, the standard library's and its own left out."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(str(node.module).partition(".")[0])
    return found - sys.stdlib_module_names - {"gblm_viz"}


def undeclared(imports: set[str], declared: set[str]) -> set[str]:
    owners = packages_distributions()
    return {name for name in imports
            if not {canonicalize_name(owner) for owner in owners.get(name, [name])} & declared}


def test_every_package_that_is_imported_is_declared() -> None:
    sources = [ROOT / "app.py", *(ROOT / "gblm_viz").rglob("*.py")]
    used = set().union(*(imported(path.read_text(encoding="utf-8")) for path in sources))
    assert {"torch", "gradio", "safetensors", "uvicorn"} <= used
    assert undeclared(used, set(direct("requirements.txt"))) == set()
    assert undeclared(imported("def late():\n    from starlette.types import Scope\n    import jinja2.sandbox"),
                      set(direct("requirements.txt")) - {"starlette", "jinja2"}) == {"starlette", "jinja2"}


@pytest.mark.parametrize("path", ["requirements.txt", "tests/requirements.txt"])
def test_every_direct_dependency_is_pinned_to_one_version_and_that_one_is_locked(path: str) -> None:
    lock = tool("lock")
    locked: dict[str, set[str]] = {}
    for place in lock.HEADS:
        for one in lock.read(place):
            locked.setdefault(one.name, set()).add(str(one.version))
    for name, one in direct(path).items():
        assert re.fullmatch(r"==[\w.]+", str(one.specifier)), f"{name} is not pinned"
        assert locked.get(name) == {str(one.specifier)[2:]}, f"{name}: run `python .ci/lock.py renew`"


def test_every_locked_package_has_hashes_and_no_address_stands_in_the_lock() -> None:
    lock = tool("lock")
    for place in lock.HEADS:
        text = place.read_text(encoding="utf-8")
        assert "://" not in text and "--index-url" not in text and "--find-links" not in text
        found = lock.read(place)
        assert len(found) >= 15
        for one in found:
            assert one.hashes and all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in one.hashes), one.name
        assert sum(len(one.hashes) for one in found) == text.count("--hash=")


def wanted(name: str, lock: ModuleType, system: str, python: str) -> set[str]:
    """The names in one file that a system and a Python need."""
    here = SYSTEMS[system] | {"python_version": python, "python_full_version": f"{python}.7"}
    found = [one.name for one in lock.read(getattr(lock, name))
             if one.requirement.marker is None or one.requirement.marker.evaluate(here)]
    assert len(found) == len(set(found)), "two versions of one package for one system"
    return set(found)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_every_supported_system_and_python_has_one_version_of_each_package(system: str, python: str) -> None:
    lock = tool("lock")
    app, torch = wanted("APP", lock, system, python), wanted("TORCH", lock, system, python)
    assert set(direct("requirements.txt")) <= app | torch
    assert not app & torch and not wanted("TESTS", lock, system, python) & (app | torch)
    assert ("nvidia-cublas" in torch) == system.startswith("linux"), "CUDA comes with torch on Linux only"
    assert ("colorama" in app) == (system == "Windows")


def test_a_package_that_differs_from_the_lock_is_named() -> None:
    lock = tool("lock")
    locked = [lock.Locked(Requirement(text), ("sha256:0",)) for text in
              ("click==8.5.1", "torch==2.13.0", "nvidia-nccl==2.0", "rich==15.0.0", "winonly==1; sys_platform=='none'")]
    same = {"click": "8.5.1", "torch": "2.13.0+cpu", "rich": "15.0.0", "pip": "23.2.1", "setuptools": "65.5.0"}
    assert lock.differences(locked, same) == []
    told = "\n".join(lock.differences(locked, {"click": "8.5.2", "torch": "2.12.0", "stray": "1.0"}))
    for line in ("click: locked at 8.5.1, installed 8.5.2", "torch: locked at 2.13.0, installed 2.12.0",
                 "rich: locked at 15.0.0, not installed", "stray 1.0: installed, not in the lock"):
        assert line in told
    assert len(told.splitlines()) == 4


@pytest.mark.parametrize(("answer", "code", "told"), [
    ([{"name": "a", "version": "1", "vulns": []}], 0, "no known weakness in 1 packages"),
    ([{"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}], 1,
     "a 1: CVE-1, mended in 2"),
    ([{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "not found"}], 0,
     "NOT DONE for 1 of 2"),
    ("requests.exceptions.ConnectionError: Max retries exceeded", 0, "NOT DONE"), ("", 0, "NOT DONE")])
def test_the_audit_fails_on_a_weakness_and_says_when_nobody_answered(answer: object, code: int, told: str) -> None:
    given = answer if isinstance(answer, str) else json.dumps({"dependencies": answer})
    found, said = tool("audit").judge(given)
    assert found == code and told in said and "\n" not in said
