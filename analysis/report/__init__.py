"""A study as one HTML page that needs no other file.

May import: claims, figures, pipeline.config, pipeline.utils, results, tables.
"""
