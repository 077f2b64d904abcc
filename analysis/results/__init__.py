"""The records of a study as data frames, and the statistics over them.

May import: pipeline.config, pipeline.utils.
"""
