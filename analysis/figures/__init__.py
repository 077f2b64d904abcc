"""The figures of a study, one file each.

May import: pipeline.config, pipeline.data.reader, pipeline.utils, results.
"""
