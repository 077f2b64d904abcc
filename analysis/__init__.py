"""The analysis of a study: records in, tables, figures and the report out; `study` is the entry point.

It reads result files and prepared frames and never loads torch.

May import: claims, figures, pipeline.config, pipeline.utils, report, results, tables.
"""
