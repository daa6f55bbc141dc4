"""All that is computed, in ten rooms; the data goes through them in this order, and each imports only those before it:

    base → model → text, talk → sums → score → mask → look, measure → keep
"""
