"""The networks, one architecture per file: no files, no flags, no tracking.

May import: nothing.
"""
