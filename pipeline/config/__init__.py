"""params.yaml as checked, typed objects; the paths of results; the paper's claims. Loads no torch.

May import: models.interpretation, models.space, utils.
"""
