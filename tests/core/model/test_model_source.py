"""What people paste as a model is understood, or a sentence says what was seen. Knows nothing of what is loaded then.

No network is used: an address is read as text, and the hub's cache is a folder laid out as one.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gblm_viz.core.base.errors import ModelError
from gblm_viz.core.base.job import run
from gblm_viz.core.keep.export import _header
from gblm_viz.core.model import download as downloads
from gblm_viz.core.model.model_source import display_name, is_hub_id, resolve_source, split_revision, strip_pasted
from gblm_viz.core.model.models import Model
from gblm_viz.words import LANGUAGES, words

HUB = "https://huggingface.co"
PASTED = {
    '"/data/my model"': "/data/my model",
    "'/data/my model'": "/data/my model",
    "“owner/name”": "owner/name",
    "\u00a0 owner/name\u200b\n": "owner/name",
    '" /data/x "': "/data/x",
    "file:///data/my%20model": "/data/my model",
    "file://localhost/data/x": "/data/x",
    f"{HUB}/owner/name": "owner/name",
    f"{HUB}/owner/name/": "owner/name",
    f"{HUB}/owner/name?library=transformers#usage": "owner/name",
    f"<{HUB}/owner/name>": "owner/name",
    f"{HUB}/owner/name.git": "owner/name",
    f"{HUB}/owner/name/tree/main": "owner/name",
    f"{HUB}/owner/name/tree/v1.0": "owner/name@v1.0",
    f"{HUB}/owner/name/tree/refs%2Fpr%2F3": "owner/name@refs/pr/3",
    f"{HUB}/owner/name/blob/main/config.json": "owner/name",
    f"{HUB}/owner/name/resolve/abc123/model.safetensors?download=true": "owner/name@abc123",
    f"{HUB}/owner/name/commit/0123abc": "owner/name@0123abc",
    f"{HUB}/gpt2": "gpt2",
    f"{HUB}/gpt2/tree/main": "gpt2",
    "http://www.huggingface.co/owner/name": "owner/name",
    "HTTPS://HuggingFace.co/owner/name": "owner/name",
    "huggingface.co/owner/name": "owner/name",
    "hf.co/owner/name": "owner/name",
    "hf://owner/name@v2": "owner/name@v2",
    "owner/name/": "owner/name",
    "owner/name@main": "owner/name",
    "owner/name@v1": "owner/name@v1",
    "gpt2-xl": "gpt2-xl",
    " pocket ": "pocket",
}
ELSEWHERE = (f"{HUB}/datasets/owner/name", f"{HUB}/spaces/owner/name", f"{HUB}/owner", f"{HUB}", f"{HUB}/",
             f"{HUB}/../name", "https://huggingface.co.other.org/owner/name", "https://github.com/owner/name",
             "http://127.0.0.1/owner/name", "file://server/data/x", "ftp://huggingface.co/owner/name")
OLD = ("gpt2", "gpt2-large", "distilgpt2", "openai-gpt", "xlnet-base-cased", "gpt2@v1")
COMMITS = ("0" * 40, "1" * 40)


@pytest.mark.parametrize("given", PASTED)
def test_what_was_pasted_is_read_as_what_was_meant(given: str) -> None:
    meant = strip_pasted(given)
    assert meant == PASTED[given]
    assert strip_pasted(meant) == meant, "read once more it means the same"


def refused(given: str, key: str) -> str:
    with pytest.raises(ModelError) as caught:
        resolve_source(given)
    assert caught.value.key == key
    for language in LANGUAGES:
        assert "{" not in caught.value.say(words(language))
    return str(caught.value)


@pytest.mark.parametrize("given", ELSEWHERE)
def test_an_address_of_anything_but_a_model_of_the_hub_is_one_sentence(given: str) -> None:
    if given in (HUB, f"{HUB}/"):
        assert given in refused(given, "other_address")
    assert given in refused(given, "other_address")


def test_a_folder_inside_a_repository_is_named() -> None:
    assert "owner/name" in refused(f"{HUB}/owner/name/tree/main/sub/dir", "hub_folder")
    assert "sub/dir" in refused(f"{HUB}/owner/name/blob/main/sub/dir/config.json", "hub_folder")


@pytest.mark.parametrize("given", OLD)
def test_old_names_without_an_owner_are_hub_ids(given: str) -> None:
    assert resolve_source(given).folder is None and resolve_source(given).source == given and is_hub_id(given)
    assert split_revision(given) == (given.split("@")[0], "v1" if "@" in given else None)


@pytest.mark.parametrize("given", ["gpt22", "mygpt2", "owner/name@../x", "owner/../name", "owner/name@", "@v1", "a b"])
def test_what_only_looks_like_a_hub_id_is_none(given: str) -> None:
    refused(given, "no_such_source")


def model_in(place: Path) -> Path:
    place.mkdir(parents=True)
    (place / "config.json").write_text("{}")
    return place


def cached(place: Path, commits: tuple[str, ...] = COMMITS[:1], main: str | None = COMMITS[0]) -> Path:
    """A repository as the hub's cache keeps it."""
    for commit in commits:
        model_in(place / "snapshots" / commit)
    if main is not None:
        (place / "refs").mkdir(parents=True)
        (place / "refs" / "main").write_text(main)
    return place


