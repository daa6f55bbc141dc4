"""How people reach the app, as one value: prefix, names, password. And the middlewares that make it so."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI

from .hosts import Hosts
from .origins import Origins, OwnOrigin
from .password import Password
from .prefix import Prefix


@dataclass(frozen=True)
class Access:
    """prefix: the path in front, see prefix.py. names: host names besides this machine's own that the app answers to.
    password: empty for none. embed: origins whose pages may show the app in a frame."""

    prefix: str = ""
    names: tuple[str, ...] = ()
    password: str = ""
    embed: tuple[str, ...] = ()

    def guard(self, site: FastAPI, local: bool) -> None:
        """Put the middlewares around a site that is complete; the last one is the outermost.

        local: nobody else reaches this process. Where others do and no names are given, which ones they use is unknown.
        """
        if self.password:
            site.add_middleware(Password, password=self.password)
        site.add_middleware(OwnOrigin, origins=Origins(self.embed))
        site.add_middleware(Hosts, names=self.names if local or self.names else None, far=not local)
        site.add_middleware(Prefix, fixed=self.prefix)


OPEN_ACCESS = Access()
"""No prefix, no further names, no password."""
