"""What of a study's numbers can be checked without training: scores against matrices, records against each other.

May import: analysis.claims, analysis.results, config, utils.
"""
