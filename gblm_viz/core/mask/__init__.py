"""Scores → which weights are removed, and the pruned copy.

Takes a Model, Statistics and Settings; returns Masks (True = removed) in the dense or the sequential order, a pruned
Model, and mask files. It does not draw masks or measure their effect.
"""
