"""What jobs would cost before they run, and in which order a batch runs them.

May import: config, data, deployment, graph, models, timing, utils.
"""
