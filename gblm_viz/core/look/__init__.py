"""Why a mask looks as it does, in plain numbers: structure, one weight's score by hand, whose text pulls at it.

In come Masks, Statistics and a Model; out come frozen values of numpy arrays and floats. It does not know colours,
charts or sentences.
"""
