"""A text → the calibration samples that a collection reads.

In come a text and a tokenizer; out come samples of token ids, cut by a rule and a seed, and the windows held out for
evaluation. It does not know networks, methods or masks.
"""
