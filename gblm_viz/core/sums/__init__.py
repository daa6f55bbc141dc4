"""A model and samples → the sums that every score is made of.

In come a Model and a CalibrationSet; out come Statistics: for each matrix the inputs' squares and the gradients' norms,
in memory or in a folder, and what collecting them will take. It does not know methods, settings or masks.
"""
