"""What the tabs ask of core, each answer kept in the Library under everything that it depends on.

In come a Visit and Settings; out come core's values, computed once. It does not know components, and lays out no page.
"""
