"""A folder or a hub name → a Model whose blocks and matrices can be named.

In comes what a person typed; out comes a Model: the network (whole, or read block by block), its tokenizer, its layout
of prunable matrices and its key, or one sentence that says what is wrong. It does not know texts, scores or masks.
"""
