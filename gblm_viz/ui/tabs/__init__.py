"""The tabs: one file each; its texts and its data preparation are in files beside it.

Input: a Page with its words and signals. Output: components and their handlers. A tab does not compute; it calls work.
"""
