"""The networks that the paper compares DFANet with, implemented from their own papers, one per file.

May import: models.
"""
