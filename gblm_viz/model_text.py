"""What is said of a model or a prompt that is used, but not quite as expected: page and command line alike."""

from __future__ import annotations

from typing import Protocol

from gblm_viz.core.talk.chat_template import SYSTEM
from gblm_viz.words import Words


class _Prompt(Protocol):
    """Of a prompt: how its template wrote it, and the template's own message where it failed."""

    @property
    def how(self) -> str: ...

    @property
    def why(self) -> str: ...


class _Vocabulary(Protocol):
    @property
    def rows(self) -> int: ...

    @property
    def tokens(self) -> int: ...

    @property
    def beyond(self) -> int: ...


def template_note(say: Words, prompt: _Prompt) -> str:
    """What the chat template was given beside what was asked, or that it fails and the prompt is plain text."""
    return say(f"chat.template.{prompt.how}", why=prompt.why, system=SYSTEM)


def vocabulary_note(say: Words, vocabulary: _Vocabulary) -> str:
    """That some of the tokenizer's tokens have no row in the model, with both numbers."""
    return say("status.tokens_beyond", tokens=f"{vocabulary.tokens:,}", rows=f"{vocabulary.rows:,}",
               count=f"{vocabulary.beyond:,}")
