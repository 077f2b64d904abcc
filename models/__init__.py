"""Networks, one architecture per file. Nothing here reads files, parses flags or tracks runs.

May import: nothing.
"""
