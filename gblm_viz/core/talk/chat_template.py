"""Renders a model's chat template, character for character like transformers, within limits.

A template comes with a model and is a program. It can loop for ever or request more memory than there is, even inside
one call of C code, where nothing in this process could stop it. So it runs in a separate process (template_child.py),
which is kept for the next prompt: measured, the process takes 0.1 s to start, each prompt then 0.3 ms.

The limits are: the characters of the text (CHARACTERS plus twice the length of the messages), the processor time of one
rendering (SECONDS; PATIENCE of real time, for systems without such a timer), the memory of that process (MEMORY, where
the system can limit it), the characters of the template itself (TEMPLATE) and how many run at once (AT_ONCE).
"""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import ModelError, shortened
from ..model.tokenizer import Tokenizer

if TYPE_CHECKING:
    from .template_child import Answer, Question

CHARACTERS = 200_000
SECONDS = 2.0
PATIENCE = 10.0
MEMORY = 512 * 2**20
TEMPLATE = 1_000_000
AT_ONCE = 4
WAITING = 2
"""Maximum number of idle processes kept for the next prompt."""
QUOTED = 200
"""Characters shown of a template's own error message."""
SYSTEM = "You are a helpful assistant."
"""System message for a template that requires one."""
_CHILD = Path(__file__).with_name("template_child.py")
Messages = Sequence[Mapping[str, str]]
"""A chat: each message has a `role` and a `content`."""
Formed = Sequence[Mapping[str, object]]
"""The same in the form that a template requires; the content may be in parts."""


@dataclass(frozen=True)
class Rendered:
    """A rendered prompt. `how`: `given`, a key of WAYS, or `failed`; then `text` is empty, and `why` is the template's
    own message."""

    text: str
    how: str = "given"
    why: str = ""


def _with_system(messages: Messages) -> Messages:
    return messages if messages[0]["role"] == "system" else [{"role": "system", "content": SYSTEM}, *messages]


def _in_parts(messages: Messages) -> Formed:
    return [{**one, "content": [{"type": "text", "text": one["content"]}]} for one in messages]


WAYS: Mapping[str, Callable[[Messages], Formed]] = {
    "system": _with_system, "parts": _in_parts, "system_parts": lambda messages: _in_parts(_with_system(messages))}
"""Forms of the messages that some templates require, tried in this order if a template fails on plain messages."""


def render_adapted(tokenizer: Tokenizer, messages: Messages, source: str) -> Rendered:
    """Render the messages, with a system message or with their content in parts if the template requires it.

    A template that accepts only content in parts may silently omit a plain text, so the result must contain the last
    message. Raises ModelError for a template that exceeds a limit.
    """
    asked = messages[-1]["content"].strip()
    ways: tuple[str, ...] = ("parts", "system_parts")
    try:
        text = render(tokenizer, messages, source)
        if asked in text:
            return Rendered(text)
        first = Rendered(text)
    except ModelError as error:
        if error.key != "template_failed":
            raise
        first, ways = Rendered("", "failed", str(error.fields["why"])), tuple(WAYS)
    for way in ways:
        try:
            text = render(tokenizer, WAYS[way](messages), source)
        except ModelError as error:
            if error.key != "template_failed":
                raise
            continue
        if asked in text and "{'type':" not in text:  # excludes a list printed as Python code
            return Rendered(text, way)
    return first


def render(tokenizer: Tokenizer, messages: Formed, source: str) -> str:
    """Return the messages rendered by the tokenizer's template, ready for the model's answer.

    Raises ModelError if the template fails (with its own message) or exceeds a limit.
    """
    try:
        template = tokenizer.get_chat_template()
    except Exception as error:  # several templates without a default
        raise _failed(source, str(error)) from error
    if not isinstance(template, str):
        raise _failed(source, f"it is no text but {type(template).__name__}")
    most = CHARACTERS + 2 * sum(len(json.dumps(message["content"], ensure_ascii=False)) for message in messages)
    if len(template) > TEMPLATE:
        raise limit_error(source)
    values: dict[str, object] = {**tokenizer.special_tokens_map, "messages": messages, "tools": None, "documents": None,
              "add_generation_prompt": True}
    answer = _POOL.ask({"template": template, "values": values, "most": most, "seconds": SECONDS, "memory": MEMORY})
    if answer is None or "long" in answer:
        raise limit_error(source)
    if "why" in answer:
        raise _failed(source, answer["why"])
    return str(answer["text"])


def limit_error(source: str) -> ModelError:
    """Return the error for a template that exceeds a limit."""
    return ModelError("template_beyond", source=source, most=CHARACTERS, seconds=SECONDS, megabytes=MEMORY // 2**20)


def _failed(source: str, why: str) -> ModelError:
    return ModelError("template_failed", source=source, why=shortened(why, QUOTED))


class _Child:
    """One process that renders templates; it ends when its input is closed."""

    def __init__(self) -> None:
        # without `site` it starts in half the time; in a new session it does not receive Ctrl-C
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_CHILD), *filter(None, sys.path)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    def ask(self, line: bytes) -> bytes:
        """Return the answer line, or empty or partial bytes if the process ended before it answered."""
        assert self.process.stdin is not None and self.process.stdout is not None
        patience = threading.Timer(PATIENCE, self.process.kill)
        patience.daemon = True
        patience.start()
        try:
            self.process.stdin.write(line)
            self.process.stdin.flush()
            return self.process.stdout.readline()
        except OSError:
            return b""
        finally:
            patience.cancel()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()


class _Pool:
    """The idle processes. A template that hangs blocks only one process; other requests use another."""

    def __init__(self) -> None:
        self.lock, self.places = threading.Lock(), threading.BoundedSemaphore(AT_ONCE)
        self.waiting: list[_Child] = []

    def ask(self, question: Question) -> Answer | None:
        """Return the child's answer, or None if the child ended: too slow, too much memory, or a crash."""
        line = json.dumps(question, default=str).encode() + b"\n"
        with self.places:
            child = self._acquire()
            answer = child.ask(line)
            if not answer.endswith(b"\n"):
                child.end()
                return None
            self._release(child)
        found: Answer = json.loads(answer)
        return found

    def clear(self) -> None:
        with self.lock:
            ended, self.waiting = self.waiting, []
        for child in ended:
            child.end()

    def _acquire(self) -> _Child:
        while True:
            with self.lock:
                child = self.waiting.pop() if self.waiting else None
            if child is None:
                return _Child()
            if child.runs:
                return child
            child.end()

    def _release(self, child: _Child) -> None:
        with self.lock:
            kept = len(self.waiting) < WAITING
            if kept:
                self.waiting.append(child)
        if not kept:
            child.end()


_POOL = _Pool()
atexit.register(_POOL.clear)
