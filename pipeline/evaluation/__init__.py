"""Metrics, the evaluation of a run, and the floor below which a score says nothing.

May import: config, data, models, utils.
"""
