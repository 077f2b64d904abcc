"""MACs and parameters, the shapes of a network, and the search over what the paper leaves open.

May import: config, models, utils.
"""
