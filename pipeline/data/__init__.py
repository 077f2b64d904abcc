"""Data sets, their preparation and integrity, and the reader and augmentation of prepared frames.

May import: config, utils.
"""
