"""Find the folder or hub id that is meant by what a user entered as a model, however it was pasted.

`strip_pasted` works on the text alone and does not access the disk; `resolve_source` resolves a path to the one model
folder it means. Uses the names of files in a model folder, not their content.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..base.errors import ModelError

QUOTES = {'"': '"', "'": "'", "`": "`", "<": ">", "“": "”", "‘": "’", "«": "»", "「": "」"}
UNSEEN = " \t\r\n\u00a0\u200b\u2060\u3000\ufeff"
"""White space that may be copied along with a text, including zero-width characters."""
SITES = ("huggingface.co", "www.huggingface.co", "hf.co")
NO_MODELS = ("datasets", "spaces", "collections", "papers", "docs", "blog", "api")
"""First parts of hub addresses that are not models."""
MARKS = {"tree": 0, "commit": 0, "commits": 0, "blob": 1, "resolve": 1, "raw": 1, "blame": 1}
"""Parts of a hub address after which the revision follows → number of path parts that may follow it: 1 for a file."""
DEFAULT = "main"
MOST_ENTRIES = 2_000
SHOWN = 5
_PART = r"\w[\w.-]*"
_OLD = ("(?:gpt2|distilgpt2|openai-gpt|ctrl|albert|bert|camembert|distilbert|distilroberta|roberta|t5|transfo-xl|xlm|"
        "xlnet)")
"""The hub's oldest models have no owner in their id: gpt2, gpt2-xl, xlnet-base-cased."""
_HUB_ID = re.compile(rf"(?P<id>{_PART}/{_PART}|{_OLD}(?:-{_PART})?)(?:@(?P<revision>\w[\w./-]*))?")
_CACHED = re.compile(r"models--(?P<id>[\w.-]+?)")
_COMMIT = re.compile(r"\w{1,64}")


@dataclass(frozen=True)
class ResolvedSource:
    """The model that a user means. `source`: a folder, or a hub id, with @revision if one was given.

    `folder`: the local folder; None for the hub.
    """

    source: str
    folder: Path | None = None


# The text alone

def strip_pasted(given: str) -> str:
    """Return a path or hub id without what was pasted with it: white space, quotes, file://, the hub's address.

    Raises ModelError for the address of anything else.
    """
    text = given.strip(UNSEEN)
    while len(text) > 1 and QUOTES.get(text[0]) == text[-1]:
        text = text[1:-1].strip(UNSEEN)
    if text.lower().startswith("file:"):
        return _of_file_address(text, given)
    site = re.fullmatch(r"(?:https?://|hf://)?(?P<site>[\w.-]+)/(?P<rest>.*)", text, re.IGNORECASE)
    if text.lower().startswith("hf://"):
        return _of_hub_address(text[5:], given)
    if site and site["site"].lower() in SITES:
        return _of_hub_address(site["rest"], given)
    if re.match(r"[a-z][a-z0-9+.-]+://", text, re.IGNORECASE):
        raise ModelError("other_address", source=given.strip(UNSEEN))
    if os.name != "nt":
        text = text.replace("\\ ", " ")  # a path escaped for a terminal
    bare = text.rstrip("/")
    return bare.removesuffix(f"@{DEFAULT}") if _HUB_ID.fullmatch(bare) else text


def split_revision(source: str) -> tuple[str, str | None]:
    """Return (hub id, revision or None) of a source that `resolve_source` returned for a model on the hub."""
    found = _HUB_ID.fullmatch(source)
    return (found["id"], found["revision"]) if found else (source, None)


def is_hub_id(source: str) -> bool:
    """Return whether a text has the form of a hub id, such as owner/name, owner/name@revision, gpt2."""
    return _HUB_ID.fullmatch(source) is not None and ".." not in source


def display_name(source: str) -> str:
    """Return the display name: `pocket`, the hub id (also of a folder in the hub's cache), or the folder's name."""
    if source == "pocket" or is_hub_id(source):
        return source
    path = Path(os.path.abspath(os.path.expanduser(source)))
    cached = (_CACHED.fullmatch(part) for part in (path.name, path.parent.name, path.parent.parent.name))
    name = next((one["id"].replace("--", "/", 1) for one in cached if one), None)
    return name or path.name or source


def _of_file_address(text: str, given: str) -> str:
    found = urlsplit(text)
    if found.netloc not in ("", "localhost"):
        raise ModelError("other_address", source=given.strip(UNSEEN))
    from urllib.request import url2pathname  # imports all of HTTP, for the few who give such an address

    return url2pathname(found.path)


