"""The latency protocol, its modes, the roofline and the state of the machine.

May import: config, models, utils.
"""
