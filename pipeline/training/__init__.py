"""Pretraining and training, the loop that both share, and the health of a training.

May import: config, data, models, utils.
"""
