"""Measure what pruning costs: perplexity, probes, losses by token, sweeps, draws of the text, all with intervals.

Takes Models and Settings; returns numbers with their intervals and protocol. Contains no exports and no pages.
"""
