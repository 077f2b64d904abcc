"""What users do with trained weights: export, predict, and the deployment forms that are timed.

May import: config, data, evaluation, graph, models, timing, utils.
"""
