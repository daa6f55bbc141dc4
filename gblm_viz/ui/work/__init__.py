"""The computations of the tabs, done by core; each result is stored in the Library under all that it depends on.

Input: a Visit and Settings. Output: core's values, computed once. It does not know components or page layout.
"""
