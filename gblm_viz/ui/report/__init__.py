"""What a visitor takes home of a visit: the run as plain data, as tables, and as one HTML file.

In comes a Visit; out come bytes, the same for the same run. It does not know the page it was asked from.
"""
