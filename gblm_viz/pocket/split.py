"""Which text the pocket model never sees in training: one rule for questions, word pairs and prose.

Knows nothing of what the text says; it only hashes it.
"""

from __future__ import annotations

from hashlib import sha256


def held_out(kind: str, key: str, percent: int) -> bool:
    """True for about `percent` of 100 keys: SHA-256 of "kind", newline, "key", modulo 100, lies below `percent`.

    `kind` is the skill's name or "prose"; `key` is what must stay unseen: a question in its wording, a pair of numbers,
    a name, a pair of story words, or a whole piece of prose.
    """
    digest = sha256(f"{kind}\n{key}".encode()).hexdigest()
    return int(digest, 16) % 100 < percent
