"""Visitors: one Session per visitor, one Library of results per process, and the queue of computations.

Input: a visitor's choices and events. Output: checked values, registered event handlers, files to download, and an
address that restores the selection and settings. It does not know how a result is computed or shown.
"""
