"""What this machine has, what is missing for which stage, and whether each part of a run works on it.

May import: analysis.registry, config, data, deployment, evaluation, graph, timing, training, utils.
"""
