"""A model answers: chat templates, sampling, where two answers part, how fast a model speaks.

In come a Model and messages; out come tokens and text, one step at a time. It does not know how the model was pruned.
"""
