"""Text generation: chat templates, sampling, where two answers diverge, generation speed.

Takes a Model and messages; returns tokens and text, one step at a time. It does not use how the model was pruned.
"""
