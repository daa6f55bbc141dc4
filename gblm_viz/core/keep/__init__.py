"""Export results: a pruned model's folder, verified by loading it again, and a run's record in plain numbers.

Takes the results of the other core packages; returns folders, JSON values and the hash a run is cited by. Contains no
pages or charts.
"""
