"""A study as one HTML page that needs no other file.

May import: claims, pipeline.config, pipeline.utils, registry, results, tables.
"""
