"""The tabs: one file each, with what it says and what it looks at in files beside it.

In comes a Page, with its words and signals; out come components and their handlers. A tab does not compute; it asks
work.
"""
