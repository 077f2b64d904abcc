"""The figures of a study, one module each. They are listed in `analysis.registry`.

May import: pipeline.data.reader, pipeline.utils, claims, results.
"""
