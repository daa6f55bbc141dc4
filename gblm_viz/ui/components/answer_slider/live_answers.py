"""Answers for a slider that moves: an unguessable key → who answers. A call from the browser does not wait in the queue
of the page's events. Independent of models: a provider answers.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

LOG = logging.getLogger("gblm_viz")
LONGEST_PROMPT = 500
"""Characters of a question; a longer one is refused, the chat takes it."""
MOST_PROVIDERS = 512


@dataclass(frozen=True)
class LiveAnswer:
    """Both models' answers at one stop. mark: code points of the pruned answer's token at which it parts from the dense
    one; right: None if nobody knows the right answer, or if the answer may still become it; removed: number of removed
    weights; whole: False for an answer that goes on, of which the browser may ask for more; outside: whether the
    question is outside what the model was taught."""

    dense: str
    pruned: str
    mark: tuple[int, int] | None
    right: bool | None
    removed: int
    whole: bool = True
    outside: bool = False


class Gone(Exception):  # noqa: N818
    """Raised by a provider whose model or statistics the server no longer holds."""


class NotOffered(Exception):  # noqa: N818
    """Raised by a provider for a method or a sparsity that its slider does not have."""


class Busy(Exception):  # noqa: N818
    """Raised by a provider whose visitor already waits for several answers."""


class Provider(Protocol):
    """Answers for one visitor, with one model and its pruned copies. Raises Gone, NotOffered, Busy."""

    @property
    def owner(self) -> str:
        """The visitor's key."""

    def answer(self, prompt: str, method: str, percent: int, whole: bool) -> LiveAnswer:
        """Return both answers to the question, pruned by this method to this sparsity in percent; whole: to their end,
        else as much as is shown while a slider moves."""


class LiveAnswers:
    """The providers by key, thread-safe; the one that was asked least recently is dropped first."""

    def __init__(self, most: int = MOST_PROVIDERS) -> None:
        self.most = most
        self._providers: OrderedDict[str, Provider] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, provider: Provider) -> str:
        """Add a provider and return its key; one that is equal to an earlier one gets that one's key."""
        with self._lock:
            for key, other in self._providers.items():
                if other == provider:
                    self._providers.move_to_end(key)
                    return key
            key = secrets.token_urlsafe(16)
            self._providers[key] = provider
            while len(self._providers) > self.most:
                self._providers.popitem(last=False)
            return key

    def forget(self, owner: str) -> None:
        """Drop a visitor's providers, with the questions and answers that they remember."""
        with self._lock:
            for key in [key for key, provider in self._providers.items() if provider.owner == owner]:
                del self._providers[key]

    def answer(self, wanted: Any) -> dict[str, Any]:
        """Return a LiveAnswer for the browser, or {"error": "gone" | "bad" | "busy" | "failed"}; never raises."""
        if not _is_request(wanted):
            return {"error": "bad"}
        with self._lock:
            provider = self._providers.get(wanted["key"])
            if provider is None:
                return {"error": "gone"}
            self._providers.move_to_end(wanted["key"])
        try:
            return asdict(provider.answer(wanted["prompt"], wanted["method"], wanted["percent"],
                                          bool(wanted.get("whole"))))
        except (Gone, NotOffered, Busy) as error:
            return {"error": _NAMES[type(error)]}
        except Exception:
            LOG.exception("a live answer failed")
            return {"error": "failed"}


_NAMES: Mapping[type[Exception], str] = {Gone: "gone", NotOffered: "bad", Busy: "busy"}


def _is_request(wanted: Any) -> bool:
    if not isinstance(wanted, Mapping):
        return False
    texts = [wanted.get(name) for name in ("key", "prompt", "method")]
    percent = wanted.get("percent")
    return (all(isinstance(text, str) and text.strip() for text in texts) and type(percent) is int
            and 0 <= percent <= 100 and len(wanted["prompt"]) <= LONGEST_PROMPT)


LIVE_ANSWERS = LiveAnswers()
"""All providers of the process, shared by all pages and languages."""


def live_answer(wanted: Any) -> dict[str, Any]:
    """Called by the browser, see LiveAnswers.answer. Gradio passes one argument and turns an exception into null."""
    return LIVE_ANSWERS.answer(wanted)