@pytest.mark.parametrize("name", ["tiny", "my model", "owner@home", "日本語"])
def test_a_folder_is_itself_however_its_path_was_pasted(name: str, tmp_path: Path) -> None:
    place = model_in(tmp_path / name)
    for given in (str(place), f'"{place}"', f" {place} ", place.as_uri(), f"{place}{os.sep}"):
        found = resolve_source(given)
        assert found.folder == place and resolve_source(found.source) == found and display_name(found.source) == name


def test_a_file_inside_a_model_folder_names_the_folder(tmp_path: Path) -> None:
    place = model_in(tmp_path / "tiny")
    assert str(place) in refused(str(place / "config.json"), "not_a_folder").replace("config.json is", "")
    (place / "tiny.Q4_K_M.gguf").write_bytes(b"GGUF")
    assert "tiny.Q4_K_M.gguf" in refused(str(place / "tiny.Q4_K_M.gguf"), "gguf_only")


def test_a_folder_of_the_hubs_cache_is_the_snapshot_of_main_under_the_repositorys_name(tmp_path: Path) -> None:
    place = cached(tmp_path / "models--owner--na--me", COMMITS)
    for given in (place, place / "snapshots", place / "snapshots" / COMMITS[0]):
        found = resolve_source(str(given)) if given != place / "snapshots" else resolve_source(str(place))
        assert found.folder == place / "snapshots" / COMMITS[0]
        assert display_name(found.source) == "owner/na--me"
    assert display_name(str(cached(tmp_path / "models--gpt2"))) == "gpt2"


def test_a_cache_without_a_clear_snapshot_is_one_sentence(tmp_path: Path) -> None:
    only = cached(tmp_path / "models--a--only", main=None)
    assert resolve_source(str(only)).folder == only / "snapshots" / COMMITS[0]
    assert resolve_source(str(only / "snapshots")).folder == only / "snapshots" / COMMITS[0]
    assert COMMITS[1] in refused(str(cached(tmp_path / "models--a--two", COMMITS, None)), "cache_unclear")
    refused(str(cached(tmp_path / "models--a--lost", COMMITS, "2" * 40)), "cache_unclear")
    refused(str(cached(tmp_path / "models--a--out", COMMITS, "../../..")), "cache_unclear")
    empty = tmp_path / "models--a--empty"
    (empty / "snapshots").mkdir(parents=True)
    refused(str(empty), "cache_empty")
    pipe = cached(tmp_path / "models--a--pipe", main=None)
    (pipe / "refs").mkdir()
    os.mkfifo(pipe / "refs" / "main")
    assert resolve_source(str(pipe)).folder == pipe / "snapshots" / COMMITS[0], "a pipe is never opened"


def test_a_folder_one_level_up_is_the_only_model_inside_it_or_says_which_there_are(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    place = model_in(tmp_path / "checkpoint-500")
    found = resolve_source(str(tmp_path))
    assert found.folder == place and display_name(found.source) == "checkpoint-500"
    model_in(tmp_path / "checkpoint-1000")
    assert "checkpoint-1000, checkpoint-500" in refused(str(tmp_path), "several_models")
    one = tmp_path / "hub"
    cached(one / "models--owner--name")
    assert display_name(resolve_source(str(one)).source) == "owner/name"


def test_links_are_not_followed_to_a_model_elsewhere(tmp_path: Path) -> None:
    place = model_in(tmp_path / "elsewhere" / "tiny")
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "tiny").symlink_to(place)
    assert resolve_source(str(tmp_path / "up")).folder == tmp_path / "up"


def test_a_folder_that_holds_a_model_itself_is_not_searched(tmp_path: Path) -> None:
    place = model_in(tmp_path / "whole")
    model_in(place / "onnx")
    assert resolve_source(str(place)).folder == place


def test_the_revision_is_what_is_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[str, str | None]] = []

    def snapshot(repository: str, revision: str | None = None, **_: object) -> str:
        asked.append((repository, revision))
        return str(tmp_path)

    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_text("{}")
    monkeypatch.setattr(downloads, "snapshot_download", snapshot)
    for source, wanted in (("owner/name@v2", ("owner/name", "v2")), ("owner/name", ("owner/name", None)),
                           ("gpt2@abc", ("gpt2", "abc"))):
        asked.clear()
        assert run(downloads.download(source)) == tmp_path
        assert {*asked} == {wanted}


def test_a_card_names_the_repository_it_comes_from_without_its_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    def header(source: str) -> str:
        return _header(Model(None, None, None, source, ""))  # type: ignore[arg-type]

    assert "base_model: owner/name\n" in header("owner/name@v2")
    assert "base_model: gpt2\n" in header("gpt2")
    assert "base_model" not in header("pocket") and "base_model" not in header("/data/owner/name")
