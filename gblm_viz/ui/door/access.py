"""How people reach the app, as one value (prefix, names, password, embed), and the middlewares that apply it."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI

from .hosts import Hosts
from .origins import Origins, OwnOrigin
from .password import Password
from .prefix import Prefix


@dataclass(frozen=True)
class Access:
    """prefix: the path in front of the app, see prefix.py. names: host names that the app answers to besides this
    machine's own. password: empty for none. embed: origins whose pages may show the app in a frame."""

    prefix: str = ""
    names: tuple[str, ...] = ()
    password: str = ""
    embed: tuple[str, ...] = ()

    def guard(self, site: FastAPI, local: bool) -> None:
        """Add the middlewares to a site whose routes are complete; the last one added is the outermost.

        local: no other machine can reach this process. If others can and no names are given, any name is accepted,
        since it is unknown which ones they use.
        """
        if self.password:
            site.add_middleware(Password, password=self.password)
        site.add_middleware(OwnOrigin, origins=Origins(self.embed))
        site.add_middleware(Hosts, names=self.names if local or self.names else None, far=not local)
        site.add_middleware(Prefix, fixed=self.prefix)


OPEN_ACCESS = Access()
"""No prefix, no further names, no password."""
