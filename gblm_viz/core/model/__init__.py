"""Load a Model, whose blocks and matrices have names, from a folder or a hub name.

The input is what a user typed. The output is a Model: the network (whole, or read block by block), its tokenizer, its
layout of prunable matrices and its key; a ModelError says what is wrong. Independent of texts, scores and masks.
"""
