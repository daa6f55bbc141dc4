"""What the rest of core builds on: jobs that report progress, errors with messages, memory, files, intervals.

The input is plain values, paths and tensors; the output is the tools the other folders are built with. Nothing here
depends on models, texts or methods.
"""