def _of_hub_address(rest: str, given: str) -> str:
    """Return the hub id in `rest`, the part of an address after the hub's host name. Raises ModelError if none."""
    refused = ModelError("other_address", source=given.strip(UNSEEN))
    parts = [unquote(part) for part in re.split(r"[?#]", rest)[0].split("/") if part]
    if not parts or parts[0] in NO_MODELS:
        raise refused
    place = next((place for place in (1, 2) if parts[place:] and parts[place] in MARKS), len(parts))
    source = "/".join(parts[:min(place, 2)]).removesuffix(".git")
    if place + 1 < len(parts):
        revision, inside = parts[place + 1], parts[place + 2:]
        if revision == "refs" and len(inside) > 1:
            revision, inside = "/".join([revision, *inside[:2]]), inside[2:]
        if len(inside) > MARKS[parts[place]]:
            raise ModelError("hub_folder", source=source, folder="/".join(inside[:len(inside) - MARKS[parts[place]]]))
        source += f"@{revision}" if revision != DEFAULT else ""
    if not is_hub_id(source):
        raise refused
    return source


# What is on this machine

def resolve_source(given: str) -> ResolvedSource:
    """Return the folder or hub id that is meant. Raises ModelError for neither, a file, or several models."""
    source = strip_pasted(given)
    if not source:
        raise ModelError("no_such_source", source=given)
    if is_local(source):
        path = Path(source).expanduser()
        if not path.is_dir():
            raise _file(path, source)
        folder = model_folder(path, source)
        return ResolvedSource(source if folder == path else str(folder), folder)
    if not is_hub_id(source):
        raise ModelError("no_such_source", source=source)
    return ResolvedSource(source)


def is_local(source: str) -> bool:
    """Return whether a source is the path of an existing local file or folder."""
    try:
        return Path(source).expanduser().exists()
    except (OSError, ValueError, RuntimeError):  # too long for a path, a null byte, an unknown ~user
        return False


def model_folder(path: Path, source: str) -> Path:
    """Return the model's own folder: this one, the snapshot in a folder of the hub's cache, or the only one inside.

    A folder in which no model is found is returned as it is; reading it later raises the error that says what it lacks.
    Raises ModelError if several could be meant.
    """
    if _holds_model(path):
        return path
    if path.name == "snapshots" and _CACHED.fullmatch(path.parent.name):
        return _snapshot(path.parent, source)
    if _CACHED.fullmatch(path.name) and (path / "snapshots").is_dir():
        return _snapshot(path, source)
    inside = [entry for entry in _folders(path) if _holds_model(entry) or _CACHED.fullmatch(entry.name)]
    if len(inside) > 1:
        names = ", ".join(entry.name[:100] for entry in inside[:SHOWN]) + (", …" if len(inside) > SHOWN else "")
        raise ModelError("several_models", source=source, count=len(inside), names=names)
    if not inside:
        return path
    return _snapshot(inside[0], source) if not _holds_model(inside[0]) else inside[0]


def _holds_model(path: Path) -> bool:
    """Return whether the folder itself has files of a model, so that no folder inside it is meant."""
    try:
        names = [name for name, _ in zip(os.listdir(path), range(MOST_ENTRIES), strict=False)]
    except OSError:
        return False
    return any(name in ("config.json", "adapter_config.json") or name.endswith((".safetensors", ".gguf"))
               for name in names)


def _folders(path: Path) -> Iterator[Path]:
    """Yield the folders in a folder, sorted by name; links are not followed."""
    try:
        with os.scandir(path) as entries:
            found = [entry.name for entry, _ in zip(entries, range(MOST_ENTRIES), strict=False)
                     if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return
    yield from (path / name for name in sorted(found))


def _snapshot(cached: Path, source: str) -> Path:
    """Return the snapshot of a repository in the hub's cache: that of the branch main, else the only one.

    Raises ModelError if there is no such snapshot.
    """
    there = list(_folders(cached / "snapshots"))
    main = cached / "refs" / DEFAULT
    commit = ""
    if main.is_file() and main.stat().st_size < 1000:  # not a pipe, and not large
        commit = main.read_text(encoding="utf-8", errors="replace").strip()
    meant = [one for one in there if one.name == commit] if _COMMIT.fullmatch(commit) else there
    if len(meant) == 1:
        return meant[0]
    names = ", ".join(one.name[:64] for one in there[:SHOWN]) or "–"
    raise ModelError("cache_unclear" if len(there) > 1 or commit else "cache_empty", source=source,
                     count=len(there), names=names)


def _file(path: Path, source: str) -> ModelError:
    """Return the error for a user who gave a file instead of a folder."""
    if path.suffix.lower() == ".gguf":
        return ModelError("gguf_only", source=source, file=path.name)
    return ModelError("not_a_folder", source=source, folder=str(path.parent))
