"""Python reads and writes UTF-8 whatever the machine's locale says: file names, files, and the terminal."""

from __future__ import annotations

import os
import sys


def insist_on_utf8() -> None:
    """Start this very command again in Python's UTF-8 mode where the locale's encoding is another one.

    In a C or POSIX locale a path with Japanese characters reaches libraries as characters that cannot be encoded, and
    files are read as ASCII. The mode can only be chosen at the start of a process. Windows names files in Unicode
    anyway, and has no way to go on as the same process.
    """
    if os.name == "posix" and not sys.flags.utf8_mode and sys.getfilesystemencoding() != "utf-8":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without Japanese letters still shows the rest
