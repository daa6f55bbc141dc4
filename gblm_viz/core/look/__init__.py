"""Explain a mask in plain numbers: its structure, one weight's score, which text a weight's gradient comes from.

Takes Masks, Statistics and a Model; returns frozen dataclasses of numpy arrays and floats. Contains no colours, charts
or sentences.
"""
