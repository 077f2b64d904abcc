"""Stages and jobs, what is out of date, where results come from, and both engines' files.

May import: analysis.registry, config, utils.
"""
