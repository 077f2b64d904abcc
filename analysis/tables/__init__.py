"""The tables of a study, one module each. They are listed in `analysis.registry`.

May import: claims, pipeline.config, pipeline.utils, results.
"""
