"""The web server: the page once in each language, side by side, and the little that Gradio does not do.

Each language is a Gradio app of its own under /en and /ja, over one Library, so that no word is ever swapped at run
time; the browser's language is set before Gradio starts, so that Gradio's own labels follow the choice.
"""

from __future__ import annotations

import atexit
import os
import re
import secrets
import shutil
import socket
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import unquote

import gradio as gr
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse

from gblm_viz.words import LANGUAGES, words

from . import downloads, uploads
from .build import build
from .gate import Gate, Route
from .origins import Origins
from .presence import Streams
from .session import Library
from .theme import CSS, THEME, head

ASSETS = Path(__file__).parents[2] / "assets"
FIRST_PORT, PORTS = 7860, 100
_UPLOAD = Route(("POST",), re.compile(uploads.ADDRESS))
"""Its body is the file itself, which uploads.py bounds as it arrives."""
_LANGUAGE_SCRIPT = (
    "<script>for (const [name, value] of [['language', '{code}'], ['languages', ['{code}']]])"
    "Object.defineProperty(navigator, name, {{get: () => value}});</script>"
)


def preferred(accepted: str) -> str:
    """The first language of an Accept-Language header that there are words in; else English."""
    for part in accepted.split(","):
        code = part.split(";")[0].strip().lower()[:2]
        if code in LANGUAGES:
            return code
    return "en"


def make_app(library: Library, embed: tuple[str, ...] = ()) -> FastAPI:
    """The whole site as an ASGI app. embed: origins whose pages may show it in a frame."""
    own_folder()
    site = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    site.add_middleware(Streams, presence=library.presence)
    if library.local:  # a page elsewhere that points its name at this machine must not drive the app
        site.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]"])

    @site.get("/", include_in_schema=False)
    async def root(request: Request) -> Response:
        asked = request.query_params.get("lang", "")
        language = asked if asked in LANGUAGES else preferred(request.headers.get("accept-language", ""))
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/{language}/{query}")

    @site.get("/favicon.ico", include_in_schema=False)
    async def icon() -> Response:
        return FileResponse(ASSETS / "logo.svg", media_type="image/svg+xml")

    @site.get(downloads.ADDRESS + "{token}", include_in_schema=False)
    async def fetch(token: str, request: Request) -> Response:
        found = downloads.fetch(library, token)
        if found is None:
            say = words(preferred(request.headers.get("accept-language", "")))
            return PlainTextResponse(say("report.gone"), 404)
        return Response(found.content, media_type=found.media, headers={
            "Content-Disposition": f'attachment; filename="{found.name}"', "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"})

    @site.middleware("http")
    async def browser_language(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        language = request.url.path.strip("/")
        response = await call_next(request)
        if language not in LANGUAGES or "text/html" not in response.headers.get("content-type", ""):
            return response
        body = b"".join([part async for part in response.body_iterator])  # type: ignore[attr-defined]
        script = _LANGUAGE_SCRIPT.format(code=language).encode()
        page = body.replace(b"<head>", b"<head>" + script, 1).replace(b'lang="en"', f'lang="{language}"'.encode(), 1)
        headers = {name: value for name, value in response.headers.items() if name.lower() != "content-length"}
        return Response(page, response.status_code, headers)

    @site.post(uploads.ADDRESS, include_in_schema=False)
    async def receive(request: Request) -> Response:
        """One file as the whole body, from a visitor who is here; answers with the token it waits under."""
        visitor = request.headers.get("x-visit", "")
        if visitor not in library.sessions:
            return JSONResponse({"detail": "no such visit"}, 403)
        if int(request.headers.get("content-length") or 0) > uploads.LARGEST_FILE:
            return JSONResponse({"detail": "the file is too large"}, 413)
        try:
            token = await library.uploads.receive(visitor, unquote(request.headers.get("x-name", "")),
                                                  request.stream())
        except uploads.NotTaken as refused:
            return JSONResponse({"detail": "not taken"}, refused.status)
        return JSONResponse({"token": token})

    pages = {language: build(language, library) for language in LANGUAGES}
    for language, blocks in pages.items():
        blocks.has_launched = True  # without it Gradio looks at no path that a value names (the gate lets none through)
        gr.mount_gradio_app(site, blocks, f"/{language}", footer_links=[], run_history=False,
                            ssr_mode=False, theme=THEME, css=CSS, head=head(words(language)), show_error=False,
                            max_file_size="0b")
    site.add_middleware(Gate, pages=pages, origins=Origins(embed), beside=(_UPLOAD,))
    return site


def own_folder() -> Path:
    """Gradio's folder for files, of this process alone and gone with it; nothing is ever written there.

    Its default is one folder for all users of a machine, which belongs to the first of them: the second got HTTP 500.
    """
    folder = tempfile.mkdtemp(prefix="gblm-viz-")
    os.environ["GRADIO_TEMP_DIR"] = folder
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def free_port(host: str, asked: int | None) -> int:
    """The asked port, or the first free one from 7860 on."""
    for port in [asked] if asked else range(FIRST_PORT, FIRST_PORT + PORTS):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                return port
            except OSError:
                if asked:
                    raise
    raise OSError(f"no free port from {FIRST_PORT} to {FIRST_PORT + PORTS - 1}")


def share(port: int) -> str:
    """A public address through Gradio's tunnel, for --share alone."""
    return gr.networking.setup_tunnel("127.0.0.1", port, secrets.token_urlsafe(32), None, None)


def serve(app: FastAPI, host: str, port: int) -> None:
    """Serve until interrupted."""
    uvicorn.run(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=2)
