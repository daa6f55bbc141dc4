"""Proxies that the environment names and this installation cannot use: set aside at the start, told when one is needed.

Gradio builds an HTTP client while it is imported, and that client ends the process over a proxy it cannot use: one by
SOCKS without the package socksio, or an address that is none. Offline work needs no proxy, so it must not end with it.
Nothing is fetched past a proxy that was set aside: a download raises instead (see core/download.py).
"""

from __future__ import annotations

import os

NAMES = ("all_proxy", "http_proxy", "https_proxy", "no_proxy")
_aside: list[str] = []


def set_aside() -> None:
    """Remove from this process's environment each proxy variable that an HTTP client cannot be built with."""
    named = [name for name in os.environ if name.lower() in NAMES and os.environ[name].strip()]
    if not named:
        return
    import httpx

    for name in [name for name in named if name.lower() != "no_proxy" and not _usable(os.environ[name])]:
        _remove(name)
    try:
        httpx.Client(verify=False).close()  # no certificates are read: this looks at the proxies alone
    except Exception:  # the exceptions in NO_PROXY, or a proxy of the system's settings
        for name in [name for name in os.environ if name.lower() in NAMES]:
            _remove(name)


def unusable() -> tuple[str, ...]:
    """The variables that were set aside, by name: their values may hold a password."""
    return tuple(_aside)


def _remove(name: str) -> None:
    _aside.append(name)
    del os.environ[name]


def _usable(value: str) -> bool:
    import httpx

    value = value.strip()
    try:
        httpx.HTTPTransport(proxy=value if "://" in value else f"http://{value}", verify=False).close()
    except Exception:  # ValueError, ImportError and InvalidURL, by what is wrong with it
        return False
    return True
