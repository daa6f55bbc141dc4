"""Who is here: one Session a visitor, one Library of results a process, and whose turn it is.

In come a visitor's choices and events; out come checked values, handlers that hear them, files to fetch, an address
that restores the place. It does not know how a result is computed or shown.
"""
