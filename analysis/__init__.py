"""Turns the records of a study into tables, figures and a report. `study` is the entry point.

It reads result files and prepared frames and never loads torch.

May import: claims, figures, pipeline.config, pipeline.utils, registry, report, results, tables.
"""
