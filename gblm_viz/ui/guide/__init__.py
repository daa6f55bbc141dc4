"""The guide: ways that lead through the page step by step, and ask before they show. Imports the tabs, for the numbers
that they show; no tab knows of it."""
