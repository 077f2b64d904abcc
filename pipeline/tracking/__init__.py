"""Results in MLflow, which only this room knows.

May import: config, data, graph, utils.
"""
