"""What pruning costs: perplexity, probes, lost tokens, sweeps, draws of the text, with honest intervals.

In come Models and Settings; out come figures with their intervals and what decided them. It does not know files to take
home or pages.
"""
