"""The networks that the paper compares DFANet with, one file each, from their own papers.

May import: models.
"""
