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
    one; right: None if nobody knows the right answer; removed: number of removed weights; whole: whether the pruned
    answer is there to its end."""

    dense: str
    pruned: str
    mark: tuple[int, int] | None
    right: bool | None
    removed: int
    whole: bool = True


class Provider(Protocol):
    """Answers with one model and its pruned copies. Raises LookupError if it has lost what it prunes."""

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
            for known, other in self._providers.items():
                if other == provider:
                    return known
            key = secrets.token_urlsafe(16)
            self._providers[key] = provider
            while len(self._providers) > self.most:
                self._providers.popitem(last=False)
            return key

    def answer(self, wanted: Any) -> dict[str, Any]:
        """Return a LiveAnswer for the browser, or {"error": "gone" | "bad" | "failed"}; never raises."""
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
        except LookupError:
            return {"error": "gone"}
        except ValueError:
            return {"error": "bad"}
        except Exception:
            LOG.exception("a live answer failed")
            return {"error": "failed"}


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
