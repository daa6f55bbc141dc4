"""A queue for a few work places, assigned round-robin between the waiting owners. Independent of the work itself.

After a turn, an owner goes behind everybody who already waits, however many more turns they ask for. So a newcomer
waits for at most one turn of each other owner, not for everything that one of them asked for before.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Ticket:
    """A request for a place. `owners`: who wants it → since when; `kind` and `work`: what it is for, as information."""

    number: int
    owners: dict[str, float]
    kind: str
    work: Any
    given: threading.Event = field(default_factory=threading.Event)
    """Set once the place is assigned or the ticket is withdrawn."""
    since: float | None = None
    """When the place was assigned."""


class Turns:
    """Up to `places` tickets work at a time; the next one is that of the owner who was longest without a turn.

    `with turns:` occupies a place without naming an owner.
    """

    def __init__(self, places: int = 1) -> None:
        self.places = places
        self.working: list[Ticket] = []
        self._waiting: list[Ticket] = []
        self._ended: dict[str, float] = {}
        self._order: list[Ticket] | None = None
        self._numbers = itertools.count()
        self._lock = threading.RLock()
        self._entered = threading.local()

    def ask(self, owners: Iterable[str] = ("",), kind: str = "", work: Any = None) -> Ticket:
        """Return a ticket. Wait for its `given`, work, then call `release_freed_memory`, which also withdraws a waiting
        ticket."""
        now = time.monotonic()
        with self._lock:
            ticket = Ticket(next(self._numbers), dict.fromkeys(owners, now), kind, work)
            self._waiting.append(ticket)
            self._hand_out()
            return ticket

    def join(self, ticket: Ticket, owner: str) -> None:
        """Add an owner to the ticket; it is served as early as its longest-waiting owner would be."""
        with self._lock:
            ticket.owners.setdefault(owner, time.monotonic())
            self._order = None

    def part(self, ticket: Ticket, owner: str) -> None:
        with self._lock:
            ticket.owners.pop(owner, None)
            self._order = None

    def give_back(self, ticket: Ticket) -> None:
        """End the ticket's turn, or withdraw a waiting ticket. A second call has no effect."""
        with self._lock:
            if ticket in self.working:
                self.working.remove(ticket)
                self._ended |= dict.fromkeys(ticket.owners, time.monotonic())
            elif ticket in self._waiting:
                self._waiting.remove(ticket)
                ticket.given.set()
            self._hand_out()

    def order(self) -> list[Ticket]:
        """Return the waiting tickets in the order in which they would be served if no other ticket came."""
        with self._lock:
            if self._order is None:
                self._order, ended, left = [], dict(self._ended), list(self._waiting)
                ended |= dict.fromkeys((owner for one in self.working for owner in one.owners), time.monotonic())
                turn = time.monotonic()
                while left:
                    best = min(left, key=lambda one: _waits_since(one, ended))
                    left.remove(best)
                    turn += 1  # later than any real turn, and than the simulated ones before it
                    ended |= dict.fromkeys(best.owners, turn)
                    self._order.append(best)
            return list(self._order)

    def locked(self) -> bool:
        """Return whether all places are occupied."""
        with self._lock:
            return len(self.working) >= self.places

    def _hand_out(self) -> None:
        self._order = None
        while self._waiting and len(self.working) < self.places:
            ticket = min(self._waiting, key=lambda one: _waits_since(one, self._ended))
            self._waiting.remove(ticket)
            self.working.append(ticket)
            ticket.since = time.monotonic()
            ticket.given.set()
        waiting = {owner for one in self._waiting for owner in one.owners}
        self._ended = {owner: ended for owner, ended in self._ended.items() if owner in waiting}

    def __enter__(self) -> Turns:
        ticket = self.ask()
        ticket.given.wait()
        self._entered.tickets = [*getattr(self._entered, "tickets", []), ticket]
        return self

    def __exit__(self, *error: object) -> None:
        self.give_back(self._entered.tickets.pop())


def _waits_since(ticket: Ticket, ended: dict[str, float]) -> tuple[float, int]:
    """Return the sort key (since when its longest-waiting owner has had no turn, number); without owners: last."""
    since = min((max(asked, ended.get(owner, asked)) for owner, asked in ticket.owners.items()), default=float("inf"))
    return since, ticket.number
