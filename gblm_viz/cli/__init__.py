"""The command line, a second face on the same core: a file for each command, with its flags and its JSON keys.

In come flags; out come lines for a person or one JSON object, and an exit code. It computes nothing itself and does
not know the app.
"""
