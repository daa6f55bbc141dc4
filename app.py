"""Start GBLM-Viz: flags → the Library → the page on this machine's own address."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="GBLM-Viz: see how a language model is pruned.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, help="port (default: the first free one from 7860 on)")
    parser.add_argument("--share", action="store_true", help="also open a public address through Gradio's tunnel")
    parser.add_argument("--model", default="pocket", help="pocket, a local folder, or a hub id")
    parser.add_argument("--statistics", type=Path, metavar="DIR", help="open what `python -m gblm_viz collect` wrote")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    return parser.parse_args()


def main() -> int:
    given = arguments()
    gc.disable()  # importing makes millions of objects that all stay: collecting among them cost a fifth of the start
    from gblm_viz.core.errors import GblmError
    from gblm_viz.ui import server, start
    from gblm_viz.ui.session import Library

    gc.freeze()
    gc.enable()
    library = Library(device=given.device, dtype=given.dtype)
    library.local = given.host in {"127.0.0.1", "localhost", "::1"} and not given.share
    try:
        port = server.free_port(given.host, given.port)
        if given.model == "pocket" and given.statistics is None:
            start.in_background(library)
        else:
            start.prepare(library, given.model, given.statistics)
            library.ready.set()
    except (GblmError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    library.keep_tidy()
    app = server.make_app(library)
    print(f"GBLM-Viz is running on http://{given.host}:{port}/ (Ctrl+C ends it)", flush=True)
    if given.share:
        print(f"and on {server.share(port)}", flush=True)
    server.serve(app, given.host, port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
