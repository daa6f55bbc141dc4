"""Scores → which weights go, and the pruned copy.

In come a Model, Statistics and Settings; out come Masks (True = removed) in the dense or the sequential order, a pruned
Model, and mask files. It does not know what a mask looks like or what it costs.
"""
