"""The sums → a score for each weight.

Takes a weight matrix and its sums; returns a score of the same shape, by the table of methods and their α. It does not
use sparsity, patterns or files.
"""
