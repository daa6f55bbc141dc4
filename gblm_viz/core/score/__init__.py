"""The sums → what each weight is worth.

In come a weight matrix and its sums; out comes a score of the same shape, by the table of methods and their α. It does
not know sparsity, patterns or files.
"""
