"""All that is computed, in ten rooms. The data goes through them in this order; each imports only those before it.

    base → model → text, talk → sums → score → mask → look, measure → keep
"""
