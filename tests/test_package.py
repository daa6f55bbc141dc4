"""What is installed by `pip install .` is all that a checkout has, the bundled model too."""

from __future__ import annotations

import tomllib
from pathlib import Path

import gblm_viz
from gblm_viz.shipped import ASSETS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_folder_of_the_package_is_installed_and_the_assets_inside_it() -> None:
    told = PROJECT["tool"]["setuptools"]
    folders = {".".join(file.relative_to(ROOT).parent.parts) for file in (ROOT / "gblm_viz").rglob("*.py")}
    assert set(told["packages"]) == folders | {"gblm_viz.assets"}
    assert told["package-dir"] == {"gblm_viz.assets": "assets"} and told["package-data"]["gblm_viz.assets"] == ["**/*"]
    kinds = {f"**/*{file.suffix}" for file in (ROOT / "gblm_viz").rglob("*")
             if file.is_file() and file.suffix not in {".py", ".pyi", ".pyc", ".md"}}
    assert kinds <= set(told["package-data"]["gblm_viz"])


def test_the_bundled_model_is_found_where_the_assets_lie() -> None:
    assert (ASSETS / "pocket" / "config.json").is_file() and ASSETS == ROOT / "assets"


def test_one_version_is_told_everywhere() -> None:
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {gblm_viz.__version__}\n" in cited
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "gblm_viz.__version__"}


def test_the_command_is_the_apps_own_start() -> None:
    module, _, name = PROJECT["project"]["scripts"]["gblm-viz"].partition(":")
    assert (ROOT / f"{module.replace('.', '/')}.py").is_file() and f"def {name}(" in (
        ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
