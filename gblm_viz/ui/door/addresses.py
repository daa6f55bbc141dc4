"""Where the app listens and the links that open it: IPv4, IPv6 and names.

Independent of the web server: turns a host and a port into a listening socket and links.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import re
import socket

from gblm_viz.core.base.errors import GblmError

FIRST_PORT, PORTS, LARGEST_PORT = 7860, 100, 65535
LOOPBACK = {False: "127.0.0.1", True: "::1"}
"""This machine's loopback address; key: whether it is IPv6."""
NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_][A-Za-z0-9_-]{0,62}(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?")
"""A valid DNS host name."""


def ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address that a host is, with or without brackets; None if it is a name."""
    try:
        return ipaddress.ip_address(unbracketed(host))
    except ValueError:
        return None


def unbracketed(host: str) -> str:
    """Return an address without the brackets that IPv6 has in links."""
    host = host.strip()
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach this host: 127.0.0.0/8, ::1, localhost."""
    found = ip(host)
    if found is None:
        return host.strip().rstrip(".").lower() == "localhost"
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)


def split_port(authority: str) -> str | None:
    """Return a Host header's host in lower case, without port, brackets and final dot; None if it is not a host."""
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?", authority)
    if bracketed:
        return bracketed[1].lower() if ip(bracketed[1]) else None
    plain = re.fullmatch(r"([^:]+)(?::\d{1,5})?", authority)
    return plain[1].rstrip(".").lower() if plain and NAME.fullmatch(plain[1]) else None


def host_name(given: str) -> str:
    """Return a name or an address as a Host header writes it. Raises ValueError if it is neither."""
    host, found = split_port(given.strip()), ip(given)  # an IPv6 address may come without its brackets
    if host is None and found is None:
        raise ValueError(given)
    return host or str(found)


def link(host: str, port: int) -> str:
    """Return the URL that opens the app on this machine; a wildcard host (0.0.0.0, ::) becomes the loopback address."""
    host = unbracketed(host)
    found = ip(host)
    if found is not None and found.is_unspecified:
        host = LOOPBACK[found.version == 6]
    shown = f"[{host.replace('%', '%25')}]" if ":" in host else host
    return f"http://{shown}:{port}/"


def listen(host: str, asked: int | None) -> socket.socket:
    """Return a socket that listens on the asked port, or on the first free one from 7860 on; `::` accepts IPv4 too.

    Raises GblmError if the port is in use or not allowed, or the host is not an address of this machine.
    """
    host = unbracketed(host)
    for port in [asked] if asked else range(FIRST_PORT, FIRST_PORT + PORTS):
        try:
            return _listening(host, port)
        except (socket.gaierror, UnicodeError):
            raise GblmError("host_unknown", host=host) from None
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise GblmError("host_refused", host=host, port=port, why=error.strerror or str(error)) from None
    if asked:
        raise GblmError("port_taken", host=host, port=asked)
    raise GblmError("ports_taken", host=host, first=FIRST_PORT, last=FIRST_PORT + PORTS - 1)


def _listening(host: str, port: int) -> socket.socket:
    known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, where = min(known, key=lambda one: one[0] != socket.AF_INET)  # localhost has both: use IPv4
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere the option lets two processes share a port
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not socket.has_dualstack_ipv6()))
        made.bind(where)
        made.listen(128)
    except OSError:
        made.close()
        raise
    return made
