"""Uploaded files: in memory, for the visitor who sent them, read once, within limits, and never on the disk."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gblm_viz.core.base.errors import GblmError, TextError
from gblm_viz.ui.visit import uploads
from gblm_viz.ui.visit.uploads import UploadRefused, Uploads, claim_upload, plain_name
from gblm_viz.words import words
from tests.ui.wire import Visitor, Wire


async def parts(*content: bytes) -> AsyncIterator[bytes]:
    for part in content:
        yield part


def send(store: Uploads, visitor: str, *content: bytes, name: str = "a.txt") -> str:
    return asyncio.run(store.receive(visitor, name, parts(*content)))


def test_a_file_is_read_once_and_by_its_own_visitor_alone() -> None:
    store = Uploads()
    token = send(store, "ann", b"one ", b"two")
    for visitor, guessed in (("bob", token), ("ann", "x"), ("", token)):
        with pytest.raises(GblmError) as caught:
            store.pop(visitor, guessed)
        assert caught.value.key == "upload_gone"
    assert store.pop("ann", token).content == b"one two"
    with pytest.raises(GblmError):
        store.pop("ann", token)
    assert store.total_bytes == 0


def test_two_visitors_sending_the_same_file_have_two_files() -> None:
    store = Uploads()
    first, second = send(store, "ann", b"same"), send(store, "bob", b"same")
    assert first != second
    store.pop("ann", first)
    assert store.pop("bob", second).content == b"same"


def test_limits_hold_for_a_file_a_visitor_and_all_together_and_nothing_is_kept_beyond(
        monkeypatch: pytest.MonkeyPatch) -> None:
    for name, most in (("LARGEST_FILE", 10), ("MOST_OF_VISITOR", 15), ("MOST_OF_ALL", 22)):
        monkeypatch.setattr(uploads, name, most)
    store = Uploads()
    for visitor, content, status in (("ann", [b"x" * 6, b"x" * 5], 413), ("ann", [b"x" * 10], 0),
                                     ("ann", [b"x" * 6], 429), ("bob", [b"x" * 10], 0), ("cat", [b"xxx"], 503)):
        before = store.total_bytes
        if status:
            with pytest.raises(UploadRefused) as caught:
                send(store, visitor, *content)
            assert caught.value.status == status
            assert store.total_bytes == before
        else:
            send(store, visitor, *content)
    store.tidy(time.monotonic() + uploads.WAITS + 1)
    assert store.total_bytes == 0


def test_a_file_that_stalls_or_fills_an_addresss_share_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield b"begun"
        await asyncio.sleep(60)
    store = Uploads()
    monkeypatch.setattr(uploads, "ARRIVES", 0.05)
    monkeypatch.setattr(uploads, "MOST_OF_ADDRESS", 10)
    with pytest.raises(UploadRefused) as caught:
        asyncio.run(store.receive("ann", "a", stalled(), "10.0.0.1"))
    assert caught.value.status == 408 and store.total_bytes == 0
    token = asyncio.run(store.receive("ann", "a", parts(b"x" * 8), "10.0.0.1"))
    with pytest.raises(UploadRefused) as caught:
        asyncio.run(store.receive("bob", "b", parts(b"x" * 8), "10.0.0.1"))
    assert caught.value.status == 503
    asyncio.run(store.receive("cat", "c", parts(b"x" * 8), "10.0.0.2"))
    store.pop("ann", token)
    asyncio.run(store.receive("bob", "b", parts(b"x" * 8), "10.0.0.1"))


def test_a_file_whose_sender_goes_away_is_not_kept() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"begun"
        raise ConnectionError
    store = Uploads()
    with pytest.raises(ConnectionError):
        asyncio.run(store.receive("ann", "a", broken()))
    assert store.total_bytes == 0


@pytest.mark.parametrize("status", [413, 429, 503, 500, 0])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_was_not_taken_is_a_sentence_that_names_the_file(status: int, language: str) -> None:
    told = {"token": "", "name": "big.txt", "size": 31_000_000, "status": status}
    with pytest.raises((GblmError, TextError)) as caught:
        claim_upload(Uploads(), "ann", told)
    assert "big.txt" in caught.value.say(words(language))


@pytest.mark.parametrize(("given", "name"), [
    ("a.txt", "a.txt"), ("../../etc/passwd", "passwd"), ("C:\\Users\\ann\\b.txt", "b.txt"), ("\x00\x1b[2J", "[2J"),
    ("", "file"), ("..", ".."), ("日本語.txt", "日本語.txt"), ("x" * 500, "x" * uploads.LONGEST_NAME),
    ("\u202etxt.exe", "txt.exe")])
def test_a_file_is_called_by_its_own_plain_name(given: str, name: str) -> None:
    assert plain_name(given) == name


# On the wire

def files() -> list[Path]:
    return [one for one in Path(os.environ["GRADIO_TEMP_DIR"]).rglob("*") if one.is_file()]


def told(visitor: Visitor, name: str, content: bytes, **headers: str) -> dict[str, Any]:
    answer = visitor.upload(name, content, **headers)
    return {"name": name, "size": len(content), "status": answer.status_code,
            "token": answer.json()["token"] if answer.status_code == 200 else ""}


def shown(visitor: Visitor, sent: dict[str, Any]) -> str:
    return str(visitor.run(visitor.function("upload", "text-upload"), event_data={"file": sent})[-2]["output"]["data"])


def test_thirty_visitors_uploading_one_file_at_the_same_moment_all_have_it(wire: Wire) -> None:
    content = ("The same text for the whole class. " * 40).encode()
    visitors = [wire.visitor() for _ in range(30)]
    together, seen = threading.Barrier(len(visitors)), [""] * len(visitors)

    def one(place: int) -> None:
        together.wait()
        seen[place] = shown(visitors[place], told(visitors[place], "class.txt", content))
    threads = [threading.Thread(target=one, args=(place,)) for place in range(len(visitors))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [place for place, text in enumerate(seen) if "The same text for the whole class" not in text] == []
    assert files() == [] and wire.library.uploads.total_bytes == 0


def test_nothing_of_an_upload_is_on_the_disk_after_any_flow(wire: Wire) -> None:
    """Taken, of a rejected type, too large, unread: the folder stays empty, and memory is given back."""
    visitor = wire.visitor()
    assert "hello there" in shown(visitor, told(visitor, "a.txt", b"hello there " * 90))
    assert "a.bin" in shown(visitor, told(visitor, "a.bin", b"\xff\xfe\x00\x81" * 50))
    large = told(visitor, "large.txt", b"x" * (uploads.LARGEST_FILE + 1))
    assert large["status"] == 413
    assert "large.txt has 4.0 MB; at most 4 MB" in shown(visitor, large)
    assert told(visitor, "unread.txt", b"unread")["token"]
    wire.library.tidy(time.monotonic() + uploads.WAITS + 1)
    assert files() == [] and wire.library.uploads.total_bytes == 0


def test_anothers_upload_is_not_fetched_by_its_token_nor_sent_without_a_visit(wire: Wire) -> None:
    ann, bob = wire.visitor(), wire.visitor()
    sent = told(ann, "secret.txt", b"for ann alone " * 90)
    assert "for ann alone" not in shown(bob, sent)
    assert "for ann alone" in shown(ann, sent)
    stranger = wire.client.post(f"{wire.url}/upload", content=b"x", headers={"X-Visit": "unknown", "X-Name": "a"})
    assert stranger.status_code == 403
    assert wire.client.get(f"{wire.url}/en/gradio_api/file={sent['token']}").status_code == 404
