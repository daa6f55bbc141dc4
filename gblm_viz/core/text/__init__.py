"""Make the calibration samples that a collection reads from a text.

The input is a text and a tokenizer; the output is samples of token ids, cut by a rule and a seed, and the windows held
out for evaluation. Independent of networks, methods and masks.
"""
