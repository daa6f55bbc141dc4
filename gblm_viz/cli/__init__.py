"""The command line, a second interface to core: one file per command, with its flags and its JSON keys.

Takes flags; prints lines of text or one JSON object, and returns an exit code. It computes nothing itself and does not
use the app.
"""
