"""The pocket model: a small Llama trained from scratch on text written here. Only the training commands import it.

Knows nothing of pruning, of figures and of the app; what it leaves behind are the files in `assets/`.
"""
