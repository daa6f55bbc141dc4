"""What is taken home: a pruned model's folder that is proved equal, and the plain account of a run.

In come the results of the other rooms; out come folders, JSON values and the hash a run is cited by. It does not know
pages or pictures.
"""
