"""A model and samples → the sums that every score is made of.

Takes a Model and a CalibrationSet; returns Statistics: for each matrix the inputs' squares and the gradients' norms, in
memory or in a folder. Also estimates what collecting them costs. It does not use methods, settings or masks.
"""
