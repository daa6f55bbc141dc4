"""The report of a visit for download: the run as plain data, as tables, and as one HTML file.

Input: a Visit. Output: bytes, the same for the same run. It does not know the page it was requested from.
"""
