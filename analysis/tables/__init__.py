"""The tables of a study, as data frames and in Markdown.

May import: claims, pipeline.config, pipeline.utils, results.
"""
