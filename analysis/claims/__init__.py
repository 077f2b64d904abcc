"""The paper's claims, the evidence for and against them, and the verdicts.

May import: pipeline.config, pipeline.utils, results.
"""
