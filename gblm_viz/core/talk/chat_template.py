"""A model's chat template → the text of a prompt, character for character what transformers renders, within limits.

A template comes with a model and is a program. It can loop for ever or ask for more memory than there is, also inside
one call of C code, where nothing in this process could stop it. So it runs in a process of its own (template_child.py)
which stays for the next prompt: measured, the first one takes 0.1 s to start, each prompt then 0.3 ms.

Bounded are: the characters of the text (CHARACTERS more than twice what the messages hold), the processor time of one
rendering (SECONDS; PATIENCE on the clock, where the system has no such timer), the memory of that process (MEMORY,
where the system can limit it), the characters of the template itself (TEMPLATE) and how many run at once (AT_ONCE).
"""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.errors import ModelError, shortened

CHARACTERS = 200_000
SECONDS = 2.0
PATIENCE = 10.0
MEMORY = 512 * 2**20
TEMPLATE = 1_000_000
AT_ONCE = 4
WAITING = 2
"""So many processes wait for the next prompt at most."""
QUOTED = 200
"""Characters of a template's own message that are shown."""
SYSTEM = "You are a helpful assistant."
"""What is given to a template that asks for a system message."""
_CHILD = Path(__file__).with_name("template_child.py")
Messages = list[dict[str, Any]]


@dataclass(frozen=True)
class Written:
    """A prompt as a template wrote it. `how`: `given`, a key of WAYS, or `failed`: then there is no text, and `why` is
    the template's own message."""

    text: str
    how: str = "given"
    why: str = ""


def _with_system(messages: Messages) -> Messages:
    return messages if messages[0]["role"] == "system" else [{"role": "system", "content": SYSTEM}, *messages]


def _in_parts(messages: Messages) -> Messages:
    return [{**one, "content": [{"type": "text", "text": one["content"]}]} for one in messages]


WAYS: Mapping[str, Callable[[Messages], Messages]] = {
    "system": _with_system, "parts": _in_parts, "system_parts": lambda messages: _in_parts(_with_system(messages))}
"""What templates ask for beside plain messages, tried in this order where one fails without it."""


def written(tokenizer: Any, messages: Messages, source: str) -> Written:
    """The messages as the template writes them, with a system message or their content in parts where it asks for it.

    A template that takes content in parts alone may leave out a text without a word, so what was asked has to stand in
    what it wrote. Raises ModelError for a template that passes a limit.
    """
    asked = messages[-1]["content"].strip()
    ways: tuple[str, ...] = ("parts", "system_parts")
    try:
        text = rendered(tokenizer, messages, source)
        if asked in text:
            return Written(text)
        first = Written(text)
    except ModelError as error:
        if error.key != "template_failed":
            raise
        first, ways = Written("", "failed", str(error.fields["why"])), tuple(WAYS)
    for way in ways:
        try:
            text = rendered(tokenizer, WAYS[way](messages), source)
        except ModelError as error:
            if error.key != "template_failed":
                raise
            continue
        if asked in text and "{'type':" not in text:  # a list that was written out as Python does
            return Written(text, way)
    return first


def rendered(tokenizer: Any, messages: Messages, source: str) -> str:
    """The messages as the tokenizer's template writes them, ready for the model's answer.

    Raises ModelError: the template fails (with its own message), or passes a limit.
    """
    try:
        template = tokenizer.get_chat_template()
    except Exception as error:  # several templates and none of them the default
        raise _failed(source, str(error)) from error
    if not isinstance(template, str):
        raise _failed(source, f"it is no text but {type(template).__name__}")
    most = CHARACTERS + 2 * sum(len(json.dumps(message["content"], ensure_ascii=False)) for message in messages)
    if len(template) > TEMPLATE:
        raise beyond(source)
    values = {**tokenizer.special_tokens_map, "messages": messages, "tools": None, "documents": None,
              "add_generation_prompt": True}
    answer = _POOL.ask({"template": template, "values": values, "most": most, "seconds": SECONDS, "memory": MEMORY})
    if answer is None or "long" in answer:
        raise beyond(source)
    if "why" in answer:
        raise _failed(source, answer["why"])
    return str(answer["text"])


def beyond(source: str) -> ModelError:
    return ModelError("template_beyond", source=source, most=CHARACTERS, seconds=SECONDS, megabytes=MEMORY // 2**20)


def _failed(source: str, why: str) -> ModelError:
    return ModelError("template_failed", source=source, why=shortened(why, QUOTED))


class _Child:
    """One process that renders; ended with the last handle on its input."""

    def __init__(self) -> None:
        # without `site` it starts in half the time; in a session of its own, Ctrl-C is for this process alone
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_CHILD), *filter(None, sys.path)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    def ask(self, line: bytes) -> bytes:
        """Its answer, or nothing where it was ended over the question."""
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
    """The processes that wait. A template that hangs holds up one of them, not who asks for another."""

    def __init__(self) -> None:
        self.lock, self.places = threading.Lock(), threading.BoundedSemaphore(AT_ONCE)
        self.waiting: list[_Child] = []

    def ask(self, question: dict[str, Any]) -> dict[str, Any] | None:
        """The child's answer, or None where it was ended: too slow, too much memory, or a crash."""
        line = json.dumps(question, default=str).encode() + b"\n"
        with self.places:
            child = self._take()
            answer = child.ask(line)
            if not answer.endswith(b"\n"):
                child.end()
                return None
            self._put(child)
        found: dict[str, Any] = json.loads(answer)
        return found

    def clear(self) -> None:
        with self.lock:
            ended, self.waiting = self.waiting, []
        for child in ended:
            child.end()

    def _take(self) -> _Child:
        while True:
            with self.lock:
                child = self.waiting.pop() if self.waiting else None
            if child is None:
                return _Child()
            if child.runs:
                return child
            child.end()

    def _put(self, child: _Child) -> None:
        with self.lock:
            kept = len(self.waiting) < WAITING
            if kept:
                self.waiting.append(child)
        if not kept:
            child.end()


_POOL = _Pool()
atexit.register(_POOL.clear)
