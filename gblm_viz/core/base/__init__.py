"""What every other room needs: jobs that tell their progress, errors with their sentences, memory, files, intervals.

Nothing comes in but plain values, paths and tensors. Out come the tools the other rooms are built with. It does not
know what a model, a text or a method is.
"""
